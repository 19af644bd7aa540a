/*
 * Logistic regression: the fit from rows to model, and what one row gets from it. Letters: n rows, d columns, q outputs (1 for two classes, else one
 * for each), W sum of the weights.
 *
 *   1. one look at labels and weights: W, class weights, the rarest class
 *   2. a sample of the rows, then one eight times as large: Newton on each, from where the last one ended
 *   3. all rows: Newton with the sample's Hessian mended as it goes (logistic_newton.c), two to four sweeps as a rule
 *   4. the Hessian at the solution: standard errors, and whether it is a solution at all (logistic_inference.c)
 *
 * More than MX_LOGISTIC_MOST parameters: L-BFGS from zero instead of 2 and 3 (logistic_large.c), and no standard errors.
 *
 * Invariant: every sum runs over fixed blocks in order; samples are by row number. Bits do not depend on threads, nor on the windows of a stream.
 */
#include "learn/linear/logistic.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/linear/logistic_fit.h"
#include "learn/linear/logistic_large.h"

enum {
    SAMPLE_OF_BLOCK = 128, /* first rows of a block */
    START_OF_BLOCK = 16,   /* of those, the first sample */
    MOST_SAMPLE = 65536,
    MOST_SAMPLE_BYTES = 1 << 25,
    LEAST_ROWS = 32768, /* fewer: no samples */
    LEAST_OF_CLASS = 10,
    FAR = 10000 /* standard deviations from 0 at which columns are copied less their shift */
};

/* ---- the first look ---- */

static merx_status check_options(const mx_logistic_options *o, const mx_design_rows *rows, merx_error *err)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"l2", o->l2}, {"l1", o->l1}, {"tolerance", o->tolerance}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!(numbers[i].value >= 0) || !isfinite(numbers[i].value))
            MX_FAIL(err, MERX_E_RANGE, "logistic", "%s is %g; expected a number of 0 or more", numbers[i].name,
                    numbers[i].value);
    if (rows->classes < 2 || rows->classes > INT32_MAX)
        MX_FAIL(err, MERX_E_INVALID, "logistic", "the target has %zu classes; expected 2 or more", rows->classes);
    if (rows->n == 0)
        MX_FAIL(err, MERX_E_INVALID, "logistic", "there are no rows to learn from");
    for (size_t c = 0; o->class_weights != NULL && c < rows->classes; c++)
        if (!(o->class_weights[c] > 0) || !isfinite(o->class_weights[c]))
            MX_FAIL(err, MERX_E_RANGE, "logistic", "the weight of class %zu is %g; expected a finite number above 0", c,
                    o->class_weights[c]);
    return MERX_OK;
}

/* Rows of the sample before row `row`, which is in it or not. */
static bool in_sample(const mx_logistic_work *f, uint64_t row, size_t *within)
{
    *within = (size_t)(row % f->step);
    return *within < SAMPLE_OF_BLOCK;
}

static merx_status look_at_window(mx_logistic_work *f, const mx_design *window, uint64_t first, double *counts,
                                  merx_error *err)
{
    for (size_t i = 0; i < window->n; i++) {
        double w = window->weights ? window->weights[i] : 1;
        int32_t label = window->labels[i];
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, "logistic",
                    "the weight of row %llu is %g; expected a finite number of 0 or more",
                    (unsigned long long)(first + i), w);
        if (label < 0 || (size_t)label >= f->classes)
            MX_FAIL(err, MERX_E_INVALID, "logistic", "the class of row %llu is %d; expected 0 to %zu",
                    (unsigned long long)(first + i), (int)label, f->classes - 1);
        f->class_totals[label] += w;
        size_t within;
        if (f->step == 0 || !in_sample(f, first + i, &within))
            continue;
        counts[label] += w > 0;
        counts[f->classes + (size_t)label] += w > 0 && within < START_OF_BLOCK;
        if (f->sample_x == NULL || window->x == NULL)
            continue;
        memcpy(f->sample_x + f->sample_rows * f->d, window->x + i * f->d, f->d * sizeof *f->sample_x);
        f->sample_labels[f->sample_rows] = label;
        f->sample_weights[f->sample_rows++] = w;
    }
    return MERX_OK;
}

/* The shift: the mean of the first block, about its first row, so that a constant column's is exact. far: a column is far from 0. */
static void find_shift(mx_logistic_work *f, const mx_design *window)
{
    size_t m = window->n < MX_LOGISTIC_BLOCK ? window->n : MX_LOGISTIC_BLOCK;
    for (size_t j = 0; j < f->d; j++) {
        double origin = window->x[j], sum = 0, square = 0;
        for (size_t i = 0; i < m; i++) {
            double t = window->x[i * f->d + j] - origin;
            sum += t;
            square += t * t;
        }
        double mean = sum / (double)m, variance = square / (double)m - mean * mean;
        f->pass.shift[j] = isfinite(origin + mean) ? origin + mean : 0;
        if (variance > 0 && fabs(f->pass.shift[j]) > FAR * sqrt(variance))
            f->pass.copied = true;
    }
}

static merx_status set_class_weights(mx_logistic_work *f, merx_error *err)
{
    const mx_logistic_options *o = f->options;
    double sum = 0;
    for (size_t c = 0; c < f->classes; c++)
        sum += f->class_totals[c];
    if (!(sum > 0) || !isfinite(sum))
        MX_FAIL(err, MERX_E_INVALID, "logistic", "the weights sum to %g; expected a finite number above 0", sum);
    for (size_t c = 0; c < f->classes; c++) {
        if (!(f->class_totals[c] > 0)) {
            if (f->rows->outputs != NULL)
                MX_FAIL(err, MERX_E_INVALID, "logistic",
                        "class \"%.80s\" has no row of weight above 0; every class needs one", f->rows->outputs[c]);
            MX_FAIL(err, MERX_E_INVALID, "logistic", "class %zu has no row of weight above 0; every class needs one",
                    c);
        }
        f->class_weights[c] = o->class_weights ? o->class_weights[c]
                              : o->balanced    ? sum / ((double)f->classes * f->class_totals[c])
                                               : 1;
        f->class_totals[c] *= f->class_weights[c];
        f->total += f->class_totals[c];
    }
    if (o->class_weights || o->balanced)
        f->pass.class_weights = f->class_weights;
    for (size_t c = 0; c < f->classes; c++) {
        double share = f->class_totals[c] / f->total;
        f->null_loss -= share * log(share);
    }
    return MERX_OK;
}

static merx_status first_look(mx_logistic_work *f, merx_error *err)
{
    double *counts = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(f->work, 2 * f->classes, sizeof *counts, "class counts", &counts, err));
    MX_TRY_GOTO(mx_design_rows_rewind(f->rows, err));
    for (uint64_t first = 0;;) {
        mx_design window = {0};
        MX_TRY_GOTO(mx_design_rows_next(f->rows, &window, err));
        if (window.n == 0)
            break;
        if (first == 0 && window.x != NULL && !f->options->no_intercept)
            find_shift(f, &window);
        MX_TRY_GOTO(look_at_window(f, &window, first, counts, err));
        first += window.n;
    }
    MX_TRY_GOTO(set_class_weights(f, err));
    f->least_in_sample = f->least_in_start = SIZE_MAX;
    for (size_t c = 0; c < f->classes; c++) {
        f->least_in_sample = counts[c] < (double)f->least_in_sample ? (size_t)counts[c] : f->least_in_sample;
        f->least_in_start =
            counts[f->classes + c] < (double)f->least_in_start ? (size_t)counts[f->classes + c] : f->least_in_start;
    }
out:
    mx_free_array(f->work, counts, 2 * f->classes, sizeof *counts);
    return status;
}

/* Which rows are the sample. */
static merx_status plan_sample(mx_logistic_work *f, merx_error *err)
{
    uint64_t n = f->rows->n, most = MOST_SAMPLE_BYTES / sizeof(double) / (f->d + 1);
    most = most < MOST_SAMPLE ? most : MOST_SAMPLE;
    uint64_t share = MX_LOGISTIC_BLOCK / SAMPLE_OF_BLOCK, times = (n / share + most - 1) / (most > 0 ? most : 1);
    if (n < LEAST_ROWS || !f->small || most < SAMPLE_OF_BLOCK)
        return MERX_OK;
    uint64_t step = MX_LOGISTIC_BLOCK * (times > 0 ? times : 1), blocks = (n + step - 1) / step;
    if (blocks * SAMPLE_OF_BLOCK < 20 * (uint64_t)f->p)
        return MERX_OK;
    f->step = (size_t)step;
    if (f->rows->held != NULL)
        return MERX_OK;
    size_t rows = (size_t)blocks * SAMPLE_OF_BLOCK;
    MX_TRY(mx_alloc_array_raw(f->work, rows * f->d, sizeof *f->sample_x, "sample", &f->sample_x, err));
    MX_TRY(mx_alloc_array_raw(f->work, rows, sizeof *f->sample_weights, "sample", &f->sample_weights, err));
    return mx_alloc_array_raw(f->work, rows, sizeof *f->sample_labels, "sample", &f->sample_labels, err);
}

static void release_sample(mx_logistic_work *f)
{
    if (f->step == 0)
        return;
    size_t rows = (size_t)((f->rows->n + f->step - 1) / f->step) * SAMPLE_OF_BLOCK;
    mx_free_array(f->work, f->sample_x, rows * f->d, sizeof *f->sample_x);
    mx_free_array(f->work, f->sample_weights, rows, sizeof *f->sample_weights);
    mx_free_array(f->work, f->sample_labels, rows, sizeof *f->sample_labels);
}

/* ---- the fit ---- */

static void start_parameters(mx_logistic_work *f)
{
    double *x = f->newton.parameters, mean = 0;
    memset(x, 0, f->p * sizeof *x);
    if (f->options->start != NULL) {
        memcpy(x, f->options->start, f->p * sizeof *x);
        for (size_t c = 0; c < f->q; c++) {
            double *intercept = &x[c * f->e + f->d];
            *intercept = f->options->no_intercept ? 0 : *intercept + mx_dot(x + c * f->e, f->pass.shift, f->d);
        }
        return;
    }
    if (f->options->no_intercept)
        return;
    for (size_t c = 0; c < f->q; c++)
        mean += log(f->class_totals[c]) / (double)f->q;
    for (size_t c = 0; c < f->q; c++)
        x[c * f->e + f->d] = f->q == 1 ? log(f->class_totals[1] / f->class_totals[0]) : log(f->class_totals[c]) - mean;
}

/* Newton on the first `take` rows of the sample's blocks, to an accuracy that its rows are worth. */
static merx_status fit_sample(mx_logistic_work *f, size_t take, bool always, merx_error *err)
{
    mx_logistic_newton *s = &f->newton;
    mx_logistic_pass pass = f->pass; /* with all of its scratch */
    uint64_t n = f->rows->n;
    mx_design copy = {.n = f->sample_rows,
                      .d = f->d,
                      .x = f->sample_x,
                      .labels = f->sample_labels,
                      .classes = f->classes,
                      .weights = f->sample_weights};
    mx_design_rows rows = mx_design_rows_of(&copy);
    f->pass.stride = f->step;
    f->pass.take = take;
    f->pass.group = MX_LOGISTIC_BLOCK / take;
    if (f->sample_x != NULL) {
        f->pass.rows = &rows;
        f->pass.n = f->sample_rows;
        f->pass.stride = SAMPLE_OF_BLOCK;
    }
    uint64_t sampled = n / f->step * take;
    double used = (double)sampled;
    s->always = always;
    s->last_hessian = s->has_factor = false;
    s->tolerance = 0.02 / sqrt(used);
    s->tolerance = s->tolerance > f->options->tolerance ? s->tolerance : f->options->tolerance;
    s->max_iterations = 12;
    s->ridge = 1 / used;
    merx_status status = mx_logistic_newton_run(s, err);
    f->pass.rows = pass.rows;
    f->pass.n = pass.n;
    f->pass.stride = pass.stride;
    f->pass.take = pass.take;
    f->pass.group = pass.group;
    s->ridge = 0;
    if (status == MERX_OK && !s->finite) { /* whatever is wrong, the sweep over all rows will name it */
        s->has_factor = false;
        start_parameters(f);
    }
    return status;
}

/* Names the first value that is not finite; else the squares overflow. */
static merx_status blame_values(mx_logistic_work *f, merx_error *err)
{
    MX_TRY(mx_design_rows_rewind(f->rows, err));
    for (uint64_t first = 0;;) {
        mx_design window = {0};
        MX_TRY(mx_design_rows_next(f->rows, &window, err));
        if (window.n == 0)
            break;
        for (size_t i = 0; i < window.n; i++) {
            size_t begin = window.x ? 0 : (size_t)window.csr.starts[i];
            size_t end = window.x ? f->d : (size_t)window.csr.starts[i + 1];
            for (size_t at = begin; at < end; at++) {
                double v = window.x ? window.x[i * f->d + at] : window.csr.values ? (double)window.csr.values[at] : 1;
                if (isfinite(v))
                    continue;
                size_t j = window.x ? at : (size_t)window.csr.indices[at];
                if (f->rows->names != NULL)
                    MX_FAIL(err, MERX_E_INVALID, "logistic",
                            "row %llu, column \"%.80s\" is %g; expected a finite number",
                            (unsigned long long)(first + i), f->rows->names[j], v);
                MX_FAIL(err, MERX_E_INVALID, "logistic", "row %llu, column %zu is %g; expected a finite number",
                        (unsigned long long)(first + i), j, v);
            }
        }
        first += window.n;
    }
    MX_FAIL(err, MERX_E_NUMERIC, "logistic", "the squares of the columns overflow; rescale them");
}

static merx_status fit_small(mx_logistic_work *f, merx_error *err)
{
    const mx_logistic_options *o = f->options;
    mx_logistic_newton *s = &f->newton;
    bool penalised = o->l1 > 0 || o->l2 > 0;
    s->l1 = o->l1 / f->total;
    s->l2 = o->l2 / f->total;
    start_parameters(f);
    if (f->step > 0 && o->start == NULL) { /* a start that was given is nearer than any sample */
        uint64_t first = f->rows->n / f->step * START_OF_BLOCK;
        if (f->least_in_start >= LEAST_OF_CLASS && first >= 10 * (uint64_t)f->p)
            MX_TRY(fit_sample(f, START_OF_BLOCK, true, err));
        if (f->least_in_sample >= LEAST_OF_CLASS)
            MX_TRY(fit_sample(f, SAMPLE_OF_BLOCK, false, err));
    }
    s->always = f->rows->n < LEAST_ROWS;
    s->last_hessian = !penalised || (o->l1 == 0 && !o->no_errors);
    s->tolerance = o->tolerance > 0 ? o->tolerance : 1e-6;
    s->max_iterations = o->max_iterations > 0 ? o->max_iterations : 1000;
    MX_TRY(mx_logistic_newton_run(s, err));
    return s->finite ? MERX_OK : blame_values(f, err);
}

static merx_status fit_large(mx_logistic_work *f, merx_error *err)
{
    const mx_logistic_options *o = f->options;
    mx_logistic_newton *s = &f->newton;
    start_parameters(f);
    for (size_t j = 0; j < f->d; j++)
        s->scales[j] = 1;
    if (!f->sparse) {
        mx_logistic_sums sums = {.gradient = s->gradient, .sums = s->means, .squares = s->scales};
        MX_TRY(mx_logistic_pass_run(&f->pass, s->parameters, MX_LOGISTIC_MOMENTS, &sums, err));
        for (size_t j = 0; j < f->d; j++) {
            double shifted = sums.sums[j] / sums.weight, square = sums.squares[j] / sums.weight;
            if (!isfinite(shifted) || !isfinite(square))
                return blame_values(f, err);
            double variance = o->no_intercept ? square : square - shifted * shifted;
            s->means[j] = f->pass.shift[j] + shifted;
            s->scales[j] = variance > 1e-15 * square ? sqrt(variance) : 0;
        }
    }
    mx_logistic_large l = {.pass = &f->pass,
                           .l1 = o->l1 / f->total,
                           .l2 = o->l2 / f->total,
                           .tolerance = o->tolerance > 0 ? o->tolerance : 1e-6,
                           .max_iterations = o->max_iterations > 0 ? o->max_iterations : 1000,
                           .parameters = s->parameters,
                           .means = s->means,
                           .scales = s->scales};
    merx_error inner = {0};
    merx_status status = mx_logistic_large_run(&l, &inner);
    if (status == MERX_E_NUMERIC)
        return blame_values(f, err);
    if (status != MERX_OK)
        return mx_error_set(err, status, inner.where, "%s", inner.message);
    s->loss = l.loss;
    s->value = l.value;
    s->iterations = l.iterations;
    s->converged = l.converged;
    return MERX_OK;
}

static merx_status allocate(mx_logistic_work *f, mx_logistic *model, merx_error *err)
{
    size_t d = f->d, q = f->q;
    MX_TRY(mx_alloc_array(model->alloc, q * d, sizeof(double), "coefficients", &model->coefficients, err));
    MX_TRY(mx_alloc_array(model->alloc, q, sizeof(double), "intercepts", &model->intercepts, err));
    MX_TRY(mx_alloc_array(model->alloc, d, sizeof(double), "column means", &model->means, err));
    MX_TRY(mx_alloc_array(model->alloc, f->p, sizeof(double), "standard errors", &model->standard_errors, err));
    MX_TRY(mx_alloc_array(f->work, f->classes, sizeof(double), "class weights", &f->class_weights, err));
    MX_TRY(mx_alloc_array(f->work, f->classes, sizeof(double), "class weights", &f->class_totals, err));
    MX_TRY(mx_alloc_array(f->work, d + 1, sizeof(double), "shift", &f->pass.shift, err));
    f->newton.pass = &f->pass;
    f->newton.p = f->p;
    if (f->small)
        return mx_logistic_newton_new(&f->newton, f->work, err);
    MX_TRY(mx_alloc_array(f->work, f->p, sizeof(double), "parameters", &f->newton.parameters, err));
    MX_TRY(mx_alloc_array(f->work, f->p, sizeof(double), "gradient", &f->newton.gradient, err));
    MX_TRY(mx_alloc_array(f->work, d, sizeof(double), "column means", &f->newton.means, err));
    return mx_alloc_array(f->work, d, sizeof(double), "column scales", &f->newton.scales, err);
}

static void write_model(const mx_logistic_work *f, mx_logistic *model)
{
    const mx_logistic_newton *s = &f->newton;
    model->loss = s->value;
    model->log_loss = s->loss;
    model->null_loss = f->null_loss;
    model->weight = f->total;
    model->iterations = s->iterations;
    model->converged = s->converged;
    for (size_t j = 0; j < f->d; j++)
        model->means[j] = f->rows->held != NULL && f->rows->held->x == NULL ? 0 : s->means[j];
    for (size_t c = 0; c < f->q; c++) {
        memcpy(model->coefficients + c * f->d, s->parameters + c * f->e, f->d * sizeof(double));
        model->intercepts[c] =
            s->parameters[c * f->e + f->d] - mx_dot(model->coefficients + c * f->d, f->pass.shift, f->d);
    }
    /* Only differences of intercepts mean something: they sum to 0, as without l1, where the coefficients' sums make it so. */
    double mean = 0;
    for (size_t c = 0; f->q > 1 && f->options->l1 > 0 && c < f->q; c++)
        mean += model->intercepts[c] / (double)f->q;
    for (size_t c = 0; mean != 0 && c < f->q; c++)
        model->intercepts[c] -= mean;
    for (size_t i = 0; i < f->p; i++)
        model->standard_errors[i] = NAN;
}

merx_status mx_logistic_fit_rows(mx_design_rows *rows, const mx_logistic_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_logistic *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, rows, err));
    merx_status status;
    size_t d = rows->d, q = rows->classes == 2 ? 1 : rows->classes;
    mx_logistic_work f = {.rows = rows,
                          .options = options,
                          .d = d,
                          .classes = rows->classes,
                          .q = q,
                          .e = d + 1,
                          .task = task,
                          .work = merx_task_allocator(task)};
    if (!mx_mul_size(q, d + 1, &f.p) || f.p > SIZE_MAX / 1024)
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu columns are more than this machine can address", d);
    bool csr = rows->held != NULL && rows->held->x == NULL;
    f.small = f.p <= MX_LOGISTIC_MOST;
    f.sparse = csr && !f.small;
    /* Sums of a block of sparse rows are as wide as the columns: the wider, the more rows share them. */
    size_t block = f.sparse ? MX_LOGISTIC_BLOCK * (1 + d / 4096) : MX_LOGISTIC_BLOCK;
    f.pass = (mx_logistic_pass){.rows = rows,
                                .n = (size_t)rows->n,
                                .d = d,
                                .q = q,
                                .classes = rows->classes,
                                .sparse = f.sparse,
                                .copied = csr && f.small,
                                .stride = block,
                                .take = block,
                                .group = 1,
                                .no_intercept = options->no_intercept,
                                .task = task,
                                .work = f.work};
    mx_logistic model = {.d = d, .classes = rows->classes, .outputs = q, .alloc = mx_allocator_or_default(alloc)};
    mx_task_stage(task, "logistic regression", 0, "iterations");
    MX_TRY_GOTO(mx_task_step(task, 0, err));
    MX_TRY_GOTO(allocate(&f, &model, err));
    MX_TRY_GOTO(plan_sample(&f, err));
    MX_TRY_GOTO(first_look(&f, err));
    MX_TRY_GOTO(mx_logistic_pass_init(&f.pass, err));
    MX_TRY_GOTO(f.small ? fit_small(&f, err) : fit_large(&f, err));
    if (options->l1 == 0 && options->l2 == 0)
        MX_TRY_GOTO(mx_logistic_check_separation(&f, err));
    write_model(&f, &model);
    if (f.small && options->l1 == 0 && !options->no_errors)
        MX_TRY_GOTO(mx_logistic_wald(&f, model.standard_errors, err));
    mx_task_done(task);
out:
    release_sample(&f);
    mx_logistic_pass_release(&f.pass);
    mx_free_array(f.work, f.pass.shift, d + 1, sizeof(double));
    mx_logistic_newton_release(&f.newton, f.work);
    mx_free_array(f.work, f.class_totals, f.classes, sizeof(double));
    mx_free_array(f.work, f.class_weights, f.classes, sizeof(double));
    if (status == MERX_OK)
        *out = model;
    else
        mx_logistic_release(&model);
    return status;
}

merx_status mx_logistic_fit_design(const mx_design *design, const mx_logistic_options *options,
                                   const merx_allocator *alloc, merx_task *task, mx_logistic *out, merx_error *err)
{
    mx_design_rows rows = mx_design_rows_of(design);
    return mx_logistic_fit_rows(&rows, options, alloc, task, out, err);
}

merx_status mx_logistic_fit(const double *x, const int32_t *labels, const double *weights, size_t n, size_t d,
                            size_t classes, const mx_logistic_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_logistic *out, merx_error *err)
{
    mx_design design = {.n = n, .d = d, .x = x, .labels = labels, .classes = classes, .weights = weights};
    return mx_logistic_fit_design(&design, options, alloc, task, out, err);
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

void mx_logistic_logits(const mx_logistic *model, const mx_design *rows, size_t row, double *out)
{
    size_t d = model->d;
    if (rows->x != NULL) {
        for (size_t c = 0; c < model->outputs; c++)
            out[c] = model->intercepts[c] + mx_dot(model->coefficients + c * d, rows->x + row * d, d);
        return;
    }
    const mx_csr *csr = &rows->csr;
    assert(csr->starts != NULL);
    for (size_t c = 0; c < model->outputs; c++) {
        double sum = 0;
        for (int64_t at = csr->starts[row]; at < csr->starts[row + 1]; at++)
            sum += model->coefficients[c * d + (size_t)csr->indices[at]] *
                   (csr->values != NULL ? (double)csr->values[at] : 1);
        out[c] = model->intercepts[c] + sum;
    }
}

void mx_logistic_of_logits(const mx_logistic *model, double *out)
{
    if (model->outputs == 1) {
        double t = out[0], e = exp(-fabs(t)), near = 1 / (1 + e), far = e / (1 + e);
        out[0] = t >= 0 ? far : near;
        out[1] = t >= 0 ? near : far;
        if (isnan(t))
            out[0] = out[1] = t;
        return;
    }
    mx_kernel()->softmax(out, 1, model->classes, out, NULL);
}

void mx_logistic_probabilities(const mx_logistic *model, const double *x, double *out)
{
    mx_design row = {.n = 1, .d = model->d, .x = x};
    mx_logistic_logits(model, &row, 0, out);
    mx_logistic_of_logits(model, out);
}

/* The class's own coefficient: signed for two classes, less the mean over classes for more. */
static double own_coefficient(const mx_logistic *model, size_t class_index, size_t j)
{
    size_t d = model->d, q = model->outputs;
    if (q == 1)
        return class_index == 0 ? -model->coefficients[j] : model->coefficients[j];
    double mean = 0;
    for (size_t c = 0; c < q; c++)
        mean += model->coefficients[c * d + j] / (double)q;
    return model->coefficients[class_index * d + j] - mean;
}

double mx_logistic_explain(const mx_logistic *model, const mx_design *rows, size_t row, size_t class_index,
                           double *contributions, double *base)
{
    size_t d = model->d, q = model->outputs;
    double at_mean = q == 1 && class_index == 0 ? -model->intercepts[0] : model->intercepts[q == 1 ? 0 : class_index];
    for (size_t c = 0; q > 1 && c < q; c++)
        at_mean -= model->intercepts[c] / (double)q;
    double score = 0;
    if (rows->x != NULL) {
        const double *x = rows->x + row * d;
        for (size_t j = 0; j < d; j++) {
            double b = own_coefficient(model, class_index, j);
            at_mean += b * model->means[j];
            contributions[j] = b * (x[j] - model->means[j]);
            score += contributions[j];
        }
    } else {
        const mx_csr *csr = &rows->csr;
        assert(csr->starts != NULL);
        memset(contributions, 0, d * sizeof *contributions);
        for (int64_t at = csr->starts[row]; at < csr->starts[row + 1]; at++) {
            size_t j = (size_t)csr->indices[at];
            contributions[j] =
                own_coefficient(model, class_index, j) * (csr->values != NULL ? (double)csr->values[at] : 1);
            score += contributions[j];
        }
    }
    *base = at_mean;
    return at_mean + score;
}

double mx_logistic_explain_row(const mx_logistic *model, const double *x, size_t class_index, double *contributions,
                               double *base)
{
    mx_design row = {.n = 1, .d = model->d, .x = x};
    return mx_logistic_explain(model, &row, 0, class_index, contributions, base);
}
