/*
 * The families `linear` and `ridge`: mx_linear behind the model contract. They differ in their options alone.
 */
#include "learn/linear/linear_family.h"

#include <math.h>
#include <string.h>

#include "learn/linear/linear.h"

/* Columns that the tensor file holds as one vector, in this order. */
enum { INTERCEPT, Y_MEAN, RESIDUAL_VARIANCE, R2, ADJUSTED_R2, RANK, SCALARS };

typedef struct linear_state {
    mx_linear model;
    double scalars[SCALARS];
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

static merx_status fit(const mx_linear_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    linear_state *s = NULL;
    *state = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "linear model", &s, err));
    merx_status status = mx_linear_fit(design->x, design->y, design->weights, design->n, design->d, options, alloc,
                                       task, &s->model, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    const mx_linear *m = &s->model;
    const double scalars[SCALARS] = {m->intercept, m->y_mean,      m->residual_variance,
                                     m->r2,        m->adjusted_r2, (double)m->rank};
    memcpy(s->scalars, scalars, sizeof scalars);
    *state = s;
    return MERX_OK;
}

static merx_status fit_linear(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                              merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = {.no_intercept = !merx_options_bool(options, "intercept"),
                           .standard_errors = merx_options_bool(options, "standard_errors")};
    return fit(&o, design, alloc, task, state, err);
}

static merx_status fit_ridge(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                             merx_task *task, void **state, merx_error *err)
{
    mx_linear_options o = {.l2 = merx_options_real(options, "l2"),
                           .no_intercept = !merx_options_bool(options, "intercept"),
                           .standard_errors = merx_options_bool(options, "standard_errors")};
    return fit(&o, design, alloc, task, state, err);
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
        values[i] = mx_linear_predict_row(m, rows->x + i * m->d);
    return MERX_OK;
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)output;
    (void)err;
    const mx_linear *m = &((const linear_state *)state)->model;
    const double *x = rows->x + row * m->d;
    *base = m->intercept + mx_dot(m->coefficients, m->means, m->d);
    for (size_t j = 0; j < m->d; j++)
        contributions[j] = m->coefficients[j] * (x[j] - m->means[j]);
    *score = mx_linear_predict_row(m, x);
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const mx_linear *m = &((const linear_state *)state)->model;
    mx_text_printf(text, "R2 %.6g, adjusted %.6g, residual standard deviation %.6g, rank %d of %zu\n", m->r2,
                   m->adjusted_r2, sqrt(m->residual_variance), m->rank, m->d);
    mx_text_printf(text, "%-32s %14s %14s\n", "column", "coefficient", "standard error");
    mx_text_printf(text, "%-32s %14.6g %14.6g\n", "(intercept)", m->intercept, m->standard_errors[m->d]);
    for (size_t j = 0; j < m->d; j++)
        mx_text_printf(text, "%-32s %14.6g %14.6g\n", names->names[j], m->coefficients[j], m->standard_errors[j]);
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const linear_state *s = state;
    const mx_linear *m = &s->model;
    MX_TRY(mx_tensor_writer_vector(writer, "linear.coefficients", MX_F64, m->d, m->coefficients, err));
    MX_TRY(mx_tensor_writer_vector(writer, "linear.means", MX_F64, m->d, m->means, err));
    MX_TRY(mx_tensor_writer_vector(writer, "linear.standard_errors", MX_F64, m->d + 1, m->standard_errors, err));
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

/* A centred copy of the design and five matrices (d, d). */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)options;
    (void)classes;
    return 8 * ((uint64_t)n * (d + 1) + 6 * (uint64_t)(d + 1) * (d + 1));
}

#define LINEAR_TAGS (MERX_TAKES_TABLE | MERX_NEEDS_TARGET | MERX_REGRESSES | MERX_SUPPORTS_WEIGHTS)

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
};
