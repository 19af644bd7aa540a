/*
 * A user of implicit ALS solved among his own items: what a fold-in (als.h) gives, in less time when they are few. Floor 4.
 *
 * Letters as in als.h; m items j, all of value 1, w = alpha, c = 1 + w. With B = Y'Y + l2 I = R'R, v_j = R^-T y_j, the rows v_j as V (m, f), and K = V V' (m, m):
 *
 *     x = R^-1 V' q,   q = c (I + w K)^-1 1            (Woodbury 1950)
 *     part_j(t) = c y_t' A^-1 y_j = c [(I + w K)^-1 V v_t]_j
 *
 * As B holds y_j y_j', |v_j| <= 1: I + w K has a condition number of at most 1 + w m.
 */
#ifndef MX_LEARN_ALS_HISTORY_H
#define MX_LEARN_ALS_HISTORY_H

#include "learn/factor/als.h"

/* R^-1 of a model. */
typedef struct mx_als_root {
    size_t f;
    double *
        inverse; /* (2, f, f): R^-1, zeros below the diagonal, and its transpose; NULL: B is not positive definite, and users are to be solved by mx_als_fold_in */
    const merx_allocator *alloc;
} mx_als_root;

merx_status mx_als_root_init(const mx_als *model, const merx_allocator *alloc, mx_als_root *out,
                             merx_error *err) MERX_MUST_CHECK;
void mx_als_root_release(mx_als_root *root);
/* Whether so many items are solved here in less time: above none, up to a part of f. */
bool mx_als_root_takes(const mx_als_root *root, size_t m);

/* Doubles of scratch for the functions below; n: targets, 0 for a user alone. */
size_t mx_als_history_scratch(const mx_als_root *root, size_t m, size_t n);
/* user (f) of m distinct items of the model. Cost O(m f^2 + m^2 f + m^3). False: numbers overflow. */
bool mx_als_history_user(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m, double *scratch,
                         double *user) MERX_MUST_CHECK;
/*
 * Reasons: parts (n, m) of n targets, which sum to the targets' scores up to rounding; own (m): the scores of the items themselves; spread (m): y_j' A^-1 y_j.
 * Cost O((n + m) (f^2 + m f + m^2)).
 */
bool mx_als_history_explain(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m,
                            const int32_t *targets, size_t n, double *scratch, double *parts, double *own,
                            double *spread) MERX_MUST_CHECK;

#endif
