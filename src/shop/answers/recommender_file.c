/*
 * The file of the recommender: tensors and metadata, checked when they are read.
 */
#include <math.h>
#include <string.h>

#include "shop/answers/recommender.h"

static void *copy(mx_arena *arena, const void *data, size_t count, size_t size, merx_error *err)
{
    void *to = mx_arena_array(arena, count ? count : 1, size, err);
    if (to && count)
        memcpy(to, data, count * size);
    return to;
}

static merx_status copy_lists(mx_arena *arena, const mx_item_lists *lists, mx_item_lists *out, merx_error *err)
{
    size_t links = mx_item_lists_count(lists);
    *out = (mx_item_lists){.items = lists->items,
                           .starts = copy(arena, lists->starts, lists->items + 1, sizeof(int64_t), err),
                           .indices = copy(arena, lists->indices, links, sizeof(int32_t), err),
                           .weights = copy(arena, lists->weights, links, sizeof(float), err)};
    return out->starts && out->indices && out->weights ? MERX_OK : MERX_E_MEMORY;
}

static merx_status meta_real(mx_tensor_writer *writer, const char *key, double value, merx_error *err)
{
    char text[32];
    mx_format_double(value, text);
    return mx_tensor_writer_meta(writer, key, text, err);
}

merx_status mx_recommender_write(const mx_recommender *model, const mx_snapshot *snapshot, const mx_sales *sales,
                                 const char *fingerprint, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    size_t f = (size_t)model->als.factors, items = model->items;
    mx_str *ids = mx_arena_array(arena, items ? items : 1, sizeof *ids, err);
    int32_t *buyers = copy(arena, model->buyers, items, sizeof *buyers, err);
    float *trend = copy(arena, model->trend, items, sizeof *trend, err);
    float *factors = copy(arena, model->als.item_factors, items * f, sizeof *factors, err);
    double *gram = copy(arena, model->als.item_gram, f * f, sizeof *gram, err);
    mx_item_lists ease, neighbours;
    if (!ids || !buyers || !trend || !factors || !gram)
        return MERX_E_MEMORY;
    MX_TRY(copy_lists(arena, &model->ease, &ease, err));
    MX_TRY(copy_lists(arena, &model->neighbours, &neighbours, err));
    for (size_t i = 0; i < items; i++)
        ids[i] = snapshot->product_id[sales->item_product[i]];
    MX_TRY(mx_tensor_writer_strings(writer, "items", ids, items, err));
    MX_TRY(mx_tensor_writer_vector(writer, "buyers", MX_I32, items, buyers, err));
    MX_TRY(mx_tensor_writer_vector(writer, "trend", MX_F32, items, trend, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_factors", MX_F32, items, f, factors, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_gram", MX_F64, f, f, gram, err));
    MX_TRY(mx_item_lists_write(&ease, "ease", writer, err));
    MX_TRY(mx_item_lists_write(&neighbours, "neighbours", writer, err));
    MX_TRY(meta_real(writer, "als.l2", model->als.l2, err));
    MX_TRY(meta_real(writer, "als.alpha", model->als.alpha, err));
    MX_TRY(meta_real(writer, "ease_weight", model->ease_weight, err));
    MX_TRY(meta_real(writer, "als_weight", model->als_weight, err));
    MX_TRY(meta_real(writer, "co_purchase", model->co_purchase, err));
    MX_TRY(meta_real(writer, "customers", (double)model->customers, err));
    return mx_tensor_writer_meta(writer, "fingerprint", fingerprint, err);
}

static merx_status read_real(const mx_tensor_file *file, const char *key, double low, double *out, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    if (!text || !mx_parse_double(mx_str_of(text), out) || !(*out >= low && *out <= 1e15))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "metadata \"%s\" is not a number from %g on", key, low);
    return MERX_OK;
}

static merx_status duplicate(const merx_allocator *alloc, const void *data, size_t count, size_t size, const char *what,
                             void *out, merx_error *err)
{
    MX_TRY(mx_alloc_array_raw(alloc, count, size, what, out, err));
    mx_wish_large_pages(*(void **)out, count * size);
    if (count)
        memcpy(*(void **)out, data, count * size);
    return MERX_OK;
}

static merx_status read_tensors(const mx_tensor_file *file, mx_recommender *out, merx_error *err)
{
    const merx_allocator *alloc = out->alloc;
    const int32_t *buyers;
    uint64_t items;
    const mx_tensor *factors, *gram, *trend;
    MX_TRY(mx_tensor_file_vector(file, "buyers", MX_I32, 0, &buyers, &items, err));
    MX_TRY(mx_tensor_file_get(file, "trend", MX_F32, 1, (uint64_t[]){items}, &trend, err));
    MX_TRY(mx_tensor_file_get(file, "als.item_factors", MX_F32, 2, (uint64_t[]){items, 0}, &factors, err));
    uint64_t f = factors->shape[1];
    MX_TRY(mx_tensor_file_get(file, "als.item_gram", MX_F64, 2, (uint64_t[]){f, f}, &gram, err));
    if (factors->shape[0] != items || trend->shape[0] != items || f == 0 || f > 1024)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensors of %llu products do not fit together",
                (unsigned long long)items);
    out->items = items;
    MX_TRY(duplicate(alloc, buyers, items, sizeof *buyers, "buyers", &out->buyers, err));
    MX_TRY(duplicate(alloc, trend->data, items, sizeof(float), "trend of items", &out->trend, err));
    out->als.alloc = alloc;
    out->als.items = items;
    out->als.factors = (int)f;
    MX_TRY(duplicate(alloc, factors->data, items * f, sizeof(float), "item factors", &out->als.item_factors, err));
    MX_TRY(duplicate(alloc, gram->data, f * f, sizeof(double), "gram of item factors", &out->als.item_gram, err));
    return MERX_OK;
}

static merx_status read_lists(const mx_tensor_file *file, mx_recommender *out, merx_error *err)
{
    MX_TRY(mx_item_lists_read(file, "ease", out->alloc, &out->ease, err));
    MX_TRY(mx_item_lists_read(file, "neighbours", out->alloc, &out->neighbours, err));
    if (out->ease.items != out->items || out->neighbours.items != out->items)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "lists of %zu and %zu products for %zu products",
                out->ease.items, out->neighbours.items, out->items);
    return MERX_OK;
}

static merx_status read_ids(const mx_tensor_file *file, mx_recommender *out, merx_error *err)
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

merx_status mx_recommender_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_recommender *out,
                                merx_error *err)
{
    *out = (mx_recommender){.alloc = mx_allocator_or_default(alloc)};
    merx_status status;
    double customers;
    MX_TRY_GOTO(read_real(file, "customers", 0, &customers, err));
    out->customers = (size_t)customers;
    MX_TRY_GOTO(read_tensors(file, out, err));
    MX_TRY_GOTO(read_lists(file, out, err));
    MX_TRY_GOTO(read_ids(file, out, err));
    MX_TRY_GOTO(read_real(file, "als.l2", 0, &out->als.l2, err));
    MX_TRY_GOTO(read_real(file, "als.alpha", 0, &out->als.alpha, err));
    MX_TRY_GOTO(read_real(file, "ease_weight", 0, &out->ease_weight, err));
    MX_TRY_GOTO(read_real(file, "als_weight", 0, &out->als_weight, err));
    MX_TRY_GOTO(read_real(file, "co_purchase", 0, &out->co_purchase, err));
    return MERX_OK;
out:
    mx_recommender_release(out);
    return status;
}
