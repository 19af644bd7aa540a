/*
 * The family `elastic_net`: mx_elastic_net behind the model contract.
 */
#include <math.h>
#include <string.h>

#include "learn/linear/elastic_net.h"
#include "learn/linear/linear_family.h"

enum {
    INTERCEPT,
    Y_MEAN,
    ALPHA,
    L1_RATIO,
    GAP,
    SWEEPS,
    CONVERGED,
    RANK,
    R2,
    RESIDUAL_VARIANCE,
    FREE_ROWS,
    POSITIVE,
    SCALARS
};

typedef struct net_state {
    mx_elastic_net net;
    double scalars[SCALARS];
} net_state;

static const merx_option options_table[] = {
    {"alpha", MERX_OPTION_REAL, 0, 1e15, "auto", "auto",
     "Strength of the penalty; auto: the one with the least squared error in cross-validation."},
    {"l1_ratio", MERX_OPTION_REAL, 0, 1, "0.5", NULL,
     "Share of the penalty on absolute coefficients, which sets some to 0; 1 is the lasso, 0 is ridge."},
    {"intercept", MERX_OPTION_BOOL, 0, 0, "true", NULL, "Learn a constant term; it is not penalised."},
    {"positive", MERX_OPTION_BOOL, 0, 0, "false", NULL, "Allow no coefficient below 0."},
    {"tolerance", MERX_OPTION_REAL, 1e-15, 1, "0.0001", NULL,
     "The fit ends when the duality gap is at most this share of the target's sum of squares."},
    {"max_iterations", MERX_OPTION_INT, 1, 1e9, "10000", NULL, "Most sweeps over the coefficients for one alpha."},
    {"alphas", MERX_OPTION_INT, 1, 10000, "100", NULL, "Strengths tried when alpha is auto."},
    {"path_end", MERX_OPTION_REAL, 1e-12, 1, "0.001", NULL,
     "The weakest penalty tried, as a share of the one that sets every coefficient to 0."},
    {"folds", MERX_OPTION_INT, 2, 100, "5", NULL, "Parts of the cross-validation when alpha is auto."},
    {0},
};

static void free_state(void *state, const merx_allocator *alloc)
{
    net_state *s = state;
    if (s == NULL)
        return;
    mx_elastic_net_release(&s->net);
    mx_free_array(alloc, s, 1, sizeof *s);
}

static merx_status fit_either(const merx_options *options, const mx_design *design, mx_design_rows *rows,
                              const merx_allocator *alloc, merx_task *task, void **state, merx_error *err)
{
    mx_elastic_net_options o = {.alpha = merx_options_real(options, "alpha"),
                                .l1_ratio = merx_options_real(options, "l1_ratio"),
                                .no_intercept = !merx_options_bool(options, "intercept"),
                                .positive = merx_options_bool(options, "positive"),
                                .tolerance = merx_options_real(options, "tolerance"),
                                .most_sweeps = (size_t)merx_options_int(options, "max_iterations"),
                                .alphas = (size_t)merx_options_int(options, "alphas"),
                                .path_end = merx_options_real(options, "path_end"),
                                .folds = (int)merx_options_int(options, "folds"),
                                .seed = merx_task_seed(task)};
    net_state *s = NULL;
    *state = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "elastic net", err));
    merx_status status = mx_elastic_net_fit(design, rows, &o, alloc, task, &s->net, err);
    if (status != MERX_OK) {
        free_state(s, alloc);
        return status;
    }
    const mx_linear *m = &s->net.linear;
    const double scalars[SCALARS] = {[INTERCEPT] = m->intercept,
                                     [Y_MEAN] = m->y_mean,
                                     [ALPHA] = s->net.alpha,
                                     [L1_RATIO] = s->net.l1_ratio,
                                     [GAP] = s->net.gap,
                                     [SWEEPS] = s->net.sweeps,
                                     [CONVERGED] = s->net.converged,
                                     [RANK] = m->rank,
                                     [R2] = m->r2,
                                     [RESIDUAL_VARIANCE] = m->residual_variance,
                                     [FREE_ROWS] = m->quality.free_rows,
                                     [POSITIVE] = o.positive};
    memcpy(s->scalars, scalars, sizeof scalars);
    *state = s;
    return MERX_OK;
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    return fit_either(options, design, NULL, alloc, task, state, err);
}

static merx_status fit_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                            merx_task *task, void **state, merx_error *err)
{
    return fit_either(options, NULL, rows, alloc, task, state, err);
}

static size_t outputs(const void *state)
{
    (void)state;
    return 1;
}

static size_t inputs(const void *state)
{
    return ((const net_state *)state)->net.linear.d;
}

static merx_status predict(const void *state, const mx_design *rows, merx_task *task, double *values, int32_t *labels,
                           merx_error *err)
{
    (void)task;
    (void)labels;
    (void)err;
    const mx_linear *m = &((const net_state *)state)->net.linear;
    for (size_t i = 0; i < rows->n; i++)
        values[i] =
            rows->x != NULL ? mx_linear_predict_row(m, rows->x + i * m->d) : mx_linear_predict_sparse(m, &rows->csr, i);
    return MERX_OK;
}

static void predict_row(const void *state, const double *x, double *values, int32_t *label)
{
    (void)label;
    values[0] = mx_linear_predict_row(&((const net_state *)state)->net.linear, x);
}

static merx_status explain(const void *state, const mx_design *rows, size_t row, size_t output, double *contributions,
                           double *base, double *score, merx_error *err)
{
    (void)output;
    (void)err;
    mx_linear_explain(&((const net_state *)state)->net.linear, rows, row, contributions, base, score);
    return MERX_OK;
}

static void describe_path(const mx_elastic_net *net, mx_text *text)
{
    size_t at = 0;
    while (at < net->path && net->alphas[at] != net->alpha)
        at++;
    if (at == net->path)
        return;
    mx_text_printf(
        text, "alpha chosen among %zu from %.6g to %.6g: squared error of rows held out %.6g, standard error %.3g\n",
        net->path, net->alphas[0], net->alphas[net->path - 1], net->errors[at], net->spreads[at]);
    if (net->path > 1 && (at == 0 || at + 1 == net->path))
        mx_text_printf(text, "this is the %s of those tried; %s\n", at == 0 ? "strongest" : "weakest",
                       at == 0 ? "no column helps on rows held out" : "a smaller path_end may do better");
}

static merx_status describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const net_state *s = state;
    const mx_linear *m = &s->net.linear;
    mx_text_printf(text, "alpha %.6g, l1_ratio %.6g%s: %d of %zu coefficients are not 0\n", s->net.alpha,
                   s->net.l1_ratio, s->scalars[POSITIVE] > 0 ? ", none below 0" : "", m->rank, m->d);
    describe_path(&s->net, text);
    mx_text_printf(text, "R2 %.6g, residual standard deviation %.6g\n", m->r2, sqrt(m->residual_variance));
    mx_text_printf(text, "duality gap %.3g of the target's sum of squares after %.0f sweeps%s\n", s->net.gap,
                   s->net.sweeps,
                   s->net.converged > 0 ? "" : ": NOT converged (more max_iterations, or more tolerance)");
    mx_text_printf(text, "%-32s %14s\n%-32s %14.6g\n", "column", "coefficient", "(intercept)", m->intercept);
    for (size_t j = 0; j < m->d; j++) {
        if (m->coefficients[j] == 0)
            continue;
        if (names->names != NULL)
            mx_text_printf(text, "%-32s %14.6g\n", names->names[j], m->coefficients[j]);
        else
            mx_text_printf(text, "%-32zu %14.6g\n", j, m->coefficients[j]);
    }
    return mx_text_ok(text, err);
}

static merx_status save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const net_state *s = state;
    const mx_elastic_net *net = &s->net;
    MX_TRY(mx_tensor_writer_vector(writer, "elastic_net.coefficients", MX_F64, net->linear.d, net->linear.coefficients,
                                   err));
    MX_TRY(mx_tensor_writer_vector(writer, "elastic_net.means", MX_F64, net->linear.d, net->linear.means, err));
    MX_TRY(mx_tensor_writer_vector(writer, "elastic_net.alphas", MX_F64, net->path, net->alphas, err));
    MX_TRY(mx_tensor_writer_vector(writer, "elastic_net.errors", MX_F64, net->path, net->errors, err));
    MX_TRY(mx_tensor_writer_vector(writer, "elastic_net.spreads", MX_F64, net->path, net->spreads, err));
    return mx_tensor_writer_vector(writer, "elastic_net.scalars", MX_F64, SCALARS, s->scalars, err);
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
    net_state *s = NULL;
    const double *scalars, *first;
    uint64_t d = 0, path = 0, count;
    MX_TRY(mx_tensor_file_vector(file, "elastic_net.scalars", MX_F64, SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "elastic_net.coefficients", MX_F64, 0, &first, &d, err));
    MX_TRY(mx_tensor_file_vector(file, "elastic_net.alphas", MX_F64, 0, &first, &path, err));
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "elastic net", err));
    mx_elastic_net *net = &s->net;
    mx_linear *m = &net->linear;
    m->alloc = alloc;
    m->d = (size_t)d;
    net->path = (size_t)path;
    merx_status status;
    MX_TRY_GOTO(copy_vector(file, "elastic_net.coefficients", alloc, d, &m->coefficients, err));
    MX_TRY_GOTO(copy_vector(file, "elastic_net.means", alloc, d, &m->means, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, (size_t)d + 1, &m->standard_errors, "standard errors", err));
    MX_TRY_GOTO(copy_vector(file, "elastic_net.alphas", alloc, path, &net->alphas, err));
    MX_TRY_GOTO(copy_vector(file, "elastic_net.errors", alloc, path, &net->errors, err));
    MX_TRY_GOTO(copy_vector(file, "elastic_net.spreads", alloc, path, &net->spreads, err));
    memcpy(s->scalars, scalars, sizeof s->scalars);
    for (size_t j = 0; j <= m->d; j++)
        m->standard_errors[j] = NAN;
    m->intercept = scalars[INTERCEPT];
    m->y_mean = scalars[Y_MEAN];
    m->r2 = scalars[R2];
    m->residual_variance = scalars[RESIDUAL_VARIANCE];
    m->quality.free_rows = scalars[FREE_ROWS];
    m->rank = scalars[RANK] >= 0 && scalars[RANK] <= (double)d ? (int)scalars[RANK] : 0;
    net->alpha = scalars[ALPHA];
    net->l1_ratio = scalars[L1_RATIO];
    net->gap = scalars[GAP];
    net->sweeps = scalars[SWEEPS];
    net->converged = scalars[CONVERGED];
    *state = s;
    return MERX_OK;
out:
    free_state(s, alloc);
    return status;
}

static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    (void)classes;
    return mx_elastic_net_memory(n, d, (int)merx_options_int(options, "folds"),
                                 isnan(merx_options_real(options, "alpha")));
}

const mx_family mx_family_elastic_net = {
    .version = 1,
    .info = {.name = "elastic_net",
             .title = "Elastic net and lasso",
             .text = "Linear regression that leaves out columns: a penalty on absolute and squared coefficients sets "
                     "those to 0 "
                     "that earn too little. The strength is chosen by cross-validation unless given.",
             .formula =
                 "y = b0 + sum_j b_j x_j;  minimise 1/(2W) sum_i w_i (y_i - b0 - b x_i)^2 + alpha l1_ratio sum_j "
                 "|b_j| + alpha (1 - l1_ratio)/2 sum_j b_j^2",
             .tags = MERX_TAKES_TABLE | MERX_TAKES_SPARSE | MERX_TAKES_STREAM | MERX_NEEDS_TARGET | MERX_REGRESSES |
                     MERX_SUPPORTS_WEIGHTS,
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
    .predict_row = predict_row,
    .fit_rows = fit_rows,
};
