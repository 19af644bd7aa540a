/*
 * Datasets: what models learn from. Six shapes behind one opaque type:
 *   table       typed columns: numeric, categorical, boolean, date, text, each with missing values
 *   sparse      a CSR matrix (interactions, word counts)
 *   sequences   per entity a list of items in time order
 *   batches     tensor batches pulled from the caller, not held
 *   matrix      dense numbers of the caller, float64 or float32, neither copied nor changed
 *   stream      a table that is read block by block, as often as a fit needs, and never held
 *
 * A sparse matrix or a matrix is taken whole: all of its columns are features, as they are (nothing is standardised or imputed). Columns
 * added to one stand beside it: targets and weights. The functions on columns speak of those; merx_dataset_columns counts the matrix's own.
 *
 * A dataset is immutable once built; any number of threads may read it, but for batches and streams, which one call at a time reads.
 */
#ifndef MERX_DATASET_H
#define MERX_DATASET_H

#include "merx/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_dataset merx_dataset;

typedef enum merx_dataset_shape {
    MERX_SHAPE_TABLE,
    MERX_SHAPE_SPARSE,
    MERX_SHAPE_SEQUENCES,
    MERX_SHAPE_BATCHES,
    MERX_SHAPE_MATRIX,
    MERX_SHAPE_STREAM,
    MERX_SHAPES
} merx_dataset_shape;
MERX_API const char *merx_dataset_shape_name(merx_dataset_shape shape); /* "table", "sparse" … */

typedef enum merx_column_type {
    MERX_COLUMN_NUMERIC,
    MERX_COLUMN_CATEGORICAL,
    MERX_COLUMN_BOOLEAN,
    MERX_COLUMN_DATE,
    MERX_COLUMN_TEXT,
    MERX_COLUMN_TYPES
} merx_column_type;
MERX_API const char *merx_column_type_name(merx_column_type type); /* "numeric", "categorical" … */

typedef struct merx_csv_options {
    char separator; /* 0: found */
    char quote;     /* 0: '"' */
    bool no_header;
    const char
        *missing;       /* further words that mean missing, separated by '|'; "" , NA, N/A, NaN, null, NULL always do */
    const char *types;  /* declared types, "price=numeric,zip=categorical"; others are inferred; NULL: all inferred */
    size_t max_levels;  /* more distinct words than this make a column text; 0: 1000 */
    size_t max_refused; /* this many bad rows are skipped and counted; one more fails; 0: fail on the first */
} merx_csv_options;

/*
 * Reads a CSV or JSON-lines table (also .gz, .zst). Inference looks at every value: boolean (true/false, yes/no, TRUE/FALSE; 0/1 stay numeric), then
 * numeric, then date (one format for the column), then categorical, then text.
 * A date that fits day/month and month/day alike is read day first; levels are sorted bytewise; an infinite number is an error, NaN is missing.
 * Errors name file, line, column, value and what was expected. MERX_E_PARSE for an empty file.
 * A CSV is read in one pass on all threads of the task; a column that turns out to be something wider late in the file costs a second one. Memory beside the
 * table: 2 % of spare rows, 4 bytes a truth value, some 15 MB a thread; MERX_E_LIMIT when the table will not fit the task's budget.
 * PATH.npy (numpy.save) is read as a matrix (MERX_SHAPE_MATRIX) with columns x0, x1, …: float64 and float32 in C order are borrowed from the mapped
 * file, other numbers and Fortran order are made into float64; a vector is a matrix of one column. The options do not apply.
 * PATH-idxN-ubyte and PATH.idx (also .gz, .zst) are read as merx_dataset_read_idx does with its defaults.
 * Owns: free with merx_dataset_free, before the task when one is given (its budget counts the table).
 */
MERX_API merx_status merx_dataset_read(const char *path, const merx_csv_options *options, merx_task *task,
                                       merx_dataset **out, merx_error *err) MERX_MUST_CHECK;

typedef struct merx_idx_options {
    double scale; /* values are multiplied by it; 0: 1/255 for uint8 of three dimensions or more (pictures), else 1 */
    const char
        *labels; /* file of the labels; NULL: found by name, "-images-idx3-" has "-labels-idx1-" beside it; "": none */
    const char *label_name; /* of their column; NULL: "label" */
} merx_idx_options;
/*
 * Reads an IDX file (MNIST's format, also .gz, .zst) as a matrix (MERX_SHAPE_MATRIX): rows are the first dimension, columns x0, x1, … the others, so that
 * fashion-mnist's pictures are (60000, 784). float32, but float64 for int32 and float64. The labels, whole numbers from 0, stand beside it as a categorical
 * column whose levels are those that occur, in ascending order ("0", "1", …, "10").
 * Owns: as merx_dataset_read. Errors: MERX_E_PARSE no IDX, MERX_E_CORRUPT cut short or too long, MERX_E_SHAPE another number of labels than rows.
 */
MERX_API merx_status merx_dataset_read_idx(const char *path, const merx_idx_options *options, merx_task *task,
                                           merx_dataset **out, merx_error *err) MERX_MUST_CHECK;

/* An empty table of n rows; columns are added in order, names must be new and not empty. Values are copied. Also beside a sparse matrix or a matrix. */
MERX_API merx_status merx_dataset_new_table(const merx_allocator *alloc, size_t rows, merx_dataset **out,
                                            merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dataset_add_numeric(merx_dataset *table, const char *name, const double *values,
                                              merx_error *err) MERX_MUST_CHECK; /* NaN: missing */
/* codes index levels; -1: missing. */
MERX_API merx_status merx_dataset_add_categorical(merx_dataset *table, const char *name, const int32_t *codes,
                                                  const char *const *levels, size_t n_levels,
                                                  merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dataset_add_boolean(merx_dataset *table, const char *name, const signed char *values,
                                              merx_error *err) MERX_MUST_CHECK; /* 0, 1; -1: missing */
MERX_API merx_status merx_dataset_add_date(merx_dataset *table, const char *name, const int64_t *values_ms,
                                           merx_error *err) MERX_MUST_CHECK; /* INT64_MIN: missing */
MERX_API merx_status merx_dataset_add_text(merx_dataset *table, const char *name, const char *const *values,
                                           merx_error *err) MERX_MUST_CHECK; /* NULL: missing */

/* A table of numeric columns out of a row-major (n, d) matrix; names NULL: "x0", "x1", … */
MERX_API merx_status merx_dataset_from_matrix(const merx_allocator *alloc, const double *x, size_t n, size_t d,
                                              const char *const *names, merx_dataset **out,
                                              merx_error *err) MERX_MUST_CHECK;
/*
 * A matrix dataset over the caller's row-major (n, d) numbers.
 *
 * x      kept: must live, unchanged, until the dataset is freed; never copied. NaN and infinities are refused by who learns from them
 * names  (d), copied; NULL: "x0", "x1", …
 * Errors: MERX_E_SHAPE for d = 0, MERX_E_LIMIT when n d does not fit the address space.
 */
MERX_API merx_status merx_dataset_view_matrix(const merx_allocator *alloc, const double *x, size_t n, size_t d,
                                              const char *const *names, merx_dataset **out,
                                              merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dataset_view_matrix_float(const merx_allocator *alloc, const float *x, size_t n, size_t d,
                                                    const char *const *names, merx_dataset **out,
                                                    merx_error *err) MERX_MUST_CHECK;
/* CSR; starts (n + 1), indices ascending within a row, values NULL: ones. Copied and checked. */
MERX_API merx_status merx_dataset_from_csr(const merx_allocator *alloc, size_t n, size_t d, const int64_t *starts,
                                           const int32_t *indices, const float *values, merx_dataset **out,
                                           merx_error *err) MERX_MUST_CHECK;
/* Sequences: entity i has items[starts[i] .. starts[i+1]) in time order; times_ms may be NULL. Copied and checked: items in [0, n_items). */
MERX_API merx_status merx_dataset_from_sequences(const merx_allocator *alloc, size_t n, const int64_t *starts,
                                                 const int32_t *items, const int64_t *times_ms, size_t n_items,
                                                 merx_dataset **out, merx_error *err) MERX_MUST_CHECK;

/* Tensor batches: pull fills at most max_examples examples of example_size floats (and targets), *got 0 at the end; rewind starts over. */
typedef struct merx_batch_source {
    size_t example_dims[4]; /* e.g. {28, 28, 1, 0}; a 0 ends */
    size_t target_size;     /* floats per example; 0: no targets */
    size_t examples;        /* in all; 0: unknown */
    merx_status (*pull)(void *context, size_t max_examples, float *examples, float *targets, size_t *got,
                        merx_error *err);
    merx_status (*rewind)(void *context, merx_error *err);
    void *context; /* kept */
} merx_batch_source;
MERX_API merx_status merx_dataset_from_batches(const merx_allocator *alloc, const merx_batch_source *source,
                                               merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dataset_pull(merx_dataset *batches, size_t max_examples, float *examples, float *targets,
                                       size_t *got, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dataset_rewind(merx_dataset *batches, merx_error *err) MERX_MUST_CHECK; /* or a stream */

/*
 * A table too large to hold: tables pulled one after the other. Each has the same columns (names, types, order); levels may differ. A fit reads the whole
 * several times. Results do not depend on how the rows are cut into blocks.
 */
typedef struct merx_table_source {
    /* The next block, freed by who pulls; NULL at the end. */
    merx_status (*next)(void *context, merx_dataset **block, merx_error *err);
    merx_status (*rewind)(void *context, merx_error *err);
    void (*close)(void *context); /* when the dataset is freed; NULL: nothing to do */
    void *context;                /* kept */
} merx_table_source;
MERX_API merx_status merx_dataset_from_stream(const merx_allocator *alloc, const merx_table_source *source,
                                              merx_dataset **out, merx_error *err) MERX_MUST_CHECK;
/*
 * A stream over a CSV or JSON-lines file (also .gz, .zst), as merx_dataset_read would read it; types are inferred in a first pass over the file.
 * Memory: one block. Owns: as merx_dataset_read. Errors: those of merx_dataset_read; MERX_E_CHANGED in a later pass when the file is another by then.
 */
MERX_API merx_status merx_dataset_open(const char *path, const merx_csv_options *options, merx_task *task,
                                       merx_dataset **out, merx_error *err) MERX_MUST_CHECK;

/* The next block of a stream, returned: free with merx_dataset_free; NULL at the end. merx_dataset_rewind starts over. */
MERX_API merx_status merx_dataset_next(merx_dataset *stream, merx_dataset **block, merx_error *err) MERX_MUST_CHECK;

MERX_API void merx_dataset_free(merx_dataset *dataset);
MERX_API merx_dataset_shape merx_dataset_get_shape(const merx_dataset *dataset);
MERX_API size_t merx_dataset_rows(const merx_dataset *dataset);
MERX_API size_t merx_dataset_columns(const merx_dataset *dataset);
MERX_API const float *
merx_dataset_floats(const merx_dataset *matrix); /* (rows, columns) row-major; NULL: no float32 matrix */
MERX_API const char *merx_dataset_name(const merx_dataset *dataset); /* the path it was read from, or "table" */
MERX_API uint64_t merx_dataset_refused(const merx_dataset *dataset); /* rows skipped when reading */

/* Columns of a table. */
MERX_API const char *merx_dataset_column_name(const merx_dataset *table, size_t column);
MERX_API merx_column_type merx_dataset_column_type(const merx_dataset *table, size_t column);
MERX_API int merx_dataset_find_column(const merx_dataset *table, const char *name);    /* -1: absent */
MERX_API const double *merx_dataset_numeric(const merx_dataset *table, size_t column); /* NULL: another type */
MERX_API const int32_t *merx_dataset_codes(const merx_dataset *table, size_t column);  /* categorical */
MERX_API size_t merx_dataset_levels(const merx_dataset *table, size_t column);
MERX_API const char *merx_dataset_level(const merx_dataset *table, size_t column, size_t code);
MERX_API const signed char *merx_dataset_boolean(const merx_dataset *table, size_t column);
MERX_API const int64_t *merx_dataset_date_ms(const merx_dataset *table, size_t column);
MERX_API const char *merx_dataset_text(const merx_dataset *table, size_t column,
                                       size_t row); /* text and categorical; NULL: missing */
MERX_API size_t merx_dataset_missing(const merx_dataset *table, size_t column); /* how many */

/* A new table of the rows listed (in that order, repeats allowed). Sparse and sequence datasets too. */
MERX_API merx_status merx_dataset_take(const merx_dataset *dataset, const size_t *rows, size_t n, merx_dataset **out,
                                       merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
