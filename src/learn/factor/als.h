/*
 * Implicit-feedback matrix factorisation by alternating least squares. Floor 4.
 *
 * Minimises sum_ui c_ui (p_ui - x_u . y_i)^2 + l2 (|x|^2 + |y|^2), c_ui = 1 + alpha r_ui, p_ui = 1 where r_ui > 0. Hu, Koren & Volinsky 2008, eq. 3-5;
 * same loss as implicit 0.7's AlternatingLeastSquares. Each row is x_u = (Y'Y + Y'(C_u - I)Y + l2 I)^-1 Y' C_u p_u: in a fit up to a tolerance, in a fold-in exactly.
 */
#ifndef MX_LEARN_ALS_H
#define MX_LEARN_ALS_H

#include "numeric/matrix.h"

typedef struct mx_als_options {
    int factors;
    double l2, alpha;
    int iterations;
    uint64_t seed;
    const uint64_t *item_keys; /* (items) random starts are keyed by these; NULL: the index */
    const float *start;        /* (items, f) item factors to start from; NULL: random */
    double tolerance;          /* of a row's residual against its right side; 0: 0.05 */
    bool items_only;           /* leave user_factors NULL: half an iteration less */
} mx_als_options;

typedef struct mx_als {
    size_t users, items;
    int factors;
    double l2, alpha;
    float *user_factors; /* (users, f); NULL in a loaded model and with items_only */
    float *item_factors; /* (items, f) */
    double *item_gram;   /* (f, f) Y'Y */
    const merx_allocator *alloc;
} mx_als;

/* ratings: users x items, r > 0. Memory beside the model: the transposed ratings, the item factors once more, half the larger side's factors, 8 f^2 (66 + threads) bytes. */
merx_status mx_als_fit(const mx_csr *ratings, const mx_als_options *options, const merx_allocator *alloc,
                       merx_task *task, mx_als *out, merx_error *err) MERX_MUST_CHECK;
/* The user vector (f) of anyone's items (each named once): the same solve as in training. values NULL: ones; m 0: zeros. Cost O(m f^2 + f^3), scratch 8 f (f + 129) bytes of the model's allocator. */
merx_status mx_als_fold_in(const mx_als *model, const int32_t *items, const float *values, size_t m, double *user,
                           merx_error *err) MERX_MUST_CHECK;
/*
 * Each past item's part of the score of `target`: part_j = y_t' A^-1 y_j c_j, A as in the fold-in, so that the parts sum to x_u . y_t exactly (Hu et al. 2008, section 5).
 * parts (m) written; returns the score in *score.
 */
merx_status mx_als_explain(const mx_als *model, const int32_t *items, const float *values, size_t m, int32_t target,
                           double *parts, double *score, merx_error *err) MERX_MUST_CHECK;
/* The same for n targets with one factorisation: parts (n, m), scores (n). Cost O(m f^2 + f^3 + n (f^2 + m f)). */
merx_status mx_als_explain_many(const mx_als *model, const int32_t *items, const float *values, size_t m,
                                const int32_t *targets, size_t n, double *parts, double *scores,
                                merx_error *err) MERX_MUST_CHECK;
void mx_als_release(mx_als *model);

#endif
