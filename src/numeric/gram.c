/*
 * Gram matrices in one pass over the rows.
 *
 * A block of 1,024 rows is summed in strips by the kernel gram_add, which shifts and weights the rows and puts the target and a one beside them.
 * Blocks run on the task's threads, a wave of them at a time; after a wave its sums are added to the total in order. A wide matrix is further
 * cut into groups of rows, so that one block alone keeps all threads busy.
 *
 * Invariants:
 * 1. A cell's sum over a block depends on the block's rows alone; blocks are added to the total in order.
 * 2. Only whole blocks are summed until the end: rows that do not fill one wait in `waiting`.
 * 3. The shift is known before the first block is summed, and comes from that block alone.
 */
#include "numeric/gram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

/* Partial matrices held at once: at most this many, and this many bytes. A group: this many rows of a wide matrix. Sums depend on none of them. */
enum { WAVE_BLOCKS = 64, WAVE_BYTES = 8 << 20, GROUP_ROWS = 256, WIDE = 512 };

typedef struct gram_work {
    mx_gram_rows rows;
    size_t width, groups, first_block;
    double *partial;     /* (wave, width, width); upper triangles */
    uint64_t *used_rows; /* (wave) or NULL: rows with a weight above 0 */
    double *scratch;     /* (threads, scratch_cells), aligned */
    size_t scratch_cells;
} gram_work;

static merx_status sum_block(void *context, size_t item, merx_error *err)
{
    (void)err;
    gram_work *g = context;
    const mx_kernels *kernel = mx_kernel();
    size_t block = item / g->groups, group = item % g->groups, width = g->width;
    size_t begin = (g->first_block + block) * MX_GRAM_BLOCK;
    size_t rows = g->rows.n - begin < MX_GRAM_BLOCK ? g->rows.n - begin : MX_GRAM_BLOCK;
    size_t first = group * GROUP_ROWS, end = group + 1 == g->groups ? width : first + GROUP_ROWS;
    double *partial = g->partial + block * width * width;
    memset(partial + first * width, 0, (end - first) * width * sizeof *partial);
    for (size_t strip = 0; strip < rows; strip += MX_GRAM_STRIP)
        kernel->gram_add(&g->rows, begin + strip, rows - strip < MX_GRAM_STRIP ? rows - strip : MX_GRAM_STRIP, first,
                         end, partial, g->scratch + (size_t)mx_worker_index() * g->scratch_cells);
    if (g->used_rows != NULL && group == 0) {
        g->used_rows[block] = rows;
        for (size_t i = begin; g->rows.w != NULL && i < begin + rows; i++)
            g->used_rows[block] -= !(g->rows.w[i] > 0);
    }
    return MERX_OK;
}

/* total (width, width), upper triangle, += all rows; *used_rows += those with a weight above 0, when not NULL. */
static merx_status sum_rows(const mx_gram_rows *rows, double *total, uint64_t *used_rows, const merx_allocator *alloc,
                            merx_task *task, merx_error *err)
{
    size_t width = MX_GRAM_WIDTH(rows), square = width * width, threads = (size_t)merx_task_threads(task);
    size_t blocks = (rows->n + MX_GRAM_BLOCK - 1) / MX_GRAM_BLOCK, wave = WAVE_BYTES / (square * sizeof(double));
    wave = wave < 1 ? 1 : wave > WAVE_BLOCKS ? WAVE_BLOCKS : wave;
    wave = wave > blocks ? blocks : wave;
    gram_work g = {.rows = *rows,
                   .width = width,
                   .groups = width > WIDE ? (width + GROUP_ROWS - 1) / GROUP_ROWS : 1,
                   .scratch_cells = (MX_GRAM_SCRATCH(width) + 7) / 8 * 8};
    size_t cells = threads * g.scratch_cells + 8;
    double *scratch = NULL;
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, wave * square, sizeof(double), "partial Gram matrices", &g.partial, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, cells, sizeof(double), "strips of rows", &scratch, err));
    if (used_rows != NULL)
        MX_TRY_GOTO(mx_alloc_array_raw(alloc, wave, sizeof(uint64_t), "counts of rows", &g.used_rows, err));
    g.scratch = scratch + (64 - (uintptr_t)scratch % 64) % 64 / sizeof(double);
    for (size_t first = 0; first < blocks; first += wave) {
        size_t now = blocks - first < wave ? blocks - first : wave;
        g.first_block = first;
        MX_TRY_GOTO(mx_parallel(task, now * g.groups, sum_block, &g, err));
        for (size_t b = 0; b < now; b++) {
            for (size_t i = 0; i < width; i++)
                for (size_t j = i; j < width; j++)
                    total[i * width + j] += g.partial[b * square + i * width + j];
            if (used_rows != NULL)
                *used_rows += g.used_rows[b];
        }
    }
out:
    mx_free_array(alloc, g.used_rows, wave, sizeof(uint64_t));
    mx_free_array(alloc, scratch, cells, sizeof(double));
    mx_free_array(alloc, g.partial, wave * square, sizeof(double));
    return status;
}

merx_status mx_gram(const double *x, const double *w, size_t n, size_t d, double *gram, merx_task *task,
                    merx_error *err)
{
    if (d > MX_GRAM_MOST_COLUMNS)
        MX_FAIL(err, MERX_E_LIMIT, "gram matrix", "%zu columns are more than %d", d, MX_GRAM_MOST_COLUMNS);
    memset(gram, 0, d * d * sizeof(double));
    if (n == 0 || d == 0)
        return MERX_OK;
    mx_gram_rows rows = {.x = x, .w = w, .n = n, .d = d};
    MX_TRY(sum_rows(&rows, gram, NULL, merx_task_allocator(task), task, err));
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++)
            gram[j * d + i] = gram[i * d + j];
    return MERX_OK;
}

/* ---- sums that are handed rows bit by bit ---- */

struct mx_gram_sums {
    const merx_allocator *alloc;
    const char *where;
    const char *const *names;
    size_t d, width;
    bool raw, has_shift, has_y, has_w, finished;
    double *shift;   /* (d + 1) */
    double *total;   /* (width, width), upper triangle */
    double *waiting; /* (1024, d), then (1024) targets, then (1024) weights */
    size_t waiting_rows;
    uint64_t rows, used_rows; /* summed: without those that wait */
};

merx_status mx_gram_sums_new(size_t d, const mx_gram_options *options, const merx_allocator *alloc, mx_gram_sums **out,
                             merx_error *err)
{
    *out = NULL;
    const char *where = options->where != NULL ? options->where : "gram matrix";
    if (d > MX_GRAM_MOST_COLUMNS)
        MX_FAIL(err, MERX_E_LIMIT, where, "%zu columns are more than %d", d, MX_GRAM_MOST_COLUMNS);
    alloc = mx_allocator_or_default(alloc);
    mx_gram_sums *sums = NULL;
    merx_status status = MERX_OK;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *sums, "sums of rows", &sums, err));
    *sums = (mx_gram_sums){
        .alloc = alloc, .where = where, .names = options->names, .d = d, .width = d + 2, .raw = options->raw};
    MX_TRY_GOTO(mx_alloc_array(alloc, d + 1, sizeof(double), "shifts of columns", &sums->shift, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, sums->width * sums->width, sizeof(double), "Gram matrix", &sums->total, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(alloc, MX_GRAM_BLOCK * (d + 2), sizeof(double), "rows that wait", &sums->waiting, err));
    *out = sums;
    return MERX_OK;
out:
    mx_gram_sums_free(sums);
    return status;
}

void mx_gram_sums_free(mx_gram_sums *sums)
{
    if (sums == NULL)
        return;
    mx_free_array(sums->alloc, sums->waiting, MX_GRAM_BLOCK * (sums->d + 2), sizeof(double));
    mx_free_array(sums->alloc, sums->total, sums->width * sums->width, sizeof(double));
    mx_free_array(sums->alloc, sums->shift, sums->d + 1, sizeof(double));
    mx_free_array(sums->alloc, sums, 1, sizeof *sums);
}

/* The means of the first block. One that is not finite becomes 0: the value that made it so shows up in the sums. */
static void find_shift(mx_gram_sums *sums, const double *x, const double *y, size_t n)
{
    sums->has_shift = true;
    if (sums->raw)
        return;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < sums->d; j++)
            sums->shift[j] += x[i * sums->d + j];
        sums->shift[sums->d] += y != NULL ? y[i] : 0;
    }
    for (size_t j = 0; j <= sums->d; j++) {
        double mean = sums->shift[j] / (double)n;
        sums->shift[j] = isfinite(mean) ? mean : 0;
    }
}

/* The slow pass: names the first value that made a sum what it is. */
static merx_status name_fault(const mx_gram_sums *sums, const double *x, const double *y, const double *w, size_t n,
                              merx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        unsigned long long row = sums->rows + i;
        if (w != NULL && (!(w[i] >= 0) || !isfinite(w[i])))
            MX_FAIL(err, MERX_E_INVALID, sums->where,
                    "the weight of row %llu is %g; expected a finite number of 0 or more", row, w[i]);
        if (y != NULL && !isfinite(y[i]))
            MX_FAIL(err, MERX_E_INVALID, sums->where, "the target of row %llu is %g; expected a finite number", row,
                    y[i]);
        for (size_t j = 0; j < sums->d; j++) {
            if (isfinite(x[i * sums->d + j]))
                continue;
            if (sums->names != NULL)
                MX_FAIL(err, MERX_E_INVALID, sums->where, "row %llu, column \"%s\" is %g; expected a finite number",
                        row, sums->names[j], x[i * sums->d + j]);
            MX_FAIL(err, MERX_E_INVALID, sums->where, "row %llu, column %zu is %g; expected a finite number", row, j,
                    x[i * sums->d + j]);
        }
    }
    for (size_t j = 0; j < sums->d; j++)
        if (!isfinite(sums->total[j * sums->width + j]))
            MX_FAIL(err, MERX_E_NUMERIC, sums->where, "the squares of column %zu overflow; rescale it", j);
    MX_FAIL(err, MERX_E_NUMERIC, sums->where, "the squares of the target or the weights overflow; rescale them");
}

static merx_status sum_now(mx_gram_sums *sums, const double *x, const double *y, const double *w, size_t n,
                           merx_task *task, merx_error *err)
{
    if (n == 0)
        return MERX_OK;
    if (!sums->has_shift)
        find_shift(sums, x, y, n < MX_GRAM_BLOCK ? n : MX_GRAM_BLOCK);
    mx_gram_rows rows = {.x = x, .y = y, .w = w, .shift = sums->shift, .n = n, .d = sums->d, .beside = true};
    MX_TRY(sum_rows(&rows, sums->total, &sums->used_rows, sums->alloc, task, err));
    /* A column's sum and square are not finite when any of its values is not. */
    for (size_t j = 0; j <= sums->d + 1; j++)
        if (!isfinite(sums->total[j * sums->width + j]) || !isfinite(sums->total[j * sums->width + sums->d + 1]))
            return name_fault(sums, x, y, w, n, err);
    sums->rows += n;
    return MERX_OK;
}

/* Copies n rows behind those that wait. */
static void let_wait(mx_gram_sums *sums, const double *x, const double *y, const double *w, size_t n)
{
    double *targets = sums->waiting + MX_GRAM_BLOCK * sums->d + sums->waiting_rows;
    double *weights = targets + MX_GRAM_BLOCK;
    if (n * sums->d > 0)
        memcpy(sums->waiting + sums->waiting_rows * sums->d, x, n * sums->d * sizeof *x);
    if (y != NULL)
        memcpy(targets, y, n * sizeof *y);
    if (w != NULL)
        memcpy(weights, w, n * sizeof *w);
    sums->waiting_rows += n;
}

static merx_status sum_waiting(mx_gram_sums *sums, merx_task *task, merx_error *err)
{
    const double *targets = sums->waiting + MX_GRAM_BLOCK * sums->d, *weights = targets + MX_GRAM_BLOCK;
    size_t n = sums->waiting_rows;
    sums->waiting_rows = 0;
    return sum_now(sums, sums->waiting, sums->has_y ? targets : NULL, sums->has_w ? weights : NULL, n, task, err);
}

merx_status mx_gram_sums_add(mx_gram_sums *sums, const double *x, const double *y, const double *w, size_t n,
                             merx_task *task, merx_error *err)
{
    if (n == 0)
        return MERX_OK;
    assert(!sums->finished);
    assert(sums->rows + sums->waiting_rows == 0 || (sums->has_y == (y != NULL) && sums->has_w == (w != NULL)));
    sums->has_y = y != NULL;
    sums->has_w = w != NULL;
    size_t done = 0;
    if (sums->waiting_rows > 0) {
        done = MX_GRAM_BLOCK - sums->waiting_rows < n ? MX_GRAM_BLOCK - sums->waiting_rows : n;
        let_wait(sums, x, y, w, done);
        if (sums->waiting_rows < MX_GRAM_BLOCK)
            return MERX_OK;
        MX_TRY(sum_waiting(sums, task, err));
    }
    size_t whole = (n - done) / MX_GRAM_BLOCK * MX_GRAM_BLOCK;
    MX_TRY(
        sum_now(sums, x + done * sums->d, y != NULL ? y + done : NULL, w != NULL ? w + done : NULL, whole, task, err));
    done += whole;
    let_wait(sums, x + done * sums->d, y != NULL ? y + done : NULL, w != NULL ? w + done : NULL, n - done);
    return MERX_OK;
}

merx_status mx_gram_sums_finish(mx_gram_sums *sums, merx_task *task, mx_gram_totals *totals, merx_error *err)
{
    MX_TRY(sum_waiting(sums, task, err));
    sums->finished = true;
    size_t d = sums->d, e = d + 1, width = sums->width;
    const double *c = sums->total;
    double weight = c[e * width + e];
    if (sums->rows == 0)
        MX_FAIL(err, MERX_E_INVALID, sums->where, "there are no rows to learn from");
    if (!(weight > 0) || !isfinite(weight))
        MX_FAIL(err, MERX_E_INVALID, sums->where, "the weights sum to %g; expected a finite number above 0", weight);
    totals->rows = sums->rows;
    totals->used_rows = sums->used_rows;
    totals->weight = weight;
    for (size_t j = 0; j < e; j++)
        totals->means[j] = sums->shift[j] + c[j * width + e] / weight;
    for (size_t j = 0; j < e; j++)
        for (size_t k = j; k < e; k++) {
            double centre = sums->raw ? 0 : c[j * width + e] / weight * c[k * width + e];
            totals->gram[j * e + k] = totals->gram[k * e + j] = c[j * width + k] - centre;
        }
    return MERX_OK;
}
