/*
 * Means and centred Gram matrix of columns and target, from dense rows; sparse ones: linear_sparse.c.
 */
#include "learn/linear/linear_sums.h"

#include <math.h>
#include <string.h>

#include "numeric/matrix.h"

merx_status mx_linear_sums_new(size_t d, bool raw, const merx_allocator *alloc, mx_linear_sums *sums, merx_error *err)
{
    *sums = (mx_linear_sums){.d = d, .e = d + 1, .raw = raw, .alloc = alloc};
    merx_status status;
    size_t cells;
    if (d > MX_GRAM_MOST_COLUMNS || !mx_mul_size(d + 1, d + 1, &cells))
        MX_FAIL(err, MERX_E_LIMIT, "linear", "%zu columns are more than %d", d, MX_GRAM_MOST_COLUMNS);
    MX_TRY_GOTO(mx_alloc_array(alloc, cells, sizeof(double), "Gram matrix", &sums->gram, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, sums->e, sizeof(double), "column means", &sums->means, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, d, sizeof(double), "column scales", &sums->scales, err));
    return MERX_OK;
out:
    mx_linear_sums_release(sums);
    return status;
}

void mx_linear_sums_release(mx_linear_sums *sums)
{
    if (sums->alloc == NULL)
        return;
    mx_free_array(sums->alloc, sums->scales, sums->d, sizeof(double));
    mx_free_array(sums->alloc, sums->means, sums->e, sizeof(double));
    mx_free_array(sums->alloc, sums->gram, sums->e * sums->e, sizeof(double));
    *sums = (mx_linear_sums){0};
}

merx_status mx_linear_sums_scale(mx_linear_sums *sums, const char *where, const char *const *names, merx_error *err)
{
    sums->noise = 0;
    for (size_t j = 0; j < sums->d; j++) {
        double spread = sqrt(sums->gram[j * sums->e + j] / sums->weight), mean = fabs(sums->means[j]);
        if (!isfinite(spread)) {
            if (names != NULL)
                MX_FAIL(err, MERX_E_NUMERIC, where, "the squares of column \"%s\" overflow; rescale it", names[j]);
            MX_FAIL(err, MERX_E_NUMERIC, where, "the squares of column %zu overflow; rescale it", j);
        }
        /* A column that is constant up to rounding says nothing. */
        sums->scales[j] = 0;
        if (!(spread > (sums->raw ? 0 : 1e-13 * mean)))
            continue;
        int exponent;
        (void)frexp(spread, &exponent);
        sums->scales[j] = ldexp(1, -exponent);
        if (!isfinite(sums->scales[j]))
            sums->scales[j] = 0;
        if (!sums->raw)
            sums->noise = fmax(sums->noise, 0x1p-53 * mean / spread);
    }
    return MERX_OK;
}

void mx_linear_log_weights(const double *w, size_t n, double *product, double *log_sum)
{
    for (size_t i = 0; w != NULL && i < n; i++) {
        if (!(w[i] > 0))
            continue;
        if (!(w[i] > 1e-100 && w[i] < 1e100)) {
            *log_sum += log(w[i]);
            continue;
        }
        *product *= w[i];
        if (!(*product > 1e-200 && *product < 1e200)) {
            *log_sum += log(*product);
            *product = 1;
        }
    }
}

merx_status mx_linear_sum(mx_design_rows *rows, const char *where, bool raw, merx_task *task, mx_linear_sums *sums,
                          merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    mx_gram_sums *gram = NULL;
    merx_status status;
    double product = 1;
    *sums = (mx_linear_sums){0};
    MX_TRY_GOTO(mx_linear_sums_new(rows->d, raw, alloc, sums, err));
    MX_TRY_GOTO(mx_gram_sums_new(rows->d, &(mx_gram_options){.raw = raw, .where = where, .names = rows->names}, alloc,
                                 &gram, err));
    for (;;) {
        mx_design block = {0};
        MX_TRY_GOTO(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        MX_TRY_GOTO(mx_gram_sums_add(gram, block.x, block.y, block.weights, block.n, task, err));
        mx_linear_log_weights(block.weights, block.n, &product, &sums->log_weights);
    }
    mx_gram_totals totals = {.means = sums->means, .gram = sums->gram};
    MX_TRY_GOTO(mx_gram_sums_finish(gram, task, &totals, err));
    sums->log_weights += log(product);
    sums->rows = (double)totals.used_rows;
    sums->weight = totals.weight;
    MX_TRY_GOTO(mx_linear_sums_scale(sums, where, rows->names, err));
out:
    mx_gram_sums_free(gram);
    return status;
}

/* ---- residuals ---- */

enum { RESIDUAL_ROWS = 1024, RESIDUAL_CHUNK = 64 * RESIDUAL_ROWS };

typedef struct residual_work {
    const mx_design *block;
    const double *coefficients;
    double intercept;
    size_t first;
    double *residuals; /* (RESIDUAL_CHUNK) of rows first … */
    size_t count;
} residual_work;

static merx_status residual_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    residual_work *w = context;
    const mx_design *b = w->block;
    size_t begin = block * RESIDUAL_ROWS, end = begin + RESIDUAL_ROWS < w->count ? begin + RESIDUAL_ROWS : w->count;
    for (size_t r = begin; r < end; r++) {
        size_t i = w->first + r;
        double fitted = w->intercept;
        if (b->x != NULL) {
            fitted += mx_dot(w->coefficients, b->x + i * b->d, b->d);
        } else {
            for (int64_t q = b->csr.starts[i]; q < b->csr.starts[i + 1]; q++)
                fitted += w->coefficients[b->csr.indices[q]] * (b->csr.values != NULL ? (double)b->csr.values[q] : 1);
        }
        w->residuals[r] = b->y[i] - fitted;
    }
    return MERX_OK;
}

merx_status mx_linear_residual_sum(mx_design_rows *rows, const double *coefficients, double intercept, merx_task *task,
                                   double *out, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    residual_work work = {.coefficients = coefficients, .intercept = intercept};
    mx_gram_sums *squares =
        NULL; /* of the residuals as the target of no columns: bits that do not depend on the blocks */
    merx_status status;
    double mean, gram;
    MX_TRY_GOTO(mx_design_rows_rewind(rows, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, RESIDUAL_CHUNK, sizeof(double), "residuals", &work.residuals, err));
    MX_TRY_GOTO(mx_gram_sums_new(0, &(mx_gram_options){.raw = true, .where = "linear"}, alloc, &squares, err));
    for (;;) {
        mx_design block = {0};
        MX_TRY_GOTO(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        work.block = &block;
        for (work.first = 0; work.first < block.n; work.first += work.count) {
            work.count = block.n - work.first < RESIDUAL_CHUNK ? block.n - work.first : RESIDUAL_CHUNK;
            size_t parts = (work.count + RESIDUAL_ROWS - 1) / RESIDUAL_ROWS;
            MX_TRY_GOTO(mx_parallel(task, parts, residual_block, &work, err));
            const double *w = block.weights != NULL ? block.weights + work.first : NULL;
            MX_TRY_GOTO(mx_gram_sums_add(squares, work.residuals, work.residuals, w, work.count, task, err));
        }
    }
    mx_gram_totals totals = {.means = &mean, .gram = &gram};
    MX_TRY_GOTO(mx_gram_sums_finish(squares, task, &totals, err));
    *out = gram;
out:
    mx_gram_sums_free(squares);
    mx_free_array(alloc, work.residuals, RESIDUAL_CHUNK, sizeof(double));
    return status;
}
