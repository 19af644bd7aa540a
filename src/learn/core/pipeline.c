/*
 * Learning a pipeline: from the studies of its columns (column_study.h) to slots. Applying it is in transform.c, its file in pipeline_file.c.
 */
#include "learn/core/pipeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "learn/core/family.h"
#include "learn/core/transform.h"
#include "merx/model.h"
#include "numeric/statistics.h"

#define KEPT (-3)
#define MAX_WIDTH ((size_t)1 << 20)

const merx_option mx_pipeline_option_table[] = {
    {.name = "standardise",
     .type = MERX_OPTION_BOOL,
     .value = "true",
     .text = "Numeric columns and date trends get mean 0 and standard deviation 1."},
    {.name = "impute",
     .type = MERX_OPTION_CHOICE,
     .value = "mean",
     .choices = "mean|median",
     .text = "What stands for a missing number: the mean or the median of the training rows."},
    {.name = "rare_level",
     .type = MERX_OPTION_INT,
     .min = 1,
     .max = 1e9,
     .value = "5",
     .text = "Levels of a categorical column seen fewer times than this share one level, \"other\"."},
    {.name = "max_levels",
     .type = MERX_OPTION_INT,
     .min = 1,
     .max = 100000,
     .value = "100",
     .text = "A categorical column keeps its most frequent levels, at most this many; the rest go to \"other\"."},
    {.name = "drop_first",
     .type = MERX_OPTION_CHOICE,
     .value = "auto",
     .choices = "auto|yes|no",
     .text = "Whether a categorical column's first level is the base the others are compared with; auto: where a "
             "target is learnt."},
    {.name = "log_columns",
     .type = MERX_OPTION_TEXT,
     .value = "",
     .text = "Numeric columns, separated by commas, whose natural logarithm is used; the target may be one of them."},
    {.name = "limit_predictions",
     .type = MERX_OPTION_BOOL,
     .value = "false",
     .text = "A predicted number stays within the range of the training target: what lies beyond becomes its end."},
    {.name = NULL},
};

const merx_option *merx_pipeline_options(void)
{
    return mx_pipeline_option_table;
}

bool mx_list_has(const char *list, const char *name)
{
    mx_str wanted = mx_str_of(name);
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        if (mx_str_equal(mx_str_trim((mx_str){list, size}), wanted))
            return true;
        list += size + (list[size] == ',');
    }
    return false;
}

bool mx_pipeline_option_for(const char *name, unsigned tags)
{
    if (strcmp(name, "limit_predictions") == 0)
        return (tags & MERX_REGRESSES) != 0;
    return (tags & MERX_TAKES_LEVELS) == 0 ||
           (strcmp(name, "standardise") != 0 && strcmp(name, "impute") != 0 && strcmp(name, "drop_first") != 0);
}

merx_status mx_pipeline_new(const merx_allocator *alloc, size_t n_sources, mx_pipeline **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_pipeline *p = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &p, "pipeline", err));
    p->alloc = alloc;
    mx_arena_init(&p->arena, alloc);
    mx_text_init(&p->notes, alloc, (size_t)1 << 24);
    p->sources = mx_arena_array(&p->arena, n_sources > 0 ? n_sources : 1, sizeof *p->sources, err);
    if (p->sources == NULL) {
        mx_pipeline_free(p);
        return MERX_E_MEMORY;
    }
    p->n_sources = n_sources;
    *out = p;
    return MERX_OK;
}

void mx_pipeline_free(mx_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    for (size_t s = 0; pipeline->sources != NULL && s < pipeline->n_sources; s++)
        mx_dict_free(pipeline->sources[s].levels);
    mx_text_release(&pipeline->notes);
    mx_arena_release(&pipeline->arena);
    const merx_allocator *alloc = pipeline->alloc;
    MX_FREE_ARRAY(alloc, pipeline, 1);
}

static const char *const day_names[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
static const char *const month_names[] = {"January", "February", "March",     "April",   "May",      "June",
                                          "July",    "August",   "September", "October", "November", "December"};

/* The levels of a source by their codes; several that share "other" go by that name. */
static merx_status name_codes(mx_pipeline *p, size_t slot, merx_error *err)
{
    const mx_source_column *source = &p->sources[p->slots[slot].source];
    size_t count = (size_t)p->slots[slot].argument;
    const char **names = mx_arena_array(&p->arena, count, sizeof *names, err);
    if (names == NULL)
        return MERX_E_MEMORY;
    for (size_t c = 0; c < count; c++)
        names[c] = "(other)";
    for (size_t k = 0; k < source->n_levels; k++)
        if (source->slot_of[k] >= 0 && source->slot_of[k] != source->other)
            names[source->slot_of[k]] = mx_dict_get(source->levels, (int32_t)k).data;
    p->level_names[slot] = names;
    return MERX_OK;
}

static merx_status name_levels(mx_pipeline *p, merx_error *err)
{
    bool any = false;
    for (size_t j = 0; j < p->width; j++)
        any |= p->slots[j].kind >= MX_SLOT_PLAIN;
    if (!any)
        return MERX_OK;
    p->levels = mx_arena_array(&p->arena, p->width, sizeof *p->levels, err);
    p->level_names = mx_arena_array(&p->arena, p->width, sizeof *p->level_names, err);
    if (p->levels == NULL || p->level_names == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < p->width; j++) {
        const mx_slot *slot = &p->slots[j];
        p->levels[j] = slot->kind > MX_SLOT_PLAIN ? (size_t)slot->argument : 0;
        if (slot->kind == MX_SLOT_CODE)
            MX_TRY(name_codes(p, j, err));
        else if (slot->kind == MX_SLOT_MONTH_CODE)
            p->level_names[j] = month_names;
        else if (slot->kind == MX_SLOT_WEEKDAY_CODE)
            p->level_names[j] = day_names;
    }
    return MERX_OK;
}

merx_status mx_pipeline_name_slots(mx_pipeline *p, merx_error *err)
{
    p->names = mx_arena_array(&p->arena, p->width > 0 ? p->width : 1, sizeof *p->names, err);
    p->units = mx_arena_array(&p->arena, p->width > 0 ? p->width : 1, sizeof *p->units, err);
    if (p->names == NULL || p->units == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < p->width; j++) {
        const mx_slot *slot = &p->slots[j];
        p->units[j] = slot->kind == MX_SLOT_VALUE ? (mx_unit){slot->center, slot->scale} : (mx_unit){0, 1};
        const mx_source_column *source = &p->sources[slot->source];
        switch (slot->kind) {
        case MX_SLOT_VALUE:
        case MX_SLOT_PLAIN:
            p->names[j] = source->type == MERX_COLUMN_DATE ? mx_arena_printf(&p->arena, err, "%s year", source->name)
                          : source->log                    ? mx_arena_printf(&p->arena, err, "log %s", source->name)
                                                           : mx_arena_strdup(&p->arena, source->name, err);
            break;
        case MX_SLOT_MISSING:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s is missing", source->name);
            break;
        case MX_SLOT_LEVEL:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s=%s", source->name,
                                          mx_dict_get(source->levels, slot->argument).data);
            break;
        case MX_SLOT_OTHER:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s=(other)", source->name);
            break;
        case MX_SLOT_MONTH:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s month=%d", source->name, (int)slot->argument);
            break;
        case MX_SLOT_CODE:
            p->names[j] = mx_arena_strdup(&p->arena, source->name, err);
            break;
        case MX_SLOT_MONTH_CODE:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s month", source->name);
            break;
        case MX_SLOT_WEEKDAY_CODE:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s day of the week", source->name);
            break;
        default:
            p->names[j] = mx_arena_printf(&p->arena, err, "%s %s", source->name, day_names[slot->argument]);
        }
        if (p->names[j] == NULL)
            return MERX_E_MEMORY;
    }
    return name_levels(p, err);
}

typedef struct fitter {
    mx_pipeline *p;
    const char *where;
    uint64_t rows;
    const merx_options *options;
    bool drop_first, standardise, median, as_is;
    const merx_allocator *scratch;
    mx_vec slots; /* mx_slot */
} fitter;

static merx_status add_slot(fitter *f, size_t source, mx_slot_kind kind, int32_t argument, double neutral,
                            merx_error *err)
{
    mx_slot *slot;
    MX_TRY(mx_vec_push(&f->slots, 1, &slot, err));
    *slot = (mx_slot){.source = (int32_t)source, .kind = kind, .argument = argument, .scale = 1, .neutral = neutral};
    return MERX_OK;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The slot "is missing", unless values are missing everywhere or nowhere. */
static merx_status add_missing_slot(fitter *f, size_t s, merx_error *err)
{
    mx_source_column *source = &f->p->sources[s];
    if (source->missing == 0 || source->missing == f->rows)
        return MERX_OK;
    source->absent = (int32_t)f->slots.count;
    return add_slot(f, s, MX_SLOT_MISSING, 0, (double)source->missing / (double)f->rows, err);
}

/* Numeric, boolean and date: one slot for the value. */
static merx_status fit_value(fitter *f, size_t s, mx_column_study *study, merx_error *err)
{
    mx_source_column *source = &f->p->sources[s];
    if (study->present == 0)
        return MERX_OK;
    source->fill = study->mean;
    if (f->median && source->type != MERX_COLUMN_BOOLEAN) {
        qsort(study->values.data, study->values.count, sizeof(double), compare_double);
        source->fill = mx_quantile_sorted(study->values.data, study->values.count, 0.5);
    }
    if (f->as_is)
        return source->min < source->max || source->missing > 0 ? add_slot(f, s, MX_SLOT_PLAIN, 0, 0, err) : MERX_OK;
    if (!(source->min < source->max))
        return MERX_OK;
    /* Over all rows: the missing ones sit at fill. */
    double rows = (double)f->rows, share = (double)study->present / rows, mean = study->mean;
    double all_mean = share * mean + (1 - share) * source->fill;
    double variance = study->squares / rows + share * (mean - all_mean) * (mean - all_mean) +
                      (1 - share) * (source->fill - all_mean) * (source->fill - all_mean);
    if (!isfinite(variance))
        MX_FAIL(err, MERX_E_NUMERIC, f->where,
                "column \"%s\" goes from %.3g to %.3g, too far for sums of squares (expected within ±1e150)",
                source->name, source->min, source->max);
    MX_TRY(add_slot(f, s, MX_SLOT_VALUE, 0, all_mean, err));
    mx_slot *slot = &MX_VEC_AT(&f->slots, mx_slot, f->slots.count - 1);
    if (f->standardise && source->type != MERX_COLUMN_BOOLEAN && variance > 0) {
        slot->center = all_mean;
        slot->scale = sqrt(variance);
        slot->neutral = 0;
    }
    return MERX_OK;
}

/* Months and days of the week that some rows have and some have not. */
static merx_status fit_calendar(fitter *f, size_t s, const mx_column_study *study, merx_error *err)
{
    const uint64_t *months = study->months, *days = study->days, rows = f->rows;
    if (f->as_is) {
        int different[2] = {0};
        for (int m = 1; m <= 12; m++)
            different[0] += months[m] > 0;
        for (int d = 0; d < 7; d++)
            different[1] += days[d] > 0;
        if (different[0] > 1)
            MX_TRY(add_slot(f, s, MX_SLOT_MONTH_CODE, 12, 0, err));
        return different[1] > 1 ? add_slot(f, s, MX_SLOT_WEEKDAY_CODE, 7, 0, err) : MERX_OK;
    }
    bool dropped = !f->drop_first;
    for (int32_t m = 1; m <= 12; m++) {
        if (months[m] == 0 || months[m] == rows)
            continue;
        if (!dropped)
            dropped = true;
        else
            MX_TRY(add_slot(f, s, MX_SLOT_MONTH, m, (double)months[m] / (double)rows, err));
    }
    dropped = !f->drop_first;
    for (int32_t d = 0; d < 7; d++) {
        if (days[d] == 0 || days[d] == rows)
            continue;
        if (!dropped)
            dropped = true;
        else
            MX_TRY(add_slot(f, s, MX_SLOT_WEEKDAY, d, (double)days[d] / (double)rows, err));
    }
    return MERX_OK;
}

typedef struct level_count {
    uint64_t count;
    int32_t level;
} level_count;

/* Most frequent first, ties by level. */
static int compare_counts(const void *a, const void *b)
{
    const level_count *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->level < y->level ? -1 : x->level > y->level;
}

/* Levels marked KEPT get codes in their order, then "other" one for the rest that came. */
static merx_status number_codes(fitter *f, size_t s, const uint64_t *count_of, uint64_t others, merx_error *err)
{
    mx_source_column *source = &f->p->sources[s];
    int32_t codes = 0;
    for (size_t k = 0; k < source->n_levels; k++)
        if (source->slot_of[k] == KEPT)
            source->slot_of[k] = codes++;
    if (others > 0)
        source->other = codes++;
    for (size_t k = 0; k < source->n_levels; k++)
        if (source->slot_of[k] == MX_LEVEL_UNKNOWN && count_of[k] > 0)
            source->slot_of[k] = source->other;
    bool varies = codes > 1 || (codes == 1 && source->missing > 0);
    return varies ? add_slot(f, s, MX_SLOT_CODE, codes, 0, err) : MERX_OK;
}

static merx_status fit_levels(fitter *f, size_t s, mx_column_study *study, merx_error *err)
{
    mx_source_column *source = &f->p->sources[s];
    const uint64_t *count_of = study->counts.data;
    size_t n = study->counts.count;
    uint64_t rows = f->rows, others = 0, kept_rows = 0, least = (uint64_t)merx_options_int(f->options, "rare_level");
    size_t most = (size_t)merx_options_int(f->options, "max_levels");
    level_count *by_count = NULL;
    merx_status status;
    source->levels = study->levels;
    study->levels = NULL;
    source->slot_of = mx_arena_array(&f->p->arena, n > 0 ? n : 1, sizeof *source->slot_of, err);
    if (source->slot_of == NULL)
        return MERX_E_MEMORY;
    source->n_levels = n;
    MX_TRY_GOTO(MX_NEW_ARRAY(f->scratch, n, &by_count, "level counts", err));
    for (size_t k = 0; k < n; k++)
        by_count[k] = (level_count){count_of[k], (int32_t)k};
    if (n > 0)
        qsort(by_count, n, sizeof *by_count, compare_counts);
    /* Kept levels are marked KEPT until they get their numbers; the others go to "other". */
    for (size_t q = 0; q < n; q++) {
        bool keep = q < most && by_count[q].count >= least;
        source->slot_of[by_count[q].level] = keep ? KEPT : MX_LEVEL_UNKNOWN;
        *(keep ? &kept_rows : &others) += by_count[q].count;
    }
    if (f->as_is) {
        MX_TRY_GOTO(number_codes(f, s, count_of, others, err));
        goto out;
    }
    bool base = !f->drop_first;
    for (size_t k = 0; k < n; k++) {
        if (source->slot_of[k] != KEPT)
            continue;
        source->slot_of[k] = MX_LEVEL_DROPPED;
        if (base && count_of[k] < rows) {
            source->slot_of[k] = (int32_t)f->slots.count;
            MX_TRY_GOTO(add_slot(f, s, MX_SLOT_LEVEL, (int32_t)k, (double)count_of[k] / (double)rows, err));
        }
        base = true;
    }
    if (others > 0 && others < rows && (kept_rows > 0 || !f->drop_first)) {
        source->other = (int32_t)f->slots.count;
        MX_TRY_GOTO(add_slot(f, s, MX_SLOT_OTHER, 0, (double)others / (double)rows, err));
    }
    /* Without a slot of their own the others are the base; a level that training has not seen stays unknown. */
    for (size_t k = 0; k < n; k++)
        if (source->slot_of[k] == MX_LEVEL_UNKNOWN)
            source->slot_of[k] = source->other >= 0 ? source->other
                                 : count_of[k] > 0  ? MX_LEVEL_DROPPED
                                                    : MX_LEVEL_UNKNOWN;
out:
    MX_FREE_ARRAY(f->scratch, by_count, n);
    return status;
}

static merx_status fit_source(fitter *f, size_t s, mx_column_study *study, merx_error *err)
{
    mx_source_column *source = &f->p->sources[s];
    source->name = mx_arena_strdup(&f->p->arena, study->name, err);
    if (source->name == NULL)
        return MERX_E_MEMORY;
    source->type = study->type;
    source->missing = study->missing;
    source->other = source->absent = -1;
    source->min = study->min;
    source->max = study->max;
    source->first = f->slots.count;
    source->log = study->log;
    if (study->type == MERX_COLUMN_CATEGORICAL)
        MX_TRY(fit_levels(f, s, study, err));
    else
        MX_TRY(fit_value(f, s, study, err));
    if (study->type == MERX_COLUMN_DATE)
        MX_TRY(fit_calendar(f, s, study, err));
    if (!f->as_is)
        MX_TRY(add_missing_slot(f, s, err));
    source->count = f->slots.count - source->first;
    if (source->count == 0)
        mx_text_printf(&f->p->notes, "column \"%s\" is left out: %s\n", study->name,
                       study->missing == f->rows ? "every value is missing" : "it is the same in every row");
    return MERX_OK;
}

merx_status mx_pipeline_study(const merx_dataset *table, const size_t *columns, size_t n, const merx_options *options,
                              mx_pipeline_mode mode, const merx_allocator *alloc, mx_column_study *studies,
                              merx_error *err)
{
    bool keep_values = mode != MX_PIPELINE_AS_IS && strcmp(merx_options_text(options, "impute"), "median") == 0;
    for (size_t c = 0; c < n; c++) {
        const mx_column *column = mx_dataset_column(table, columns[c]);
        bool log = mx_list_has(merx_options_text(options, "log_columns"), column->name);
        if (log && column->type != MERX_COLUMN_NUMERIC)
            MX_FAIL(err, MERX_E_TYPE, table->name, "log_columns: column \"%s\" is %s (expected a numeric one)",
                    column->name, merx_column_type_name(column->type));
        MX_TRY(mx_column_study_init(&studies[c], column, column->name, log, keep_values, alloc, err));
    }
    return MERX_OK;
}

merx_status mx_pipeline_from_studies(mx_column_study *studies, size_t n, uint64_t rows, const char *where,
                                     const merx_options *options, mx_pipeline_mode mode, const merx_allocator *alloc,
                                     merx_task *task, mx_pipeline **out, merx_error *err)
{
    *out = NULL;
    fitter f = {.where = where, .rows = rows, .options = options, .scratch = merx_task_allocator(task)};
    f.as_is = mode == MX_PIPELINE_AS_IS;
    if (!f.as_is) {
        const char *drop = merx_options_text(options, "drop_first");
        f.drop_first = strcmp(drop, "auto") == 0 ? mode == MX_PIPELINE_DROP_FIRST : strcmp(drop, "yes") == 0;
        f.standardise = merx_options_bool(options, "standardise");
        f.median = strcmp(merx_options_text(options, "impute"), "median") == 0;
    }
    f.slots = mx_vec_init(f.scratch, sizeof(mx_slot), MAX_WIDTH, "design columns");
    merx_status status = mx_pipeline_new(alloc, n, &f.p, err);
    if (status != MERX_OK)
        return status;
    size_t used = 0;
    for (size_t c = 0; c < n; c++) {
        if (studies[c].type == MERX_COLUMN_TEXT) {
            mx_text_printf(&f.p->notes, "column \"%s\" is left out: it is free text\n", studies[c].name);
            continue;
        }
        MX_TRY_GOTO(fit_source(&f, used, &studies[c], err));
        /* A column without slots is no source: nobody has to bring it at prediction. */
        if (f.p->sources[used].count > 0) {
            used++;
        } else {
            mx_dict_free(f.p->sources[used].levels);
            memset(&f.p->sources[used], 0, sizeof *f.p->sources);
        }
    }
    f.p->n_sources = used;
    f.p->width = f.slots.count;
    if (f.p->width == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, where,
                     "there is no column to learn from: of %zu, each is text, empty or the same in every row", n);
    f.p->slots = mx_arena_array(&f.p->arena, f.p->width, sizeof *f.p->slots, err);
    if (f.p->slots == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    memcpy(f.p->slots, f.slots.data, f.p->width * sizeof *f.p->slots);
    MX_TRY_GOTO(mx_pipeline_name_slots(f.p, err));
    MX_TRY_GOTO(mx_pipeline_pack(f.p, err));
    MX_TRY_GOTO(mx_text_ok(&f.p->notes, err));
    *out = f.p;
    f.p = NULL;
out:
    mx_vec_release(&f.slots);
    mx_pipeline_free(f.p);
    return status;
}

typedef struct study_work {
    const merx_dataset *table;
    const size_t *columns;
    mx_column_study *studies;
} study_work;

static merx_status study_column(void *context, size_t c, merx_error *err)
{
    study_work *w = context;
    const mx_column *column = mx_dataset_column(w->table, w->columns[c]);
    MX_TRY(mx_column_study_add(&w->studies[c], w->table, column, err));
    return mx_column_study_end(&w->studies[c], false, err);
}

merx_status mx_pipeline_fit(const merx_dataset *table, const size_t *columns, size_t n, const merx_options *options,
                            mx_pipeline_mode mode, const merx_allocator *alloc, merx_task *task, mx_pipeline **out,
                            merx_error *err)
{
    *out = NULL;
    const merx_allocator *scratch = merx_task_allocator(task);
    mx_column_study *studies = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, n, &studies, "columns", err));
    MX_TRY_GOTO(mx_pipeline_study(table, columns, n, options, mode, alloc, studies, err));
    MX_TRY_GOTO(mx_parallel(task, n, study_column, &(study_work){table, columns, studies}, err));
    status = mx_pipeline_from_studies(studies, n, table->rows, table->name, options, mode, alloc, task, out, err);
out:
    for (size_t c = 0; studies != NULL && c < n; c++)
        mx_column_study_release(&studies[c]);
    MX_FREE_ARRAY(scratch, studies, n);
    return status;
}
