/*
 * The model of recommend: fit, write, read, score, explain. Letters: i, t items; j items of the history; m their number; f factors; w weight of co-purchase.
 *
 * The strength of the factors' ridge follows the data unless it is set. A matrix of n x d random ones of density p has largest singular value about
 * sqrt(p (1 - p)) (sqrt n + sqrt d) (Bai & Yin 1988), and the ridge of ALS acts as a threshold on singular values (Srebro et al. 2005): twice that edge keeps what
 * can't be chance. On the UCI Online Retail shop this is 31, where validation on October 2011 put the optimum between 20 and 40.
 */
#include "shop/answers/recommender.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"

enum { EXPLAIN_CHUNK = 256 };

const merx_option mx_recommend_training[] = {
    {"factors", MERX_OPTION_INT, 1, 512, "64", NULL, "Length of the vector that describes each product."},
    {"l2", MERX_OPTION_REAL, 0.001, 1e6, NULL, NULL,
     "Strength of the ridge on the vectors; unset: found from the number of customers, products and purchases."},
    {"alpha", MERX_OPTION_REAL, 0.001, 1000, "1", NULL, "How much more a purchase counts than no purchase."},
    {"iterations", MERX_OPTION_INT, 1, 200, "8", NULL, "Alternations of the least squares."},
    {"similarity", MERX_OPTION_CHOICE, 0, 0, "jaccard", "cosine|jaccard|lift",
     "How alike two products are, by who bought them."},
    {"neighbours", MERX_OPTION_INT, 1, 1000, "20", NULL, "Most similar products kept for each product."},
    {"shrink", MERX_OPTION_REAL, 0, 1e6, "0", NULL,
     "Customers added to the denominator of the similarity, against chance on few purchases."},
    {"co_purchase", MERX_OPTION_REAL, 0, 1000, "0.03", NULL,
     "Weight of the similarity beside the factors' score; 0: factors alone."},
    {0},
};

static mx_similarity similarity_of(const merx_options *options)
{
    const char *name = merx_options_text(options, "similarity");
    return strcmp(name, "cosine") == 0 ? MX_COSINE : strcmp(name, "lift") == 0 ? MX_LIFT : MX_JACCARD;
}

static double l2_of(const mx_sales *sales, const merx_options *options)
{
    if (merx_options_is_set(options, "l2"))
        return merx_options_real(options, "l2");
    double n = (double)sales->matrix.rows, d = (double)sales->matrix.columns;
    double p = (double)sales->starts[sales->matrix.rows] / (n * d);
    return fmax(2 * sqrt(p * (1 - p)) * (sqrt(n) + sqrt(d)), 0.1);
}

/* ---- fit ---- */

static merx_status fit_factors(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_als *out, merx_error *err)
{
    size_t items = sales->matrix.columns;
    uint64_t *keys = NULL;
    MX_TRY(mx_alloc_array(alloc, items, sizeof *keys, "keys of products", &keys, err));
    for (size_t i = 0; i < items; i++)
        keys[i] = mx_snapshot_product_key(snapshot, sales->item_product[i]);
    mx_als_options als = {.factors = (int)merx_options_int(options, "factors"),
                          .l2 = l2_of(sales, options),
                          .alpha = merx_options_real(options, "alpha"),
                          .iterations = (int)merx_options_int(options, "iterations"),
                          .seed = merx_task_seed(task),
                          .item_keys = keys,
                          .items_only = true};
    merx_status status = mx_als_fit(&sales->matrix, &als, alloc, task, out, err);
    MX_FREE_ARRAY(alloc, keys, items);
    return status;
}

merx_status mx_recommender_fit(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                               bool without_als, const merx_allocator *alloc, merx_task *task, mx_recommender *out,
                               merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *out = (mx_recommender){.alloc = alloc,
                            .items = sales->matrix.columns,
                            .customers = sales->matrix.rows,
                            .co_purchase = merx_options_real(options, "co_purchase")};
    merx_status status;
    uint64_t f = (uint64_t)merx_options_int(options, "factors"),
             keep = (uint64_t)merx_options_int(options, "neighbours");
    uint64_t bytes = (out->items + out->customers) * f * 4 + f * f * 32 + out->items * keep * 16 +
                     (uint64_t)sales->starts[sales->matrix.rows] * 12;
    MX_TRY(mx_task_require_memory(task, bytes, "training recommend", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->items, sizeof *out->buyers, "buyers of items", &out->buyers, err));
    if (out->items)
        memcpy(out->buyers, sales->buyers, out->items * sizeof *out->buyers);
    mx_neighbours_options neighbours = {
        .similarity = similarity_of(options), .keep = (size_t)keep, .shrink = merx_options_real(options, "shrink")};
    MX_TRY_GOTO(mx_neighbours_fit(&sales->matrix, &neighbours, alloc, task, &out->neighbours, err));
    out->links = (size_t)out->neighbours.starts[out->items];
    if (!without_als) {
        MX_TRY_GOTO(fit_factors(snapshot, sales, options, alloc, task, &out->als, err));
        return MERX_OK;
    }
    out->als = (mx_als){.items = out->items,
                        .factors = (int)f,
                        .l2 = l2_of(sales, options),
                        .alpha = merx_options_real(options, "alpha"),
                        .alloc = alloc};
    MX_TRY_GOTO(mx_alloc_array(alloc, out->items * f, sizeof(float), "item factors", &out->als.item_factors, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, f * f, sizeof(double), "gram of item factors", &out->als.item_gram, err));
    return MERX_OK;
out:
    mx_recommender_release(out);
    return status;
}

void mx_recommender_release(mx_recommender *model)
{
    if (!model->alloc)
        return;
    MX_FREE_ARRAY(model->alloc, model->buyers, model->items);
    mx_als_release(&model->als);
    mx_neighbours_release(&model->neighbours);
    mx_dict_free(model->ids);
    *model = (mx_recommender){0};
}

void mx_recommender_fingerprint(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                                uint64_t seed, char out[17])
{
    double numbers[] = {l2_of(sales, options), merx_options_real(options, "alpha"),
                        (double)merx_options_int(options, "factors"), (double)merx_options_int(options, "iterations")};
    uint64_t hash = mx_hash64(numbers, sizeof numbers, seed);
    for (size_t i = 0; i < sales->matrix.columns; i++) {
        uint64_t key = mx_snapshot_product_key(snapshot, sales->item_product[i]);
        hash = mx_hash64(&key, sizeof key, hash);
    }
    for (size_t u = 0; u < sales->matrix.rows; u++) {
        uint64_t key = mx_snapshot_customer_key(snapshot, sales->row_customer[u]);
        size_t count = (size_t)(sales->starts[u + 1] - sales->starts[u]);
        hash = mx_hash64(sales->indices + sales->starts[u], count * sizeof(int32_t), mx_hash64(&key, sizeof key, hash));
    }
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

/* ---- the file ---- */

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

merx_status mx_recommender_write(const mx_recommender *model, const mx_snapshot *snapshot, const mx_sales *sales,
                                 const char *fingerprint, mx_tensor_writer *writer, mx_arena *arena, merx_error *err)
{
    size_t f = (size_t)model->als.factors, items = model->items;
    mx_str *ids = mx_arena_array(arena, items ? items : 1, sizeof *ids, err);
    int32_t *buyers = copy(arena, model->buyers, items, sizeof *buyers, err);
    float *factors = copy(arena, model->als.item_factors, items * f, sizeof *factors, err);
    double *gram = copy(arena, model->als.item_gram, f * f, sizeof *gram, err);
    int64_t *starts = copy(arena, model->neighbours.starts, items + 1, sizeof *starts, err);
    int32_t *indices = copy(arena, model->neighbours.indices, model->links, sizeof *indices, err);
    float *similarities = copy(arena, model->neighbours.similarities, model->links, sizeof *similarities, err);
    if (!ids || !buyers || !factors || !gram || !starts || !indices || !similarities)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < items; i++)
        ids[i] = snapshot->product_id[sales->item_product[i]];
    MX_TRY(mx_tensor_writer_strings(writer, "items", ids, items, err));
    MX_TRY(mx_tensor_writer_vector(writer, "buyers", MX_I32, items, buyers, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_factors", MX_F32, items, f, factors, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "als.item_gram", MX_F64, f, f, gram, err));
    MX_TRY(mx_tensor_writer_vector(writer, "neighbours.starts", MX_I64, items + 1, starts, err));
    MX_TRY(mx_tensor_writer_vector(writer, "neighbours.items", MX_I32, model->links, indices, err));
    MX_TRY(mx_tensor_writer_vector(writer, "neighbours.similarities", MX_F32, model->links, similarities, err));
    MX_TRY(meta_real(writer, "als.l2", model->als.l2, err));
    MX_TRY(meta_real(writer, "als.alpha", model->als.alpha, err));
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

/* Neighbour lists that a damaged file could have made point outside. */
static merx_status check_links(const mx_tensor_file *file, const int64_t *starts, const int32_t *indices, size_t items,
                               size_t links, merx_error *err)
{
    bool good = starts[0] == 0 && starts[items] == (int64_t)links;
    for (size_t i = 0; good && i < items; i++)
        good = starts[i] <= starts[i + 1] && starts[i + 1] <= (int64_t)links;
    for (size_t k = 0; good && k < links; k++)
        good = indices[k] >= 0 && (size_t)indices[k] < items;
    if (!good)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the lists of neighbours do not fit %zu products",
                items);
    return MERX_OK;
}

static merx_status duplicate(const merx_allocator *alloc, const void *data, size_t count, size_t size, const char *what,
                             void *out, merx_error *err)
{
    MX_TRY(mx_alloc_array_raw(alloc, count, size, what, out, err));
    if (count)
        memcpy(*(void **)out, data, count * size);
    return MERX_OK;
}

static merx_status read_tensors(const mx_tensor_file *file, mx_recommender *out, merx_error *err)
{
    const merx_allocator *alloc = out->alloc;
    const int32_t *buyers, *indices;
    const int64_t *starts;
    uint64_t items, links;
    const mx_tensor *factors, *gram;
    MX_TRY(mx_tensor_file_vector(file, "buyers", MX_I32, 0, &buyers, &items, err));
    MX_TRY(mx_tensor_file_get(file, "als.item_factors", MX_F32, 2, (uint64_t[]){items, 0}, &factors, err));
    uint64_t f = factors->shape[1];
    MX_TRY(mx_tensor_file_get(file, "als.item_gram", MX_F64, 2, (uint64_t[]){f, f}, &gram, err));
    MX_TRY(mx_tensor_file_vector(file, "neighbours.starts", MX_I64, items + 1, &starts, NULL, err));
    MX_TRY(mx_tensor_file_vector(file, "neighbours.items", MX_I32, 0, &indices, &links, err));
    const mx_tensor *values;
    MX_TRY(mx_tensor_file_get(file, "neighbours.similarities", MX_F32, 1, (uint64_t[]){links}, &values, err));
    if (factors->shape[0] != items || values->shape[0] != links || f == 0 || f > 1024)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensors of %llu products do not fit together",
                (unsigned long long)items);
    MX_TRY(check_links(file, starts, indices, items, links, err));
    out->items = items;
    out->links = links;
    MX_TRY(duplicate(alloc, buyers, items, sizeof *buyers, "buyers", &out->buyers, err));
    out->als.alloc = alloc;
    out->als.items = items;
    out->als.factors = (int)f;
    MX_TRY(duplicate(alloc, factors->data, items * f, sizeof(float), "item factors", &out->als.item_factors, err));
    MX_TRY(duplicate(alloc, gram->data, f * f, sizeof(double), "gram of item factors", &out->als.item_gram, err));
    return MERX_OK;
}

static merx_status read_neighbours(const mx_tensor_file *file, mx_recommender *out, merx_error *err)
{
    const mx_tensor *starts, *indices, *values;
    MX_TRY(mx_tensor_file_get(file, "neighbours.starts", MX_I64, -1, NULL, &starts, err));
    MX_TRY(mx_tensor_file_get(file, "neighbours.items", MX_I32, -1, NULL, &indices, err));
    MX_TRY(mx_tensor_file_get(file, "neighbours.similarities", MX_F32, -1, NULL, &values, err));
    out->neighbours = (mx_neighbours){.items = out->items, .alloc = out->alloc};
    MX_TRY(duplicate(out->alloc, starts->data, out->items + 1, sizeof(int64_t), "starts of neighbours",
                     &out->neighbours.starts, err));
    MX_TRY(
        duplicate(out->alloc, indices->data, out->links, sizeof(int32_t), "neighbours", &out->neighbours.indices, err));
    return duplicate(out->alloc, values->data, out->links, sizeof(float), "similarities", &out->neighbours.similarities,
                     err);
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
    MX_TRY_GOTO(read_neighbours(file, out, err));
    MX_TRY_GOTO(read_ids(file, out, err));
    MX_TRY_GOTO(read_real(file, "als.l2", 0, &out->als.l2, err));
    MX_TRY_GOTO(read_real(file, "als.alpha", 0, &out->als.alpha, err));
    MX_TRY_GOTO(read_real(file, "co_purchase", 0, &out->co_purchase, err));
    return MERX_OK;
out:
    mx_recommender_release(out);
    return status;
}

/* ---- scores ---- */

merx_status mx_recommender_score(const mx_recommender *model, const int32_t *history, size_t m, double *user,
                                 double *scores, merx_error *err)
{
    size_t f = (size_t)model->als.factors;
    MX_TRY(mx_als_fold_in(&model->als, history, NULL, m, user, err));
    for (size_t t = 0; t < model->items; t++)
        scores[t] = mx_kernel()->dot_float(user, model->als.item_factors + t * f, f);
    for (size_t j = 0; j < m; j++)
        for (int64_t k = model->neighbours.starts[history[j]]; k < model->neighbours.starts[history[j] + 1]; k++)
            scores[model->neighbours.indices[k]] += model->co_purchase * (double)model->neighbours.similarities[k];
    return MERX_OK;
}

/* similarity(j, t), 0 when t is not among j's neighbours. */
static double similarity(const mx_recommender *model, int32_t j, int32_t t)
{
    for (int64_t k = model->neighbours.starts[j]; k < model->neighbours.starts[j + 1]; k++)
        if (model->neighbours.indices[k] == t)
            return (double)model->neighbours.similarities[k];
    return 0;
}

/* own (m): x . y_j; spread (m): y_j' A^-1 y_j. parts: (EXPLAIN_CHUNK, m) scratch. */
static merx_status explain_history(const mx_recommender *model, const int32_t *history, size_t m, double c,
                                   double *parts, double *own, double *spread, merx_error *err)
{
    for (size_t from = 0; from < m; from += EXPLAIN_CHUNK) {
        size_t count = m - from < EXPLAIN_CHUNK ? m - from : EXPLAIN_CHUNK;
        MX_TRY(mx_als_explain_many(&model->als, history, NULL, m, history + from, count, parts, own + from, err));
        for (size_t j = 0; j < count; j++)
            spread[from + j] = parts[j * m + from + j] / c;
    }
    return MERX_OK;
}

merx_status mx_recommender_explain(const mx_recommender *model, const int32_t *history, size_t m,
                                   const int32_t *targets, size_t n, double *parts, double *without, double *scores,
                                   const merx_allocator *alloc, merx_error *err)
{
    size_t chunk = m < EXPLAIN_CHUNK ? m : EXPLAIN_CHUNK;
    double *scratch = NULL, *own = NULL;
    double w = model->als.alpha, c = 1 + w;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m * chunk, sizeof *scratch, "parts of the history", &scratch, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, 2 * m, sizeof *own, "scores of the history", &own, err));
    double *spread = own + m;
    MX_TRY_GOTO(explain_history(model, history, m, c, scratch, own, spread, err));
    MX_TRY_GOTO(mx_als_explain_many(&model->als, history, NULL, m, targets, n, parts, scores, err));
    for (size_t t = 0; t < n; t++) {
        double co = 0, als = scores[t];
        for (size_t j = 0; j < m; j++)
            co += model->co_purchase * similarity(model, history[j], targets[t]);
        for (size_t j = 0; j < m; j++) {
            /* A' = A - w y_j y_j', b' = b - c y_j: y_t' A'^-1 b' out of g = y_t' A^-1 y_j. */
            double *part = parts + t * m + j, g = *part / c,
                   mine = model->co_purchase * similarity(model, history[j], targets[t]);
            double refold = als - *part + w * g * (own[j] - c * spread[j]) / (1 - w * spread[j]);
            without[t * m + j] = (m > 1 ? refold : 0) + (co - mine);
            *part += mine;
        }
        scores[t] = als + co;
    }
out:
    MX_FREE_ARRAY(alloc, scratch, m * chunk);
    MX_FREE_ARRAY(alloc, own, 2 * m);
    return status;
}

size_t mx_recommender_best(const double *scores, const uint8_t *barred, size_t items, size_t n, int32_t *best)
{
    size_t count = 0;
    for (size_t i = 0; i < items; i++) {
        if (barred[i] || (count == n && !(scores[i] > scores[best[n - 1]])))
            continue;
        size_t at = count < n ? count++ : n - 1;
        for (; at > 0 && scores[i] > scores[best[at - 1]]; at--)
            best[at] = best[at - 1];
        best[at] = (int32_t)i;
    }
    return count;
}
