/*
 * Splits of rows into train and test, and folds. Floor 3. A row's side depends on (seed, key of the row), never on its position, where keys are given.
 */
#ifndef MX_LEARN_CORE_SPLIT_H
#define MX_LEARN_CORE_SPLIT_H

#include "base/memory.h"
#include <stdint.h>

/* folds (n) written: fold of each row in [0, k). keys NULL: the row number is the key. */
merx_status mx_folds_random(size_t n, int k, const uint64_t *keys, uint64_t seed, const merx_allocator *alloc,
                            int32_t *folds, merx_error *err) MERX_MUST_CHECK;
/* Sizes of each class differ by at most one between folds. */
merx_status mx_folds_stratified(const int32_t *labels, size_t n, size_t classes, int k, const uint64_t *keys,
                                uint64_t seed, const merx_allocator *alloc, int32_t *folds,
                                merx_error *err) MERX_MUST_CHECK;
/* All rows of a group share a fold; folds are filled greedily, largest group first (as scikit-learn's GroupKFold). */
merx_status mx_folds_group(const int32_t *groups, size_t n, size_t n_groups, int k, const merx_allocator *alloc,
                           int32_t *folds, merx_error *err) MERX_MUST_CHECK;
/* test (n) written: 1 where time >= at. */
void mx_split_time(const int64_t *times_ms, size_t n, int64_t at_ms, signed char *test);
/* Random hold-out of a share, by key. */
void mx_split_random(size_t n, double test_share, const uint64_t *keys, uint64_t seed, signed char *test);

#endif
