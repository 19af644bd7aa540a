/*
 * The pipeline in a model file: tensors "pipeline.*".
 *
 *   pipeline.sources        strings (n)        names
 *   pipeline.source_ints    i64 (n, 8)         type, log, missing, levels, other, absent, first slot, slots
 *   pipeline.source_reals   f64 (n, 3)         fill, min, max
 *   pipeline.levels         strings            levels of all sources, one after another
 *   pipeline.level_slots    i32                their slots
 *   pipeline.slots          i32 (width, 3)     source, kind, argument
 *   pipeline.slot_reals     f64 (width, 3)     center, scale, neutral
 */
#include <math.h>
#include <string.h>

#include "learn/core/pipeline.h"

enum { SOURCE_INTS = 8, SOURCE_REALS = 3, SLOT_INTS = 3, SLOT_REALS = 3 };

merx_status mx_pipeline_save(const mx_pipeline *p, mx_tensor_writer *writer, merx_error *err)
{
    /* The writer borrows numbers until the file is finished: they live in the pipeline. Strings it copies at once. */
    size_t n = p->n_sources, levels = 0, at = 0;
    for (size_t s = 0; s < n; s++)
        levels += p->sources[s].n_levels;
    mx_str *names = NULL, *words = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(p->alloc, n, &names, "column names", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(p->alloc, levels, &words, "levels", err));
    for (size_t s = 0; s < n; s++) {
        names[s] = mx_str_of(p->sources[s].name);
        for (size_t k = 0; k < p->sources[s].n_levels; k++)
            words[at++] = mx_dict_get(p->sources[s].levels, (int32_t)k);
    }
    MX_TRY_GOTO(mx_tensor_writer_strings(writer, "pipeline.sources", names, n, err));
    MX_TRY_GOTO(
        mx_tensor_writer_matrix(writer, "pipeline.source_ints", MX_I64, n, SOURCE_INTS, p->file_source_ints, err));
    MX_TRY_GOTO(
        mx_tensor_writer_matrix(writer, "pipeline.source_reals", MX_F64, n, SOURCE_REALS, p->file_source_reals, err));
    MX_TRY_GOTO(mx_tensor_writer_strings(writer, "pipeline.levels", words, levels, err));
    MX_TRY_GOTO(mx_tensor_writer_vector(writer, "pipeline.level_slots", MX_I32, levels, p->file_level_slots, err));
    MX_TRY_GOTO(mx_tensor_writer_matrix(writer, "pipeline.slots", MX_I32, p->width, SLOT_INTS, p->file_slots, err));
    MX_TRY_GOTO(
        mx_tensor_writer_matrix(writer, "pipeline.slot_reals", MX_F64, p->width, SLOT_REALS, p->file_slot_reals, err));
    status = MERX_OK;
out:
    MX_FREE_ARRAY(p->alloc, names, n);
    MX_FREE_ARRAY(p->alloc, words, levels);
    return status;
}

merx_status mx_pipeline_pack(mx_pipeline *p, merx_error *err)
{
    size_t n = p->n_sources, levels = 0, at = 0;
    for (size_t s = 0; s < n; s++)
        levels += p->sources[s].n_levels;
    p->file_source_ints = mx_arena_array(&p->arena, n * SOURCE_INTS + 1, sizeof *p->file_source_ints, err);
    p->file_source_reals = mx_arena_array(&p->arena, n * SOURCE_REALS + 1, sizeof *p->file_source_reals, err);
    p->file_level_slots = mx_arena_array(&p->arena, levels + 1, sizeof *p->file_level_slots, err);
    p->file_slots = mx_arena_array(&p->arena, p->width * SLOT_INTS + 1, sizeof *p->file_slots, err);
    p->file_slot_reals = mx_arena_array(&p->arena, p->width * SLOT_REALS + 1, sizeof *p->file_slot_reals, err);
    if (p->file_source_ints == NULL || p->file_source_reals == NULL || p->file_level_slots == NULL ||
        p->file_slots == NULL || p->file_slot_reals == NULL)
        return MERX_E_MEMORY;
    for (size_t s = 0; s < n; s++) {
        const mx_source_column *source = &p->sources[s];
        const int64_t ints[SOURCE_INTS] = {(int64_t)source->type,     source->log,           (int64_t)source->missing,
                                           (int64_t)source->n_levels, source->other,         source->absent,
                                           (int64_t)source->first,    (int64_t)source->count};
        const double reals[SOURCE_REALS] = {source->fill, source->min, source->max};
        memcpy(p->file_source_ints + s * SOURCE_INTS, ints, sizeof ints);
        memcpy(p->file_source_reals + s * SOURCE_REALS, reals, sizeof reals);
        for (size_t k = 0; k < source->n_levels; k++)
            p->file_level_slots[at++] = source->slot_of[k];
    }
    for (size_t j = 0; j < p->width; j++) {
        const mx_slot *slot = &p->slots[j];
        const int32_t ints[SLOT_INTS] = {slot->source, (int32_t)slot->kind, slot->argument};
        const double reals[SLOT_REALS] = {slot->center, slot->scale, slot->neutral};
        memcpy(p->file_slots + j * SLOT_INTS, ints, sizeof ints);
        memcpy(p->file_slot_reals + j * SLOT_REALS, reals, sizeof reals);
    }
    return MERX_OK;
}

typedef struct parts {
    const mx_tensor *ints, *reals, *slots, *slot_reals;
    const int32_t *level_slots;
    mx_str *names, *levels;
    size_t n, n_levels, width;
} parts;

static merx_status damaged(const mx_tensor_file *file, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the model's pipeline is damaged: %s", what);
}

static merx_status load_source(const mx_tensor_file *file, mx_pipeline *p, const parts *in, size_t s, size_t *level,
                               size_t *slot, merx_error *err)
{
    const int64_t *ints = (const int64_t *)in->ints->data + s * SOURCE_INTS;
    const double *reals = (const double *)in->reals->data + s * SOURCE_REALS;
    mx_source_column *source = &p->sources[s];
    if (ints[0] < 0 || ints[0] >= MERX_COLUMN_TEXT)
        return damaged(file, "a column of unknown type", err);
    source->name = mx_arena_strndup(&p->arena, in->names[s].data, in->names[s].size, err);
    if (source->name == NULL)
        return MERX_E_MEMORY;
    source->type = (merx_column_type)ints[0];
    source->log = ints[1] != 0;
    source->missing = (uint64_t)ints[2];
    source->fill = reals[0];
    source->min = reals[1];
    source->max = reals[2];
    if (ints[6] != (int64_t)*slot || ints[7] < 1 || (uint64_t)ints[7] > in->width - *slot)
        return damaged(file, "slots that do not follow one another", err);
    source->first = (size_t)ints[6];
    source->count = (size_t)ints[7];
    *slot += source->count;
    /* With a slot of codes, levels and "other" have codes below its count. */
    const int32_t *slot_ints = (const int32_t *)in->slots->data + source->first * SLOT_INTS;
    bool codes = slot_ints[1] == MX_SLOT_CODE;
    int64_t low = codes ? 0 : ints[6], high = codes ? slot_ints[2] : ints[6] + ints[7];
    if (codes && (source->type != MERX_COLUMN_CATEGORICAL || ints[5] != -1 || ints[4] >= high))
        return damaged(file, "a slot of codes with other slots", err);
    for (int k = 4; !codes && k <= 5; k++)
        if (ints[k] != -1 && (ints[k] < ints[6] || ints[k] >= ints[6] + ints[7]))
            return damaged(file, "a slot of another column", err);
    source->other = (int32_t)ints[4];
    source->absent = (int32_t)ints[5];
    if (ints[3] < 0 || (uint64_t)ints[3] > in->n_levels - *level ||
        (source->type != MERX_COLUMN_CATEGORICAL && ints[3] != 0))
        return damaged(file, "a wrong number of levels", err);
    source->n_levels = (size_t)ints[3];
    if (source->type != MERX_COLUMN_CATEGORICAL)
        return MERX_OK;
    MX_TRY(mx_dict_new(p->alloc, source->n_levels > 0 ? source->n_levels : 1, &source->levels, err));
    source->slot_of = mx_arena_array(&p->arena, source->n_levels + 1, sizeof *source->slot_of, err);
    if (source->slot_of == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < source->n_levels; k++, ++*level) {
        bool added;
        int32_t code, at = in->level_slots[*level];
        MX_TRY(mx_dict_add(source->levels, in->levels[*level], &code, &added, err));
        if (!added)
            return damaged(file, "a level that is there twice", err);
        if (at != MX_LEVEL_DROPPED && at != MX_LEVEL_UNKNOWN && (at < low || at >= high))
            return damaged(file, "a level with a slot of another column", err);
        source->slot_of[k] = at;
    }
    return MERX_OK;
}

static merx_status load_slot(const mx_tensor_file *file, mx_pipeline *p, const parts *in, size_t j, merx_error *err)
{
    const int32_t *ints = (const int32_t *)in->slots->data + j * SLOT_INTS;
    const double *reals = (const double *)in->slot_reals->data + j * SLOT_REALS;
    mx_slot *slot = &p->slots[j];
    if (ints[0] < 0 || (size_t)ints[0] >= in->n || ints[1] < 0 || ints[1] >= MX_SLOT_KINDS)
        return damaged(file, "a slot of unknown kind", err);
    const mx_source_column *source = &p->sources[ints[0]];
    if (j < source->first || j >= source->first + source->count)
        return damaged(file, "a slot of another column", err);
    int32_t low = 0, high = 0;
    if (ints[1] == MX_SLOT_LEVEL)
        high = (int32_t)source->n_levels - 1;
    else if (ints[1] == MX_SLOT_MONTH)
        low = 1, high = 12;
    else if (ints[1] == MX_SLOT_WEEKDAY)
        high = 6;
    else if (ints[1] == MX_SLOT_CODE)
        low = 1, high = (int32_t)source->n_levels;
    else if (ints[1] == MX_SLOT_MONTH_CODE)
        low = high = 12;
    else if (ints[1] == MX_SLOT_WEEKDAY_CODE)
        low = high = 7;
    bool alone = ints[1] == MX_SLOT_PLAIN || ints[1] == MX_SLOT_CODE;
    bool dated = ints[1] == MX_SLOT_MONTH_CODE || ints[1] == MX_SLOT_WEEKDAY_CODE;
    bool first_plain = ((const int32_t *)in->slots->data)[source->first * SLOT_INTS + 1] >= MX_SLOT_PLAIN;
    if ((alone && j != source->first) || (dated && source->type != MERX_COLUMN_DATE) ||
        (first_plain != (ints[1] >= MX_SLOT_PLAIN)) ||
        ((ints[1] == MX_SLOT_CODE) != (first_plain && source->type == MERX_COLUMN_CATEGORICAL)))
        return damaged(file, "slots that do not go together", err);
    if (ints[2] < low || ints[2] > high)
        return damaged(file, "a slot for what is not there", err);
    if (!isfinite(reals[0]) || !isfinite(reals[1]) || !isfinite(reals[2]) || reals[1] == 0)
        return damaged(file, "a scale that is no number", err);
    *slot = (mx_slot){ints[0], (mx_slot_kind)ints[1], ints[2], reals[0], reals[1], reals[2]};
    return MERX_OK;
}

merx_status mx_pipeline_load(const mx_tensor_file *file, const merx_allocator *alloc, mx_pipeline **out,
                             merx_error *err)
{
    *out = NULL;
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    parts in = {0};
    mx_pipeline *p = NULL;
    merx_status status;
    uint64_t levels;
    MX_TRY_GOTO(mx_tensor_file_strings(file, "pipeline.sources", &arena, &in.names, &in.n, err));
    MX_TRY_GOTO(mx_tensor_file_strings(file, "pipeline.levels", &arena, &in.levels, &in.n_levels, err));
    MX_TRY_GOTO(mx_tensor_file_vector(file, "pipeline.level_slots", MX_I32, 0, &in.level_slots, &levels, err));
    MX_TRY_GOTO(
        mx_tensor_file_get(file, "pipeline.source_ints", MX_I64, 2, (const uint64_t[]){0, SOURCE_INTS}, &in.ints, err));
    MX_TRY_GOTO(mx_tensor_file_get(file, "pipeline.source_reals", MX_F64, 2, (const uint64_t[]){0, SOURCE_REALS},
                                   &in.reals, err));
    MX_TRY_GOTO(
        mx_tensor_file_get(file, "pipeline.slots", MX_I32, 2, (const uint64_t[]){0, SLOT_INTS}, &in.slots, err));
    MX_TRY_GOTO(mx_tensor_file_get(file, "pipeline.slot_reals", MX_F64, 2, (const uint64_t[]){0, SLOT_REALS},
                                   &in.slot_reals, err));
    in.width = (size_t)in.slots->shape[0];
    if (levels != in.n_levels || in.ints->shape[0] != in.n || in.reals->shape[0] != in.n ||
        in.slot_reals->shape[0] != in.width || in.n == 0 || in.width == 0 || in.width > INT32_MAX)
        MX_TRY_GOTO(damaged(file, "parts of different lengths", err));
    MX_TRY_GOTO(mx_pipeline_new(alloc, in.n, &p, err));
    p->width = in.width;
    p->slots = mx_arena_array(&p->arena, in.width, sizeof *p->slots, err);
    if (p->slots == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    size_t level = 0, slot = 0;
    for (size_t s = 0; s < in.n; s++)
        MX_TRY_GOTO(load_source(file, p, &in, s, &level, &slot, err));
    if (level != in.n_levels || slot != in.width)
        MX_TRY_GOTO(damaged(file, "parts of different lengths", err));
    for (size_t j = 0; j < in.width; j++)
        MX_TRY_GOTO(load_slot(file, p, &in, j, err));
    MX_TRY_GOTO(mx_pipeline_name_slots(p, err));
    MX_TRY_GOTO(mx_pipeline_pack(p, err));
    *out = p;
    p = NULL;
out:
    mx_pipeline_free(p);
    mx_arena_release(&arena);
    return status;
}
