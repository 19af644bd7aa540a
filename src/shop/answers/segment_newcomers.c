/*
 * Newcomers: the segment in which a customer will lie once he is settled, from his first order alone, by multinomial logistic regression.
 *
 * Settled is an age: the median time from the first to the second order, at least 14 and at most 90 days. It is learnt on all customers who are that old; y is the segment of
 * their numbers as they were at just that age, x their first order. So the question is asked of everyone at one age, and it is not whether he is new: "who begins like this, what does
 * he become". Segments that nobody settled in are no class.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "numeric/statistics.h"
#include "shop/answers/segment_model.h"

enum { LEAST_SETTLED = 20, LEAST_DAYS = 14, MOST_DAYS = 90 };

static merx_status fit_countries(const mx_snapshot *s, const mx_profile *profiles, mx_segments *out, merx_error *err)
{
    out->n_countries = s->countries;
    MX_TRY(mx_alloc_array(out->alloc, s->countries, sizeof *out->country_share, "countries", &out->country_share, err));
    MX_TRY(mx_dict_new(out->alloc, s->countries ? s->countries : 1, &out->countries, err));
    for (size_t c = 0; c < s->countries; c++) {
        int32_t code;
        MX_TRY(mx_dict_add(out->countries, s->country_name[c], &code, NULL, err));
    }
    size_t buying = 0;
    for (size_t c = 0; c < s->customers; c++)
        if (profiles[c].sold) {
            buying++;
            if (s->customer_country[c] >= 0)
                out->country_share[s->customer_country[c]]++;
        }
    for (size_t c = 0; c < s->countries; c++)
        out->country_share[c] /= buying ? (double)buying : 1;
    return MERX_OK;
}

double mx_segments_country_share(const mx_segments *segments, const mx_snapshot *snapshot, int32_t customer)
{
    int32_t country = snapshot->customer_country[customer];
    int32_t code = country >= 0 ? mx_dict_find(segments->countries, snapshot->country_name[country]) : -1;
    return code >= 0 ? segments->country_share[code] : 0;
}

void mx_segments_early_row(const mx_segments *segments, const double *columns, double *row)
{
    for (size_t j = 0; j < MX_EARLY_COLUMNS; j++)
        row[j] = (columns[j] - segments->early_mean[j]) / segments->early_scale[j];
}

/* ---- settling ---- */

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Days from the first sale to the next day with one; NaN: there is none. */
static double days_to_second(const mx_snapshot *s, const int32_t *events, size_t n)
{
    int64_t first = INT64_MIN;
    for (size_t k = 0; k < n; k++) {
        size_t e = (size_t)events[k];
        if (!mx_snapshot_is_sale(s, e))
            continue;
        if (first == INT64_MIN)
            first = s->time_ms[e];
        else if (mx_floor_day(s->time_ms[e]) != mx_floor_day(first))
            return (double)(s->time_ms[e] - first) / (double)MX_DAY_MS;
    }
    return NAN;
}

static int64_t settled_age(const mx_snapshot *s, const mx_event_groups *groups, double *days)
{
    size_t m = 0;
    for (size_t c = 0; c < groups->groups; c++) {
        double d =
            days_to_second(s, groups->events + groups->starts[c], (size_t)(groups->starts[c + 1] - groups->starts[c]));
        if (!isnan(d))
            days[m++] = d;
    }
    qsort(days, m, sizeof *days, compare_double);
    double median = m > 0 ? ceil(mx_quantile_sorted(days, m, 0.5)) : MOST_DAYS;
    return (int64_t)(median < LEAST_DAYS ? LEAST_DAYS : median > MOST_DAYS ? MOST_DAYS : median) * MX_DAY_MS;
}

merx_status mx_settled_segment(const mx_segments *segments, const mx_snapshot *s, const int32_t *events, size_t n,
                               int64_t first_ms, int64_t *scratch, int32_t *segment, merx_error *err)
{
    int64_t then = first_ms + segments->settled_ms;
    size_t until = 0;
    mx_profile profile;
    while (until < n && s->time_ms[events[until]] < then)
        until++;
    MX_TRY(mx_customer_profile(s, events, until, then, scratch, &profile, err));
    *segment = mx_grouping_place(&segments->customers, &profile);
    return MERX_OK;
}

/* ---- the regression ---- */

/* First orders x (m, columns) and the segments (m) of those old enough, in the customers' order. */
static merx_status early_table(const mx_snapshot *s, const mx_event_groups *groups, const mx_profile *profiles,
                               const mx_segments *segments, int64_t *scratch, double *x, int32_t *settled, size_t *m,
                               merx_error *err)
{
    *m = 0;
    for (size_t c = 0; c < groups->groups; c++) {
        const int32_t *events = groups->events + groups->starts[c];
        size_t n = (size_t)(groups->starts[c + 1] - groups->starts[c]);
        if (!profiles[c].sold || profiles[c].first_ms + segments->settled_ms > s->last_ms)
            continue;
        double value[MX_EARLY_FEATURES];
        bool sold;
        MX_TRY(mx_settled_segment(segments, s, events, n, profiles[c].first_ms, scratch, &settled[*m], err));
        MX_TRY(mx_early_columns(s, events, n, mx_segments_country_share(segments, s, (int32_t)c), scratch,
                                x + *m * MX_EARLY_COLUMNS, value, &sold, err));
        ++*m;
    }
    return MERX_OK;
}

static void standardise_early(mx_segments *out, double *x, size_t m, double *column)
{
    for (size_t j = 0; j < MX_EARLY_COLUMNS; j++) {
        for (size_t i = 0; i < m; i++)
            column[i] = x[i * MX_EARLY_COLUMNS + j];
        out->early_mean[j] = mx_mean(column, m);
        double variance = m > 1 ? mx_variance(column, m) : 0;
        out->early_scale[j] = variance > 1e-12 ? sqrt(variance) : 1;
        for (size_t i = 0; i < m; i++)
            x[i * MX_EARLY_COLUMNS + j] = variance > 1e-12 ? (column[i] - out->early_mean[j]) / out->early_scale[j] : 0;
    }
}

/* Segments to classes: those that occur, ascending. Returns how many. */
static size_t number_classes(mx_segments *out, int32_t *settled, size_t m)
{
    int32_t class_of[MX_SEGMENTS_MAX];
    bool occurs[MX_SEGMENTS_MAX] = {false};
    size_t classes = 0;
    for (size_t i = 0; i < m; i++)
        occurs[settled[i]] = true;
    for (int32_t c = 0; c < MX_SEGMENTS_MAX; c++)
        if (occurs[c]) {
            class_of[c] = (int32_t)classes;
            out->early_segment[classes++] = c;
        }
    for (size_t i = 0; i < m; i++)
        settled[i] = class_of[settled[i]];
    return classes;
}

static merx_status fit_early(const mx_snapshot *s, const mx_event_groups *groups, const mx_profile *profiles,
                             const merx_options *options, merx_task *task, mx_segments *out, int64_t *scratch,
                             double *x, int32_t *settled, merx_error *err)
{
    size_t m, n = groups->groups;
    out->settled_ms = settled_age(s, groups, x);
    if (out->customers.kmeans.k < 2)
        return MERX_OK;
    MX_TRY(early_table(s, groups, profiles, out, scratch, x, settled, &m, err));
    size_t classes = number_classes(out, settled, m);
    if (m < LEAST_SETTLED || classes < 2)
        return MERX_OK;
    standardise_early(out, x, m, x + n * MX_EARLY_COLUMNS);
    mx_logistic_options logistic = {.l2 = merx_options_real(options, "l2"), .max_iterations = 200, .tolerance = 1e-4};
    return mx_logistic_fit(x, settled, NULL, m, MX_EARLY_COLUMNS, classes, &logistic, out->alloc, task, &out->early,
                           err);
}

merx_status mx_newcomers_fit(const mx_snapshot *s, const mx_event_groups *groups, const mx_profile *profiles,
                             const merx_options *options, merx_task *task, mx_segments *out, merx_error *err)
{
    size_t n = groups->groups, most = 0;
    const merx_allocator *alloc = out->alloc;
    int64_t *scratch = NULL;
    double *x = NULL;
    int32_t *settled = NULL;
    merx_status status;
    for (size_t j = 0; j < MX_EARLY_COLUMNS; j++)
        out->early_scale[j] = 1;
    for (size_t c = 0; c < n; c++)
        most = (size_t)(groups->starts[c + 1] - groups->starts[c]) > most
                   ? (size_t)(groups->starts[c + 1] - groups->starts[c])
                   : most;
    MX_TRY_GOTO(fit_countries(s, profiles, out, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, 2 * most, sizeof *scratch, "lines of a customer", &scratch, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n * (MX_EARLY_COLUMNS + 1), sizeof *x, "first orders", &x, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *settled, "segments", &settled, err));
    MX_TRY_GOTO(fit_early(s, groups, profiles, options, task, out, scratch, x, settled, err));
out:
    MX_FREE_ARRAY(alloc, scratch, 2 * most);
    MX_FREE_ARRAY(alloc, x, n * (MX_EARLY_COLUMNS + 1));
    MX_FREE_ARRAY(alloc, settled, n);
    return status;
}

merx_status mx_newcomer_place(const mx_segments *segments, const mx_snapshot *s, int32_t customer,
                              const int32_t *events, size_t n, int64_t *scratch, mx_newcomer *out, merx_error *err)
{
    double columns[MX_EARLY_COLUMNS], probabilities[MX_SEGMENTS_MAX];
    bool sold;
    *out = (mx_newcomer){0};
    MX_TRY(mx_early_columns(s, events, n, mx_segments_country_share(segments, s, customer), scratch, columns,
                            out->value, &sold, err));
    mx_segments_early_row(segments, columns, out->row);
    mx_logistic_probabilities(&segments->early, out->row, probabilities);
    for (size_t c = 1; c < segments->early.classes; c++)
        if (probabilities[c] > probabilities[out->class_index])
            out->class_index = c;
    out->probability = probabilities[out->class_index];
    out->segment = segments->early_segment[out->class_index];
    return MERX_OK;
}
