/*
 * The model of recommend: fit (its file: recommender_file.c; scores and reasons: recommender_scores.c). Letters: i, t items; f factors.
 *
 * The strength of the factors' ridge follows the data unless it is set. A matrix of n x d random ones of density p has largest singular value about
 * sqrt(p (1 - p)) (sqrt n + sqrt d) (Bai & Yin 1988), and the ridge of ALS acts as a threshold on singular values (Srebro et al. 2005): twice that edge keeps what
 * can't be chance. On the UCI Online Retail shop this is 31, where validation on October 2011 put the optimum between 20 and 40. The ridge of EASE stands beside the
 * squares of the singular values: one and a half times the edge's square, 360 there; validation on August to October 2011 put the optimum between 200 and 500.
 */
#include "shop/answers/recommender.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

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
    {"co_purchase", MERX_OPTION_REAL, 0, 1000, "0.06", NULL, "Weight of the similarity beside the other two."},
    {"als_weight", MERX_OPTION_REAL, 0, 1000, "0.25", NULL, "Weight of the factors' score."},
    {"recent_days", MERX_OPTION_INT, 0, 36500, "30", NULL,
     "Days at the end of the sales that tell what is bought now; 0: all times count alike."},
    {"ease_weight", MERX_OPTION_REAL, 0, 1000, "1", NULL,
     "Weight of EASE, the linear model of products; 0: without it, and what it takes to learn."},
    {"ease_l2", MERX_OPTION_REAL, 0.001, 1e9, NULL, NULL,
     "Strength of EASE's ridge; unset: found from the number of customers, products and purchases."},
    {"ease_keep", MERX_OPTION_INT, 1, 100000, "100", NULL, "Largest weights of EASE kept for each product."},
    {"ease_max_items", MERX_OPTION_INT, 0, 1000000, "10000", NULL,
     "Shops with more products go without EASE: it takes 4 bytes and a product's time for each pair, products cubed."},
    {0},
};

static mx_similarity similarity_of(const merx_options *options)
{
    const char *name = merx_options_text(options, "similarity");
    return strcmp(name, "cosine") == 0 ? MX_COSINE : strcmp(name, "lift") == 0 ? MX_LIFT : MX_JACCARD;
}

/* The largest singular value of chance. */
static double edge_of(const mx_sales *sales)
{
    double n = (double)sales->matrix.rows, d = (double)sales->matrix.columns;
    double p = (double)sales->starts[sales->matrix.rows] / (n * d);
    return sqrt(p * (1 - p)) * (sqrt(n) + sqrt(d));
}

static double l2_of(const mx_sales *sales, const merx_options *options)
{
    if (merx_options_is_set(options, "l2"))
        return merx_options_real(options, "l2");
    return fmax(2 * edge_of(sales), 0.1);
}

static double ease_l2_of(const mx_sales *sales, const merx_options *options)
{
    if (merx_options_is_set(options, "ease_l2"))
        return merx_options_real(options, "ease_l2");
    return fmax(1.5 * edge_of(sales) * edge_of(sales), 0.1);
}

static bool takes_ease(const mx_sales *sales, const merx_options *options)
{
    return merx_options_real(options, "ease_weight") > 0 &&
           sales->matrix.columns <= (size_t)merx_options_int(options, "ease_max_items");
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

static bool is_learnt_sale(const mx_snapshot *s, size_t e)
{
    return s->customer[e] >= 0 && mx_snapshot_is_sale(s, e);
}

/* trend (items) written: counts distinct customers of the last days. */
static merx_status fit_trend(const mx_snapshot *s, const mx_sales *sales, int64_t days, float *trend,
                             const merx_allocator *alloc, merx_error *err)
{
    size_t items = sales->matrix.columns, entries = (size_t)sales->starts[sales->matrix.rows];
    uint8_t *recent = NULL;
    int64_t last_ms = INT64_MIN, all = 0, all_recent = 0;
    for (size_t i = 0; i < items; i++)
        trend[i] = 1;
    if (days == 0)
        return MERX_OK;
    for (size_t e = 0; e < s->events; e++)
        if (s->time_ms[e] > last_ms && is_learnt_sale(s, e))
            last_ms = s->time_ms[e];
    MX_TRY(mx_alloc_array(alloc, entries, 1, "recent purchases", &recent, err));
    for (size_t e = 0; e < s->events; e++)
        if (s->time_ms[e] > last_ms - days * MX_DAY_MS && is_learnt_sale(s, e)) {
            int64_t at =
                mx_sales_find(sales, (size_t)sales->customer_row[s->customer[e]], sales->product_item[s->product[e]]);
            if (at >= 0)
                recent[at] = 1;
        }
    for (size_t i = 0; i < items; i++)
        trend[i] = 0;
    for (size_t at = 0; at < entries; at++) {
        trend[sales->indices[at]] += recent[at]; /* whole numbers below 2^24: exact */
        all_recent += recent[at];
    }
    for (size_t i = 0; i < items; i++)
        all += sales->buyers[i];
    /* A gamma prior of mean 1 by its moments (Robbins 1956): E (c - e)^2 = e (1 - share) + e^2 / k. */
    double share = all ? (double)all_recent / (double)all : 0, beyond = 0, squares = 0;
    for (size_t i = 0; i < items; i++) {
        double e = sales->buyers[i] * share, c = (double)trend[i];
        beyond += (c - e) * (c - e) - e * (1 - share);
        squares += e * e;
    }
    double k = squares / beyond;
    for (size_t i = 0; i < items; i++)
        trend[i] = beyond > 0 ? (float)(((double)trend[i] + k) / (sales->buyers[i] * share + k)) : 1;
    MX_FREE_ARRAY(alloc, recent, entries);
    return MERX_OK;
}

merx_status mx_recommender_fit(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                               bool counts_only, const merx_allocator *alloc, merx_task *task, mx_recommender *out,
                               merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    bool with_ease = takes_ease(sales, options);
    double ease_weight = merx_options_real(options, "ease_weight"),
           als_weight = merx_options_real(options, "als_weight");
    *out = (mx_recommender){.alloc = alloc,
                            .items = sales->matrix.columns,
                            .customers = sales->matrix.rows,
                            .ease_weight = with_ease ? ease_weight : 0,
                            .als_weight = with_ease ? als_weight : als_weight + ease_weight,
                            .co_purchase = merx_options_real(options, "co_purchase")};
    merx_status status;
    mx_ease_options ease = {.l2 = ease_l2_of(sales, options), .keep = (size_t)merx_options_int(options, "ease_keep")};
    uint64_t f = (uint64_t)merx_options_int(options, "factors"),
             keep = (uint64_t)merx_options_int(options, "neighbours");
    uint64_t bytes = (out->items + out->customers) * f * 4 + f * f * 32 + out->items * keep * 16 +
                     (uint64_t)sales->starts[sales->matrix.rows] * 12;
    if (with_ease && !counts_only)
        bytes += mx_ease_bytes(out->items, ease.keep, (size_t)merx_task_threads(task));
    MX_TRY(mx_task_require_memory(task, bytes, "training recommend", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->items, sizeof *out->buyers, "buyers of items", &out->buyers, err));
    if (out->items)
        memcpy(out->buyers, sales->buyers, out->items * sizeof *out->buyers);
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, out->items, sizeof *out->trend, "trend of items", &out->trend, err));
    MX_TRY_GOTO(fit_trend(snapshot, sales, merx_options_int(options, "recent_days"), out->trend, alloc, err));
    mx_neighbours_options neighbours = {
        .similarity = similarity_of(options), .keep = (size_t)keep, .shrink = merx_options_real(options, "shrink")};
    MX_TRY_GOTO(mx_neighbours_fit(&sales->matrix, &neighbours, alloc, task, &out->neighbours, err));
    if (with_ease && !counts_only)
        MX_TRY_GOTO(mx_ease_fit(&sales->matrix, &ease, alloc, task, &out->ease, err));
    else
        MX_TRY_GOTO(mx_item_lists_none(out->items, alloc, &out->ease, err));
    if (!counts_only) {
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
    mx_recommender_index_release(model);
    MX_FREE_ARRAY(model->alloc, model->buyers, model->items);
    MX_FREE_ARRAY(model->alloc, model->trend, model->items);
    mx_als_release(&model->als);
    mx_item_lists_release(&model->ease);
    mx_item_lists_release(&model->neighbours);
    mx_dict_free(model->ids);
    *model = (mx_recommender){0};
}

void mx_recommender_fingerprint(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                                uint64_t seed, char out[17])
{
    double numbers[] = {l2_of(sales, options),
                        merx_options_real(options, "alpha"),
                        (double)merx_options_int(options, "factors"),
                        (double)merx_options_int(options, "iterations"),
                        takes_ease(sales, options) ? ease_l2_of(sales, options) : 0,
                        (double)merx_options_int(options, "ease_keep")};
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
