/*
 * The model of segment, whole: both groupings, the weights of features, the class of newcomers.
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
    {"min_k", MERX_OPTION_INT, 2, MX_SEGMENTS_MAX, "5", NULL, "Least number tried."},
    {"max_k", MERX_OPTION_INT, 2, MX_SEGMENTS_MAX, "8", NULL, "Greatest number tried."},
    {"tolerance", MERX_OPTION_REAL, 0, 1, "0.05", NULL,
     "The greatest number whose silhouette is within this of the best is taken."},
    {"sample", MERX_OPTION_INT, 10, 2000, "1000", NULL, "Rows of the fixed sample on which silhouettes are measured."},
    {"l2", MERX_OPTION_REAL, 0.000001, 1e6, "1", NULL, "Strength of the ridge of the new customers' regression."},
    {0},
};

/* ---- fit ---- */

/* One side: groups, profiles, k-means. labels (things) and profiles (things) are the caller's. */
static merx_status fit_side(const mx_snapshot *s, bool customers, const mx_event_groups *groups,
                            const merx_options *options, const merx_allocator *alloc, merx_task *task,
                            const double *weight, mx_profile *profiles, int32_t *labels, mx_grouping *out,
                            merx_error *err)
{
    size_t n = groups->groups;
    uint64_t *keys = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *keys, "keys", &keys, err));
    for (size_t i = 0; i < n; i++)
        keys[i] = customers ? mx_snapshot_customer_key(s, (int32_t)i) : mx_snapshot_product_key(s, (int32_t)i);
    MX_TRY_GOTO(mx_profiles(s, groups, customers, s->last_ms, task, profiles, err));
    MX_TRY_GOTO(mx_grouping_fit(profiles, keys, n, customers, weight, options, alloc, task, out, labels, err));
out:
    MX_FREE_ARRAY(alloc, keys, n);
    return status;
}

static merx_status fit_customers(const mx_snapshot *s, const merx_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_segments *out, merx_error *err)
{
    mx_event_groups groups = {0};
    mx_profile *profiles = NULL, *past = NULL;
    int32_t *labels = NULL;
    uint8_t *bought = NULL;
    double weight[MX_CUSTOMER_FEATURES];
    merx_status status;
    out->window_ms = mx_segment_window_ms(s);
    MX_TRY_GOTO(mx_event_groups_build(s, s->customer, s->customers, alloc, &groups, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *profiles, "features of customers", &profiles, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *past, "features of customers", &past, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *labels, "segments of customers", &labels, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, s->customers, sizeof *bought, "who bought again", &bought, err));
    MX_TRY_GOTO(mx_profiles_at(s, s->last_ms - out->window_ms, alloc, task, past, err));
    mx_buyers_between(s, s->last_ms - out->window_ms, s->last_ms + 1, bought);
    MX_TRY_GOTO(mx_segment_weights(past, bought, s->customers, alloc, weight, err));
    MX_TRY_GOTO(fit_side(s, true, &groups, options, alloc, task, weight, profiles, labels, &out->customers, err));
    mx_return_rates(&out->customers, past, bought, s->customers, out->customers.again);
    MX_TRY_GOTO(mx_newcomers_fit(s, &groups, profiles, options, task, out, err));
out:
    MX_FREE_ARRAY(alloc, profiles, s->customers);
    MX_FREE_ARRAY(alloc, past, s->customers);
    MX_FREE_ARRAY(alloc, labels, s->customers);
    MX_FREE_ARRAY(alloc, bought, s->customers);
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
    MX_TRY_GOTO(fit_side(s, false, &groups, options, alloc, task, NULL, profiles, labels, &out->products, err));
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
