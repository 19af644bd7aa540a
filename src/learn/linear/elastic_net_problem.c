/*
 * The least squares of an elastic net as a Gram matrix, dense columns or sparse columns.
 */
#include "learn/linear/elastic_net_problem.h"

#include <math.h>
#include <string.h>

/* What every form has. rows: cells of the residual; 0: slopes instead. */
static merx_status new_problem(size_t d, size_t rows, const merx_allocator *alloc, mx_net_problem *p, merx_error *err)
{
    *p = (mx_net_problem){.d = d, .alloc = alloc};
    p->room_cells = d + (rows > 0 ? rows : d);
    MX_TRY(MX_NEW_ARRAY(alloc, d + 1, &p->means, "column means", err));
    MX_TRY(MX_NEW_ARRAY(alloc, d, &p->b, "coefficients", err));
    MX_TRY(MX_NEW_ARRAY(alloc, d, &p->start, "slopes", err));
    MX_TRY(mx_alloc_array(alloc, d, 2 * sizeof(double), "slopes", &p->scratch, err));
    return mx_alloc_array(alloc, p->room_cells, sizeof(double), "residuals", &p->room, err);
}

void mx_net_problem_release(mx_net_problem *p)
{
    if (p->alloc == NULL)
        return;
    mx_free_array(p->alloc, p->dense, p->dense_cells, sizeof(double));
    mx_free_array(p->alloc, p->room, p->room_cells, sizeof(double));
    mx_free_array(p->alloc, p->scratch, p->d, 2 * sizeof(double));
    MX_FREE_ARRAY(p->alloc, p->start, p->d);
    MX_FREE_ARRAY(p->alloc, p->b, p->d);
    MX_FREE_ARRAY(p->alloc, p->means, p->d + 1);
    *p = (mx_net_problem){0};
}

merx_status mx_net_problem_of_sums(const mx_linear_sums *sums, const merx_allocator *alloc, mx_net_problem *p,
                                   merx_error *err)
{
    size_t d = sums->d;
    MX_TRY(new_problem(d, 0, alloc, p, err));
    p->weight = sums->weight;
    p->rows = sums->rows;
    p->target = sums->gram[sums->e * sums->e - 1];
    if (!sums->raw)
        memcpy(p->means, sums->means, sums->e * sizeof *p->means);
    /* The last row of the Gram matrix, being symmetric, is X'Wy. */
    p->gram = (mx_descent_gram){.d = d,
                                .stride = sums->e,
                                .gram = sums->gram,
                                .moments = sums->gram + d * sums->e,
                                .target = p->target,
                                .slope = p->room,
                                .squares = p->room + d};
    p->matrix = mx_descent_gram_start(&p->gram, p->b);
    for (size_t j = 0; j < d; j++)
        if (!(sums->scales[j] > 0))
            p->gram.squares[j] = 0;
    memcpy(p->start, p->room, d * sizeof *p->start);
    return MERX_OK;
}

/* Weighted means of columns and target. */
static void find_means(const mx_design *design, const mx_csr *transposed, const double *weights, mx_net_problem *p)
{
    size_t d = p->d;
    for (size_t i = 0; i < design->n; i++) {
        if (weights[i] == 0)
            continue;
        p->means[d] += weights[i] * design->y[i];
        for (size_t j = 0; design->x != NULL && j < d; j++)
            p->means[j] += weights[i] * design->x[i * d + j];
    }
    for (size_t j = 0; transposed != NULL && j < d; j++)
        for (int64_t q = transposed->starts[j]; q < transposed->starts[j + 1]; q++)
            p->means[j] +=
                weights[transposed->indices[q]] * (transposed->values != NULL ? (double)transposed->values[q] : 1);
    for (size_t j = 0; j <= d; j++)
        p->means[j] /= p->weight;
}

/* dense: first t (n), then the columns (d, n), all centred and weighted by the roots. */
static merx_status lay_columns(const mx_design *design, const double *weights, mx_net_problem *p, merx_error *err)
{
    size_t n = design->n, d = p->d;
    if (!mx_mul_size(n, d + 1, &p->dense_cells))
        MX_FAIL(err, MERX_E_MEMORY, "elastic net", "%zu rows x %zu columns are too many", n, d);
    merx_status status = mx_alloc_array_raw(p->alloc, p->dense_cells, sizeof(double), "columns", &p->dense, err);
    if (status != MERX_OK)
        p->dense_cells = 0;
    MX_TRY(status);
    for (size_t i = 0; i < n; i++) {
        double root = sqrt(weights[i]);
        p->dense[i] = root * (design->y[i] - p->means[d]);
        for (size_t j = 0; j < d; j++)
            p->dense[(j + 1) * n + i] = root * (design->x[i * d + j] - p->means[j]);
    }
    p->columns = (mx_descent_columns){
        .d = d, .rows = n, .columns = p->dense + n, .t = p->dense, .residual = p->room, .squares = p->room + n};
    p->matrix = mx_descent_columns_start(&p->columns, p->b);
    /* A column that is constant up to rounding keeps 0. */
    for (size_t j = 0; j < d; j++)
        if (!(p->columns.squares[j] > 1e-26 * p->weight * p->means[j] * p->means[j]))
            p->columns.squares[j] = 0;
    return MERX_OK;
}

merx_status mx_net_problem_of_design(const mx_design *design, const mx_csr *transposed, const double *weights, bool raw,
                                     const merx_allocator *alloc, mx_net_problem *p, merx_error *err)
{
    size_t n = design->n;
    MX_TRY(new_problem(design->d, n, alloc, p, err));
    for (size_t i = 0; i < n; i++) {
        p->weight += weights[i];
        p->rows += weights[i] > 0;
    }
    if (!(p->weight > 0))
        MX_FAIL(err, MERX_E_INVALID, "elastic net", "the weights sum to %g; expected a finite number above 0",
                p->weight);
    if (!raw)
        find_means(design, transposed, weights, p);
    if (transposed == NULL) {
        MX_TRY(lay_columns(design, weights, p, err));
    } else {
        p->dense_cells = n;
        merx_status status = mx_alloc_array_raw(alloc, n, sizeof(double), "deviations", &p->dense, err);
        if (status != MERX_OK)
            p->dense_cells = 0;
        MX_TRY(status);
        for (size_t i = 0; i < n; i++)
            p->dense[i] = design->y[i] - p->means[p->d];
        p->sparse = (mx_descent_sparse){.columns = transposed,
                                        .weights = weights,
                                        .means = raw ? NULL : p->means,
                                        .t = p->dense,
                                        .weight = p->weight,
                                        .residual = p->room,
                                        .squares = p->room + n};
        p->matrix = mx_descent_sparse_start(&p->sparse, p->b);
    }
    p->target = p->matrix.target;
    p->matrix.slopes(p->matrix.context, p->start);
    for (size_t j = 0; j < p->d; j++)
        if (!isfinite(p->start[j]) || !isfinite(p->matrix.squares[j]))
            MX_FAIL(err, MERX_E_NUMERIC, "elastic net", "the squares of column %zu overflow; rescale it", j);
    return MERX_OK;
}

merx_status mx_net_problem_solve(mx_net_problem *p, const mx_elastic_net_options *o, double alpha, merx_task *task,
                                 mx_descent_result *result, merx_error *err)
{
    /* The objective times W. */
    mx_descent_options options = {.l1 = alpha * o->l1_ratio * p->weight,
                                  .l2 = alpha * (1 - o->l1_ratio) * p->weight,
                                  .positive = o->positive,
                                  .tolerance = o->tolerance,
                                  .most_sweeps = o->most_sweeps};
    return mx_coordinate_descent(&p->matrix, &options, p->b, p->scratch, task, result, err);
}

double mx_net_problem_top(const mx_net_problem *p, const mx_elastic_net_options *o)
{
    double top = 0;
    for (size_t j = 0; j < p->d; j++)
        if (p->matrix.squares[j] > 0)
            top = fmax(top, o->positive ? p->start[j] : fabs(p->start[j]));
    return top / p->weight / fmax(o->l1_ratio, 1e-3);
}

double mx_net_problem_intercept(const mx_net_problem *p, bool raw)
{
    return raw ? 0 : p->means[p->d] - mx_dot(p->b, p->means, p->d);
}
