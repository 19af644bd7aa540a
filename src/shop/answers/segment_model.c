/*
 * The model of segment, whole: both groupings, the class of new customers, and their file.
 *
 * The class of a new customer is learnt on all customers: the columns are those of the first order alone and the days since, the label the segment he is in now. So the
 * question is "who begins like this, where is he after so many days", and it can be asked for a customer who came after training.
 */
#include "shop/answers/segment_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "numeric/statistics.h"

const merx_option mx_segment_training[] = {
    {"k", MERX_OPTION_INT, 0, MX_SEGMENTS_MAX, "0", NULL, "Number of segments of customers; 0: chosen by silhouette."},
    {"product_k", MERX_OPTION_INT, 0, MX_SEGMENTS_MAX, "0", NULL,
     "Number of groups of products; 0: chosen by silhouette."},
    {"min_k", MERX_OPTION_INT, 2, MX_SEGMENTS_MAX, "2", NULL, "Least number tried."},
    {"max_k", MERX_OPTION_INT, 2, MX_SEGMENTS_MAX, "8", NULL, "Greatest number tried."},
    {"tolerance", MERX_OPTION_REAL, 0, 1, "0.05", NULL,
     "The greatest number whose silhouette is within this of the best is taken."},
    {"sample", MERX_OPTION_INT, 10, 2000, "1000", NULL, "Rows of the fixed sample on which silhouettes are measured."},
    {"l2", MERX_OPTION_REAL, 0.000001, 1e6, "1", NULL, "Strength of the ridge of the new customers' regression."},
    {0},
};

/* ---- fit ---- */

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

/* Columns of the first orders of the labelled customers: x (m, columns) and their labels, in the customers' order. */
static merx_status early_table(const mx_snapshot *s, const mx_event_groups *groups, const int32_t *labels,
                               const mx_segments *segments, const merx_allocator *alloc, double *x, int32_t *classes,
                               size_t *m, merx_error *err)
{
    size_t most = 0;
    for (size_t c = 0; c < s->customers; c++)
        most = (size_t)(groups->starts[c + 1] - groups->starts[c]) > most
                   ? (size_t)(groups->starts[c + 1] - groups->starts[c])
                   : most;
    int64_t *scratch;
    MX_TRY(mx_alloc_array_raw(alloc, most, sizeof *scratch, "lines of a customer", &scratch, err));
    merx_status status = MERX_OK;
    *m = 0;
    for (size_t c = 0; c < s->customers && status == MERX_OK; c++) {
        if (labels[c] < 0)
            continue;
        double value[MX_EARLY_FEATURES];
        bool sold;
        status = mx_early_columns(
            s, groups->events + groups->starts[c], (size_t)(groups->starts[c + 1] - groups->starts[c]), s->last_ms,
            mx_segments_country_share(segments, s, (int32_t)c), scratch, x + *m * MX_EARLY_COLUMNS, value, &sold, err);
        classes[(*m)++] = labels[c];
    }
    MX_FREE_ARRAY(alloc, scratch, most);
    return status;
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

static merx_status fit_early(const mx_snapshot *s, const mx_event_groups *groups, const int32_t *labels,
                             const merx_options *options, const merx_allocator *alloc, merx_task *task,
                             mx_segments *out, merx_error *err)
{
    size_t n = out->customers.n, m;
    double *x = NULL;
    int32_t *classes = NULL;
    merx_status status;
    for (size_t j = 0; j < MX_EARLY_COLUMNS; j++)
        out->early_scale[j] = 1;
    if (out->customers.kmeans.k < 2)
        return MERX_OK;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n * (MX_EARLY_COLUMNS + 1), sizeof *x, "first orders", &x, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *classes, "segments", &classes, err));
    MX_TRY_GOTO(early_table(s, groups, labels, out, alloc, x, classes, &m, err));
    standardise_early(out, x, m, x + n * MX_EARLY_COLUMNS);
    mx_logistic_options logistic = {.l2 = merx_options_real(options, "l2"), .max_iterations = 200, .tolerance = 1e-4};
    MX_TRY_GOTO(mx_logistic_fit(x, classes, NULL, m, MX_EARLY_COLUMNS, out->customers.kmeans.k, &logistic, alloc, task,
                                &out->early, err));
out:
    MX_FREE_ARRAY(alloc, x, n * (MX_EARLY_COLUMNS + 1));
    MX_FREE_ARRAY(alloc, classes, n);
    return status;
}

/* One side: groups, profiles, k-means. labels (things) and profiles (things) are the caller's. */
static merx_status fit_side(const mx_snapshot *s, bool customers, const mx_event_groups *groups,
                            const merx_options *options, const merx_allocator *alloc, merx_task *task,
                            mx_profile *profiles, int32_t *labels, mx_grouping *out, merx_error *err)
{
    size_t n = groups->groups;
    uint64_t *keys = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *keys, "keys", &keys, err));
    for (size_t i = 0; i < n; i++)
        keys[i] = customers ? mx_snapshot_customer_key(s, (int32_t)i) : mx_snapshot_product_key(s, (int32_t)i);
    MX_TRY_GOTO(mx_profiles(s, groups, customers, s->last_ms, task, profiles, err));
    MX_TRY_GOTO(mx_grouping_fit(profiles, keys, n, customers, options, alloc, task, out, labels, err));
out:
    MX_FREE_ARRAY(alloc, keys, n);
    return status;
}

static merx_status fit_customers(const mx_snapshot *s, const merx_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_segments *out, merx_error *err)
{
    mx_event_groups groups = {0};
    mx_profile *profiles = NULL;
    int32_t *labels = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_event_groups_build(s, s->customer, s->customers, alloc, &groups, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *profiles, "features of customers", &profiles, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *labels, "segments of customers", &labels, err));
    MX_TRY_GOTO(fit_side(s, true, &groups, options, alloc, task, profiles, labels, &out->customers, err));
    MX_TRY_GOTO(fit_countries(s, profiles, out, err));
    MX_TRY_GOTO(fit_early(s, &groups, labels, options, alloc, task, out, err));
out:
    MX_FREE_ARRAY(alloc, profiles, s->customers);
    MX_FREE_ARRAY(alloc, labels, s->customers);
    mx_event_groups_release(&groups);
    return status;
}

static merx_status fit_products(const mx_snapshot *s, const merx_options *options, const merx_allocator *alloc,
                                merx_task *task, mx_segments *out, merx_error *err)
{
    mx_event_groups groups = {0};
    mx_profile *profiles = NULL;
    int32_t *labels = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_event_groups_build(s, s->product, s->products, alloc, &groups, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->products, sizeof *profiles, "features of products", &profiles, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->products, sizeof *labels, "groups of products", &labels, err));
    MX_TRY_GOTO(fit_side(s, false, &groups, options, alloc, task, profiles, labels, &out->products, err));
out:
    MX_FREE_ARRAY(alloc, profiles, s->products);
    MX_FREE_ARRAY(alloc, labels, s->products);
    mx_event_groups_release(&groups);
    return status;
}

merx_status mx_segments_fit(const mx_snapshot *snapshot, const merx_options *options, bool with_products,
                            const merx_allocator *alloc, merx_task *task, mx_segments *out, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *out = (mx_segments){.alloc = alloc, .until_ms = snapshot->last_ms};
    if (merx_options_int(options, "min_k") > merx_options_int(options, "max_k"))
        MX_FAIL(err, MERX_E_INVALID, "segment", "min_k is %lld, above max_k, %lld",
                (long long)merx_options_int(options, "min_k"), (long long)merx_options_int(options, "max_k"));
    uint64_t sample = (uint64_t)merx_options_int(options, "sample");
    MX_TRY(mx_task_require_memory(
        task, snapshot->events * 4 + (snapshot->customers + snapshot->products) * 512 + sample * sample * 8,
        "training segment", err));
    mx_task_stage(task, "segment", 0, "");
    merx_status status;
    MX_TRY_GOTO(fit_customers(snapshot, options, alloc, task, out, err));
    MX_TRY_GOTO(mx_task_step(task, 0, err));
    if (with_products)
        MX_TRY_GOTO(fit_products(snapshot, options, alloc, task, out, err));
    mx_task_done(task);
    return MERX_OK;
out:
    mx_segments_release(out);
    return status;
}

void mx_segments_release(mx_segments *segments)
{
    if (!segments->alloc)
        return;
    mx_grouping_release(&segments->customers);
    mx_grouping_release(&segments->products);
    mx_logistic_release(&segments->early);
    MX_FREE_ARRAY(segments->alloc, segments->country_share, segments->n_countries);
    mx_dict_free(segments->countries);
    *segments = (mx_segments){0};
}
