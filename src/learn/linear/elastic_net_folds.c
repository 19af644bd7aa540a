/*
 * Folds of an elastic net's cross-validation.
 */
#include "learn/linear/elastic_net_folds.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "numeric/matrix.h"

enum { FOLD_STREAM = 0xF01D, CHUNK_DOUBLES = 1 << 20, MOST_CHUNK = 16384 };

void mx_elastic_net_folds(uint64_t seed, int folds, uint64_t first, size_t n, int32_t *out)
{
    uint64_t k = (uint64_t)folds, run = UINT64_MAX;
    int32_t order[128] = {0};
    for (size_t i = 0; i < n; i++) {
        uint64_t row = first + i;
        if (row / k != run) {
            run = row / k;
            mx_random r;
            mx_random_init(&r, seed, mx_random_key(FOLD_STREAM, run, 0));
            for (int32_t f = 0; f < folds; f++) { /* a random order, grown from within */
                int32_t at = (int32_t)mx_random_below(&r, (uint64_t)f + 1);
                order[f] = order[at];
                order[at] = f;
            }
        }
        out[i] = order[row % k];
    }
}

/* ---- sums of folds ---- */

typedef struct fold_work {
    const mx_elastic_net_options *options;
    mx_gram_sums *sums[128];
    bool weighed[128];
    const char *const *names;
    size_t d, chunk;
    int32_t *fold;     /* (chunk) */
    double *x, *y, *w; /* (chunk, d), (chunk), (chunk): rows of one fold */
    const merx_allocator *alloc;
} fold_work;

/* Says what is wrong with a row, by its number among all. */
static merx_status name_fault(const fold_work *f, const mx_design *block, size_t i, uint64_t row, merx_error *err)
{
    unsigned long long number = row;
    double w = block->weights != NULL ? block->weights[i] : 1;
    if (!(w >= 0) || !isfinite(w))
        MX_FAIL(err, MERX_E_INVALID, "elastic_net",
                "the weight of row %llu is %g; expected a finite number of 0 or more", number, w);
    for (size_t j = 0; j < f->d; j++) {
        double v = block->x[i * f->d + j];
        if (!isfinite(v) && f->names != NULL)
            MX_FAIL(err, MERX_E_INVALID, "elastic_net", "row %llu, column \"%s\" is %g; expected a finite number",
                    number, f->names[j], v);
        if (!isfinite(v))
            MX_FAIL(err, MERX_E_INVALID, "elastic_net", "row %llu, column %zu is %g; expected a finite number", number,
                    j, v);
    }
    MX_FAIL(err, MERX_E_INVALID, "elastic_net", "the target of row %llu is %g; expected a finite number", number,
            block->y[i]);
}

/* Rows begin … begin + count - 1 of a block into the sums of their folds. */
static merx_status add_chunk(fold_work *f, const mx_design *block, size_t begin, size_t count, uint64_t first,
                             merx_task *task, merx_error *err)
{
    size_t d = f->d;
    mx_elastic_net_folds(f->options->seed, f->options->folds, first, count, f->fold);
    for (int k = 0; k < f->options->folds; k++) {
        size_t m = 0;
        for (size_t i = 0; i < count; i++) {
            if (f->fold[i] != k)
                continue;
            double odd = 0; /* NaN once a value is not finite */
            for (size_t j = 0; j < d; j++) {
                f->x[m * d + j] = block->x[(begin + i) * d + j];
                odd += f->x[m * d + j] * 0;
            }
            f->y[m] = block->y[begin + i];
            f->w[m] = block->weights != NULL ? block->weights[begin + i] : 1;
            if (!(odd + f->y[m] * 0 + f->w[m] * 0 == 0) || !(f->w[m] >= 0))
                return name_fault(f, block, begin + i, first + i, err);
            f->weighed[k] |= f->w[m] > 0;
            m++;
        }
        MX_TRY(mx_gram_sums_add(f->sums[k], f->x, f->y, block->weights != NULL ? f->w : NULL, m, task, err));
    }
    return MERX_OK;
}

static merx_status sum_dense(mx_design_rows *rows, const mx_elastic_net_options *o, merx_task *task,
                             mx_linear_sums *parts, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t d = rows->d, chunk = CHUNK_DOUBLES / (d + 1);
    chunk = chunk > MOST_CHUNK ? MOST_CHUNK : chunk < 256 ? 256 : chunk;
    fold_work f = {.options = o, .names = rows->names, .d = d, .chunk = chunk, .alloc = alloc};
    merx_status status;
    uint64_t done = 0;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, chunk, &f.fold, "folds", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, chunk * d, sizeof(double), "rows of a fold", &f.x, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, chunk, &f.y, "rows of a fold", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, chunk, &f.w, "rows of a fold", err));
    for (int k = 0; k < o->folds; k++)
        MX_TRY_GOTO(mx_gram_sums_new(
            d, &(mx_gram_options){.raw = o->no_intercept, .where = "elastic_net", .names = rows->names}, alloc,
            &f.sums[k], err));
    for (;;) {
        mx_design block = {0};
        MX_TRY_GOTO(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        for (size_t begin = 0; begin < block.n; begin += chunk) {
            MX_TRY_GOTO(mx_task_step(task, 0, err));
            size_t count = block.n - begin < chunk ? block.n - begin : chunk;
            MX_TRY_GOTO(add_chunk(&f, &block, begin, count, done + begin, task, err));
        }
        done += block.n;
    }
    for (int k = 0; k < o->folds; k++) {
        if (!f.weighed[k])
            continue;
        MX_TRY_GOTO(mx_linear_sums_new(d, o->no_intercept, alloc, &parts[k], err));
        mx_gram_totals totals = {.means = parts[k].means, .gram = parts[k].gram};
        MX_TRY_GOTO(mx_gram_sums_finish(f.sums[k], task, &totals, err));
        parts[k].rows = (double)totals.used_rows;
        parts[k].weight = totals.weight;
    }
out:
    for (int k = 0; k < o->folds; k++)
        mx_gram_sums_free(f.sums[k]);
    MX_FREE_ARRAY(alloc, f.w, chunk);
    MX_FREE_ARRAY(alloc, f.y, chunk);
    mx_free_array(alloc, f.x, chunk * d, sizeof(double));
    MX_FREE_ARRAY(alloc, f.fold, chunk);
    return status;
}

/* Each fold as the design with the weights of the others' rows at 0. */
static merx_status sum_sparse(const mx_design *design, const mx_elastic_net_options *o, merx_task *task,
                              mx_linear_sums *parts, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t n = design->n;
    int32_t *fold = NULL;
    double *w = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_linear_check_sparse(design, "elastic_net", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &fold, "folds", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &w, "weights", err));
    mx_elastic_net_folds(o->seed, o->folds, 0, n, fold);
    for (int k = 0; k < o->folds; k++) {
        bool weighed = false;
        for (size_t i = 0; i < n; i++) {
            w[i] = fold[i] != k ? 0 : design->weights != NULL ? design->weights[i] : 1;
            weighed |= w[i] > 0;
        }
        mx_design part = *design;
        part.weights = w;
        if (weighed)
            MX_TRY_GOTO(mx_linear_sum_sparse(&part, "elastic_net", o->no_intercept, task, &parts[k], err));
    }
out:
    MX_FREE_ARRAY(alloc, w, n);
    MX_FREE_ARRAY(alloc, fold, n);
    return status;
}

merx_status mx_net_sum_folds(const mx_design *design, mx_design_rows *rows, const mx_elastic_net_options *options,
                             merx_task *task, mx_linear_sums *parts, merx_error *err)
{
    memset(parts, 0, (size_t)options->folds * sizeof *parts);
    if (design != NULL && design->x == NULL && design->csr.starts != NULL)
        return sum_sparse(design, options, task, parts, err);
    return sum_dense(rows, options, task, parts, err);
}

/* into += part: means move to the common ones, and what moving adds to the centred sums is w1 w2 / (w1 + w2) of the difference's square. */
static void add_part(mx_linear_sums *into, const mx_linear_sums *part, double *shift)
{
    size_t e = into->e;
    double weight = into->weight + part->weight, factor = into->raw ? 0 : into->weight * part->weight / weight;
    for (size_t j = 0; j < e; j++) {
        shift[j] = part->means[j] - into->means[j];
        into->means[j] += shift[j] * (part->weight / weight);
    }
    for (size_t j = 0; j < e; j++)
        for (size_t k = 0; k < e; k++)
            into->gram[j * e + k] += part->gram[j * e + k] + factor * shift[j] * shift[k];
    into->weight = weight;
    into->rows += part->rows;
    into->rough |= part->rough;
}

merx_status mx_net_sum_but(const mx_linear_sums *parts, int folds, int without, size_t d, bool raw,
                           const merx_allocator *alloc, mx_linear_sums *out, merx_error *err)
{
    double *shift = NULL;
    merx_status status;
    *out = (mx_linear_sums){0};
    MX_TRY_GOTO(mx_linear_sums_new(d, raw, alloc, out, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, d + 1, &shift, "shifts of means", err));
    for (int k = 0; k < folds; k++)
        if (k != without && parts[k].weight > 0)
            add_part(out, &parts[k], shift);
    if (out->weight > 0)
        MX_TRY_GOTO(mx_linear_sums_scale(out, "elastic_net", NULL, err));
out:
    MX_FREE_ARRAY(alloc, shift, d + 1);
    return status;
}

double mx_net_squared_error(const mx_linear_sums *part, const double *b, double intercept)
{
    size_t d = part->d, e = part->e;
    double sum = part->gram[e * e - 1], mean = part->means[d] - intercept;
    for (size_t j = 0; j < d; j++) {
        if (b[j] == 0)
            continue;
        const double *row = part->gram + j * e;
        sum += b[j] * (mx_dot(row, b, d) - 2 * row[d]);
        mean -= b[j] * part->means[j];
    }
    return fmax(0, part->raw ? sum : sum + part->weight * mean * mean);
}
