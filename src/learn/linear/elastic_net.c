/*
 * Elastic net and lasso: the fit at one alpha, or along a path of alphas with the best one chosen by cross-validation.
 */
#include "learn/linear/elastic_net.h"

#include <math.h>
#include <string.h>

#include "learn/linear/elastic_net_folds.h"
#include "learn/linear/elastic_net_problem.h"

enum { MOST_FOLDS = 100 };

/* What the whole fit works on. */
typedef struct net_work {
    const mx_design *design; /* NULL: a stream */
    mx_design_rows *rows;
    const mx_elastic_net_options *options;
    const merx_allocator *alloc;
    merx_task *task;
    size_t d, path;
    bool by_columns, choose;
    mx_linear_sums parts[MOST_FOLDS], whole;
    mx_csr_own transposed;
    double *weights; /* (n) by columns: the design's or ones */
    int32_t *fold;   /* (n) by columns */
    mx_net_problem problem;
    double *alphas, *errors; /* (path), (folds, path) squared errors on the fold's rows */
    double fold_weights[MOST_FOLDS];
} net_work;

static bool is_sparse(const mx_design *design)
{
    return design != NULL && design->x == NULL && design->csr.starts != NULL;
}

static merx_status check_options(const mx_elastic_net_options *o, uint64_t n, merx_error *err)
{
    if (!isnan(o->alpha) && (!(o->alpha >= 0) || !isfinite(o->alpha)))
        MX_FAIL(err, MERX_E_RANGE, "elastic_net", "alpha is %g; expected a number of 0 or more", o->alpha);
    if (!(o->l1_ratio >= 0 && o->l1_ratio <= 1))
        MX_FAIL(err, MERX_E_RANGE, "elastic_net", "l1_ratio is %g; expected 0 to 1", o->l1_ratio);
    if (!(o->tolerance > 0) || !isfinite(o->tolerance) || o->most_sweeps == 0)
        MX_FAIL(err, MERX_E_RANGE, "elastic_net", "tolerance is %g; expected a number above 0", o->tolerance);
    if (isnan(o->alpha) &&
        (o->folds < 2 || o->folds > MOST_FOLDS || o->alphas < 1 || !(o->path_end > 0) || !(o->path_end <= 1)))
        MX_FAIL(err, MERX_E_RANGE, "elastic_net", "the path of alphas or the %d folds are out of range", o->folds);
    if (n == 0)
        MX_FAIL(err, MERX_E_INVALID, "elastic_net", "there are no rows to learn from");
    if (isnan(o->alpha) && n < (uint64_t)o->folds)
        MX_FAIL(err, MERX_E_INVALID, "elastic_net", "%llu rows can't be cut into %d folds (give alpha, or fewer folds)",
                (unsigned long long)n, o->folds);
    return MERX_OK;
}

/* ---- what the problem is made of ---- */

static merx_status check_dense(const mx_design *design, merx_error *err)
{
    for (size_t i = 0; i < design->n; i++) {
        if (!isfinite(design->y[i]))
            MX_FAIL(err, MERX_E_INVALID, "elastic_net", "the target of row %zu is %g; expected a finite number", i,
                    design->y[i]);
        if (design->weights != NULL && (!(design->weights[i] >= 0) || !isfinite(design->weights[i])))
            MX_FAIL(err, MERX_E_INVALID, "elastic_net",
                    "the weight of row %zu is %g; expected a finite number of 0 or more", i, design->weights[i]);
        for (size_t j = 0; j < design->d; j++) {
            double v = design->x[i * design->d + j];
            if (!isfinite(v) && design->names != NULL)
                MX_FAIL(err, MERX_E_INVALID, "elastic_net", "row %zu, column \"%s\" is %g; expected a finite number", i,
                        design->names[j], v);
            if (!isfinite(v))
                MX_FAIL(err, MERX_E_INVALID, "elastic_net", "row %zu, column %zu is %g; expected a finite number", i, j,
                        v);
        }
    }
    return MERX_OK;
}

static merx_status prepare_columns(net_work *w, merx_error *err)
{
    const mx_design *design = w->design;
    w->by_columns = true;
    MX_TRY(is_sparse(design) ? mx_linear_check_sparse(design, "elastic_net", err) : check_dense(design, err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, design->n, &w->weights, "weights", err));
    for (size_t i = 0; i < design->n; i++)
        w->weights[i] = design->weights != NULL ? design->weights[i] : 1;
    if (w->choose) {
        MX_TRY(MX_NEW_ARRAY(w->alloc, design->n, &w->fold, "folds", err));
        mx_elastic_net_folds(w->options->seed, w->options->folds, 0, design->n, w->fold);
        for (size_t i = 0; i < design->n; i++)
            w->fold_weights[w->fold[i]] += w->weights[i];
    }
    if (is_sparse(design))
        MX_TRY(mx_csr_transpose(&design->csr, w->alloc, &w->transposed, err));
    return mx_net_problem_of_design(design, is_sparse(design) ? &w->transposed.view : NULL, w->weights,
                                    w->options->no_intercept, w->alloc, &w->problem, err);
}

static merx_status prepare_sums(net_work *w, merx_error *err)
{
    bool raw = w->options->no_intercept;
    if (w->choose) {
        MX_TRY(mx_net_sum_folds(w->design, w->rows, w->options, w->task, w->parts, err));
        MX_TRY(mx_net_sum_but(w->parts, w->options->folds, w->options->folds, w->d, raw, w->alloc, &w->whole, err));
        for (int k = 0; k < w->options->folds; k++)
            w->fold_weights[k] = w->parts[k].weight;
        if (!(w->whole.weight > 0) || !isfinite(w->whole.weight))
            MX_FAIL(err, MERX_E_INVALID, "elastic_net", "the weights sum to %g; expected a finite number above 0",
                    w->whole.weight);
    } else if (is_sparse(w->design)) {
        MX_TRY(mx_linear_sum_sparse(w->design, "elastic_net", raw, w->task, &w->whole, err));
    } else {
        MX_TRY(mx_linear_sum(w->rows, "elastic_net", raw, w->task, &w->whole, err));
    }
    if (w->whole.rough && w->design != NULL)
        return prepare_columns(w, err);
    return mx_net_problem_of_sums(&w->whole, w->alloc, &w->problem, err);
}

/* ---- cross-validation ---- */

static double held_out_error(const net_work *w, int fold, const double *b, double intercept)
{
    if (!w->by_columns)
        return mx_net_squared_error(&w->parts[fold], b, intercept);
    const mx_design *design = w->design;
    double sum = 0;
    for (size_t i = 0; i < design->n; i++) {
        if (w->fold[i] != fold || w->weights[i] == 0)
            continue;
        double fitted = intercept;
        if (design->x != NULL)
            fitted += mx_dot(b, design->x + i * w->d, w->d);
        else
            for (int64_t q = design->csr.starts[i]; q < design->csr.starts[i + 1]; q++)
                fitted += b[design->csr.indices[q]] * (design->csr.values != NULL ? (double)design->csr.values[q] : 1);
        sum += w->weights[i] * (design->y[i] - fitted) * (design->y[i] - fitted);
    }
    return sum;
}

static merx_status walk_fold(void *context, size_t at, merx_error *err)
{
    net_work *w = context;
    int fold = (int)at;
    const mx_elastic_net_options *o = w->options;
    mx_linear_sums train = {0};
    mx_net_problem problem = {0};
    double *weights = NULL, total = 0;
    size_t n = w->by_columns ? w->design->n : 0;
    merx_status status = MERX_OK;
    for (int k = 0; k < o->folds; k++)
        total += k != fold ? w->fold_weights[k] : 0;
    if (!(w->fold_weights[fold] > 0) || !(total > 0)) {
        w->fold_weights[fold] = 0;
        return MERX_OK;
    }
    if (w->by_columns) {
        MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, n, &weights, "weights", err));
        for (size_t i = 0; i < n; i++)
            weights[i] = w->fold[i] != fold ? w->weights[i] : 0;
        MX_TRY_GOTO(mx_net_problem_of_design(w->design, is_sparse(w->design) ? &w->transposed.view : NULL, weights,
                                             o->no_intercept, w->alloc, &problem, err));
    } else {
        MX_TRY_GOTO(mx_net_sum_but(w->parts, o->folds, fold, w->d, o->no_intercept, w->alloc, &train, err));
        MX_TRY_GOTO(mx_net_problem_of_sums(&train, w->alloc, &problem, err));
    }
    for (size_t a = 0; a < w->path; a++) {
        mx_descent_result result;
        MX_TRY_GOTO(mx_net_problem_solve(&problem, o, w->alphas[a], w->task, &result, err));
        w->errors[at * w->path + a] =
            held_out_error(w, fold, problem.b, mx_net_problem_intercept(&problem, o->no_intercept));
    }
out:
    mx_net_problem_release(&problem);
    mx_linear_sums_release(&train);
    MX_FREE_ARRAY(w->alloc, weights, n);
    return status;
}

/* Fills net's path; the best alpha's number into *best. */
static merx_status choose_alpha(net_work *w, mx_elastic_net *net, size_t *best, merx_error *err)
{
    const mx_elastic_net_options *o = w->options;
    size_t folds = (size_t)o->folds;
    double total = 0, used = 0;
    MX_TRY(mx_parallel(w->task, folds, walk_fold, w, err));
    for (size_t k = 0; k < folds; k++) {
        total += w->fold_weights[k];
        used += w->fold_weights[k] > 0;
    }
    if (!(used >= 2))
        MX_FAIL(err, MERX_E_INVALID, "elastic_net",
                "cross-validation needs rows of weight above 0 in two folds at least (give alpha)");
    *best = 0;
    for (size_t a = 0; a < w->path; a++) {
        double sum = 0, spread = 0;
        for (size_t k = 0; k < folds; k++)
            sum += w->fold_weights[k] > 0 ? w->errors[k * w->path + a] : 0;
        net->errors[a] = sum / total;
        for (size_t k = 0; k < folds; k++)
            if (w->fold_weights[k] > 0) {
                double off = w->errors[k * w->path + a] / w->fold_weights[k] - net->errors[a];
                spread += w->fold_weights[k] / total * off * off;
            }
        net->spreads[a] = sqrt(spread / (used - 1));
        net->alphas[a] = w->alphas[a];
        if (net->errors[a] < net->errors[*best])
            *best = a;
    }
    return MERX_OK;
}

static void make_path(net_work *w)
{
    double top = mx_net_problem_top(&w->problem, w->options);
    if (!(top > 1e-15))
        top = 1e-15;
    for (size_t a = 0; a < w->path; a++)
        w->alphas[a] =
            a == 0 ? top : top * pow(w->options->path_end, (double)a / (double)(w->path > 1 ? w->path - 1 : 1));
}

/* ---- the model ---- */

static merx_status new_net(net_work *w, const merx_allocator *alloc, mx_elastic_net *net, merx_error *err)
{
    *net = (mx_elastic_net){.l1_ratio = w->options->l1_ratio, .path = w->path};
    net->linear.alloc = mx_allocator_or_default(alloc);
    net->linear.d = w->d;
    MX_TRY(MX_NEW_ARRAY(net->linear.alloc, w->d, &net->linear.coefficients, "coefficients", err));
    MX_TRY(MX_NEW_ARRAY(net->linear.alloc, w->d, &net->linear.means, "column means", err));
    MX_TRY(MX_NEW_ARRAY(net->linear.alloc, w->d + 1, &net->linear.standard_errors, "standard errors", err));
    for (size_t j = 0; j <= w->d; j++)
        net->linear.standard_errors[j] = NAN;
    MX_TRY(MX_NEW_ARRAY(net->linear.alloc, w->path, &net->alphas, "path", err));
    MX_TRY(MX_NEW_ARRAY(net->linear.alloc, w->path, &net->errors, "path", err));
    return MX_NEW_ARRAY(net->linear.alloc, w->path, &net->spreads, "path", err);
}

void mx_elastic_net_release(mx_elastic_net *net)
{
    if (net->linear.alloc != NULL) {
        MX_FREE_ARRAY(net->linear.alloc, net->spreads, net->path);
        MX_FREE_ARRAY(net->linear.alloc, net->errors, net->path);
        MX_FREE_ARRAY(net->linear.alloc, net->alphas, net->path);
    }
    mx_linear_release(&net->linear);
    *net = (mx_elastic_net){0};
}

static merx_status take_solution(net_work *w, const mx_descent_result *result, mx_elastic_net *net, merx_error *err)
{
    mx_net_problem *p = &w->problem;
    mx_linear *m = &net->linear;
    bool raw = w->options->no_intercept;
    double rr, rt;
    size_t kept = 0;
    memcpy(m->coefficients, p->b, w->d * sizeof *p->b);
    memcpy(m->means, p->means, w->d * sizeof *p->means);
    m->y_mean = p->means[w->d];
    m->intercept = mx_net_problem_intercept(p, raw);
    if (!isfinite(m->intercept) || !isfinite(mx_dot(m->coefficients, m->coefficients, w->d)))
        MX_FAIL(err, MERX_E_NUMERIC, "elastic_net", "the solution is not finite; rescale the columns or the target");
    for (size_t j = 0; j < w->d; j++)
        kept += m->coefficients[j] != 0;
    m->rank = (int)kept;
    m->method = MX_LINEAR_METHODS;
    p->matrix.residual(p->matrix.context, p->b, &rr, &rt);
    if (!w->by_columns && !(rr > 1e-7 * p->target))
        MX_TRY(mx_linear_residual_sum(w->rows, m->coefficients, m->intercept, w->task, &rr, err));
    m->quality =
        (mx_linear_quality){.residual_sum = rr, .condition = NAN, .digits = NAN, .iterations = (double)result->sweeps};
    mx_linear_sums few = {
        .e = 1, .raw = raw, .gram = &p->target, .means = &m->y_mean, .rows = p->rows, .weight = p->weight};
    mx_linear_judge(m, &few, (double)kept, false);
    net->gap = result->gap;
    net->sweeps = (double)result->sweeps;
    net->converged = result->converged;
    return MERX_OK;
}

static merx_status fit(net_work *w, const merx_allocator *alloc, mx_elastic_net *net, merx_error *err)
{
    const mx_elastic_net_options *o = w->options;
    mx_descent_result result;
    size_t best = 0;
    MX_TRY(new_net(w, alloc, net, err));
    if (w->design != NULL && w->d > MX_LINEAR_MOST_GRAM)
        MX_TRY(prepare_columns(w, err));
    else
        MX_TRY(prepare_sums(w, err));
    net->alpha = o->alpha;
    if (w->choose) {
        make_path(w);
        MX_TRY(choose_alpha(w, net, &best, err));
        net->alpha = w->alphas[best];
        for (size_t a = 0; a < best; a++)
            MX_TRY(mx_net_problem_solve(&w->problem, o, w->alphas[a], w->task, &result, err));
    }
    MX_TRY(mx_net_problem_solve(&w->problem, o, net->alpha, w->task, &result, err));
    return take_solution(w, &result, net, err);
}

merx_status mx_elastic_net_fit(const mx_design *design, mx_design_rows *rows, const mx_elastic_net_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_elastic_net *out, merx_error *err)
{
    *out = (mx_elastic_net){0};
    mx_design_rows own;
    if (design != NULL) {
        own = mx_design_rows_of(design);
        rows = &own;
    }
    MX_TRY(check_options(options, rows->n, err));
    const merx_allocator *scratch = merx_task_allocator(task);
    net_work *w = NULL;
    mx_elastic_net net = {0};
    size_t folds = isnan(options->alpha) ? (size_t)options->folds : 0, path = folds > 0 ? options->alphas : 0;
    MX_TRY(MX_NEW_ARRAY(scratch, 1, &w, "elastic net", err));
    *w = (net_work){.design = design,
                    .rows = rows,
                    .options = options,
                    .alloc = scratch,
                    .task = task,
                    .d = rows->d,
                    .path = path,
                    .choose = folds > 0};
    merx_status status;
    mx_task_stage(task, "elastic net", 0, "");
    MX_TRY_GOTO(MX_NEW_ARRAY(scratch, path, &w->alphas, "path", err));
    MX_TRY_GOTO(mx_alloc_array(scratch, path * folds, sizeof(double), "path", &w->errors, err));
    MX_TRY_GOTO(fit(w, alloc, &net, err));
    mx_task_done(task);
out:
    mx_net_problem_release(&w->problem);
    mx_csr_release(&w->transposed);
    mx_linear_sums_release(&w->whole);
    for (int k = 0; k < MOST_FOLDS; k++)
        mx_linear_sums_release(&w->parts[k]);
    if (design != NULL) {
        MX_FREE_ARRAY(scratch, w->fold, design->n);
        MX_FREE_ARRAY(scratch, w->weights, design->n);
    }
    mx_free_array(scratch, w->errors, path * folds, sizeof(double));
    MX_FREE_ARRAY(scratch, w->alphas, path);
    MX_FREE_ARRAY(scratch, w, 1);
    if (status == MERX_OK)
        *out = net;
    else
        mx_elastic_net_release(&net);
    return status;
}

uint64_t mx_elastic_net_memory(size_t n, size_t d, int folds, bool choose)
{
    uint64_t e = (uint64_t)d + 1;
    if (d > MX_LINEAR_MOST_GRAM) /* columns: a copy for the whole and one for a fold on each of two threads */
        return 8 * ((uint64_t)n * e * (choose ? 3 : 1) + 16 * e);
    return 8 * e * e * (choose ? 2 * (uint64_t)folds + 4 : 3) + ((uint64_t)32 << 20);
}
