/*
 * The inside of a dataset, for learn/core and the families. Floor 3. Everything a dataset holds lives in its arena.
 */
#ifndef MX_LEARN_CORE_TABLE_H
#define MX_LEARN_CORE_TABLE_H

#include "base/str.h"
#include "io/file.h"
#include "merx/dataset.h"
#include "numeric/matrix.h"

#define MX_DATASET_MAX_COLUMNS ((size_t)1 << 20)

typedef struct mx_column {
    const char *name;
    merx_column_type type;
    size_t missing;
    union {
        double *numeric;      /* NaN: missing; never infinite */
        int32_t *codes;       /* -1: missing */
        signed char *boolean; /* -1: missing */
        int64_t *date_ms;     /* INT64_MIN: missing */
        const char **text;    /* NULL: missing */
    } as;
    const char **levels; /* categorical */
    size_t n_levels;
} mx_column;

typedef struct mx_sequences {
    size_t n, n_items;
    const int64_t *starts, *times_ms; /* times_ms may be NULL */
    const int32_t *items;
} mx_sequences;

/* A matrix (rows, d): one of x and x_float. */
typedef struct mx_dense {
    size_t d;
    const double *x;
    const float *x_float;
    const char **names; /* (d) */
} mx_dense;

/* Rows that lie on consecutive lines of a file: rows from `row` on, up to the next run. */
typedef struct mx_line_run {
    size_t row;
    uint64_t line;
} mx_line_run;

struct merx_dataset {
    const merx_allocator *alloc;
    mx_arena arena;
    merx_dataset_shape shape;
    const char *name;
    size_t rows;
    uint64_t refused;
    mx_vec columns;               /* mx_column: the table's, or those beside a matrix */
    const mx_line_run *line_runs; /* ascending; of the file it was read from; NULL */
    size_t n_line_runs;
    mx_csr csr;
    mx_sequences sequences;
    merx_batch_source source;
    mx_dense dense;
    merx_table_source stream;
    mx_map map; /* of the file that dense points into */
};

/* A matrix out of an NPY file (dataset_npy.c). */
merx_status mx_dataset_read_npy(const char *path, merx_task *task, merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_dataset_new(const merx_allocator *alloc, merx_dataset_shape shape, const char *name, size_t rows,
                           merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
/* A new column of the type with values allocated in the arena, all zero, for the caller to fill (then mx_column_count_missing). */
merx_status mx_dataset_add(merx_dataset *table, const char *name, merx_column_type type, mx_column **out,
                           merx_error *err) MERX_MUST_CHECK;
void mx_column_count_missing(mx_column *column, size_t rows);
const mx_column *mx_dataset_column(const merx_dataset *table, size_t column);
mx_csr mx_dataset_csr(const merx_dataset *sparse);
const mx_sequences *mx_dataset_sequences(const merx_dataset *sequences);
uint64_t mx_dataset_line(const merx_dataset *dataset, size_t row); /* of the file; 0: not known */
/* Where a row came from, for messages: "shop.csv:42", or "table, row 41" (the first row is 0). out >= 224 bytes. */
void mx_dataset_where(const merx_dataset *dataset, size_t row, char out[224]);
/* MERX_E_NOT_FOUND with the nearest name when the table has no such column. what: "target", "weight" … */
merx_status mx_dataset_need_column(const merx_dataset *table, const char *name, const char *what, size_t *column,
                                   merx_error *err) MERX_MUST_CHECK;
/* The value as text, as it would be written in a file: "" when missing. Written to out (>= 32 bytes) or borrowed from the dataset. */
const char *mx_dataset_cell(const mx_column *column, size_t row, char *out);

#endif
