/*
 * Folds of an elastic net's cross-validation: sums of each fold's rows in one pass over all of them, sums added up, and the error on rows held out,
 * which the sums give without reading them. For elastic_net.c. Floor 4.
 */
#ifndef MX_LEARN_ELASTIC_NET_FOLDS_H
#define MX_LEARN_ELASTIC_NET_FOLDS_H

#include "learn/linear/elastic_net.h"
#include "learn/linear/linear_sums.h"

/* parts (folds) written: zeroed first, to be released by the caller. A fold without weight keeps weight 0 and no arrays. Dense rows, or a sparse design. */
merx_status mx_net_sum_folds(const mx_design *design, mx_design_rows *rows, const mx_elastic_net_options *options,
                             merx_task *task, mx_linear_sums *parts, merx_error *err) MERX_MUST_CHECK;
/* Those of all parts but `without` (folds: of all), by Chan, Golub & LeVeque's update of centred sums, in order. weight 0 when none has any. */
merx_status mx_net_sum_but(const mx_linear_sums *parts, int folds, int without, size_t d, bool raw,
                           const merx_allocator *alloc, mx_linear_sums *out, merx_error *err) MERX_MUST_CHECK;
/* sum w (y - b0 - b x)^2 over a part's rows. */
double mx_net_squared_error(const mx_linear_sums *part, const double *b, double intercept);

#endif
