/*
 * Does a customer's segment tell whether he buys again? Letters: n customers, m of them had bought before the split, k segments, w the length of the test.
 *
 *     | events before t1: segments are learnt | [t1, split): each segment's rate of buying again | [split, until]: tested |          t1 = split - w
 *
 * Every customer with a sale before the split is placed by his numbers at the split in one of those segments; the rate of the segment is his predicted probability; was he in the shop
 * again in [split, until]? AUC over these customers: the chance that one who came ranks before one who did not, ties counting half.
 *
 * Beside it, by the same procedure: k quantile groups of one number alone: of money, which is how a shop ranks its customers without any of this; of orders; of recency. The gate asks
 * to be surely better than money, and not surely worse than either of the others: where customers leave for good, recency alone says nearly all there is to say about coming back.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "numeric/statistics.h"
#include "shop/answers/segment_model.h"

enum { REPLICATES = 1000, RIVALS = MX_AGAIN_FIGURES, PREDICTORS = RIVALS + 1 };

static const struct rival {
    int feature;
    const char *figure, *name;
} rivals[RIVALS] = {
    {MX_C_MONEY, "auc of buying again", "quantiles of money"},
    {MX_C_ORDERS, "auc beside orders", "quantiles of orders"},
    {MX_C_RECENCY, "auc beside recency", "quantiles of recency"},
};

typedef struct again {
    const mx_evaluate *evaluate;
    const merx_allocator *alloc;
    const mx_snapshot *whole;
    int64_t t1_ms, split_ms, until_ms; /* until: one past the last event */
    size_t n, m, came;
    mx_segments segments;
    mx_profile *at_t1, *at_split; /* (n) */
    uint8_t *rated, *tested;      /* (n) bought in [t1, split), in [split, until) */
    uint8_t *label;               /* (m) */
    uint8_t *rank[PREDICTORS]; /* (m) place of the customer's group among the rates: the segments', then the rivals' */
    double *sorted;            /* (n) scratch */
} again;

/* ---- predictors ---- */

typedef struct groups {
    const mx_grouping *grouping;    /* or */
    int feature;                    /* quantiles of it */
    double bounds[MX_SEGMENTS_MAX]; /* (k - 1) */
    size_t k;
} groups;

static size_t group_of(const groups *g, const mx_profile *profile)
{
    if (g->grouping)
        return (size_t)mx_grouping_place(g->grouping, profile);
    size_t at = 0;
    while (at + 1 < g->k && profile->feature[g->feature] >= g->bounds[at])
        at++;
    return at;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void learn_bounds(const again *a, groups *g)
{
    size_t count = 0;
    for (size_t i = 0; i < a->n; i++)
        if (a->at_t1[i].sold)
            a->sorted[count++] = a->at_t1[i].feature[g->feature];
    qsort(a->sorted, count, sizeof *a->sorted, compare_double);
    for (size_t c = 1; c < g->k; c++)
        g->bounds[c - 1] = mx_quantile_sorted(a->sorted, count, (double)c / (double)g->k);
}

/* Rates of the groups in [t1, split), then each tested customer's group as its place among the rates; equal rates share a place. */
static void predict(const again *a, const groups *g, uint8_t *rank)
{
    size_t members[MX_SEGMENTS_MAX] = {0}, bought[MX_SEGMENTS_MAX] = {0}, all = 0, all_bought = 0, m = 0;
    double rate[MX_SEGMENTS_MAX];
    uint8_t place[MX_SEGMENTS_MAX] = {0};
    for (size_t i = 0; i < a->n; i++)
        if (a->at_t1[i].sold) {
            size_t c = group_of(g, &a->at_t1[i]);
            members[c]++;
            bought[c] += a->rated[i];
            all++;
            all_bought += a->rated[i];
        }
    for (size_t c = 0; c < g->k; c++)
        rate[c] = mx_smoothed_rate(bought[c], members[c], all_bought, all);
    for (size_t c = 0; c < g->k; c++)
        for (size_t other = 0; other < g->k; other++)
            place[c] += rate[other] < rate[c];
    for (size_t i = 0; i < a->n; i++)
        if (a->at_split[i].sold)
            rank[m++] = place[group_of(g, &a->at_split[i])];
}

/* ---- AUC ---- */

typedef struct comparison {
    const uint8_t *label, *own, *other; /* other NULL: the AUC itself, else the difference */
} comparison;

/* counts (2, places): who did not come, who came. NaN when one of them is nobody. */
static double auc_of(size_t counts[2][MX_SEGMENTS_MAX])
{
    double below = 0, came = 0, sum = 0;
    for (size_t p = 0; p < MX_SEGMENTS_MAX; p++) {
        sum += (double)counts[1][p] * (below + 0.5 * (double)counts[0][p]);
        below += (double)counts[0][p];
        came += (double)counts[1][p];
    }
    return below > 0 && came > 0 ? sum / (below * came) : NAN;
}

static double compare(void *context, const uint32_t *units, size_t n)
{
    const comparison *c = context;
    size_t own[2][MX_SEGMENTS_MAX] = {{0}}, other[2][MX_SEGMENTS_MAX] = {{0}};
    for (size_t i = 0; i < n; i++) {
        size_t u = units[i], label = c->label[u];
        own[label][c->own[u]]++;
        if (c->other)
            other[label][c->other[u]]++;
    }
    return auc_of(own) - (c->other ? auc_of(other) : 0);
}

static merx_status add_comparison(const again *a, merx_evaluation *out, const struct rival *rival,
                                  const mx_interval *value, const uint8_t *other, double baseline, merx_error *err)
{
    mx_interval difference;
    merx_task *task = a->evaluate->task;
    comparison pair = {a->label, a->rank[0], other};
    MX_TRY(mx_bootstrap(a->m, compare, &pair, REPLICATES, merx_task_seed(task), task, &difference, err));
    merx_figure *figure = &out->figure[out->figures++];
    *figure = (merx_figure){.value = value->value,
                            .low = value->low,
                            .high = value->high,
                            .baseline = baseline,
                            .difference = difference.value,
                            .difference_low = difference.low,
                            .difference_high = difference.high,
                            .best_reachable = NAN,
                            .higher_is_better = true};
    snprintf(figure->name, sizeof figure->name, "%s", rival->figure);
    snprintf(figure->baseline_name, sizeof figure->baseline_name, "%s", rival->name);
    return MERX_OK;
}

static double auc_of_rank(const again *a, const uint8_t *rank)
{
    size_t counts[2][MX_SEGMENTS_MAX] = {{0}};
    for (size_t i = 0; i < a->m; i++)
        counts[a->label[i]][rank[i]]++;
    return auc_of(counts);
}

static merx_status add_figures(const again *a, merx_evaluation *out, merx_error *err)
{
    groups own = {.grouping = &a->segments.customers, .k = a->segments.customers.kmeans.k};
    comparison alone = {a->label, a->rank[0], NULL};
    mx_interval value;
    merx_task *task = a->evaluate->task;
    predict(a, &own, a->rank[0]);
    MX_TRY(mx_bootstrap(a->m, compare, &alone, REPLICATES, merx_task_seed(task), task, &value, err));
    for (size_t r = 0; r < RIVALS; r++) {
        groups rival = {.feature = rivals[r].feature, .k = own.k};
        uint8_t *rank = a->rank[1 + r];
        learn_bounds(a, &rival);
        predict(a, &rival, rank);
        MX_TRY(add_comparison(a, out, &rivals[r], &value, rank, auc_of_rank(a, rank), err));
    }
    return MERX_OK;
}

/* ---- the study ---- */

static merx_status prepare(again *a, merx_error *err)
{
    merx_task *task = a->evaluate->task;
    MX_TRY(mx_alloc_array(a->alloc, a->n, sizeof(mx_profile), "features of customers", &a->at_t1, err));
    MX_TRY(mx_alloc_array(a->alloc, a->n, sizeof(mx_profile), "features of customers", &a->at_split, err));
    MX_TRY(mx_alloc_array(a->alloc, (3 + PREDICTORS) * a->n, 1, "who bought again", &a->rated, err));
    MX_TRY(mx_alloc_array(a->alloc, a->n, sizeof(double), "a feature", &a->sorted, err));
    a->tested = a->rated + a->n;
    a->label = a->tested + a->n;
    for (size_t r = 0; r < PREDICTORS; r++)
        a->rank[r] = a->label + (1 + r) * a->n;
    MX_TRY(mx_profiles_at(a->whole, a->t1_ms, a->alloc, task, a->at_t1, err));
    MX_TRY(mx_profiles_at(a->whole, a->split_ms, a->alloc, task, a->at_split, err));
    mx_buyers_between(a->whole, a->t1_ms, a->split_ms, a->rated);
    mx_buyers_between(a->whole, a->split_ms, a->until_ms, a->tested);
    for (size_t i = 0; i < a->n; i++)
        if (a->at_split[i].sold) {
            a->came += a->tested[i];
            a->label[a->m++] = a->tested[i];
        }
    return MERX_OK;
}

static bool known_sale(const mx_snapshot *s)
{
    for (size_t e = 0; e < s->events; e++)
        if (s->customer[e] >= 0 && mx_snapshot_is_sale(s, e))
            return true;
    return false;
}

merx_status mx_buying_again_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, const char **missing,
                                     merx_error *err)
{
    const mx_snapshot *whole = evaluate->snapshot;
    again a = {.evaluate = evaluate,
               .alloc = mx_allocator_or_default(evaluate->alloc),
               .whole = whole,
               .split_ms = evaluate->split_ms,
               .until_ms = whole->last_ms + 1,
               .n = whole->customers};
    merx_status status = MERX_OK;
    *missing = NULL;
    if (whole->last_ms < a.split_ms) {
        *missing = "there are no events after the split";
        return MERX_OK;
    }
    a.t1_ms = a.split_ms - (whole->last_ms - a.split_ms);
    mx_snapshot first = mx_snapshot_before(whole, a.t1_ms);
    if (!known_sale(&first)) {
        *missing = "before the split there is too little time to learn segments and their rates of buying again";
        return MERX_OK;
    }
    MX_TRY_GOTO(prepare(&a, err));
    if (a.came == 0 || a.came == a.m) {
        *missing = a.came ? "every earlier customer bought again" : "no earlier customer bought again";
        goto out;
    }
    MX_TRY_GOTO(mx_segments_fit(&first, evaluate->options, false, a.alloc, evaluate->task, &a.segments, err));
    if (a.segments.customers.kmeans.k < 2) {
        *missing = "all customers are in one segment";
        goto out;
    }
    out->test_units = a.m;
    MX_TRY_GOTO(add_figures(&a, out, err));
out:
    MX_FREE_ARRAY(a.alloc, a.at_t1, a.n);
    MX_FREE_ARRAY(a.alloc, a.at_split, a.n);
    MX_FREE_ARRAY(a.alloc, a.rated, (3 + PREDICTORS) * a.n);
    MX_FREE_ARRAY(a.alloc, a.sorted, a.n);
    mx_segments_release(&a.segments);
    return status;
}
