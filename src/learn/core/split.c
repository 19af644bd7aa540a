/*
 * Splits and folds. A row's place comes from the hash of (seed, key), ranked; ties by key, then by row.
 */
#include "learn/core/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define FOLD_TAG UINT64_C(0x666f6c6473)  /* "folds" */
#define SPLIT_TAG UINT64_C(0x73706c6974) /* "split" */

typedef struct ranked {
    int32_t label;
    uint64_t rank, key;
    size_t row;
} ranked;

static int compare_ranked(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static merx_status check_folds(size_t n, int k, merx_error *err)
{
    if (k < 2)
        MX_FAIL(err, MERX_E_RANGE, "folds", "%d is not a number of folds (expected at least 2)", k);
    if ((size_t)k > n)
        MX_FAIL(err, MERX_E_RANGE, "folds", "%d folds need at least as many rows; there are %zu", k, n);
    return MERX_OK;
}

/* Deals the rows, sorted by (label, rank), to the folds in turn; the next class goes on where the last one stopped. */
static merx_status deal(const int32_t *labels, size_t n, int k, const uint64_t *keys, uint64_t seed,
                        const merx_allocator *alloc, int32_t *folds, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    ranked *rows = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, n, &rows, "rows of folds", err));
    for (size_t i = 0; i < n; i++) {
        uint64_t key = keys != NULL ? keys[i] : i;
        rows[i] = (ranked){labels != NULL ? labels[i] : 0, mx_random_key(seed, FOLD_TAG, key), key, i};
    }
    qsort(rows, n, sizeof *rows, compare_ranked);
    for (size_t i = 0; i < n; i++)
        folds[rows[i].row] = (int32_t)(i % (size_t)k);
    MX_FREE_ARRAY(alloc, rows, n);
    return MERX_OK;
}

merx_status mx_folds_random(size_t n, int k, const uint64_t *keys, uint64_t seed, const merx_allocator *alloc,
                            int32_t *folds, merx_error *err)
{
    MX_TRY(check_folds(n, k, err));
    return deal(NULL, n, k, keys, seed, alloc, folds, err);
}

merx_status mx_folds_stratified(const int32_t *labels, size_t n, size_t classes, int k, const uint64_t *keys,
                                uint64_t seed, const merx_allocator *alloc, int32_t *folds, merx_error *err)
{
    MX_TRY(check_folds(n, k, err));
    for (size_t i = 0; i < n; i++)
        if (labels[i] < 0 || (size_t)labels[i] >= classes)
            MX_FAIL(err, MERX_E_RANGE, "folds", "row %zu: class %d is not in [0, %zu)", i, (int)labels[i], classes);
    return deal(labels, n, k, keys, seed, alloc, folds, err);
}

typedef struct group {
    size_t size;
    int32_t number;
} group;

static int compare_groups(const void *a, const void *b)
{
    const group *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

merx_status mx_folds_group(const int32_t *groups, size_t n, size_t n_groups, int k, const merx_allocator *alloc,
                           int32_t *folds, merx_error *err)
{
    MX_TRY(check_folds(n, k, err));
    for (size_t i = 0; i < n; i++)
        if (groups[i] < 0 || (size_t)groups[i] >= n_groups)
            MX_FAIL(err, MERX_E_RANGE, "folds", "row %zu: group %d is not in [0, %zu)", i, (int)groups[i], n_groups);
    alloc = mx_allocator_or_default(alloc);
    group *by_size = NULL;
    size_t *load = NULL;
    int32_t *fold_of = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n_groups, &by_size, "groups", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, (size_t)k, &load, "folds", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n_groups, &fold_of, "groups", err));
    size_t present = 0;
    for (size_t g = 0; g < n_groups; g++)
        by_size[g].number = (int32_t)g;
    for (size_t i = 0; i < n; i++)
        present += by_size[groups[i]].size++ == 0;
    if (present < (size_t)k)
        MX_FAIL_GOTO(err, MERX_E_RANGE, "folds", "%d folds need at least as many groups; there are %zu", k, present);
    qsort(by_size, n_groups, sizeof *by_size, compare_groups);
    for (size_t g = 0; g < n_groups; g++) {
        size_t least = 0;
        for (size_t f = 1; f < (size_t)k; f++)
            if (load[f] < load[least])
                least = f;
        load[least] += by_size[g].size;
        fold_of[by_size[g].number] = (int32_t)least;
    }
    for (size_t i = 0; i < n; i++)
        folds[i] = fold_of[groups[i]];
out:
    MX_FREE_ARRAY(alloc, by_size, n_groups);
    MX_FREE_ARRAY(alloc, load, (size_t)k);
    MX_FREE_ARRAY(alloc, fold_of, n_groups);
    return status;
}

void mx_split_time(const int64_t *times_ms, size_t n, int64_t at_ms, signed char *test)
{
    for (size_t i = 0; i < n; i++)
        test[i] = times_ms[i] >= at_ms;
}

void mx_split_random(size_t n, double test_share, const uint64_t *keys, uint64_t seed, signed char *test)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t drawn = mx_random_key(seed, SPLIT_TAG, keys != NULL ? keys[i] : i);
        test[i] = (double)(drawn >> 11) * 0x1p-53 < test_share;
    }
}
