/*
 * Statistics with intervals: bootstrap, paired comparison, simple moments. Floor 2.
 *
 * Resampling draws are keyed by (seed, replicate, i) and reduced in fixed blocks: same bits for any number of threads.
 */
#ifndef MX_NUMERIC_STATISTICS_H
#define MX_NUMERIC_STATISTICS_H

#include "base/run.h"
#include <stdbool.h>

typedef struct mx_interval {
    double value, low, high;
} mx_interval; /* a 95 % interval around an estimate */

double mx_sum(const double *x, size_t n); /* pairwise in blocks of 128: error O(log n) ulp, order fixed */
double mx_mean(const double *x, size_t n);
double mx_variance(const double *x, size_t n);                       /* unbiased; two passes */
double mx_quantile_sorted(const double *sorted, size_t n, double p); /* linear interpolation (Hyndman & Fan type 7) */
double mx_normal_cdf(double z); /* its inverse is mx_normal_quantile of base/random.h */
double mx_student_t_cdf(double t, double degrees);
double mx_student_t_quantile(double p, double degrees);
double mx_student_t_two_sided(double t, double degrees); /* P(|T| > |t|), without loss in the tails */
double mx_f_tail(double f, double d1, double d2);        /* P(F > f) of Fisher's F; NaN for f < 0 or degrees of 0 */

/* Percentile bootstrap of the mean of per-unit values (Efron 1979); replicates >= 200, 1000 is usual. */
merx_status mx_bootstrap_mean(const double *values, size_t n, int replicates, uint64_t seed, merx_task *task,
                              mx_interval *out, merx_error *err) MERX_MUST_CHECK;
/* The same of mean(a - b) over the same units: `low > 0` says that a is better. */
merx_status mx_bootstrap_paired(const double *a, const double *b, size_t n, int replicates, uint64_t seed,
                                merx_task *task, mx_interval *out, merx_error *err) MERX_MUST_CHECK;
/* Of a ratio of sums sum(num)/sum(den), e.g. WAPE = sum|error| / sum sold, units resampled together. */
merx_status mx_bootstrap_ratio(const double *num, const double *den, size_t n, int replicates, uint64_t seed,
                               merx_task *task, mx_interval *out, merx_error *err) MERX_MUST_CHECK;
/* Any statistic of a resample: fn gets n unit indices. */
typedef double (*mx_statistic_fn)(void *context, const uint32_t *units, size_t n);
merx_status mx_bootstrap(size_t n, mx_statistic_fn fn, void *context, int replicates, uint64_t seed, merx_task *task,
                         mx_interval *out, merx_error *err) MERX_MUST_CHECK;
/* Two-sided p-value of the paired t-test and of Wilcoxon's signed-rank test (normal approximation with ties and continuity correction, as SciPy's). */
double mx_paired_t_test(const double *a, const double *b, size_t n);
merx_status mx_wilcoxon_test(const double *a, const double *b, size_t n, const merx_allocator *alloc, double *p,
                             merx_error *err) MERX_MUST_CHECK;

#endif
