/*
 * Metrics. Definitions as scikit-learn 1.x unless said. Floor 3. Ties are handled as stated; n = 0 gives NaN.
 */
#ifndef MX_LEARN_CORE_METRICS_H
#define MX_LEARN_CORE_METRICS_H

#include "base/run.h"
#include <stdint.h>

double mx_mean_absolute_error(const double *y, const double *predicted, size_t n);
double mx_root_mean_squared_error(const double *y, const double *predicted, size_t n);
double mx_r2(const double *y, const double *predicted, size_t n);
double mx_wape(const double *y, const double *predicted, size_t n); /* sum |y - p| / sum |y| */
/* Mean of |y - p| / |y|; as scikit-learn, a target of 0 counts as the smallest positive epsilon. */
double mx_mape(const double *y, const double *predicted, size_t n);
double mx_log_loss(const int32_t *labels, const double *probabilities, size_t n, size_t classes);
double mx_accuracy(const int32_t *labels, const int32_t *predicted, size_t n);
/* Two classes: of the second one. More: the mean over classes that occur (macro). */
double mx_f1(const int32_t *labels, const int32_t *predicted, size_t n, size_t classes);
/* Two classes: mean (p - truth)² of the second one. More: the sum over classes. */
double mx_brier(const int32_t *labels, const double *probabilities, size_t n, size_t classes);
merx_status mx_auc(const int32_t *labels, const double *scores, size_t n, const merx_allocator *alloc, double *out,
                   merx_error *err) MERX_MUST_CHECK; /* labels 0, 1; ties count half */
merx_status mx_average_precision(const int32_t *labels, const double *scores, size_t n, const merx_allocator *alloc,
                                 double *out, merx_error *err) MERX_MUST_CHECK;
/* Mean silhouette over at most `sample` rows drawn by seed (quadratic in the sample). */
merx_status mx_silhouette(const double *x, const int32_t *labels, size_t n, size_t d, size_t clusters, size_t sample,
                          uint64_t seed, merx_task *task, double *out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_adjusted_rand(const int32_t *a, const int32_t *b, size_t n, const merx_allocator *alloc, double *out,
                             merx_error *err) MERX_MUST_CHECK;

/* Ranking, one user: ranked (k) item ids, best first; relevant sorted ascending (m). Binary gains, ideal over min(m, k) (as in the literature of full ranking). */
double mx_ndcg_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m);
double mx_recall_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m); /* hits / m */
double mx_hit_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m);
double mx_reciprocal_rank(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m);

#endif
