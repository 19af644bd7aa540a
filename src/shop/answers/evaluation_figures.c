/*
 * Figures of an evaluation out of values per unit: means with bootstrap intervals, beside a baseline over the same units.
 */
#include <math.h>
#include <stdio.h>

#include "shop/answers/answer.h"

enum { REPLICATES = 1000 };

merx_figure *mx_evaluation_add(merx_evaluation *out, const char *name, const mx_interval *value)
{
    merx_figure *figure = &out->figure[out->figures++];
    *figure = (merx_figure){.value = value->value,
                            .low = value->low,
                            .high = value->high,
                            .baseline = NAN,
                            .difference = NAN,
                            .difference_low = NAN,
                            .difference_high = NAN,
                            .best_reachable = NAN,
                            .higher_is_better = true};
    snprintf(figure->name, sizeof figure->name, "%s", name);
    return figure;
}

merx_status mx_evaluation_add_mean(merx_evaluation *out, const char *name, const char *baseline, const double *values,
                                   const double *beside, size_t n, merx_task *task, merx_error *err)
{
    mx_interval value, difference;
    MX_TRY(mx_bootstrap_mean(values, n, REPLICATES, merx_task_seed(task), task, &value, err));
    if (beside)
        MX_TRY(mx_bootstrap_paired(values, beside, n, REPLICATES, merx_task_seed(task), task, &difference, err));
    merx_figure *figure = mx_evaluation_add(out, name, &value);
    if (!beside)
        return MERX_OK;
    figure->baseline = mx_mean(beside, n);
    figure->difference = difference.value;
    figure->difference_low = difference.low;
    figure->difference_high = difference.high;
    snprintf(figure->baseline_name, sizeof figure->baseline_name, "%s", baseline);
    return MERX_OK;
}
