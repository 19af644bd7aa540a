/*
 * How good the segments are, by time: learnt before a day, then looked at on the whole.
 *
 *     buying again whether the segment tells who buys again: segment_again.c; the gate
 *     newcomers    customers who became settled after the day: the class that the regression gave their first order, against the segment in which they lay at that age; beside it the
 *                  commonest such segment of training
 *     silhouette   of the segments before the day, beside as many quantiles of money alone
 *     stability    share of the earlier customers who stay together: segments learnt before the day and on the whole, matched by majority; beside it all in one
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numeric/statistics.h"
#include "shop/answers/segment_model.h"

enum { SILHOUETTE_ROWS = 1000 };

typedef struct study {
    const mx_evaluate *evaluate;
    const merx_allocator *alloc;
    mx_snapshot before;
    const mx_snapshot *whole;
    mx_segments old, now;
    mx_event_groups groups_before, groups;
    mx_profile *profiles_before, *profiles; /* (customers) at the split, at the end */
    int32_t *then, *today;                  /* (customers) segment of old at the split, at the end; -1 */
    double *a, *b;                          /* (customers) per-unit figures */
    size_t n;                               /* customers of the snapshot */
} study;

static merx_status prepare(study *s, merx_error *err)
{
    merx_task *task = s->evaluate->task;
    s->n = s->whole->customers;
    MX_TRY(mx_event_groups_build(&s->before, s->before.customer, s->n, s->alloc, &s->groups_before, err));
    MX_TRY(mx_event_groups_build(s->whole, s->whole->customer, s->n, s->alloc, &s->groups, err));
    MX_TRY(mx_alloc_array(s->alloc, s->n, sizeof(mx_profile), "features of customers", &s->profiles_before, err));
    MX_TRY(mx_alloc_array(s->alloc, s->n, sizeof(mx_profile), "features of customers", &s->profiles, err));
    MX_TRY(mx_alloc_array(s->alloc, 2 * s->n, sizeof(int32_t), "segments of customers", &s->then, err));
    MX_TRY(mx_alloc_array(s->alloc, 2 * s->n, sizeof(double), "figures of customers", &s->a, err));
    s->today = s->then + s->n;
    s->b = s->a + s->n;
    MX_TRY(mx_profiles(&s->before, &s->groups_before, true, s->before.last_ms, task, s->profiles_before, err));
    MX_TRY(mx_profiles(s->whole, &s->groups, true, s->whole->last_ms, task, s->profiles, err));
    MX_TRY(mx_segments_fit(&s->before, s->evaluate->options, false, s->alloc, task, &s->old, err));
    MX_TRY(mx_segments_fit(s->whole, s->evaluate->options, false, s->alloc, task, &s->now, err));
    for (size_t i = 0; i < s->n; i++) {
        s->then[i] = mx_grouping_place(&s->old.customers, &s->profiles_before[i]);
        s->today[i] = mx_grouping_place(&s->old.customers, &s->profiles[i]);
    }
    return MERX_OK;
}

static void release(study *s)
{
    MX_FREE_ARRAY(s->alloc, s->profiles_before, s->n);
    MX_FREE_ARRAY(s->alloc, s->profiles, s->n);
    MX_FREE_ARRAY(s->alloc, s->then, 2 * s->n);
    MX_FREE_ARRAY(s->alloc, s->a, 2 * s->n);
    mx_event_groups_release(&s->groups_before);
    mx_event_groups_release(&s->groups);
    mx_segments_release(&s->old);
    mx_segments_release(&s->now);
}

static int32_t commonest(const size_t *counts, size_t k)
{
    int32_t best = 0;
    for (size_t c = 1; c < k; c++)
        if (counts[c] > counts[best])
            best = (int32_t)c;
    return best;
}

/* ---- newcomers ---- */

/* Customers who became settled after the split: what was foretold, what the commonest says, what came. scratch (2 * lines of one customer). */
static merx_status test_newcomers(study *s, int64_t *scratch, size_t *tested, merx_error *err)
{
    size_t counts[MX_SEGMENTS_MAX] = {0};
    *tested = 0;
    for (int pass = 0; pass < 2; pass++) { /* those settled before the split; those after it */
        int32_t usual = commonest(counts, s->old.customers.kmeans.k);
        for (size_t i = 0; i < s->n; i++) {
            int64_t settled = s->profiles[i].first_ms + s->old.settled_ms;
            if (!s->profiles[i].sold || settled > s->whole->last_ms || (settled > s->before.last_ms) != (pass == 1))
                continue;
            const int32_t *events = s->groups.events + s->groups.starts[i];
            size_t n = (size_t)(s->groups.starts[i + 1] - s->groups.starts[i]);
            int32_t segment;
            MX_TRY(mx_settled_segment(&s->old, s->whole, events, n, s->profiles[i].first_ms, scratch, &segment, err));
            if (pass == 0) {
                counts[segment]++;
                continue;
            }
            mx_newcomer newcomer;
            MX_TRY(mx_newcomer_place(&s->old, s->whole, (int32_t)i, events, n, scratch, &newcomer, err));
            s->a[*tested] = newcomer.segment == segment;
            s->b[(*tested)++] = usual == segment;
        }
    }
    return MERX_OK;
}

static merx_status study_newcomers(study *s, merx_evaluation *out, merx_error *err)
{
    size_t most = 0, n;
    int64_t *scratch;
    if (s->old.early.classes < 2)
        return MERX_OK;
    for (size_t i = 0; i < s->n; i++)
        most = (size_t)(s->groups.starts[i + 1] - s->groups.starts[i]) > most
                   ? (size_t)(s->groups.starts[i + 1] - s->groups.starts[i])
                   : most;
    MX_TRY(mx_alloc_array_raw(s->alloc, 2 * most, sizeof *scratch, "lines of a customer", &scratch, err));
    merx_status status = test_newcomers(s, scratch, &n, err);
    MX_FREE_ARRAY(s->alloc, scratch, 2 * most);
    MX_TRY(status);
    return n ? mx_evaluation_add_mean(out, "accuracy of newcomers", "commonest segment of newcomers", s->a, s->b, n,
                                      s->evaluate->task, err)
             : MERX_OK;
}

/* ---- silhouette ---- */

typedef struct ranked {
    double money;
    uint64_t key;
    size_t row;
} ranked;

static int by_key(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return (x->row > y->row) - (x->row < y->row);
}

static int by_money(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->money != y->money ? (x->money > y->money) - (x->money < y->money) : by_key(a, b);
}

/* Rows (m, d) of the sample with their segments and quantiles of money. */
static void fill_sample(const study *s, ranked *order, size_t m, double *x, int32_t *own, int32_t *quantile)
{
    size_t k = s->old.customers.kmeans.k;
    qsort(order, m, sizeof *order, by_money);
    for (size_t i = 0; i < m; i++) {
        const mx_profile *profile = &s->profiles_before[order[i].row];
        mx_grouping_row(&s->old.customers, profile->feature, x + i * s->old.customers.d);
        own[i] = s->then[order[i].row];
        quantile[i] = (int32_t)(i * k / m);
    }
}

static merx_status study_silhouette(study *s, merx_evaluation *out, merx_error *err)
{
    size_t n = 0, m = 0, d = s->old.customers.d, k = s->old.customers.kmeans.k;
    ranked *order = NULL;
    double *x = NULL, *distances = NULL;
    int32_t *labels = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(s->alloc, s->n, sizeof *order, "order of the sample", &order, err));
    for (size_t i = 0; i < s->n; i++)
        if (s->then[i] >= 0)
            order[n++] =
                (ranked){s->profiles_before[i].feature[MX_C_MONEY], mx_snapshot_customer_key(s->whole, (int32_t)i), i};
    qsort(order, n, sizeof *order, by_key);
    m = n < SILHOUETTE_ROWS ? n : SILHOUETTE_ROWS;
    MX_TRY_GOTO(mx_alloc_array_raw(s->alloc, m * d, sizeof *x, "sample", &x, err));
    MX_TRY_GOTO(mx_alloc_array_raw(s->alloc, m * m, sizeof *distances, "distances of the sample", &distances, err));
    MX_TRY_GOTO(mx_alloc_array_raw(s->alloc, 2 * m, sizeof *labels, "labels of the sample", &labels, err));
    fill_sample(s, order, m, x, labels, labels + m);
    MX_TRY_GOTO(mx_row_distances(x, m, d, s->evaluate->task, distances, err));
    mx_silhouette_rows(distances, labels, m, k, s->a);
    mx_silhouette_rows(distances, labels + m, m, k, s->b);
    MX_TRY_GOTO(mx_evaluation_add_mean(out, "silhouette", "quantiles of money", s->a, s->b, m, s->evaluate->task, err));
out:
    MX_FREE_ARRAY(s->alloc, labels, 2 * m);
    MX_FREE_ARRAY(s->alloc, distances, m * m);
    MX_FREE_ARRAY(s->alloc, x, m * d);
    MX_FREE_ARRAY(s->alloc, order, s->n);
    return status;
}

/* ---- stability ---- */

static merx_status study_stability(study *s, merx_evaluation *out, merx_error *err)
{
    size_t both[MX_SEGMENTS_MAX][MX_SEGMENTS_MAX] = {{0}}, all[MX_SEGMENTS_MAX] = {0}, n = 0;
    int32_t match[MX_SEGMENTS_MAX];
    size_t k_old = s->old.customers.kmeans.k, k_now = s->now.customers.kmeans.k;
    for (size_t i = 0; i < s->n; i++)
        if (s->then[i] >= 0) {
            both[mx_grouping_place(&s->now.customers, &s->profiles[i])][s->today[i]]++;
            all[s->today[i]]++;
        }
    for (size_t c = 0; c < k_now; c++)
        match[c] = commonest(both[c], k_old);
    int32_t usual = commonest(all, k_old);
    for (size_t i = 0; i < s->n; i++)
        if (s->then[i] >= 0) {
            s->a[n] = match[mx_grouping_place(&s->now.customers, &s->profiles[i])] == s->today[i];
            s->b[n++] = usual == s->today[i];
        }
    return mx_evaluation_add_mean(out, "stability", "all in one segment", s->a, s->b, n, s->evaluate->task, err);
}

static void judge(merx_evaluation *out, const char *missing)
{
    const merx_figure *first = &out->figure[0];
    if (missing) {
        snprintf(out->gate, sizeof out->gate, "nothing to measure: %s", missing);
        return;
    }
    bool better = first->difference_low > 0;
    const merx_figure *worst = NULL; /* a rival that is surely better */
    for (size_t f = 1; f < MX_AGAIN_FIGURES; f++)
        if (!(out->figure[f].difference_high >= 0))
            worst = &out->figure[f];
    out->gate_passed = better && !worst;
    const merx_figure *shown = better && worst ? worst : first;
    snprintf(out->gate, sizeof out->gate, "%s %.3f against %.3f of the %s: the difference is %+.3f [%+.3f, %+.3f], %s",
             first->name, shown->value, shown->baseline, shown->baseline_name, shown->difference, shown->difference_low,
             shown->difference_high,
             out->gate_passed ? "above zero"
             : better         ? "surely below zero"
                              : "not surely above zero");
}

merx_status mx_segment_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err)
{
    study s = {.evaluate = evaluate,
               .alloc = mx_allocator_or_default(evaluate->alloc),
               .whole = evaluate->snapshot,
               .before = mx_snapshot_before(evaluate->snapshot, evaluate->split_ms)};
    merx_status status = MERX_OK;
    *out = (merx_evaluation){.split_ms = evaluate->split_ms,
                             .until_ms = s.whole->last_ms,
                             .unit = "customers",
                             .train_rows = s.before.events,
                             .test_rows = s.whole->events - s.before.events};
    snprintf(out->protocol, sizeof out->protocol,
             "segments learnt and their rates of buying again measured before the split, in two stretches; which "
             "customers of before the split bought after it, ranked by the rate of their segment");
    bool sold = false;
    for (size_t e = 0; e < s.before.events && !sold; e++)
        sold = s.before.customer[e] >= 0 && mx_snapshot_is_sale(&s.before, e);
    if (!sold) {
        snprintf(out->gate, sizeof out->gate, "nothing to measure: no known customer bought before the split");
        return MERX_OK;
    }
    MX_TRY_GOTO(prepare(&s, err));
    if (s.old.customers.kmeans.k < 2) {
        snprintf(out->gate, sizeof out->gate, "nothing to measure: before the split all customers are in one segment");
        goto out;
    }
    const char *missing;
    MX_TRY_GOTO(mx_buying_again_evaluate(evaluate, out, &missing, err));
    MX_TRY_GOTO(study_newcomers(&s, out, err));
    MX_TRY_GOTO(study_silhouette(&s, out, err));
    MX_TRY_GOTO(study_stability(&s, out, err));
    judge(out, missing);
out:
    release(&s);
    return status;
}
