/*
 * How good the recommendations are: learn from the sales before a day, rank every product learnt for each customer who bought before and after, leave out what he
 * had bought already, and look for what he bought new. NDCG@20 with binary gains and recall@20, beside item-kNN (cosine, 100 neighbours, plain sum) and popularity.
 *
 * Letters: u tested customers, i items. The interval of a figure resamples customers; differences are paired by customer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/metrics.h"
#include "numeric/statistics.h"
#include "shop/answers/recommender.h"

/* Of more customers than CUSTOMERS about so many are tested, chosen by a hash of their ids: the interval is then narrow already, and each costs a ranking of all products. */
enum { TOP = 20, USERS_A_BLOCK = 16, KNN_KEEP = 100, CUSTOMERS = 20000 };

typedef enum ranker { BLEND, KNN, POPULAR, RANKERS } ranker;

typedef struct test {
    const mx_sales *sales;
    const mx_recommender *model;
    const mx_item_lists *knn;
    const int32_t *popular;                  /* (items) most bought first */
    size_t n, of;                            /* customers tested, of so many */
    int32_t *rows;                           /* (n) */
    int64_t *starts;                         /* (n + 1) */
    int32_t *relevant;                       /* ascending within a customer */
    size_t lines;                            /* of test sales, with repeats, of all customers */
    double *ndcg[RANKERS], *recall[RANKERS]; /* (n) */
    merx_task *task;
} test;

/* ---- what was bought new ---- */

typedef struct pair {
    int32_t row, item, customer;
} pair;

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->row != y->row)
        return (x->row > y->row) - (x->row < y->row);
    return (x->item > y->item) - (x->item < y->item);
}

/* The row and item of a test sale that is new to a known customer; false: not one. */
static bool is_new_sale(const mx_snapshot *s, const mx_sales *sales, size_t e, pair *out)
{
    if (s->customer[e] < 0 || !mx_snapshot_is_sale(s, e))
        return false;
    *out = (pair){sales->customer_row[s->customer[e]], sales->product_item[s->product[e]], s->customer[e]};
    return out->row >= 0 && out->item >= 0 && !mx_sales_has(sales, (size_t)out->row, out->item);
}

/* Of sorted pairs those of chosen customers; returns how many. *of: how many customers there were. */
static size_t choose(const mx_snapshot *s, pair *pairs, size_t lines, size_t *of)
{
    size_t customers = 0, kept = 0;
    for (size_t k = 0; k < lines; k++)
        customers += k == 0 || pairs[k].row != pairs[k - 1].row;
    *of = customers;
    if (customers <= CUSTOMERS)
        return lines;
    uint64_t limit = UINT64_MAX / customers * CUSTOMERS;
    for (size_t k = 0; k < lines; k++)
        if (mx_snapshot_customer_key(s, pairs[k].customer) <= limit)
            pairs[kept++] = pairs[k];
    return kept;
}

static merx_status collect(const mx_snapshot *s, int64_t split_ms, test *t, const merx_allocator *alloc,
                           merx_error *err)
{
    pair *pairs = NULL, one;
    size_t lines = 0, at = 0, kept = 0;
    merx_status status = MERX_OK;
    for (size_t e = 0; e < s->events; e++)
        lines += s->time_ms[e] >= split_ms && is_new_sale(s, t->sales, e, &one);
    t->lines = lines;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, lines, sizeof *pairs, "test sales", &pairs, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, lines, sizeof *t->rows, "tested customers", &t->rows, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, lines + 1, sizeof *t->starts, "tested customers", &t->starts, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, lines, sizeof *t->relevant, "test sales", &t->relevant, err));
    for (size_t e = 0; e < s->events; e++)
        if (s->time_ms[e] >= split_ms && is_new_sale(s, t->sales, e, &one))
            pairs[at++] = one;
    if (lines > 1)
        qsort(pairs, lines, sizeof *pairs, compare_pairs);
    at = choose(s, pairs, lines, &t->of);
    for (size_t k = 0; k < at; k++) {
        if (k > 0 && compare_pairs(&pairs[k], &pairs[k - 1]) == 0)
            continue;
        if (k == 0 || pairs[k].row != pairs[k - 1].row) {
            t->starts[t->n] = (int64_t)kept;
            t->rows[t->n++] = pairs[k].row;
        }
        t->relevant[kept++] = pairs[k].item;
    }
    t->starts[t->n] = (int64_t)kept;
out:
    MX_FREE_ARRAY(alloc, pairs, lines);
    return status;
}

/* ---- ranking ---- */

static void measure(const test *t, size_t u, ranker which, const int32_t *ranked, size_t k)
{
    const int32_t *relevant = t->relevant + t->starts[u];
    size_t m = (size_t)(t->starts[u + 1] - t->starts[u]);
    /* The ideal is over TOP places, also when fewer products are there to rank: the list is filled with what no customer buys. */
    int32_t list[TOP];
    for (size_t i = 0; i < TOP; i++)
        list[i] = i < k ? ranked[i] : -1;
    t->ndcg[which][u] = mx_ndcg_at_k(list, TOP, relevant, m);
    t->recall[which][u] = mx_recall_at_k(list, TOP, relevant, m);
}

static merx_status rank_block(void *context, size_t block, merx_error *err)
{
    const test *t = context;
    size_t items = t->model->items, f = (size_t)t->model->als.factors;
    const merx_allocator *alloc = merx_task_allocator(t->task);
    double *scores = NULL;
    uint8_t *barred = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, items + f, sizeof *scores, "scores", &scores, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, items, 1, "products left out", &barred, err));
    size_t end = (block + 1) * USERS_A_BLOCK < t->n ? (block + 1) * USERS_A_BLOCK : t->n;
    for (size_t u = block * USERS_A_BLOCK; u < end; u++) {
        const int32_t *history = t->sales->indices + t->sales->starts[t->rows[u]];
        size_t m = (size_t)(t->sales->starts[t->rows[u] + 1] - t->sales->starts[t->rows[u]]), k = 0;
        int32_t best[TOP];
        for (size_t j = 0; j < m; j++)
            barred[history[j]] = 1;
        MX_TRY_GOTO(mx_recommender_score(t->model, history, m, scores + items, scores, err));
        k = mx_recommender_best(scores, barred, items, TOP, best);
        measure(t, u, BLEND, best, k);
        memset(scores, 0, items * sizeof *scores);
        mx_item_lists_score(t->knn, history, NULL, m, 1, scores);
        k = mx_recommender_best(scores, barred, items, TOP, best);
        measure(t, u, KNN, best, k);
        k = 0;
        for (size_t i = 0; i < items && k < TOP; i++)
            if (!barred[t->popular[i]])
                best[k++] = t->popular[i];
        measure(t, u, POPULAR, best, k);
        for (size_t j = 0; j < m; j++)
            barred[history[j]] = 0;
    }
out:
    MX_FREE_ARRAY(alloc, scores, items + f);
    MX_FREE_ARRAY(alloc, barred, items);
    return status;
}

/* Most bought first, ties to the lower item: by counting, as there are few numbers of buyers. */
static merx_status order_by_buyers(const mx_sales *sales, const merx_allocator *alloc, int32_t *order, merx_error *err)
{
    size_t rows = sales->matrix.rows, items = sales->matrix.columns;
    int64_t *starts = NULL;
    MX_TRY(mx_alloc_array(alloc, rows + 2, sizeof *starts, "numbers of buyers", &starts, err));
    for (size_t i = 0; i < items; i++)
        starts[rows - (size_t)sales->buyers[i] + 1]++;
    for (size_t b = 0; b <= rows; b++)
        starts[b + 1] += starts[b];
    for (size_t i = 0; i < items; i++)
        order[starts[rows - (size_t)sales->buyers[i]]++] = (int32_t)i;
    MX_FREE_ARRAY(alloc, starts, rows + 2);
    return MERX_OK;
}

/* ---- figures ---- */

static merx_status report(const test *t, merx_evaluation *out, merx_task *task, merx_error *err)
{
    MX_TRY(mx_evaluation_add_mean(out, "ndcg@20", "item-kNN", t->ndcg[BLEND], t->ndcg[KNN], t->n, task, err));
    MX_TRY(mx_evaluation_add_mean(out, "recall@20", "item-kNN", t->recall[BLEND], t->recall[KNN], t->n, task, err));
    MX_TRY(mx_evaluation_add_mean(out, "ndcg@20 over popularity", "popularity", t->ndcg[BLEND], t->ndcg[POPULAR], t->n,
                                  task, err));
    MX_TRY(mx_evaluation_add_mean(out, "recall@20 over popularity", "popularity", t->recall[BLEND], t->recall[POPULAR],
                                  t->n, task, err));
    const merx_figure *first = &out->figure[0];
    out->gate_passed = first->difference_low > 0;
    snprintf(out->gate, sizeof out->gate,
             "ndcg@20 %.4f against %.4f of item-kNN: the difference is %+.4f [%+.4f, %+.4f], %s", first->value,
             first->baseline, first->difference, first->difference_low, first->difference_high,
             out->gate_passed ? "above zero" : "not surely above zero");
    return MERX_OK;
}

static void release(test *t, const merx_allocator *alloc)
{
    MX_FREE_ARRAY(alloc, t->rows, t->lines);
    MX_FREE_ARRAY(alloc, t->starts, t->lines + 1);
    MX_FREE_ARRAY(alloc, t->relevant, t->lines);
    MX_FREE_ARRAY(alloc, t->ndcg[0], 2 * RANKERS * t->n);
}

static merx_status run(const mx_evaluate *evaluate, const merx_allocator *alloc, test *t, int32_t *popular,
                       merx_evaluation *out, merx_error *err)
{
    t->popular = popular;
    MX_TRY(order_by_buyers(t->sales, alloc, popular, err));
    double *values;
    MX_TRY(mx_alloc_array(alloc, 2 * RANKERS * t->n, sizeof *values, "figures of customers", &values, err));
    for (size_t s = 0; s < RANKERS; s++) {
        t->ndcg[s] = values + s * t->n;
        t->recall[s] = values + (RANKERS + s) * t->n;
    }
    mx_task_stage(evaluate->task, "evaluate recommend", t->n, "customers");
    MX_TRY(mx_parallel(evaluate->task, (t->n + USERS_A_BLOCK - 1) / USERS_A_BLOCK, rank_block, t, err));
    MX_TRY(report(t, out, evaluate->task, err));
    mx_task_done(evaluate->task);
    return MERX_OK;
}

merx_status mx_recommend_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err)
{
    const merx_allocator *alloc = mx_allocator_or_default(evaluate->alloc);
    const mx_snapshot *whole = evaluate->snapshot;
    mx_snapshot before = mx_snapshot_before(whole, evaluate->split_ms);
    mx_sales sales = {0};
    mx_recommender model = {0};
    mx_item_lists knn = {0};
    int32_t *popular = NULL;
    test t = {.sales = &sales, .model = &model, .knn = &knn, .task = evaluate->task};
    merx_status status;
    *out = (merx_evaluation){.split_ms = evaluate->split_ms, .until_ms = whole->last_ms, .unit = "customers"};
    snprintf(out->protocol, sizeof out->protocol,
             "learnt from sales of goods before the split; for customers who bought before and after it all products "
             "learnt are ranked, "
             "those he had bought left out; relevant: what he bought after it for the first time");
    MX_TRY_GOTO(mx_sales_build(&before, alloc, &sales, err));
    MX_TRY_GOTO(collect(whole, evaluate->split_ms, &t, alloc, err));
    out->train_rows = sales.sales;
    out->test_rows = t.lines;
    out->test_units = t.n;
    if (t.of > t.n) {
        size_t size = strlen(out->protocol);
        snprintf(out->protocol + size, sizeof out->protocol - size,
                 "; %zu of %zu customers, chosen by a hash of their ids", t.n, t.of);
    }
    if (t.n == 0) {
        snprintf(out->gate, sizeof out->gate,
                 "nothing to measure: no customer bought before the split and something new after it");
        goto out;
    }
    MX_TRY_GOTO(mx_recommender_fit(&before, &sales, evaluate->options, false, alloc, evaluate->task, &model, err));
    MX_TRY_GOTO(mx_neighbours_fit(&sales.matrix, &(mx_neighbours_options){.similarity = MX_COSINE, .keep = KNN_KEEP},
                                  alloc, evaluate->task, &knn, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, sales.matrix.columns, sizeof *popular, "products by buyers", &popular, err));
    MX_TRY_GOTO(run(evaluate, alloc, &t, popular, out, err));
out:
    MX_FREE_ARRAY(alloc, popular, sales.matrix.columns);
    release(&t, alloc);
    mx_item_lists_release(&knn);
    mx_recommender_release(&model);
    mx_sales_release(&sales);
    return status;
}
