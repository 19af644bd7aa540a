/*
 * Looking into a fitted model with data that has the truth in it: which columns matter, how the prediction moves with one, and whether
 * probabilities mean what they say.
 *
 *     merx_importances what;
 *     merx_model_permutation_importance(model, held_out, &(merx_importance_options){.metric = "auc"}, task, &what, &err);
 *     for (size_t i = 0; i < what.count; i++) printf("%s %g\n", what.column[i].name, what.column[i].value);
 *     merx_importances_release(&what);
 *
 * All of it works on any family by predictions alone. Everything is deterministic: it depends on the model, the data, the options and the
 * task's seed, never on threads. Pictures are SVG (self-contained) or lines for a terminal.
 */
#ifndef MERX_INSPECT_H
#define MERX_INSPECT_H

#include "merx/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Permutation importance (Breiman 2001; as scikit-learn's permutation_importance): how much worse a metric gets when the values of one source
 * column are shuffled over the rows. A column of the table is shuffled as it stands, before the pipeline: its one-hot slots and its "is
 * missing" move together. Two columns that say the same share their importance, or show none: each can stand in for the other.
 */
typedef struct merx_importance {
    const char *name;
    double value;     /* mean over the repeats; > 0: the model is worse without it */
    double deviation; /* standard deviation over the repeats */
    double low, high; /* 95 % interval of the mean over shuffles (Student's t); says nothing of other rows */
} merx_importance;
typedef struct merx_importances {
    const char *metric;
    bool higher_is_better;
    double score; /* of the data as it is */
    size_t rows, repeats, count;
    merx_importance *column; /* (count) by descending value, ties by name */
    double *drops;           /* (count, repeats) what each repeat gave */
    void *memory;            /* owned; see merx_importances_release */
    const merx_allocator *alloc;
} merx_importances;
typedef struct merx_importance_options {
    /*
     * mae, rmse, r2, mape, wape (regression; NULL: r2) · auc, average_precision, accuracy, log_loss, f1, brier (classification; NULL: auc for two
     * classes, else accuracy) · inertia (clusters)
     */
    const char *metric;
    size_t repeats;             /* 0: 5; at most 10,000 */
    size_t max_rows;            /* a sample of the rows, drawn by the task's seed; 0: all */
    const char *const *columns; /* NULL: every column the model reads */
    size_t n_columns;
} merx_importance_options;
/*
 * data   a table or a matrix, with the target in it (a clustering needs none)
 * Cost: (columns × repeats + 1) predictions of all rows; one column's copy of memory (a matrix: all of it).
 * Errors: MERX_E_NOT_FOUND names the nearest column or metric; MERX_E_UNSUPPORTED for rankings and sparse matrices.
 */
MERX_API merx_status merx_model_permutation_importance(const merx_model *model, const merx_dataset *data,
                                                       const merx_importance_options *options, merx_task *task,
                                                       merx_importances *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_importances_release(merx_importances *importances);

/*
 * Partial dependence (Friedman 2001; scikit-learn's method "brute") and individual conditional expectation (Goldstein et al. 2015): the prediction
 * when one column is set to each value of a grid in every row, on average and for single rows. Where columns move together, the average
 * covers rows that could not be.
 */
typedef enum merx_grid {
    MERX_GRID_QUANTILES, /* evenly spaced quantiles of the column: as many points where there are many rows */
    MERX_GRID_UNIFORM    /* evenly spaced values between the low and the high quantile, as scikit-learn's grid */
} merx_grid;
typedef struct merx_dependence_options {
    const char *column; /* must be given */
    merx_grid
        spacing; /* numeric and date columns with more distinct values than points; others: each value (level) that occurs */
    size_t points; /* 0: 40; 2 … 10,000 */
    double low,
        high; /* quantiles of the grid's ends; both 0: 0.05 and 0.95; distinct values that are fewer than points are all taken */
    const double *
        values; /* an own grid (n_values) for a numeric column (dates: ms since 1970), ascending; NULL: from the data */
    size_t n_values;
    size_t max_rows;    /* averaged over a sample of the rows, drawn by the task's seed; 0: all */
    size_t individuals; /* how many rows get a curve of their own: a sample of those averaged over */
    const char *output; /* class or cluster; NULL: the value, the second of two classes, else the first output */
} merx_dependence_options;
typedef struct merx_dependence {
    const char *column, *output;
    merx_column_type type;
    size_t points, rows, individuals;
    double *value;      /* (points) numeric, date in ms, boolean 0 and 1; categorical: 0, 1, 2, … */
    const char **label; /* (points) the value as text; numbers to six digits */
    double *share;   /* (points) of the averaged rows with that value; only where every value is a point, else NULL */
    double *average; /* (points) */
    double *low, *high; /* (points) the middle 80 % of the single rows */
    double *individual; /* (individuals, points) */
    size_t *row;        /* (individuals) rows of data */
    void *memory;
    const merx_allocator *alloc;
} merx_dependence;
/* Cost: one prediction of the averaged rows for each point. Errors: as above; MERX_E_INVALID when the column has no value. */
MERX_API merx_status merx_model_partial_dependence(const merx_model *model, const merx_dataset *data,
                                                   const merx_dependence_options *options, merx_task *task,
                                                   merx_dependence *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_dependence_release(merx_dependence *dependence);

/*
 * Calibration (reliability curve; as scikit-learn's calibration_curve): rows are put in bins by their predicted probability of one class; in each bin
 * the mean prediction stands beside the share that truly was of that class.
 */
typedef struct merx_calibration_bin {
    double predicted;           /* mean of the predictions */
    double observed, low, high; /* share of the class, with its 95 % bootstrap interval over the bin's rows */
    double from, to;            /* edges */
    uint64_t rows;
} merx_calibration_bin;
typedef struct merx_calibration {
    const char *output; /* the class; "" for the most probable class of each row */
    size_t rows, bins;
    merx_calibration_bin *bin; /* (bins) those that have rows, ascending */
    merx_metric brier;         /* mean of (prediction - truth)², 95 % bootstrap interval over rows */
    merx_metric
        error; /* expected calibration error: mean over rows of |observed - predicted| of their bins, edges held */
    void *memory;
    const merx_allocator *alloc;
} merx_calibration;
typedef struct merx_calibration_options {
    size_t bins;  /* 0: 10; 2 … 1,000 */
    bool uniform; /* bins of equal width; else of equal numbers of rows */
    const char *
        output; /* class; NULL: the second of two classes; of more, the most probable class of each row (and whether it was right) */
} merx_calibration_options;
MERX_API merx_status merx_model_calibration(const merx_model *model, const merx_dataset *data,
                                            const merx_calibration_options *options, merx_task *task,
                                            merx_calibration *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_calibration_release(merx_calibration *calibration);

/* Pictures. svg: one <svg> element; text: lines for a terminal of that many columns (>= 40). Returned: free with merx_text_free. */
MERX_API merx_status merx_importances_svg(const merx_importances *importances, char **svg,
                                          merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dependence_svg(const merx_dependence *dependence, char **svg,
                                         merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_calibration_svg(const merx_calibration *calibration, char **svg,
                                          merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_importances_text(const merx_importances *importances, int columns, char **text,
                                           merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_dependence_text(const merx_dependence *dependence, int columns, char **text,
                                          merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_calibration_text(const merx_calibration *calibration, int columns, char **text,
                                           merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
