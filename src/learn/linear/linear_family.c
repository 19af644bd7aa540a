/*
 * The families `linear` and `ridge`: mx_linear behind the model contract. They differ in their options alone.
 */
#include "learn/linear/linear_family.h"

#include <math.h>
#include <string.h>

#include "learn/linear/linear.h"
#include "numeric/gram.h"

/* What the tensor file holds as one vector, in this order; then the quality, a vector of its own, its fields in theirs. */
enum { INTERCEPT, Y_MEAN, RESIDUAL_VARIANCE, R2, ADJUSTED_R2, RANK, SCALARS };
enum { QUALITIES = sizeof(mx_linear_quality) / sizeof(double), METHOD = QUALITIES, QUALITY_CELLS };

typedef struct linear_state {
    mx_linear model;
    double scalars[SCALARS], quality[QUALITY_CELLS];
} linear_state;

static const merx_option linear_options[] = {
    {"intercept", MERX_OPTION_BOOL, 0, 0, "true", NULL,
     "Learn a constant term; without it the line goes through the origin."},
    {"standard_errors", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Also compute the standard error of each coefficient."},
    {0},
};

static const merx_option ridge_options[] = {
    {"l2", MERX_OPTION_REAL, 0, 1e15, "1", NULL,
     "Strength of the penalty on squared coefficients; 0 is plain least squares."},
    {"intercept", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Learn a constant term; it is not penalised."},
    {"standard_errors", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Also compute the standard error of each coefficient."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    linear_state *s = state;
    if (s == NULL)
        return;
    mx_linear_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

/* The design, or the rows when there is none. */
static merx_status fit(const mx_linear_options *options, const mx_design *design, mx_design_rows *rows,
                       const merx_allocator *alloc, merx_task *task, void **state, merx_error *err)
{
    linear_state *s = NULL;
    *state = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "linear model", &s, err));
    merx_status status = design != NULL ? mx_linear_fit_design(design, options, alloc, task, &s->model, err)
                                        : mx_linear_fit_rows(rows, options, alloc, task, &s->model, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    const mx_linear *m = &s->model;
    const double scalars[SCALARS] = {m->intercept, m->y_mean,      m->residual_variance,
                                     m->r2,        m->adjusted_r2, (double)m->rank};
    memcpy(s->scalars, scalars, sizeof scalars);
    memcpy(s->quality, &m->quality, sizeof m->quality);
    s->quality[METHOD] = (double)m->method;
    *state = s;
    return MERX_OK;
}

static mx_linear_options options_of(const merx_options *options, bool ridge)
{
    return (mx_linear_options){.l2 = ridge ? merx_options_real(options, "l2") : 0,
                               .no_intercept = !merx_options_bool(options, "intercept"),
                               .standard_errors = merx_options_bool(options, "standard_errors")};
}

static merx_status fit_linear(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                              merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = options_of(options, false);
    return fit(&o, design, NULL, alloc, task, state, err);
}

static merx_status fit_ridge(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                             merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = options_of(options, true);
    return fit(&o, design, NULL, alloc, task, state, err);
}

static merx_status fit_linear_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                                   merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = options_of(options, false);
    return fit(&o, NULL, rows, alloc, task, state, err);
}

static merx_status fit_ridge_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                                  merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = options_of(options, true);
    return fit(&o, NULL, rows, alloc, task, state, err);
}

static size_t outputs(const void *state)
{
    (void)state;
    return 1;
}

static size_t inputs(const void *state)
{
    return ((const linear_state *)state)->model.d;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)labels;
    (void)err;
    const mx_linear *m = &((const linear_state *)state)->model;
    for (size_t i = 0; i < rows->n; i++)
        values[i] =
            rows->x != NULL ? mx_linear_predict_row(m, rows->x + i * m->d) : mx_linear_predict_sparse(m, &rows->csr, i);
    return MERX_OK;
}

static void predict_row(const void *state, const double *x, double *values, int32_t *label)
{
    (void)label;
    values[0] = mx_linear_predict_row(&((const linear_state *)state)->model, x);
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)output;
    (void)err;
    const mx_linear *m = &((const linear_state *)state)->model;
    mx_linear_explain(m, rows, row, contributions, base, score);
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const mx_linear *m = &((const linear_state *)state)->model;
    mx_linear_describe(m, names->names, text);
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const linear_state *s = state;
    const mx_linear *m = &s->model;
    MX_TRY(mx_tensor_writer_vector(writer, "linear.coefficients", MX_F64, m->d, m->coefficients, err));
    MX_TRY(mx_tensor_writer_vector(writer, "linear.means", MX_F64, m->d, m->means, err));
    MX_TRY(mx_tensor_writer_vector(writer, "linear.standard_errors", MX_F64, m->d + 1, m->standard_errors, err));
    MX_TRY(mx_tensor_writer_vector(writer, "linear.quality", MX_F64, QUALITY_CELLS, s->quality, err));
    return mx_tensor_writer_vector(writer, "linear.scalars", MX_F64, SCALARS, s->scalars, err);
}

static merx_status copy_vector(const mx_tensor_file *file, const char *name, const merx_allocator *alloc, uint64_t n,
                               double **out, merx_error *err)
{
    const double *data;
    uint64_t count;
    MX_TRY(mx_tensor_file_vector(file, name, MX_F64, n, &data, &count, err));
    if (count != n)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" has %llu values; expected %llu", name,
                (unsigned long long)count, (unsigned long long)n);
    MX_TRY(mx_alloc_array(alloc, (size_t)n, sizeof **out, name, out, err));
    if (n > 0)
        memcpy(*out, data, (size_t)n * sizeof **out);
    return MERX_OK;
}

/* Files of merx 0.1.0 hold no quality beyond the scalars: the rest is not known. */
static merx_status load_quality(const mx_tensor_file *file, linear_state *s, merx_error *err)
{
    const double *cells = NULL;
    uint64_t count;
    for (size_t i = 0; i < QUALITIES; i++)
        s->quality[i] = NAN;
    s->quality[METHOD] = MX_LINEAR_METHODS;
    for (size_t i = 0; i < mx_tensor_file_count(file); i++)
        if (strcmp(mx_tensor_file_at(file, i)->name, "linear.quality") == 0) {
            MX_TRY(mx_tensor_file_vector(file, "linear.quality", MX_F64, QUALITY_CELLS, &cells, &count, err));
            memcpy(s->quality, cells, sizeof s->quality);
        }
    memcpy(&s->model.quality, s->quality, sizeof s->model.quality);
    double method = s->quality[METHOD];
    s->model.method = method >= 0 && method < MX_LINEAR_METHODS ? (mx_linear_method)method : MX_LINEAR_METHODS;
    return MERX_OK;
}

static merx_status load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    linear_state *s = NULL;
    const double *scalars, *first;
    uint64_t d = 0, count;
    MX_TRY(mx_tensor_file_vector(file, "linear.scalars", MX_F64, SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "linear.coefficients", MX_F64, 0, &first, &d, err));
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "linear model", &s, err));
    mx_linear *m = &s->model;
    m->alloc = alloc;
    m->d = (size_t)d;
    merx_status status;
    MX_TRY_GOTO(copy_vector(file, "linear.coefficients", alloc, d, &m->coefficients, err));
    MX_TRY_GOTO(copy_vector(file, "linear.means", alloc, d, &m->means, err));
    MX_TRY_GOTO(copy_vector(file, "linear.standard_errors", alloc, d + 1, &m->standard_errors, err));
    memcpy(s->scalars, scalars, sizeof s->scalars);
    MX_TRY_GOTO(load_quality(file, s, err));
    m->intercept = scalars[INTERCEPT];
    m->y_mean = scalars[Y_MEAN];
    m->residual_variance = scalars[RESIDUAL_VARIANCE];
    m->r2 = scalars[R2];
    m->adjusted_r2 = scalars[ADJUSTED_R2];
    m->rank = scalars[RANK] >= 0 && scalars[RANK] <= (double)d ? (int)scalars[RANK] : 0;
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)classes;
    /* Wider than any Gram matrix: sparse rows, by conjugate gradients. */
    if (d > MX_GRAM_MOST_COLUMNS)
        return 48 * (uint64_t)n + 80 * (uint64_t)d;
    return mx_linear_memory(d, merx_options_bool(options, "standard_errors"));
}

#define LINEAR_TAGS                                                                                                    \
    (MERX_TAKES_TABLE | MERX_TAKES_SPARSE | MERX_TAKES_STREAM | MERX_NEEDS_TARGET | MERX_REGRESSES |                   \
     MERX_SUPPORTS_WEIGHTS)

const mx_family mx_family_linear = {
    .version = 1,
    .info = {.name = "linear",
             .title = "Linear regression",
             .text = "Predicts a number as a weighted sum of the columns, fitted by least squares. Coefficients come "
                     "with standard errors.",
             .formula = "y = b0 + sum_j b_j x_j;  minimise sum_i w_i (y_i - b0 - b x_i)^2",
             .tags = LINEAR_TAGS,
             .options = linear_options},
    .fit = fit_linear,
    .free_state = free_state,
    .outputs = outputs,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = save,
    .load = load,
    .memory = memory,
    .inputs = inputs,
    .predict_row = predict_row,
    .fit_rows = fit_linear_rows,
};

const mx_family mx_family_ridge = {
    .version = 1,
    .info = {.name = "ridge",
             .title = "Ridge regression",
             .text =
                 "Linear regression with a penalty on squared coefficients: steadier when columns are many or alike.",
             .formula = "y = b0 + sum_j b_j x_j;  minimise sum_i w_i (y_i - b0 - b x_i)^2 + l2 sum_j b_j^2",
             .tags = LINEAR_TAGS,
             .options = ridge_options},
    .fit = fit_ridge,
    .free_state = free_state,
    .outputs = outputs,
    .predict = predict,
    .explain = explain,
    .describe = describe,
    .save = save,
    .load = load,
    .memory = memory,
    .inputs = inputs,
    .predict_row = predict_row,
    .fit_rows = fit_ridge_rows,
};
