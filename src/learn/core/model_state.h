/*
 * The inside of a merx_model, shared by model.c (life, fit, predict), model_file.c, reasons.c and evaluation.c. Floor 3.
 */
#ifndef MX_LEARN_CORE_MODEL_STATE_H
#define MX_LEARN_CORE_MODEL_STATE_H

#include "learn/core/family.h"
#include "learn/core/pipeline.h"

#define MX_MODEL_FORMAT 1
#define MX_PREDICT_BLOCK 1024

typedef enum mx_target_kind { MX_TARGET_NONE, MX_TARGET_VALUE, MX_TARGET_CLASS } mx_target_kind;

/* What a fit makes; never changed afterwards (but for the metrics noted). */
typedef struct mx_fitted {
    const merx_allocator *alloc;
    const mx_family *family;
    mx_arena arena;
    merx_dataset_shape shape;
    mx_pipeline *pipeline; /* tables; NULL otherwise */
    size_t width;          /* columns of the design */
    const char **features; /* (width) names of a matrix's columns; NULL for tables and nameless sparse matrices */
    bool plain;            /* every source is a number: rows of plain numbers can be predicted */
    void *state;           /* the family's */
    mx_target_kind target_kind;
    merx_column_type target_type;
    bool target_log, target_limit; /* limit: predictions stay within min … max */
    double target_min, target_max; /* as written; NaN for classes */
    const char *target, *weight;   /* NULL: none */
    size_t classes;
    const char **class_names; /* (classes) */
    size_t n_outputs;
    const char **output_names; /* (n_outputs) */
    uint64_t rows, seed;
    const char *options;  /* JSON: {"l2": "0.5", …} of the fit */
    const char *notes;    /* lines */
    merx_metrics metrics; /* count 0: not evaluated */
    char metric_names[MERX_METRICS_MAX][32];
} mx_fitted;

struct merx_model {
    const merx_allocator *alloc;
    const mx_family *family;
    merx_option *table; /* the family's options, then the pipeline's */
    size_t table_count;
    merx_options *options;
    double *start; /* (start_rows, start_d) of merx_model_set_start; NULL: none */
    size_t start_rows, start_d;
    mx_fitted *fitted; /* NULL: not fitted */
};

merx_status mx_fitted_new(const merx_allocator *alloc, const mx_family *family, mx_fitted **out,
                          merx_error *err) MERX_MUST_CHECK;
void mx_fitted_free(mx_fitted *fitted);
/* Fills output_names once state, classes and target are there. */
merx_status mx_fitted_name_outputs(mx_fitted *fitted, merx_error *err) MERX_MUST_CHECK;
merx_status mx_model_require_fitted(const merx_model *model, merx_error *err) MERX_MUST_CHECK;

/* Names of the design's columns; NULL for nameless sparse ones. */
const char *const *mx_fitted_names(const mx_fitted *fitted);
/* What the family predicted, as the user sees it: of a logarithmic target the number itself, limited where asked for. */
double mx_fitted_value(const mx_fitted *fitted, double value);
/* Once shape, width and pipeline are known. */
void mx_fitted_settle(mx_fitted *fitted);
/* Whether rows of data must be made (a table's, or floats to be widened), so that mx_fitted_design needs room. */
bool mx_fitted_makes_rows(const mx_fitted *fitted, const merx_dataset *data);
/* A design for rows begin … of data (a table is bound to the pipeline): x is room for (count, width) where rows must be made. */
merx_status mx_fitted_design(const mx_fitted *fitted, const merx_dataset *data, const mx_binding *binding, size_t begin,
                             size_t count, double *x, mx_design *out, merx_error *err) MERX_MUST_CHECK;
/* Shape and width of data against the fit. */
merx_status mx_fitted_check(const mx_fitted *fitted, const merx_dataset *data, merx_error *err) MERX_MUST_CHECK;

/* Reading targets (target.c) in the column at `at`. y (rows) or labels (rows) written; a missing or unknown one is an error that names the row. */
merx_status mx_target_classes(const merx_dataset *data, size_t at, mx_arena *arena, const char ***names, size_t *count,
                              merx_error *err) MERX_MUST_CHECK;
/* The same without the check that there are two, for one table of a stream; and the check. */
merx_status mx_target_seen(const merx_dataset *data, size_t at, mx_arena *arena, const char ***names, size_t *count,
                           merx_error *err) MERX_MUST_CHECK;
merx_status mx_target_enough(const merx_dataset *data, const char *target, size_t count,
                             merx_error *err) MERX_MUST_CHECK;
merx_status mx_target_labels(const merx_dataset *data, size_t at, const char *const *names, size_t count,
                             int32_t *labels, merx_error *err) MERX_MUST_CHECK;
merx_status mx_target_values(const merx_dataset *data, size_t at, bool log, double *y, merx_error *err) MERX_MUST_CHECK;
merx_status mx_weight_values(const merx_dataset *data, size_t at, double *weights, merx_error *err) MERX_MUST_CHECK;
/* The same for one table of a stream, where all may be 0: *any set when one is above 0. And the error when none was. */
merx_status mx_weight_read(const merx_dataset *data, size_t at, double *weights, bool *any,
                           merx_error *err) MERX_MUST_CHECK;
merx_status mx_weight_none(const merx_dataset *data, const char *weight, merx_error *err) MERX_MUST_CHECK;

#endif
