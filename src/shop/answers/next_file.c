/*
 * The file of next: tensors and metadata, checked when they are read.
 */
#include <math.h>
#include <string.h>

#include "shop/answers/next.h"

static void *copy(mx_arena *arena, const void *data, size_t count, size_t size, merx_error *err)
{
    void *to = mx_arena_array(arena, count ? count : 1, size, err);
    if (to && count)
        memcpy(to, data, count * size);
    return to;
}

static merx_status meta_real(mx_tensor_writer *writer, const char *key, double value, merx_error *err)
{
    char text[32];
    mx_format_double(value, text);
    return mx_tensor_writer_meta(writer, key, text, err);
}

merx_status mx_next_write(const mx_next *model, const mx_snapshot *snapshot, const mx_next_sequences *sequences,
                          const char *fingerprint, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    size_t items = model->items, links = mx_item_lists_count(&model->after);
    mx_str *ids = mx_arena_array(arena, items ? items : 1, sizeof *ids, err);
    int32_t *holders = copy(arena, model->holders, items, sizeof *holders, err);
    int32_t *count = copy(arena, model->count, items, sizeof *count, err);
    mx_item_lists after = {.items = items,
                           .starts = copy(arena, model->after.starts, items + 1, sizeof(int64_t), err),
                           .indices = copy(arena, model->after.indices, links, sizeof(int32_t), err),
                           .weights = copy(arena, model->after.weights, links, sizeof(float), err)};
    links = mx_item_lists_count(&model->alike);
    mx_item_lists alike = {.items = items,
                           .starts = copy(arena, model->alike.starts, items + 1, sizeof(int64_t), err),
                           .indices = copy(arena, model->alike.indices, links, sizeof(int32_t), err),
                           .weights = copy(arena, model->alike.weights, links, sizeof(float), err)};
    if (!ids || !holders || !count || !after.starts || !after.indices || !after.weights || !alike.starts ||
        !alike.indices || !alike.weights)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < items; i++)
        ids[i] = snapshot->product_id[sequences->item_product[i]];
    MX_TRY(mx_tensor_writer_strings(writer, "items", ids, items, err));
    MX_TRY(mx_tensor_writer_vector(writer, "holders", MX_I32, items, holders, err));
    MX_TRY(mx_tensor_writer_vector(writer, "count", MX_I32, items, count, err));
    MX_TRY(mx_item_lists_write(&after, "after", writer, err));
    MX_TRY(mx_item_lists_write(&alike, "alike", writer, err));
    if (model->ranker.items)
        MX_TRY(mx_ranker_write(&model->ranker, "network", writer, arena, err));
    MX_TRY(meta_real(writer, "fade", model->fade, err));
    MX_TRY(meta_real(writer, "popularity", model->popularity, err));
    MX_TRY(meta_real(writer, "alike", model->alike_weight, err));
    MX_TRY(meta_real(writer, "network", model->network, err));
    MX_TRY(meta_real(writer, "sequences", (double)model->sequences, err));
    MX_TRY(mx_tensor_writer_meta(writer, "learn_from", mx_next_source_name(model->source), err));
    return mx_tensor_writer_meta(writer, "fingerprint", fingerprint, err);
}

static merx_status read_real(const mx_tensor_file *file, const char *key, double *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (!text || !mx_parse_double(mx_str_of(text), out) || !(*out >= 0 && *out <= 1e15))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "metadata \"%s\" is not a number from 0 on", key);
    return MERX_OK;
}

static merx_status read_source(const mx_tensor_file *file, mx_next_source *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, "learn_from");
    for (int s = MX_NEXT_CUSTOMERS; text && s <= MX_NEXT_SESSIONS; s++)
        if (strcmp(text, mx_next_source_name((mx_next_source)s)) == 0) {
            *out = (mx_next_source)s;
            return MERX_OK;
        }
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
            "metadata \"learn_from\" is neither customers nor sessions");
}

static merx_status read_counts(const mx_tensor_file *file, mx_next *out, merx_error *err)
{
    const int32_t *holders, *count;
    uint64_t items;
    MX_TRY(mx_tensor_file_vector(file, "holders", MX_I32, 0, &holders, &items, err));
    const mx_tensor *counts;
    MX_TRY(mx_tensor_file_get(file, "count", MX_I32, 1, (uint64_t[]){items}, &counts, err));
    count = counts->data;
    if (counts->shape[0] != items)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%llu counts of %llu products",
                (unsigned long long)counts->shape[0], (unsigned long long)items);
    for (uint64_t i = 0; i < items; i++) {
        if (holders[i] < 0 || count[i] < holders[i])
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "product %llu stands %d times in %d sequences",
                    (unsigned long long)i, (int)count[i], (int)holders[i]);
        out->events += count[i];
    }
    out->items = items;
    MX_TRY(mx_alloc_array_raw(out->alloc, items, sizeof *holders, "holders of items", &out->holders, err));
    MX_TRY(mx_alloc_array_raw(out->alloc, items, sizeof *count, "events of items", &out->count, err));
    if (items) {
        memcpy(out->holders, holders, items * sizeof *holders);
        memcpy(out->count, count, items * sizeof *count);
    }
    MX_TRY(mx_item_lists_read(file, "after", out->alloc, &out->after, err));
    MX_TRY(mx_item_lists_read(file, "alike", out->alloc, &out->alike, err));
    if (out->after.items != items || out->alike.items != items)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "lists of %zu and %zu products for %zu",
                out->after.items, out->alike.items, out->items);
    return MERX_OK;
}

static merx_status read_ids(const mx_tensor_file *file, mx_next *out, merx_error *err)
{
    mx_arena arena;
    mx_arena_init(&arena, out->alloc);
    mx_str *ids;
    size_t n;
    merx_status status;
    MX_TRY_GOTO(mx_tensor_file_strings(file, "items", &arena, &ids, &n, err));
    if (n != out->items)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "%zu ids of products for %zu products", n,
                     out->items);
    MX_TRY_GOTO(mx_dict_new(out->alloc, n ? n : 1, &out->ids, err));
    for (size_t i = 0; i < n; i++) {
        int32_t code;
        bool added;
        MX_TRY_GOTO(mx_dict_add(out->ids, ids[i], &code, &added, err));
        if (!added)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "product \"%.*s\" is named twice",
                         (int)ids[i].size, ids[i].data);
    }
out:
    mx_arena_release(&arena);
    return status;
}

merx_status mx_next_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_next *out, merx_error *err)
{
    *out = (mx_next){.alloc = mx_allocator_or_default(alloc)};
    merx_status status;
    double sequences;
    MX_TRY_GOTO(read_source(file, &out->source, err));
    MX_TRY_GOTO(read_real(file, "sequences", &sequences, err));
    out->sequences = (size_t)sequences;
    MX_TRY_GOTO(read_real(file, "fade", &out->fade, err));
    MX_TRY_GOTO(read_real(file, "popularity", &out->popularity, err));
    MX_TRY_GOTO(read_real(file, "alike", &out->alike_weight, err));
    MX_TRY_GOTO(read_real(file, "network", &out->network, err));
    MX_TRY_GOTO(read_counts(file, out, err));
    MX_TRY_GOTO(read_ids(file, out, err));
    if (out->network > 0) {
        MX_TRY_GOTO(mx_ranker_read(file, "network", out->alloc, &out->ranker, err));
        if (out->ranker.items != out->items)
            MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "a network of %zu products for %zu",
                         out->ranker.items, out->items);
    }
    return MERX_OK;
out:
    mx_next_release(out);
    return status;
}
