/*
 * A user of implicit ALS solved among his own items: what a fold-in (als.h) gives, in less time when they are few. Floor 4.
 *
 * Letters as in als.h; m items j, all of value 1, w = alpha, c = 1 + w. With B = Y'Y + l2 I, p_j = B^-1 y_j kept for every item, the rows p_j as P (m, f), and K_ij = y_i' p_j:
 *
 *     x = P' q,   q = c (I + w K)^-1 1            (Woodbury 1950)
 *     part_j(t) = c y_t' A^-1 y_j = c [(I + w K)^-1 P y_t]_j
 *
 * As B holds y_j y_j', y_j' p_j <= 1: I + w K has a condition number of at most 1 + w m.
 */
#ifndef MX_LEARN_ALS_HISTORY_H
#define MX_LEARN_ALS_HISTORY_H

#include "learn/factor/als.h"

/* Every item of a model, solved. */
typedef struct mx_als_solved {
    size_t items, f;
    double *rows; /* (items, f) p; NULL: B is not positive definite, and users are to be solved by mx_als_fold_in */
    const merx_allocator *alloc;
} mx_als_solved;

/* Cost O(items f^2 + f^3); memory 8 items f bytes. */
merx_status mx_als_solved_init(const mx_als *model, const merx_allocator *alloc, mx_als_solved *out,
                               merx_error *err) MERX_MUST_CHECK;
void mx_als_solved_release(mx_als_solved *solved);
/* Whether so many items are solved here in less time: above none, up to a part of f. */
bool mx_als_solved_takes(const mx_als_solved *solved, size_t m);

/* Doubles of scratch for the functions below; n: targets, 0 for a user alone. */
size_t mx_als_history_scratch(const mx_als_solved *solved, size_t m, size_t n);
/* user (f) of m distinct items of the model. Cost O(m^2 f + m^3). False: numbers overflow. */
bool mx_als_history_user(const mx_als *model, const mx_als_solved *solved, const int32_t *items, size_t m,
                         double *scratch, double *user) MERX_MUST_CHECK;
/*
 * Reasons: parts (n, m) of n targets, which sum to the targets' scores up to rounding; own (m): the scores of the items themselves; spread (m): y_j' A^-1 y_j.
 * Cost O((n + m) (m f + m^2)).
 */
bool mx_als_history_explain(const mx_als *model, const mx_als_solved *solved, const int32_t *items, size_t m,
                            const int32_t *targets, size_t n, double *scratch, double *parts, double *own,
                            double *spread) MERX_MUST_CHECK;

#endif
