/*
 * Logistic regression. Letters: n rows, d columns, q outputs (1 for two classes, else one for each class), W sum of the weights.
 *
 * The minimiser sees columns z_j = (x_j - m_j) / s_j and parameters c_j = b_j s_j, b0' = b0 + sum_j b_j m_j. Intercepts are free and the penalty
 * stays sum_j (c_j / s_j)^2, so this is the same objective in better units: L-BFGS from zero then needs tens of iterations, whatever units the
 * columns have. `tolerance` speaks of the gradient in these units. A constant column gets coefficient 0.
 *
 * Multinomial logits are over-parametrised by one direction; started at zero the gradients of all classes sum to zero, and with them the
 * coefficients and the intercepts: the symmetric solution, as scikit-learn's.
 *
 * Without penalty the minimum does not exist when a plane separates classes. Two exact tests say so: before the fit, a column which alone
 * puts one class on one side of all others (touching allowed; this finds the indicator columns that occur with one class only), and
 * after it, coefficients that classify every row rightly. Separation of some rows by a combination of columns alone is not found.
 *
 * Invariant: losses and gradients are summed over blocks whose size depends on n alone, in block order.
 */
#include "learn/linear/logistic.h"

#include <math.h>
#include <string.h>

#include "numeric/dense.h"
#include "numeric/matrix.h"
#include "numeric/optimise.h"

enum { MX_LOGISTIC_BLOCKS = 64, MX_LOGISTIC_MIN_ROWS = 1024, MX_LOGISTIC_CHUNK = 256 };

typedef struct fit_work {
    const double *x, *weights;
    const int32_t *labels;
    size_t n, d, q, classes, block_rows, blocks;
    double total, l2;
    double *means, *inverse_scales; /* (d): m_j, 1 / s_j (0 for a constant column) */
    double *z;                      /* (n, d + 1): scaled columns, then 1 */
    double *partial;                /* (blocks, width) */
    size_t width;
    double *logits;     /* (workers, CHUNK, q): logits, then residuals */
    double *parameters; /* (d + 1, q): the transpose of what L-BFGS holds, intercepts last */
    merx_task *task;
} fit_work;

static double weight_of(const fit_work *f, size_t i)
{
    return f->weights ? f->weights[i] : 1.0;
}

static size_t block_end(const fit_work *f, size_t block)
{
    size_t end = (block + 1) * f->block_rows;
    return end < f->n ? end : f->n;
}

static double combine(const fit_work *f, size_t slot)
{
    double sum = 0;
    for (size_t b = 0; b < f->blocks; b++)
        sum += f->partial[b * f->width + slot];
    return sum;
}

/* ---- input ---- */

/* Per block: sum w, sum w x_j. */
static merx_status sums_block(void *context, size_t block, merx_error *err)
{
    fit_work *f = context;
    double *s = f->partial + block * f->width;
    memset(s, 0, f->width * sizeof *s);
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        double w = weight_of(f, i);
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, "logistic",
                    "the weight of row %zu is %g; expected a finite number of 0 or more", i, w);
        if (f->labels[i] < 0 || (size_t)f->labels[i] >= f->classes)
            MX_FAIL(err, MERX_E_INVALID, "logistic", "the class of row %zu is %d; expected 0 to %zu", i,
                    (int)f->labels[i], f->classes - 1);
        s[0] += w;
        for (size_t j = 0; j < f->d; j++) {
            double v = f->x[i * f->d + j];
            if (!isfinite(v))
                MX_FAIL(err, MERX_E_INVALID, "logistic", "row %zu, column %zu is %g; expected a finite number", i, j,
                        v);
            s[1 + j] += w * v;
        }
    }
    return MERX_OK;
}

/* Per block: sum w (x_j - m_j)^2. */
static merx_status squares_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    double *s = f->partial + block * f->width;
    memset(s, 0, f->width * sizeof *s);
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++)
        for (size_t j = 0; j < f->d; j++) {
            double t = f->x[i * f->d + j] - f->means[j];
            s[j] += weight_of(f, i) * t * t;
        }
    return MERX_OK;
}

static merx_status scale_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        double *z = f->z + i * (f->d + 1);
        for (size_t j = 0; j < f->d; j++)
            z[j] = (f->x[i * f->d + j] - f->means[j]) * f->inverse_scales[j];
        z[f->d] = 1;
    }
    return MERX_OK;
}

/* Each class must have weight: a class never seen has no finite intercept. */
static merx_status check_classes(const fit_work *f, const merx_allocator *work, merx_error *err)
{
    double *weight = NULL;
    MX_TRY(mx_alloc_array(work, f->classes, sizeof *weight, "class weights", &weight, err));
    for (size_t i = 0; i < f->n; i++)
        weight[f->labels[i]] += weight_of(f, i);
    merx_status status = MERX_OK;
    for (size_t c = 0; c < f->classes && status == MERX_OK; c++)
        if (!(weight[c] > 0))
            status = mx_error_set(err, MERX_E_INVALID, "logistic",
                                  "class %zu has no row of weight above 0; every class needs one", c);
    mx_free_array(work, weight, f->classes, sizeof *weight);
    return status;
}

static merx_status standardise(fit_work *f, merx_error *err)
{
    MX_TRY(mx_parallel(f->task, f->blocks, sums_block, f, err));
    f->total = combine(f, 0);
    if (!(f->total > 0) || !isfinite(f->total))
        MX_FAIL(err, MERX_E_INVALID, "logistic", "the weights sum to %g; expected a finite number above 0", f->total);
    for (size_t j = 0; j < f->d; j++)
        f->means[j] = combine(f, 1 + j) / f->total;
    MX_TRY(mx_parallel(f->task, f->blocks, squares_block, f, err));
    for (size_t j = 0; j < f->d; j++) {
        double s = sqrt(combine(f, j) / f->total);
        if (!isfinite(s))
            MX_FAIL(err, MERX_E_NUMERIC, "logistic", "the squares of column %zu overflow; rescale it", j);
        f->inverse_scales[j] = s > 1e-13 * fabs(f->means[j]) ? 1 / s : 0;
    }
    return mx_parallel(f->task, f->blocks, scale_block, f, err);
}

/* Refuses a column that alone puts a class on one side of all other rows. ranges: 2 * classes doubles. */
static merx_status check_columns(const fit_work *f, double *ranges, merx_error *err)
{
    size_t classes = f->classes;
    double *low = ranges, *high = ranges + classes;
    for (size_t j = 0; j < f->d; j++) {
        if (f->inverse_scales[j] == 0)
            continue;
        for (size_t c = 0; c < classes; c++) {
            low[c] = INFINITY;
            high[c] = -INFINITY;
        }
        for (size_t i = 0; i < f->n; i++)
            if (weight_of(f, i) > 0) {
                double v = f->x[i * f->d + j];
                int32_t c = f->labels[i];
                low[c] = v < low[c] ? v : low[c];
                high[c] = v > high[c] ? v : high[c];
            }
        for (size_t c = 0; c < classes; c++) {
            double rest_low = INFINITY, rest_high = -INFINITY;
            for (size_t o = 0; o < classes; o++)
                if (o != c) {
                    rest_low = low[o] < rest_low ? low[o] : rest_low;
                    rest_high = high[o] > rest_high ? high[o] : rest_high;
                }
            if (low[c] >= rest_high || high[c] <= rest_low)
                MX_FAIL(err, MERX_E_NUMERIC, "logistic",
                        "column %zu alone separates class %zu from the others, so its coefficient would grow without "
                        "bound; set l2 above 0",
                        j, c);
        }
    }
    return MERX_OK;
}

/* ---- objective ---- */

/* parameters (q, d + 1) as L-BFGS holds them. */
static void set_parameters(fit_work *f, const double *parameters)
{
    for (size_t c = 0; c < f->q; c++)
        for (size_t j = 0; j <= f->d; j++)
            f->parameters[j * f->q + c] = parameters[c * (f->d + 1) + j];
}

/* Logits of count rows from `start` on, into out (count, q). */
static void logits_of(const fit_work *f, size_t start, size_t count, double *out)
{
    memset(out, 0, count * f->q * sizeof *out);
    mx_multiply_add(f->z + start * (f->d + 1), f->parameters, out, count, f->d + 1, f->q);
}

/* log(1 + exp(t)) without overflow. */
static double softplus(double t)
{
    return t > 0 ? t + log1p(exp(-t)) : log1p(exp(t));
}

static double sigmoid(double t)
{
    double e = exp(-fabs(t));
    return t >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* logits (classes) to probabilities, in place; returns log sum exp. */
static double softmax(double *logits, size_t classes)
{
    double most = logits[0], sum = 0;
    for (size_t c = 1; c < classes; c++)
        most = logits[c] > most ? logits[c] : most;
    for (size_t c = 0; c < classes; c++) {
        logits[c] = exp(logits[c] - most);
        sum += logits[c];
    }
    for (size_t c = 0; c < classes; c++)
        logits[c] /= sum;
    return most + log(sum);
}

/* Per block: the gradient of sum w loss (q, d + 1), then the sum itself. */
static merx_status objective_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const fit_work *f = context;
    size_t q = f->q, e = f->d + 1, end = block_end(f, block);
    double *gradient = f->partial + block * f->width,
           *r = f->logits + (size_t)mx_worker_index() * MX_LOGISTIC_CHUNK * q, loss = 0;
    memset(gradient, 0, f->width * sizeof *gradient);
    for (size_t start = block * f->block_rows; start < end; start += MX_LOGISTIC_CHUNK) {
        size_t count = end - start < MX_LOGISTIC_CHUNK ? end - start : MX_LOGISTIC_CHUNK;
        logits_of(f, start, count, r);
        for (size_t i = 0; i < count; i++) {
            double w = weight_of(f, start + i), *row = r + i * q;
            int32_t label = f->labels[start + i];
            if (w == 0) {
                memset(row, 0, q * sizeof *row);
            } else if (q == 1) {
                loss += w * softplus(label == 1 ? -row[0] : row[0]);
                row[0] = label == 1 ? -w * sigmoid(-row[0]) : w * sigmoid(row[0]);
            } else {
                double own = row[label];
                loss += w * (softmax(row, q) - own);
                row[label] -= 1;
                for (size_t c = 0; c < q; c++)
                    row[c] *= w;
            }
        }
        mx_transposed_multiply_add(r, f->z + start * e, gradient, count, q, e);
    }
    gradient[q * e] = loss;
    return MERX_OK;
}

static merx_status objective(void *context, const double *parameters, size_t n, double *value, double *gradient,
                             merx_error *err)
{
    fit_work *f = context;
    set_parameters(f, parameters);
    MX_TRY(mx_parallel(f->task, f->blocks, objective_block, f, err));
    for (size_t p = 0; p < n; p++)
        gradient[p] = combine(f, p) / f->total;
    *value = combine(f, n) / f->total;
    for (size_t c = 0; c < f->q; c++)
        for (size_t j = 0; j < f->d; j++) {
            size_t p = c * (f->d + 1) + j;
            double penalty = f->l2 * f->inverse_scales[j] * f->inverse_scales[j] / f->total;
            *value += 0.5 * penalty * parameters[p] * parameters[p];
            gradient[p] += penalty * parameters[p];
        }
    return MERX_OK;
}

/* ---- after the fit ---- */

/* Whether every row of weight above 0 has its own class strictly on top. */
static bool all_right(fit_work *f, const double *parameters)
{
    set_parameters(f, parameters);
    for (size_t start = 0; start < f->n; start += MX_LOGISTIC_CHUNK) {
        size_t count = f->n - start < MX_LOGISTIC_CHUNK ? f->n - start : MX_LOGISTIC_CHUNK;
        logits_of(f, start, count, f->logits);
        for (size_t i = 0; i < count; i++) {
            const double *row = f->logits + i * f->q;
            int32_t label = f->labels[start + i];
            if (weight_of(f, start + i) == 0)
                continue;
            if (f->q == 1 && !(label == 1 ? row[0] > 0 : row[0] < 0))
                return false;
            for (size_t c = 0; f->q > 1 && c < f->q; c++)
                if (c != (size_t)label && !(row[label] > row[c]))
                    return false;
        }
    }
    return true;
}

/*
 * Wald standard errors of a binary fit: the inverse of the penalised Hessian Z' diag(w p (1 - p)) Z + L, brought back to the columns' own
 * units. Left NaN where the Hessian is not positive definite.
 */
static merx_status wald_errors(fit_work *f, const double *parameters, mx_logistic *model, const merx_allocator *work,
                               merx_error *err)
{
    size_t d = f->d, e = d + 1;
    merx_status status = MERX_OK;
    double *curvature = NULL, *hessian = NULL;
    for (size_t j = 0; j < e; j++)
        model->standard_errors[j] = NAN;
    MX_TRY_GOTO(mx_alloc_array(work, f->n, sizeof(double), "curvatures", &curvature, err));
    MX_TRY_GOTO(mx_alloc_array(work, e * e, sizeof(double), "Hessian", &hessian, err));
    set_parameters(f, parameters);
    for (size_t start = 0; start < f->n; start += MX_LOGISTIC_CHUNK) {
        size_t count = f->n - start < MX_LOGISTIC_CHUNK ? f->n - start : MX_LOGISTIC_CHUNK;
        logits_of(f, start, count, curvature + start);
    }
    for (size_t i = 0; i < f->n; i++)
        curvature[i] = weight_of(f, i) * sigmoid(curvature[i]) * sigmoid(-curvature[i]);
    MX_TRY_GOTO(mx_gram(f->z, curvature, f->n, e, hessian, f->task, err));
    for (size_t j = 0; j < d; j++) {
        double inverse = f->inverse_scales[j];
        hessian[j * e + j] += inverse > 0 ? f->l2 * inverse * inverse : 1; /* a constant column stands for itself */
    }
    merx_error ignored = {0};
    if (mx_invert_spd(hessian, e, &ignored) != MERX_OK)
        goto out;
    double of_intercept = hessian[d * e + d];
    for (size_t j = 0; j < d; j++) {
        double inverse = f->inverse_scales[j];
        if (inverse > 0)
            model->standard_errors[j] = sqrt(hessian[j * e + j]) * inverse;
        of_intercept -= 2 * f->means[j] * inverse * hessian[j * e + d];
        for (size_t k = 0; k < d; k++)
            of_intercept += f->means[j] * inverse * f->means[k] * f->inverse_scales[k] * hessian[j * e + k];
    }
    model->standard_errors[d] = sqrt(of_intercept);
out:
    mx_free_array(work, hessian, e * e, sizeof(double));
    mx_free_array(work, curvature, f->n, sizeof(double));
    return status;
}

static merx_status check_options(const mx_logistic_options *o, size_t n, size_t classes, merx_error *err)
{
    if (!(o->l2 >= 0) || !isfinite(o->l2))
        MX_FAIL(err, MERX_E_RANGE, "logistic", "l2 is %g; expected a number of 0 or more", o->l2);
    if (!(o->tolerance >= 0))
        MX_FAIL(err, MERX_E_RANGE, "logistic", "tolerance is %g; expected a number of 0 or more", o->tolerance);
    if (classes < 2 || classes > INT32_MAX)
        MX_FAIL(err, MERX_E_INVALID, "logistic", "the target has %zu classes; expected 2 or more", classes);
    if (n == 0)
        MX_FAIL(err, MERX_E_INVALID, "logistic", "there are no rows to learn from");
    return MERX_OK;
}

merx_status mx_logistic_fit(const double *x, const int32_t *labels, const double *weights, size_t n, size_t d,
                            size_t classes, const mx_logistic_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_logistic *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, n, classes, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t q = classes == 2 ? 1 : classes, e = d + 1, workers = (size_t)merx_task_threads(task), cells = 0, count = 0;
    fit_work f = {.x = x,
                  .weights = weights,
                  .labels = labels,
                  .n = n,
                  .d = d,
                  .q = q,
                  .classes = classes,
                  .l2 = options->l2,
                  .task = task};
    f.block_rows = (n + MX_LOGISTIC_BLOCKS - 1) / MX_LOGISTIC_BLOCKS;
    if (f.block_rows < MX_LOGISTIC_MIN_ROWS)
        f.block_rows = MX_LOGISTIC_MIN_ROWS;
    f.blocks = (n + f.block_rows - 1) / f.block_rows;
    f.width = q * e + 1;
    mx_logistic model = {.d = d, .classes = classes, .outputs = q, .alloc = mx_allocator_or_default(alloc)};
    double *parameters = NULL, *ranges = NULL;
    if (!mx_mul_size(n, e, &cells) || !mx_mul_size(f.blocks, f.width, &count))
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "logistic", "%zu rows x %zu columns are more than this machine can address", n,
                     d);
    MX_TRY_GOTO(mx_alloc_array(model.alloc, q * d, sizeof(double), "coefficients", &model.coefficients, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, q, sizeof(double), "intercepts", &model.intercepts, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, d, sizeof(double), "column means", &model.means, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, q * e, sizeof(double), "standard errors", &model.standard_errors, err));
    MX_TRY_GOTO(mx_alloc_array(work, d, sizeof(double), "column scales", &f.inverse_scales, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, cells, sizeof(double), "centred columns", &f.z, err));
    MX_TRY_GOTO(mx_alloc_array(work, count, sizeof(double), "block sums", &f.partial, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * MX_LOGISTIC_CHUNK * q, sizeof(double), "logits", &f.logits, err));
    MX_TRY_GOTO(mx_alloc_array(work, q * e, sizeof(double), "parameters", &parameters, err));
    MX_TRY_GOTO(mx_alloc_array(work, q * e, sizeof(double), "parameters", &f.parameters, err));
    MX_TRY_GOTO(mx_alloc_array(work, 2 * classes, sizeof(double), "class ranges", &ranges, err));
    f.means = model.means;

    mx_task_stage(task, "logistic regression", 0, "iterations");
    MX_TRY_GOTO(standardise(&f, err));
    MX_TRY_GOTO(check_classes(&f, work, err));
    if (options->l2 == 0)
        MX_TRY_GOTO(check_columns(&f, ranges, err));
    mx_lbfgs_options lbfgs = {.max_iterations = options->max_iterations,
                              .gradient_tolerance = options->tolerance > 0 ? options->tolerance : 1e-6};
    mx_lbfgs_result result;
    MX_TRY_GOTO(mx_lbfgs(objective, &f, parameters, q * e, &lbfgs, task, &result, err));
    if (options->l2 == 0 && all_right(&f, parameters))
        MX_FAIL_GOTO(
            err, MERX_E_NUMERIC, "logistic",
            "the columns separate the classes perfectly, so coefficients would grow without bound; set l2 above 0");
    model.loss = result.value;
    model.iterations = result.iterations;
    model.converged = result.converged;
    for (size_t c = 0; c < q; c++) {
        for (size_t j = 0; j < d; j++)
            model.coefficients[c * d + j] = parameters[c * e + j] * f.inverse_scales[j];
        model.intercepts[c] = parameters[c * e + d] - mx_dot(model.coefficients + c * d, model.means, d);
    }
    for (size_t p = 0; p < q * e; p++)
        model.standard_errors[p] = NAN;
    if (q == 1)
        MX_TRY_GOTO(wald_errors(&f, parameters, &model, work, err));
    mx_task_done(task);
out:
    mx_free_array(work, ranges, 2 * classes, sizeof(double));
    mx_free_array(work, f.parameters, q * e, sizeof(double));
    mx_free_array(work, parameters, q * e, sizeof(double));
    mx_free_array(work, f.logits, workers * MX_LOGISTIC_CHUNK * q, sizeof(double));
    mx_free_array(work, f.partial, count, sizeof(double));
    mx_free_array(work, f.z, cells, sizeof(double));
    mx_free_array(work, f.inverse_scales, d, sizeof(double));
    if (status == MERX_OK)
        *out = model;
    else
        mx_logistic_release(&model);
    return status;
}

void mx_logistic_release(mx_logistic *model)
{
    if (!model->alloc)
        return;
    size_t d = model->d, q = model->outputs;
    mx_free_array(model->alloc, model->standard_errors, q * (d + 1), sizeof(double));
    mx_free_array(model->alloc, model->means, d, sizeof(double));
    mx_free_array(model->alloc, model->intercepts, q, sizeof(double));
    mx_free_array(model->alloc, model->coefficients, q * d, sizeof(double));
    memset(model, 0, sizeof *model);
}

/* ---- one row ---- */

void mx_logistic_probabilities(const mx_logistic *model, const double *x, double *out)
{
    size_t d = model->d;
    for (size_t c = 0; c < model->outputs; c++)
        out[c] = model->intercepts[c] + mx_dot(model->coefficients + c * d, x, d);
    if (model->outputs == 1) {
        double t = out[0];
        out[0] = sigmoid(-t);
        out[1] = sigmoid(t);
    } else {
        softmax(out, model->classes);
    }
}

double mx_logistic_explain_row(const mx_logistic *model, const double *x, size_t class_index, double *contributions,
                               double *base)
{
    size_t d = model->d, q = model->outputs;
    /* The class's own coefficients: signed for two classes, less the mean over classes for more. */
    double sign = q == 1 && class_index == 0 ? -1 : 1, share = q == 1 ? 0 : 1 / (double)q;
    size_t own = q == 1 ? 0 : class_index;
    double at_mean = model->intercepts[own];
    for (size_t c = 0; q > 1 && c < q; c++)
        at_mean -= share * model->intercepts[c];
    double score = 0;
    for (size_t j = 0; j < d; j++) {
        double b = model->coefficients[own * d + j];
        for (size_t c = 0; q > 1 && c < q; c++)
            b -= share * model->coefficients[c * d + j];
        at_mean += b * model->means[j];
        contributions[j] = sign * b * (x[j] - model->means[j]);
        score += contributions[j];
    }
    *base = sign * at_mean;
    return *base + score;
}
