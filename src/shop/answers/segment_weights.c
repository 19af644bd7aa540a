/*
 * How much each feature of a customer counts: as much as it tells who buys again. Letters: n customers, d features, w the window.
 *
 * The events' last stretch, the window, is held back. Each customer is looked at as he was when it began, and was he in the shop again within it? The weight of a feature is
 * (2 AUC - 1)^2 of that feature alone, over the largest: 1 for the most telling one, 0 for one that says nothing. Distances then run along what matters to a shop, and the
 * segments differ in who comes back. Where too few came back, or too few did not, all features count alike.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/metrics.h"
#include "shop/answers/segment_model.h"

enum { LEAST_OF_EACH = 20 };

int64_t mx_segment_window_ms(const mx_snapshot *snapshot)
{
    int64_t tenth = (snapshot->last_ms - snapshot->first_ms) / 10, least = 7 * MX_DAY_MS, most = 60 * MX_DAY_MS;
    return tenth < least ? least : tenth > most ? most : tenth;
}

void mx_buyers_between(const mx_snapshot *snapshot, int64_t from_ms, int64_t until_ms, uint8_t *bought)
{
    memset(bought, 0, snapshot->customers);
    for (size_t e = 0; e < snapshot->events; e++)
        if (snapshot->time_ms[e] >= from_ms && snapshot->time_ms[e] < until_ms && snapshot->customer[e] >= 0 &&
            mx_snapshot_is_sale(snapshot, e))
            bought[snapshot->customer[e]] = 1;
}

merx_status mx_profiles_at(const mx_snapshot *snapshot, int64_t at_ms, const merx_allocator *alloc, merx_task *task,
                           mx_profile *out, merx_error *err)
{
    mx_snapshot before = mx_snapshot_before(snapshot, at_ms);
    mx_event_groups groups = {0};
    merx_status status;
    MX_TRY_GOTO(mx_event_groups_build(&before, before.customer, before.customers, alloc, &groups, err));
    MX_TRY_GOTO(mx_profiles(&before, &groups, true, at_ms, task, out, err));
out:
    mx_event_groups_release(&groups);
    return status;
}

/* Weights from the labels (m) of the profiles with a sale; scores (m) is scratch. */
static merx_status weigh(const mx_profile *profiles, size_t n, const int32_t *labels, size_t m,
                         const merx_allocator *alloc, double *scores, double *weight, merx_error *err)
{
    double most = 0;
    for (size_t j = 0; j < MX_CUSTOMER_FEATURES; j++) {
        size_t at = 0;
        for (size_t i = 0; i < n; i++)
            if (profiles[i].sold)
                scores[at++] = profiles[i].feature[j];
        double auc;
        MX_TRY(mx_auc(labels, scores, m, alloc, &auc, err));
        weight[j] = (2 * auc - 1) * (2 * auc - 1);
        most = weight[j] > most ? weight[j] : most;
    }
    for (size_t j = 0; j < MX_CUSTOMER_FEATURES; j++)
        weight[j] = most > 0 ? fmax(weight[j] / most, MX_LEAST_WEIGHT) : 1;
    return MERX_OK;
}

merx_status mx_segment_weights(const mx_profile *past, const uint8_t *bought, size_t n, const merx_allocator *alloc,
                               double *weight, merx_error *err)
{
    int32_t *labels = NULL;
    double *scores = NULL;
    size_t m = 0, again = 0;
    merx_status status;
    for (size_t j = 0; j < MX_CUSTOMER_FEATURES; j++)
        weight[j] = 1;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *labels, "who bought again", &labels, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *scores, "a feature", &scores, err));
    for (size_t i = 0; i < n; i++)
        if (past[i].sold) {
            again += bought[i];
            labels[m++] = bought[i];
        }
    if (again >= LEAST_OF_EACH && m - again >= LEAST_OF_EACH)
        MX_TRY_GOTO(weigh(past, n, labels, m, alloc, scores, weight, err));
out:
    MX_FREE_ARRAY(alloc, labels, n);
    MX_FREE_ARRAY(alloc, scores, n);
    return status;
}

void mx_return_rates(const mx_grouping *g, const mx_profile *past, const uint8_t *bought, size_t n, double *rate)
{
    size_t members[MX_SEGMENTS_MAX] = {0}, again[MX_SEGMENTS_MAX] = {0}, all = 0, all_again = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t c = mx_grouping_place(g, &past[i]);
        if (c < 0)
            continue;
        members[c]++;
        again[c] += bought[i];
        all++;
        all_again += bought[i];
    }
    for (size_t c = 0; c < g->kmeans.k; c++)
        rate[c] = all ? mx_smoothed_rate(again[c], members[c], all_again, all) : NAN;
}

double mx_smoothed_rate(size_t part, size_t of, size_t all_part, size_t all)
{
    enum { PRIOR = 10 }; /* as many customers of the shop's own rate are added */
    return ((double)part + PRIOR * (double)all_part / (double)all) / ((double)of + PRIOR);
}
