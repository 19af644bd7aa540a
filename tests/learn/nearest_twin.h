/*
 * Vectors for the tests of nearest neighbours, and search too simple to be wrong: every vector measured by the plain kernels, all sorted by (far, id).
 */
#ifndef TESTS_NEAREST_TWIN_H
#define TESTS_NEAREST_TWIN_H

#include "base/random.h"
#include "kernels/similarity.h"
#include "merx/neighbour.h"
#include "support/check.h"

/* Normal numbers around some centres; spread 0: all of a centre are equal. */
CHECK_UNUSED static float *twin_vectors(size_t n, size_t d, size_t centres, double spread, uint64_t seed)
{
    float *x = malloc(n * d * sizeof *x + 1);
    for (size_t i = 0; i < n; i++) {
        mx_random at, around;
        mx_random_init(&around, seed, i);
        mx_random_init(&at, 1, mx_random_below(&around, centres));
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = (float)(mx_random_normal(&at) + spread * mx_random_normal(&around));
    }
    return x;
}

typedef struct twin_found {
    double far;
    int64_t id;
} twin_found;

CHECK_UNUSED static int twin_before(const void *a, const void *b)
{
    const twin_found *x = a, *y = b;
    if (x->far != y->far)
        return x->far < y->far ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Over the vectors that the index says it keeps under ids (n); query as it is kept, too. */
CHECK_UNUSED static void twin_search(const merx_nearest *index, const int64_t *ids, size_t n, const float *query,
                                     size_t k, merx_neighbour *out)
{
    const mx_similarity_kernels *plain = mx_similarity_kernels_of(MX_ISA_REF);
    merx_nearest_info info = merx_nearest_describe(index);
    size_t width = (info.width + 7) / 8 * 8;
    twin_found *all = malloc(n * sizeof *all + 1);
    for (size_t i = 0; i < n; i++) {
        const float *row = merx_nearest_vector(index, ids[i]);
        assert_non_null(row);
        all[i] = (twin_found){info.similarity == MERX_EUCLIDEAN ? plain->squared_distance(query, row, width)
                                                                : -plain->dot(query, row, width),
                              ids[i]};
    }
    qsort(all, n, sizeof *all, twin_before);
    for (size_t j = 0; j < k; j++)
        out[j] = j >= n ? (merx_neighbour){-1, NAN}
                        : (merx_neighbour){all[j].id,
                                           info.similarity == MERX_EUCLIDEAN ? sqrt(all[j].far) : 0.0 - all[j].far};
    free(all);
}

CHECK_UNUSED static void twin_check(const merx_neighbour *got, const merx_neighbour *want, size_t k, const char *what,
                                    size_t query)
{
    for (size_t j = 0; j < k; j++)
        if (got[j].id != want[j].id || (got[j].id >= 0 && memcmp(&got[j].score, &want[j].score, sizeof(double)) != 0))
            check_die(__FILE__, __LINE__, "%s, query %zu, neighbour %zu: %lld at %.17g, not %lld at %.17g", what, query,
                      j, (long long)got[j].id, got[j].score, (long long)want[j].id, want[j].score);
}

CHECK_UNUSED static double twin_recall(const merx_neighbour *got, const merx_neighbour *exact, size_t m, size_t k)
{
    size_t hits = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++)
            hits += got[i * k + j].id >= 0 && (exact[i * k].score >= exact[i * k + k - 1].score
                                                   ? got[i * k + j].score >= exact[i * k + k - 1].score
                                                   : got[i * k + j].score <= exact[i * k + k - 1].score);
    return (double)hits / (double)(m * k);
}

#endif
