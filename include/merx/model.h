/*
 * Models: one opaque type for every family. A model is a preprocessing pipeline (learnt at fit, part of the model) and a family's estimator.
 *
 *     merx_model *model; merx_model_new(NULL, "logistic", &model, &err);
 *     merx_model_set(model, "l2", "0.5", &err);
 *     merx_model_fit(model, table, &(merx_fit_columns){.target = "bought"}, task, &err);
 *     merx_model_predict(model, more, task, &prediction, &err);
 *
 * Fitted models are immutable: any number of threads may predict and explain. Fitting needs exclusive access; a failed fit keeps the old state.
 * Model files are tensor files (safetensors layout); bytes depend on data, options and seed alone.
 */
#ifndef MERX_MODEL_H
#define MERX_MODEL_H

#include "merx/dataset.h"
#include "merx/option.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum merx_model_tag {
    MERX_TAKES_TABLE = 1 << 0,
    MERX_TAKES_SPARSE = 1 << 1,
    MERX_TAKES_SEQUENCES = 1 << 2,
    MERX_TAKES_BATCHES = 1 << 3,
    MERX_NEEDS_TARGET = 1 << 4,
    MERX_REGRESSES = 1 << 5,
    MERX_CLASSIFIES = 1 << 6,
    MERX_CLUSTERS = 1 << 7,
    MERX_RANKS = 1 << 8,
    MERX_SUPPORTS_WEIGHTS = 1 << 9,
    MERX_ALLOWS_MISSING = 1 << 10,
    MERX_INCREMENTAL = 1 << 11,
    MERX_TAKES_FLOAT = 1 << 12,  /* float32 matrices as they are; without it they are widened */
    MERX_TAKES_STREAM = 1 << 13, /* fits a table that is never held */
    MERX_TAKES_LEVELS =
        1 << 14, /* takes a table's columns as they are: levels as such, missing as missing, nothing standardised */
} merx_model_tag;

typedef struct merx_family_info {
    const char *name;    /* "logistic" */
    const char *title;   /* "Logistic regression" */
    const char *text;    /* one paragraph */
    const char *formula; /* ASCII */
    unsigned tags;       /* merx_model_tag */
    const merx_option *options;
} merx_family_info;

/* Every family of this build, in a fixed order; NULL past the end. Static storage. */
MERX_API const merx_family_info *merx_family_at(size_t i);
MERX_API const merx_family_info *merx_family_find(const char *name); /* NULL: none */

typedef struct merx_model merx_model;

/* MERX_E_NOT_FOUND names the nearest family. Owns: free with merx_model_free. */
MERX_API merx_status merx_model_new(const merx_allocator *alloc, const char *family, merx_model **out,
                                    merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_model_free(merx_model *model);
MERX_API const merx_family_info *merx_model_family(const merx_model *model);
/* Options of the next fit: the family's, and the pipeline's (see merx_pipeline_options). */
MERX_API merx_status merx_model_set(merx_model *model, const char *name, const char *value,
                                    merx_error *err) MERX_MUST_CHECK;
MERX_API const merx_options *merx_model_options(const merx_model *model);
/*
 * Where the next fits of a matrix begin: k-means takes (clusters, d) centroids in the matrix's units, keeps their order and draws no others; logistic takes
 * (1 for two classes, else classes; d + 1) coefficients with the intercept last, and ends where it would anyway.
 * values  (rows, d) copied; NULL: nothing is given any more. Other families refuse a start with MERX_E_UNSUPPORTED; the fit, one of another width with MERX_E_SHAPE.
 */
MERX_API merx_status merx_model_set_start(merx_model *model, const double *values, size_t rows, size_t d,
                                          merx_error *err) MERX_MUST_CHECK;
/* The options of table pipelines: standardise, impute, rare_level, max_levels, drop_first, log_columns, limit_predictions. A family has those that mean something to it. */
MERX_API const merx_option *merx_pipeline_options(void);

typedef struct merx_fit_columns {
    const char *target;          /* column to learn; NULL for clustering, ranking */
    const char *weight;          /* column of sample weights >= 0; NULL: all 1 */
    const char *const *features; /* NULL: all others (text columns are left out and said so in describe) */
    size_t n_features;
    const char *const *ignore; /* columns left out */
    size_t n_ignore;
} merx_fit_columns;

MERX_API merx_status merx_model_fit(merx_model *model, const merx_dataset *data, const merx_fit_columns *columns,
                                    merx_task *task, merx_error *err) MERX_MUST_CHECK;
MERX_API bool merx_model_is_fitted(const merx_model *model);
/* Outputs of a prediction (classes, clusters, items; 1 for a regression), and what each is called; 0 and NULL when not fitted or past the end. */
MERX_API size_t merx_model_outputs(const merx_model *model);
MERX_API const char *merx_model_output(const merx_model *model, size_t output);

/*
 * A prediction: rows x outputs.
 *   regression      outputs 1: the value
 *   classification  outputs = classes (binary too): probabilities that sum to 1; label: index of the largest
 *   clustering      outputs = clusters: distance to each centroid; label: index of the nearest
 *   ranking         outputs = items: scores
 */
typedef struct merx_prediction {
    size_t rows, outputs;
    double *values;           /* (rows, outputs), row-major */
    int32_t *labels;          /* (rows); NULL for regression */
    const char *const *names; /* (outputs): class, cluster or target name; borrowed from the model */
    const merx_allocator *alloc;
} merx_prediction;
MERX_API merx_status merx_model_predict(const merx_model *model, const merx_dataset *data, merx_task *task,
                                        merx_prediction *out, merx_error *err) MERX_MUST_CHECK;
/*
 * One row out of plain numbers, as fast as the family can: no dataset, and up to 512 design columns no allocation.
 *
 * x       (d) borrowed; the columns the model was fitted on, in their order: those of the matrix, or numeric and boolean (0, 1) columns of the table; NaN: missing
 * values  (outputs of merx_prediction) written; label: written unless NULL, as in merx_prediction
 * Errors: MERX_E_SHAPE when d differs, MERX_E_UNSUPPORTED for models with categorical or date columns or of a sparse matrix, MERX_E_NUMERIC when the result is not finite.
 */
MERX_API merx_status merx_model_predict_row(const merx_model *model, const double *x, size_t d, double *values,
                                            int32_t *label, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_prediction_release(merx_prediction *prediction);

/*
 * Why one row got its score: base + the sum of contributions = score (1e-6 relative), exactly as the model computes it.
 *   linear regression: score = predicted value, contribution = coefficient * (value - mean), base = prediction at the mean
 *   logistic: score = the class's log-odds (binary: of the second class; multinomial: centred logit of the class)
 *   k-means: score = squared distance to the second nearest centroid minus that to the own one; contribution by feature
 *   factor models: each past item's part of the score
 */
typedef struct merx_contribution {
    const char *name;  /* source column or item */
    const char *value; /* as written in the data, "" if missing */
    double contribution;
} merx_contribution;
typedef struct merx_explanation {
    const char *output;             /* class, cluster, item or target explained */
    double score, base, prediction; /* prediction: probability, price …: what stands beside the score */
    size_t count;
    merx_contribution *contributions; /* by descending absolute value, ties by name */
    void *memory;                     /* owned; see merx_explanation_release */
    const merx_allocator *alloc;
} merx_explanation;
/* output -1: the row's own label (regression: 0). Cost: that of one prediction plus a sort of the features. */
MERX_API merx_status merx_model_explain(const merx_model *model, const merx_dataset *data, size_t row, int output,
                                        merx_explanation *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_explanation_release(merx_explanation *explanation);

/* A description for a person (coefficients, standard errors, centroids, fit statistics) as lines of text. Returned: free with merx_text_free. */
MERX_API merx_status merx_model_describe(const merx_model *model, char **text, merx_error *err) MERX_MUST_CHECK;
/* What an additive model has learnt as a picture: its strongest terms, one <svg> element. MERX_E_UNSUPPORTED for families without one. Returned: free with merx_text_free. */
MERX_API merx_status merx_model_shapes_svg(const merx_model *model, char **svg, merx_error *err) MERX_MUST_CHECK;

MERX_API merx_status merx_model_save(const merx_model *model, const char *path, merx_error *err) MERX_MUST_CHECK;
/* MERX_E_CORRUPT, MERX_E_VERSION; no half object. */
MERX_API merx_status merx_model_load(const merx_allocator *alloc, const char *path, merx_model **out,
                                     merx_error *err) MERX_MUST_CHECK;

/* The same in memory: the bytes of the file. Returned: free with merx_bytes_free. */
MERX_API merx_status merx_model_to_bytes(const merx_model *model, void **bytes, size_t *size,
                                         merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_model_from_bytes(const merx_allocator *alloc, const void *bytes, size_t size,
                                           merx_model **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_bytes_free(void *bytes, size_t size);

/* What a model has learnt, as its file names it: "linear.coefficients", "kmeans.centroids", … (docs/formats.md). */
typedef struct merx_tensor {
    const char *name;
    const char *dtype; /* safetensors' word: "F64", "F32", "I64", "I32", "I8", "U8" */
    size_t dims;       /* 0 … 8 */
    size_t shape[8];
    const void *data; /* row-major; borrowed for the call */
    size_t size_bytes;
} merx_tensor;
/* Calls `take` for each tensor of the fitted model, in the file's order; anything but MERX_OK ends it. */
MERX_API merx_status merx_model_each_tensor(const merx_model *model,
                                            merx_status (*take)(void *context, const merx_tensor *tensor,
                                                                merx_error *err),
                                            void *context, merx_error *err) MERX_MUST_CHECK;

/* One quality figure with its 95 % interval. */
typedef struct merx_metric {
    const char *name;
    double value, low, high;
    bool higher_is_better;
} merx_metric;
#define MERX_METRICS_MAX 12
typedef struct merx_metrics {
    size_t count;
    size_t rows;
    merx_metric metric[MERX_METRICS_MAX];
} merx_metrics;
/* Regression: mae, rmse, r2, mape. Classification: auc, average_precision, accuracy, log_loss, f1. Clustering: inertia, silhouette (fixed sample). */
MERX_API merx_status merx_model_evaluate(const merx_model *model, const merx_dataset *data, merx_task *task,
                                         merx_metrics *out, merx_error *err) MERX_MUST_CHECK;
/* Keeps figures with the fitted model, so that its file and description state them. A new fit forgets them. */
MERX_API merx_status merx_model_note_metrics(merx_model *model, const merx_metrics *metrics,
                                             merx_error *err) MERX_MUST_CHECK;
/* Which rows are held out together: by seed, by group, or as a column says. */
typedef struct merx_folds {
    int count;         /* 2 or more; not asked where column is given */
    const char *group; /* rows of one value stay in one fold; NULL: none */
    const char *
        column; /* every value of this column is a fold of its own, numbered by first sight; it is no feature then. NULL: none */
} merx_folds;
/* Every row's prediction by the model that did not see it. */
typedef struct merx_held_out {
    merx_metrics metrics; /* over all rows */
    size_t rows, outputs, folds;
    double *values;           /* (rows, outputs) as in merx_prediction */
    int32_t *labels;          /* (rows); NULL for regression */
    int32_t *fold;            /* (rows) */
    const char *const *names; /* (outputs) */
    void *memory;             /* owned; see merx_held_out_release */
    const merx_allocator *alloc;
} merx_held_out;
/* k-fold cross-validation (stratified for classes), folds by seed, or by the values of a column (group) when given; metrics over all held-out rows. */
MERX_API merx_status merx_model_cross_validate_folds(const merx_model *unfitted, const merx_dataset *data,
                                                     const merx_fit_columns *columns, const merx_folds *folds,
                                                     merx_task *task, merx_held_out *out,
                                                     merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_held_out_release(merx_held_out *held_out);
/* The same for `count` folds by seed or group, figures alone. */
MERX_API merx_status merx_model_cross_validate(const merx_model *unfitted, const merx_dataset *data,
                                               const merx_fit_columns *columns, int folds, const char *group_column,
                                               merx_task *task, merx_metrics *out, merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
