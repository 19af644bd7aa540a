/*
 * The model contract: what a family of models implements. Floor 3. Adding a family is one file in its folder and one line in src/learn/families.c.
 *
 * A family sees a design: numbers only. The pipeline (learn/core/pipeline.h) makes it out of a table, and turns the family's
 * per-design-column contributions back into contributions of source columns.
 */
#ifndef MX_LEARN_CORE_FAMILY_H
#define MX_LEARN_CORE_FAMILY_H

#include "io/tensor_file.h"
#include "merx/model.h"
#include "numeric/matrix.h"

/* A design's number v stands for v * scale + shift in the units of the table (of its logarithm where the name says so). */
typedef struct mx_unit {
    double shift, scale;
} mx_unit;

typedef struct mx_design {
    size_t n, d;
    const double *x;       /* (n, d) row-major; may be the caller's own memory; NULL for sparse and float designs */
    const float *x_float;  /* (n, d) row-major; families with MERX_TAKES_FLOAT alone; NULL */
    mx_csr csr;            /* sparse designs (rows 0 otherwise) */
    const double *y;       /* (n) regression target; NULL */
    bool y_log;            /* y holds logarithms of the target */
    const int32_t *labels; /* (n) class codes in [0, classes); NULL */
    size_t classes;
    const double *weights;      /* (n); NULL: ones */
    const char *const *names;   /* (d) design column names, for describe: "color=D", "carat"; NULL: nameless */
    const char *const *outputs; /* class names or the target's name */
    const mx_unit *units;       /* (d); NULL: the numbers are as they were given */
    const double *start;        /* (start_rows, d or d + 1: mx_start) given to begin with; NULL: none */
    size_t start_rows;
    /* MERX_TAKES_LEVELS: a column of codes has its number of levels here, numbers have 0; what the levels are called. NULL: numbers alone. */
    const size_t *levels;                  /* (d) */
    const char *const *const *level_names; /* (d) of (levels) */
} mx_design;

/*
 * The rows of a fit, pulled in order, as often as the fit likes. Each block but the last has a multiple of 1,024 rows, and where blocks
 * end depends on nothing a result may depend on: sums run over fixed blocks of 1,024 rows from the first row on, combined in their order, and come
 * out with the same bits from memory (one block: the whole) and from a stream cut anyhow.
 */
typedef struct mx_design_rows {
    size_t d, classes;
    uint64_t n;    /* of the whole */
    bool weighted; /* blocks have weights */
    const char *const *names, *const *outputs;
    const mx_unit *units;
    merx_status (*next)(struct mx_design_rows *rows, mx_design *block, merx_error *err);
    merx_status (*rewind)(struct mx_design_rows *rows, merx_error *err);
    const mx_design *held; /* of mx_design_rows_of */
    bool given;
} mx_design_rows;
enum { MX_ROWS_UNIT = 1024 };
/* The rows of a design in memory: one block, the design itself. It must outlive them. */
mx_design_rows mx_design_rows_of(const mx_design *design);
/* The next block; block->n is 0 at the end. What it points to lives until the next call. */
merx_status mx_design_rows_next(mx_design_rows *rows, mx_design *block, merx_error *err) MERX_MUST_CHECK;
merx_status mx_design_rows_rewind(mx_design_rows *rows, merx_error *err) MERX_MUST_CHECK;

/* What merx_model_set_start gives: nothing, rows of the matrix's units (k, d), or coefficients (outputs, d + 1) with the intercept last. */
typedef enum mx_start { MX_START_NONE, MX_START_ROWS, MX_START_COEFFICIENTS } mx_start;

typedef struct mx_family {
    uint32_t version; /* of this struct: 1 */
    merx_family_info info;
    /* Fits and returns a new state; the old one, if any, is not touched. */
    merx_status (*fit)(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err);
    void (*free_state)(void *state, const merx_allocator *alloc);
    size_t (*outputs)(const void *state);
    const char *(*output_name)(const void *state, size_t output); /* NULL: the model names them (classes, target) */
    /* values (n, outputs) written; labels (n) written unless NULL. */
    merx_status (*predict)(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err);
    /* One row of the design: contributions (d, then extra terms) written; base + their sum = score. */
    merx_status (*explain)(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err);
    merx_status (*describe)(const void *state, const mx_design *names, mx_text *text, merx_error *err);
    merx_status (*save)(const void *state, mx_tensor_writer *writer, merx_error *err);
    merx_status (*load)(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                        merx_error *err); /* copies what it needs */
    /* Bytes of workspace a fit needs, for the refusal with an estimate. NULL: d * d * 16 + n * 16. */
    uint64_t (*memory)(const merx_options *options, size_t n, size_t d, size_t classes);
    /* Design columns a state was made for, so that a damaged file is noticed. NULL: not checked. */
    size_t (*inputs)(const void *state);
    /* One row x (d): values (outputs) and, unless NULL, its label written; without allocation. NULL: predict with a design of one row. */
    void (*predict_row)(const void *state, const double *x, double *values, int32_t *label);
    /* Fits rows that are not held (MERX_TAKES_STREAM). Bits are those of fit. NULL: does not. */
    merx_status (*fit_rows)(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                            merx_task *task, void **state, merx_error *err);
    /* Contributions beyond those of the columns, each of two design columns together: how many, and which two. NULL: none. */
    size_t (*extra_terms)(const void *state);
    void (*extra_term)(const void *state, size_t term, size_t *a, size_t *b);
    /* A picture of what was learnt: one <svg> element. NULL: none. */
    merx_status (*plot)(const void *state, const mx_design *names, mx_text *svg, merx_error *err);
    mx_start start; /* where a fit can be told to begin (design->start) */
} mx_family;

/* The registry (src/learn/families.c): one line per family. NULL past the end. */
const mx_family *mx_family_at(size_t i);

#endif
