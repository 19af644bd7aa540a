/*
 * Tables made row by row out of CSV or JSON lines (dataset_read_rows.c has the idea): once the columns are learnt, one table after the other. Floor 3.
 */
#ifndef MX_LEARN_CORE_ROWS_TABLE_H
#define MX_LEARN_CORE_ROWS_TABLE_H

#include "base/clock.h"
#include "io/rows.h"
#include "learn/core/table.h"

/* What a column may be. */
typedef struct mx_guess {
    char *name;
    size_t name_size;
    bool declared;
    merx_column_type type; /* when declared; else settled after the first pass */
    bool can_boolean, can_numeric;
    unsigned dates, dates_before; /* bits of mx_date_format; before the row */
    uint64_t seen;                /* values that are not missing */
    mx_dict *words;               /* NULL once there are too many */
    bool too_many;
    int32_t *order; /* (words) code by first sight -> sorted level */
    size_t order_count;
    mx_date_format format;
    double number; /* the row's value, when it was last looked at as a number or a date */
    int64_t date_ms;
} mx_guess;

typedef struct mx_rows_table {
    const char *path;                /* kept */
    const merx_csv_options *options; /* kept */
    const merx_allocator *alloc;     /* of everything, the tables too */
    merx_task *task;                 /* of the progress; may be set to NULL between calls */
    mx_rows *rows;
    mx_vec guesses; /* mx_guess */
    size_t max_levels;
    uint64_t kept, refused_first;  /* good and bad rows of the first pass; later ones also refuse what is infinite */
    uint64_t refused, given, seen; /* of this pass */
    merx_dataset *table;
    mx_line_run *runs; /* of the table */
} mx_rows_table;

/* The first pass, with path, options, alloc and task set. Release it also after a failure. */
merx_status mx_rows_table_learn(mx_rows_table *r, merx_error *err) MERX_MUST_CHECK;
merx_status mx_rows_table_rewind(mx_rows_table *r, merx_error *err) MERX_MUST_CHECK;
/* The next `most` good rows, fewer or none at the end. MERX_E_CHANGED when the file is not what the first pass saw. */
merx_status mx_rows_table_next(mx_rows_table *r, size_t most, merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
void mx_rows_table_release(mx_rows_table *r);

#endif
