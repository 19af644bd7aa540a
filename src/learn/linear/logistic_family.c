/*
 * The family `logistic`: mx_logistic behind the model contract.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/linear/linear_family.h"
#include "learn/linear/logistic_state.h"
#include "numeric/statistics.h"

enum { MOST_LISTED = 200 }; /* coefficients of a class in a description */

static const merx_option options_table[] = {
    {"l2", MERX_OPTION_REAL, 0, 1e15, "1", NULL,
     "Strength of the penalty on squared coefficients (scikit-learn's 1 / C, or (1 - l1_ratio) / C); 0 for none."},
    {"l1", MERX_OPTION_REAL, 0, 1e15, "0", NULL,
     "Strength of the penalty on absolute coefficients (scikit-learn's l1_ratio / C), which sets weak ones to exactly "
     "0."},
    {"intercept", MERX_OPTION_BOOL, 0, 0, "true", NULL,
     "Learn a constant term, which is not penalised; without it all log-odds are 0 where every column is."},
    {"class_weight", MERX_OPTION_TEXT, 0, 0, "", NULL,
     "Weights of the classes: \"yes:3,no:1\" (others have 1), or \"balanced\" for the same total weight in each; empty "
     "for none."},
    {"calibrate", MERX_OPTION_CHOICE, 0, 0, "none", "none|sigmoid|isotonic",
     "How probabilities are corrected by what happened in rows held out: not, by a sigmoid (few rows) or by steps (a "
     "thousand rows and more). Five more fits."},
    {"standard_errors", MERX_OPTION_BOOL, 0, 0, "true", NULL,
     "Whether standard errors are worked out (not with l1, nor with more than 640 coefficients)."},
    {"max_iterations", MERX_OPTION_INT, 1, 1000000, "1000", NULL, "Most steps of the minimiser."},
    {"tolerance", MERX_OPTION_REAL, 1e-15, 1, "1e-6", NULL,
     "The fit ends when no slope of the mean loss, in standardised columns, exceeds this."},
    {0},
};

/* ---- fit ---- */

static merx_status set_class_weight(mx_str part, const char *const *names, size_t classes, double *weights,
                                    merx_error *err)
{
    size_t colon = part.size;
    while (colon > 0 && part.data[colon - 1] != ':')
        colon--;
    mx_str name = mx_str_trim((mx_str){part.data, colon > 0 ? colon - 1 : 0});
    mx_str number = mx_str_trim((mx_str){part.data + colon, part.size - colon});
    double weight;
    if (colon == 0)
        MX_FAIL(err, MERX_E_INVALID, "class_weight", "\"%.*s\" names no weight (expected \"class:weight\" or balanced)",
                (int)part.size, part.data);
    if (!mx_parse_double(number, &weight) || !(weight > 0) || !isfinite(weight))
        MX_FAIL(err, MERX_E_RANGE, "class_weight", "the weight \"%.*s\" of class \"%.*s\" is not a number above 0",
                (int)number.size, number.data, (int)name.size, name.data);
    for (size_t c = 0; c < classes; c++) {
        if (!mx_str_equal(name, mx_str_of(names[c])))
            continue;
        if (weights[c] != 0)
            MX_FAIL(err, MERX_E_EXISTS, "class_weight", "class \"%s\" is named twice", names[c]);
        weights[c] = weight;
        return MERX_OK;
    }
    char word[128];
    (void)snprintf(word, sizeof word, "%.*s", (int)(name.size < 120 ? name.size : 120), name.data);
    const char *nearest = mx_nearest_word(word, names, classes);
    if (nearest != NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, "class_weight", "the target has no class \"%s\" (did you mean \"%s\"?)", word,
                nearest);
    MX_FAIL(err, MERX_E_NOT_FOUND, "class_weight", "the target has no class \"%s\" (its classes: \"%s\", \"%s\"%s)",
            word, names[0], names[1], classes > 2 ? ", …" : "");
}

/* weights (classes), zeroed: written. */
static merx_status read_class_weights(const char *text, const char *const *names, size_t classes, double *weights,
                                      merx_error *err)
{
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, ",");
        MX_TRY(set_class_weight(mx_str_trim((mx_str){at, size}), names, classes, weights, err));
        at += size + (at[size] == ',');
    }
    for (size_t c = 0; c < classes; c++)
        weights[c] = weights[c] != 0 ? weights[c] : 1;
    return MERX_OK;
}

static mx_calibration calibration_of(const merx_options *options)
{
    const char *text = merx_options_text(options, "calibrate");
    return strcmp(text, "sigmoid") == 0    ? MX_CALIBRATION_SIGMOID
           : strcmp(text, "isotonic") == 0 ? MX_CALIBRATION_ISOTONIC
                                           : MX_CALIBRATION_NONE;
}

static merx_status fit_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                            merx_task *task, void **state, merx_error *err)
{
    mx_logistic_state *s = NULL;
    double *class_weights = NULL;
    merx_status status;
    *state = NULL;
    mx_logistic_options o = {.l2 = merx_options_real(options, "l2"),
                             .l1 = merx_options_real(options, "l1"),
                             .no_errors = !merx_options_bool(options, "standard_errors"),
                             .no_intercept = !merx_options_bool(options, "intercept"),
                             .max_iterations = (int)merx_options_int(options, "max_iterations"),
                             .tolerance = merx_options_real(options, "tolerance")};
    const char *weights = merx_options_text(options, "class_weight");
    mx_calibration calibration = calibration_of(options);
    if (rows->held != NULL && rows->held->start != NULL) {
        size_t wanted = rows->classes == 2 ? 1 : rows->classes;
        if (rows->held->start_rows != wanted)
            MX_FAIL(err, MERX_E_SHAPE, "logistic", "the start has %zu rows; %zu are expected for %zu classes",
                    rows->held->start_rows, wanted, rows->classes);
        o.start = rows->held->start;
    }
    if (calibration != MX_CALIBRATION_NONE && rows->held == NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "logistic",
                "calibration needs the rows in memory (set calibrate to none for a stream)");
    MX_TRY_GOTO(mx_alloc_array(alloc, 1, sizeof *s, "logistic model", &s, err));
    o.balanced = strcmp(weights, "balanced") == 0;
    if (weights[0] != '\0' && !o.balanced) {
        MX_TRY_GOTO(mx_alloc_array(alloc, rows->classes, sizeof(double), "class weights", &class_weights, err));
        MX_TRY_GOTO(read_class_weights(weights, rows->outputs, rows->classes, class_weights, err));
        o.class_weights = class_weights;
    }
    MX_TRY_GOTO(mx_logistic_fit_rows(rows, &o, alloc, task, &s->model, err));
    if (calibration != MX_CALIBRATION_NONE)
        MX_TRY_GOTO(mx_logistic_calibrate(s, calibration, rows->held, &o, alloc, task, err));
    const mx_logistic *m = &s->model;
    const double scalars[MX_LOGISTIC_SCALARS] = {m->loss,
                                                 m->iterations,
                                                 m->converged,
                                                 (double)m->classes,
                                                 m->log_loss,
                                                 m->null_loss,
                                                 m->weight,
                                                 (o.l2 > 0 ? 1 : 0) + (o.l1 > 0 ? 2 : 0),
                                                 (double)calibration};
    memcpy(s->scalars, scalars, sizeof scalars);
    *state = s;
    s = NULL;
out:
    mx_free_array(alloc, class_weights, rows->classes, sizeof(double));
    mx_logistic_state_free(s, alloc);
    return status;
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    mx_design_rows rows = mx_design_rows_of(design);
    return fit_rows(options, &rows, alloc, task, state, err);
}

/* ---- predict, explain ---- */

static size_t outputs(const void *state)
{
    return ((const mx_logistic_state *)state)->model.classes;
}

static size_t inputs(const void *state)
{
    return ((const mx_logistic_state *)state)->model.d;
}

static int32_t largest(const double *p, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        if (p[c] > p[best])
            best = c;
    return (int32_t)best;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)err;
    const mx_logistic_state *s = state;
    size_t classes = s->model.classes;
    for (size_t i = 0; i < rows->n; i++) {
        double *p = values + i * classes;
        mx_logistic_logits(&s->model, rows, i, p);
        mx_logistic_state_chances(s, p);
        if (labels != NULL)
            labels[i] = largest(p, classes);
    }
    return MERX_OK;
}

static void predict_row(const void *state, const double *x, double *values, int32_t *label)
{
    const mx_logistic_state *s = state;
    mx_design row = {.n = 1, .d = s->model.d, .x = x};
    mx_logistic_logits(&s->model, &row, 0, values);
    mx_logistic_state_chances(s, values);
    if (label != NULL)
        *label = largest(values, s->model.classes);
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)err;
    const mx_logistic *m = &((const mx_logistic_state *)state)->model;
    *score = mx_logistic_explain(m, rows, row, output, contributions, base);
    return MERX_OK;
}

/* ---- describe ---- */

typedef struct listed {
    double size;
    size_t column;
} listed;

static int compare_listed(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static int compare_columns(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* z, two-sided p and the 95 % interval. */
static void describe_line(mx_text *text, const char *name, double b, double error)
{
    mx_text_printf(text, "%-32s %14.6g", name, b);
    if (isfinite(error)) {
        double z = b / error, p = 2 * mx_normal_cdf(-fabs(z)), half = 1.959963984540054 * error;
        mx_text_printf(text, " %14.6g %9.3f %10.3g %14.6g %14.6g", error, z, p, b - half, b + half);
    }
    mx_text_puts(text, "\n");
}

static merx_status describe_class(const mx_logistic *m, size_t c, const mx_design *names, mx_text *text,
                                  merx_error *err)
{
    size_t d = m->d, shown = d < MOST_LISTED ? d : MOST_LISTED, zeros = 0;
    listed *list = NULL;
    MX_TRY(mx_alloc_array_raw(text->alloc, d, sizeof *list, "coefficients in order", &list, err));
    for (size_t j = 0; j < d; j++) {
        list[j] = (listed){fabs(m->coefficients[c * d + j]), j};
        zeros += m->coefficients[c * d + j] == 0;
    }
    if (shown < d) {
        qsort(list, d, sizeof *list, compare_listed);
        qsort(list, shown, sizeof *list, compare_columns);
    }
    size_t named = m->outputs == 1 ? 1 : c;
    mx_text_printf(text, "log-odds of \"%s\"\n%-32s %14s", names->outputs[named], "column", "coefficient");
    if (isfinite(m->standard_errors[c * (d + 1) + d]))
        mx_text_printf(text, " %14s %9s %10s %14s %14s", "standard error", "z", "p", "95 % from", "to");
    mx_text_puts(text, "\n");
    describe_line(text, "(intercept)", m->intercepts[c], m->standard_errors[c * (d + 1) + d]);
    for (size_t k = 0; k < shown; k++) {
        size_t j = list[k].column;
        char number[32];
        (void)snprintf(number, sizeof number, "%zu", j);
        describe_line(text, names->names != NULL ? names->names[j] : number, m->coefficients[c * d + j],
                      m->standard_errors[c * (d + 1) + j]);
    }
    if (shown < d)
        mx_text_printf(text, "(the %zu largest of %zu coefficients)\n", shown, d);
    if (zeros > 0)
        mx_text_printf(text, "%zu of %zu coefficients are 0\n", zeros, d);
    mx_free_array(text->alloc, list, d, sizeof *list);
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    static const char *const calibrations[] = {"", "a sigmoid", "isotonic steps"};
    const mx_logistic_state *s = state;
    const mx_logistic *m = &s->model;
    mx_text_printf(text, "mean penalised loss %.6g, %d iterations, %s\n", m->loss, m->iterations,
                   m->converged ? "converged" : "NOT converged: raise max_iterations");
    if (isfinite(m->log_loss))
        mx_text_printf(text, "log loss %.6g, of the class shares alone %.6g, McFadden R² %.4f\n", m->log_loss,
                       m->null_loss, 1 - m->log_loss / m->null_loss);
    if (s->scalars[MX_LOGISTIC_PENALISED] == 1 && isfinite(m->standard_errors[m->d]))
        mx_text_puts(text, "standard errors are those of the penalised fit: coefficients are drawn to 0 by l2\n");
    if (s->calibration != MX_CALIBRATION_NONE)
        mx_text_printf(text, "probabilities are calibrated by %s, learnt on held-out folds\n",
                       calibrations[s->calibration]);
    for (size_t c = 0; c < m->outputs; c++)
        MX_TRY(describe_class(m, c, names, text, err));
    return mx_text_ok(text, err);
}

/* Block sums, the Hessian and its factor, the history of the minimiser; the sample of a stream; what calibration holds. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    uint64_t q = classes == 2 ? 1 : classes, p = (uint64_t)(d + 1) * q, sums = (uint64_t)1 << 19;
    uint64_t doubles = sums + 60 * p + (p <= 640 ? 5 * p * p : 0);
    if (options != NULL && calibration_of(options) != MX_CALIBRATION_NONE)
        doubles += (uint64_t)n * (q + 8);
    return 8 * doubles;
}

const mx_family mx_family_logistic = {
    .version = 1,
    .info = {.name = "logistic",
             .title = "Logistic regression",
             .text = "Predicts the probability of each class from a weighted sum of the columns. Two classes or more.",
             .formula =
                 "P(y = 1) = 1 / (1 + exp(-(b0 + b x)));  classes: P(y = c) = exp(b0_c + b_c x) / sum_k exp(b0_k + "
                 "b_k x);  minimise mean weighted log loss + l2 / (2 W) |b|^2 + l1 / W |b|_1",
             .tags = MERX_TAKES_TABLE | MERX_TAKES_SPARSE | MERX_TAKES_STREAM | MERX_NEEDS_TARGET | MERX_CLASSIFIES |
                     MERX_SUPPORTS_WEIGHTS,
             .options = options_table},
    .fit = fit,
    .free_state = mx_logistic_state_free,
    .outputs = outputs,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = mx_logistic_save,
    .load = mx_logistic_load,
    .memory = memory,
    .inputs = inputs,
    .predict_row = predict_row,
    .fit_rows = fit_rows,
    .start = MX_START_COEFFICIENTS,
};
