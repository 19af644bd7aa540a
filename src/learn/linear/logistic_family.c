/*
 * The family `logistic`: mx_logistic behind the model contract.
 */
#include <math.h>
#include <string.h>

#include "learn/linear/linear_family.h"
#include "learn/linear/logistic.h"

enum { LOSS, ITERATIONS, CONVERGED, CLASSES, SCALARS };

typedef struct logistic_state {
    mx_logistic model;
    double scalars[SCALARS];
} logistic_state;

static const merx_option options_table[] = {
    {"l2", MERX_OPTION_REAL, 0, 1e15, "1", NULL,
     "Strength of the penalty on squared coefficients (scikit-learn's 1 / C); 0 for none."},
    {"max_iterations", MERX_OPTION_INT, 1, 1000000, "1000", NULL, "Most steps of the minimiser."},
    {"tolerance", MERX_OPTION_REAL, 1e-15, 1, "1e-6", NULL,
     "The fit ends when no slope of the mean loss, in standardised columns, exceeds this."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    logistic_state *s = state;
    if (s == NULL)
        return;
    mx_logistic_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    logistic_state *s = NULL;
    *state = NULL;
    mx_logistic_options o = {.l2 = merx_options_real(options, "l2"),
                             .max_iterations = (int)merx_options_int(options, "max_iterations"),
                             .tolerance = merx_options_real(options, "tolerance")};
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "logistic model", &s, err));
    merx_status status = mx_logistic_fit(design->x, design->labels, design->weights, design->n, design->d,
                                         design->classes, &o, alloc, task, &s->model, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    const mx_logistic *m = &s->model;
    const double scalars[SCALARS] = {m->loss, m->iterations, m->converged, (double)m->classes};
    memcpy(s->scalars, scalars, sizeof scalars);
    *state = s;
    return MERX_OK;
}

static size_t outputs(const void *state)
{
    return ((const logistic_state *)state)->model.classes;
}

static size_t inputs(const void *state)
{
    return ((const logistic_state *)state)->model.d;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)err;
    const mx_logistic *m = &((const logistic_state *)state)->model;
    for (size_t i = 0; i < rows->n; i++) {
        double *p = values + i * m->classes;
        mx_logistic_probabilities(m, rows->x + i * m->d, p);
        size_t best = 0;
        for (size_t c = 1; c < m->classes; c++)
            if (p[c] > p[best])
                best = c;
        if (labels != NULL)
            labels[i] = (int32_t)best;
    }
    return MERX_OK;
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)err;
    const mx_logistic *m = &((const logistic_state *)state)->model;
    *score = mx_logistic_explain_row(m, rows->x + row * m->d, output, contributions, base);
    return MERX_OK;
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const mx_logistic *m = &((const logistic_state *)state)->model;
    mx_text_printf(text, "mean penalised loss %.6g, %d iterations, %s\n", m->loss, m->iterations,
                   m->converged ? "converged" : "NOT converged: raise max_iterations");
    for (size_t c = 0; c < m->outputs; c++) {
        size_t named = m->outputs == 1 ? 1 : c;
        mx_text_printf(text, "log-odds of \"%s\"\n%-32s %14s %14s\n", names->outputs[named], "column", "coefficient",
                       "standard error");
        mx_text_printf(text, "%-32s %14.6g %14.6g\n", "(intercept)", m->intercepts[c],
                       m->standard_errors[c * (m->d + 1) + m->d]);
        for (size_t j = 0; j < m->d; j++)
            mx_text_printf(text, "%-32s %14.6g %14.6g\n", names->names[j], m->coefficients[c * m->d + j],
                           m->standard_errors[c * (m->d + 1) + j]);
    }
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const logistic_state *s = state;
    const mx_logistic *m = &s->model;
    MX_TRY(mx_tensor_writer_matrix(writer, "logistic.coefficients", MX_F64, m->outputs, m->d, m->coefficients, err));
    MX_TRY(mx_tensor_writer_vector(writer, "logistic.intercepts", MX_F64, m->outputs, m->intercepts, err));
    MX_TRY(mx_tensor_writer_vector(writer, "logistic.means", MX_F64, m->d, m->means, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "logistic.standard_errors", MX_F64, m->outputs, m->d + 1, m->standard_errors,
                                   err));
    return mx_tensor_writer_vector(writer, "logistic.scalars", MX_F64, SCALARS, s->scalars, err);
}

static merx_status copy_tensor(const mx_tensor_file *file, const char *name, const merx_allocator *alloc, int dims,
                               const uint64_t *shape, double **out, merx_error *err)
{
    const mx_tensor *t;
    MX_TRY(mx_tensor_file_get(file, name, MX_F64, dims, shape, &t, err));
    size_t count = dims == 2 ? (size_t)shape[0] * (size_t)shape[1] : (size_t)shape[0];
    if (t->size_bytes != count * sizeof **out)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" does not have the shape of the others",
                name);
    MX_TRY(mx_alloc_array(alloc, count, sizeof **out, name, out, err));
    if (count > 0)
        memcpy(*out, t->data, t->size_bytes);
    return MERX_OK;
}

static merx_status load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    logistic_state *s = NULL;
    const double *scalars, *means;
    uint64_t count, d, q;
    const mx_tensor *coefficients;
    MX_TRY(mx_tensor_file_vector(file, "logistic.scalars", MX_F64, SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "logistic.means", MX_F64, 0, &means, &d, err));
    MX_TRY(mx_tensor_file_get(file, "logistic.coefficients", MX_F64, 2, (uint64_t[]){0, 0}, &coefficients, err));
    q = coefficients->shape[0];
    if (coefficients->shape[1] != d || q == 0 || q == 2 || q > INT32_MAX ||
        scalars[CLASSES] != (q == 1 ? 2.0 : (double)q))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "the shapes of the logistic coefficients do not fit each other");
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "logistic model", &s, err));
    mx_logistic *m = &s->model;
    m->alloc = alloc;
    m->d = (size_t)d;
    m->outputs = (size_t)q;
    m->classes = q == 1 ? 2 : (size_t)q;
    merx_status status;
    MX_TRY_GOTO(copy_tensor(file, "logistic.coefficients", alloc, 2, (uint64_t[]){q, d}, &m->coefficients, err));
    MX_TRY_GOTO(copy_tensor(file, "logistic.intercepts", alloc, 1, (uint64_t[]){q}, &m->intercepts, err));
    MX_TRY_GOTO(copy_tensor(file, "logistic.means", alloc, 1, (uint64_t[]){d}, &m->means, err));
    MX_TRY_GOTO(
        copy_tensor(file, "logistic.standard_errors", alloc, 2, (uint64_t[]){q, d + 1}, &m->standard_errors, err));
    memcpy(s->scalars, scalars, sizeof s->scalars);
    m->loss = scalars[LOSS];
    m->iterations = scalars[ITERATIONS] >= 0 && scalars[ITERATIONS] <= INT32_MAX ? (int)scalars[ITERATIONS] : 0;
    m->converged = scalars[CONVERGED] == 1;
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

/* A standardised copy of the design, block gradients and the history of L-BFGS. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)options;
    uint64_t parameters = (uint64_t)(d + 1) * (classes == 2 ? 1 : classes);
    return 8 * ((uint64_t)n * (d + 2) + 100 * parameters);
}

const mx_family mx_family_logistic = {
    .version = 1,
    .info = {.name = "logistic",
             .title = "Logistic regression",
             .text = "Predicts the probability of each class from a weighted sum of the columns. Two classes or more.",
             .formula = "P(y = c | x) = exp(b0_c + b_c x) / sum_k exp(b0_k + b_k x);  minimise mean weighted log loss "
                        "+ l2 / (2 W) |b|^2",
             .tags = MERX_TAKES_TABLE | MERX_NEEDS_TARGET | MERX_CLASSIFIES | MERX_SUPPORTS_WEIGHTS,
             .options = options_table},
    .fit = fit,
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
