/*
 * Silhouette widths row by row, for the interval around their mean. Floor 3. Rousseeuw 1987; Euclidean; a cluster of one has width 0.
 */
#ifndef MX_LEARN_CORE_SILHOUETTE_H
#define MX_LEARN_CORE_SILHOUETTE_H

#include "base/run.h"

/* widths: room for min(sample, n) (sample 0: all); *count written, 0 when the sample has fewer than two clusters. */
merx_status mx_silhouette_widths(const double *x, const int32_t *labels, size_t n, size_t d, size_t clusters,
                                 size_t sample, uint64_t seed, merx_task *task, double *widths, size_t *count,
                                 merx_error *err) MERX_MUST_CHECK;

#endif
