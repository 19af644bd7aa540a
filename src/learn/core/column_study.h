/*
 * What a pipeline needs to know of a column, learnt from tables that come one after the other. Floor 3.
 *
 * Invariant: nothing depends on how the rows are cut into tables. Moments run over blocks of 1,024 present values, combined in order.
 */
#ifndef MX_LEARN_CORE_COLUMN_STUDY_H
#define MX_LEARN_CORE_COLUMN_STUDY_H

#include "learn/core/table.h"

enum { MX_STUDY_BLOCK = 1024 };

typedef struct mx_column_study {
    const char *name; /* in the arena of its owner */
    merx_column_type type;
    bool log, keep_values;
    uint64_t rows, missing;
    double min, max; /* as written; dates in ms; NaN when there was none */
    /* Numbers: of the value after log, of dates in years since 1970. Complete after mx_column_study_end. */
    uint64_t present;
    double mean, squares; /* sum of (value - mean)^2 */
    mx_vec values;        /* double, when kept (for the median) */
    double *block;        /* (MX_STUDY_BLOCK) values not yet in mean and squares */
    size_t in_block;
    /* Categorical: the words in order of first sight, how often each came. */
    mx_dict *levels;
    mx_vec counts; /* uint64_t */
    /* Dates. */
    uint64_t months[13], days[7];
    const merx_allocator *alloc;
} mx_column_study;

/* keep_values: every value is kept until the release. Owns: free with mx_column_study_release, also after a failure. */
merx_status mx_column_study_init(mx_column_study *study, const mx_column *column, const char *name, bool log,
                                 bool keep_values, const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;
/* Adds a table's rows. A categorical column's own levels are added in their order, seen or not. MERX_E_NUMERIC for a logarithm of what is not positive. */
merx_status mx_column_study_add(mx_column_study *study, const merx_dataset *table, const mx_column *column,
                                merx_error *err) MERX_MUST_CHECK;
/* After the last rows. sorted: levels that came get ascending (bytewise) numbers, those that never came are dropped. */
merx_status mx_column_study_end(mx_column_study *study, bool sorted, merx_error *err) MERX_MUST_CHECK;
void mx_column_study_release(mx_column_study *study);

#endif
