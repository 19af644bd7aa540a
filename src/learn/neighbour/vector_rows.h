/*
 * The vectors of an index, and what "near" means among them. Floor 4, private to src/learn/neighbour.
 *
 * A vector stands in a slot: a row of `width` floats, its d numbers and zeros up to a multiple of MX_SIMILARITY_LANES. Cosine: brought to unit length in double, rounded once;
 * from there on cosine is the inner product. A slot whose id is negative is free and holds zeros.
 *
 * far: what searches minimise, in double: -x.y, or |x - y|^2. Order: by far, then by id: strict, so that the k nearest are a set that no way of searching can change.
 */
#ifndef MX_LEARN_NEIGHBOUR_VECTOR_ROWS_H
#define MX_LEARN_NEIGHBOUR_VECTOR_ROWS_H

#include <math.h>

#include "base/run.h"
#include "kernels/similarity.h"
#include "merx/neighbour.h"

#define MX_NO_SLOT UINT32_MAX

typedef struct mx_vector_rows {
    merx_similarity similarity;
    size_t n; /* slots */
    size_t d, width;
    const float *x;     /* (n, width) */
    const float *norms; /* (n): |y|^2 / 2 of euclidean, else |y| rounded up */
    const int64_t *ids; /* (n) */
} mx_vector_rows;

/* A vector found. */
typedef struct mx_found {
    double far;
    int64_t id; /* -1: none */
    uint32_t slot;
} mx_found;

static inline size_t mx_vector_width(size_t d)
{
    return (d + MX_SIMILARITY_LANES - 1) / MX_SIMILARITY_LANES * MX_SIMILARITY_LANES;
}

static inline const float *mx_vector_at(const mx_vector_rows *rows, size_t slot)
{
    return rows->x + slot * rows->width;
}

static inline double mx_vector_far(const mx_similarity_kernels *kernel, const mx_vector_rows *rows, const float *q,
                                   size_t slot)
{
    const float *row = mx_vector_at(rows, slot);
    return rows->similarity == MERX_EUCLIDEAN ? kernel->squared_distance(q, row, rows->width)
                                              : -kernel->dot(q, row, rows->width);
}

static inline double mx_vector_score(merx_similarity similarity, double far)
{
    return similarity == MERX_EUCLIDEAN ? sqrt(far) : 0.0 - far; /* 0 - 0 is 0, -0 would show */
}

static inline bool mx_found_before(const mx_found *a, const mx_found *b)
{
    return a->far < b->far || (a->far == b->far && a->id < b->id);
}

/*
 * Row `row` of what somebody gave, x (d), checked and made into out (width): at unit length for cosine. norm: written unless NULL, as mx_vector_rows.norms has it.
 * Errors: MERX_E_NUMERIC, MERX_E_RANGE; where: "vectors" or "queries".
 */
merx_status mx_vector_prepare(merx_similarity similarity, const float *x, size_t d, size_t row, const char *where,
                              float *out, float *norm, merx_error *err) MERX_MUST_CHECK;
/* Whether it would be taken, without making it. */
merx_status mx_vector_check(const float *x, size_t d, size_t row, const char *where, merx_error *err) MERX_MUST_CHECK;

/* The k nearest of those pushed, as a heap with the farthest on top; then in order. */
void mx_nearest_push(mx_found *heap, size_t *count, size_t k, const mx_found *found);
void mx_nearest_sort(mx_found *heap, size_t count);

#endif
