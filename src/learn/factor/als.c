/*
 * Implicit ALS. Letters: u users (or whichever side is being solved), i items (the fixed side), f factors, m rated items of one user.
 *
 * One half iteration fixes Y (items, f) and solves each row of X alone:
 *
 *     A_u = Y'Y + sum_j alpha r_uj y_j y_j' + l2 I        b_u = sum_j (1 + alpha r_uj) y_j        x_u = A_u^-1 b_u
 *
 * Y'Y is shared. A row is solved by its factors or, when it is short, by its items (row_solver.h). Everything is accumulated in double; factors are
 * kept in float. The last half iteration solves users, so that a fitted user equals the fold-in of his items, up to the rounding of the floats.
 *
 * Invariants: (1) a row's solve reads its own ratings, Y and Y'Y alone: no order of rows matters; (2) Y'Y is summed over blocks whose
 * size depends on the number of rows alone, in block order; so the bits don't depend on threads.
 *
 * Source: Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets", sections 4 and 5.
 */
#include "learn/factor/als.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "learn/factor/row_solver.h"
#include "numeric/dense.h"

enum {
    MX_ALS_ROWS = 128,       /* rows of one product */
    MX_ALS_BLOCK = 32,       /* users of one parallel block */
    MX_ALS_GRAM_BLOCKS = 64, /* at most so many partial sums of Y'Y */
    MX_ALS_MAX_FACTORS = 1024,
    MX_ALS_STREAM = 0x616c73, /* of the random starts */
};

/* ---- Y'Y ---- */

typedef struct gram_work {
    const float *y;
    size_t n, f, block_rows;
    double *partial; /* (blocks, f, f) */
    double *rows;    /* (workers, MX_ALS_ROWS, f) */
} gram_work;

static merx_status gram_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const gram_work *w = context;
    size_t f = w->f, end = (block + 1) * w->block_rows < w->n ? (block + 1) * w->block_rows : w->n;
    double *out = w->partial + block * f * f, *rows = w->rows + (size_t)mx_worker_index() * MX_ALS_ROWS * f;
    memset(out, 0, f * f * sizeof *out);
    for (size_t start = block * w->block_rows; start < end; start += MX_ALS_ROWS) {
        size_t count = end - start < MX_ALS_ROWS ? end - start : MX_ALS_ROWS;
        mx_kernel()->scale_float(1, w->y + start * f, rows, count * f);
        mx_syrk_add(rows, count, f, out);
    }
    return MERX_OK;
}

static size_t gram_block_rows(size_t n)
{
    size_t rows = (n + MX_ALS_GRAM_BLOCKS - 1) / MX_ALS_GRAM_BLOCKS;
    return rows < 1024 ? 1024 : rows;
}

/* gram (f, f), both triangles. */
static merx_status gram_of(gram_work *w, const float *y, size_t n, double *gram, merx_task *task, merx_error *err)
{
    size_t f = w->f;
    w->y = y;
    w->n = n;
    w->block_rows = gram_block_rows(n);
    size_t blocks = (n + w->block_rows - 1) / w->block_rows;
    MX_TRY(mx_parallel(task, blocks, gram_block, w, err));
    memcpy(gram, w->partial, f * f * sizeof *gram);
    for (size_t b = 1; b < blocks; b++)
        for (size_t e = 0; e < f * f; e++)
            gram[e] += w->partial[b * f * f + e];
    for (size_t j = 0; j < f; j++)
        for (size_t k = 0; k < j; k++)
            gram[j * f + k] = gram[k * f + j];
    return MERX_OK;
}

/* ---- half an iteration ---- */

typedef struct half_work {
    const mx_csr *ratings;
    float *solved; /* (rows, f) */
    mx_row_solver solver;
    double *scratch; /* (workers, scratch and one row) */
} half_work;

static size_t solve_scratch(size_t f)
{
    return mx_row_solver_scratch(f) + f;
}

static merx_status half_block(void *context, size_t block, merx_error *err)
{
    const half_work *w = context;
    size_t f = w->solver.f, end = (block + 1) * MX_ALS_BLOCK;
    if (end > w->ratings->rows)
        end = w->ratings->rows;
    double *scratch = w->scratch + (size_t)mx_worker_index() * solve_scratch(f),
           *b = scratch + mx_row_solver_scratch(f);
    for (size_t u = block * MX_ALS_BLOCK; u < end; u++) {
        size_t start = (size_t)w->ratings->starts[u], m = (size_t)w->ratings->starts[u + 1] - start;
        float *x = w->solved + u * f;
        if (m == 0) {
            memset(x, 0, f * sizeof *x);
            continue;
        }
        mx_rated row = {w->ratings->indices + start, w->ratings->values ? w->ratings->values + start : NULL, m};
        MX_TRY(mx_row_solve(&w->solver, row, scratch, b, err));
        for (size_t j = 0; j < f; j++)
            x[j] = (float)b[j];
    }
    return MERX_OK;
}

static merx_status solve_side(half_work *w, const mx_csr *ratings, const float *fixed, float *solved, merx_task *task,
                              merx_error *err)
{
    w->ratings = ratings;
    w->solver.y = fixed;
    w->solver.n = ratings->columns;
    w->solved = solved;
    MX_TRY(mx_row_solver_prepare(&w->solver, w->scratch, task, err));
    return mx_parallel(task, (ratings->rows + MX_ALS_BLOCK - 1) / MX_ALS_BLOCK, half_block, w, err);
}

/* ---- fit ---- */

static merx_status check_input(const mx_csr *r, const mx_als_options *o, merx_error *err)
{
    if (o->factors < 1 || o->factors > MX_ALS_MAX_FACTORS)
        MX_FAIL(err, MERX_E_RANGE, "als", "factors is %d; expected 1 to %d", o->factors, (int)MX_ALS_MAX_FACTORS);
    if (o->iterations < 1)
        MX_FAIL(err, MERX_E_RANGE, "als", "iterations is %d; expected 1 or more", o->iterations);
    if (!(o->l2 >= 0) || !isfinite(o->l2))
        MX_FAIL(err, MERX_E_RANGE, "als", "l2 is %g; expected a number of 0 or more", o->l2);
    if (!(o->alpha > 0) || !isfinite(o->alpha))
        MX_FAIL(err, MERX_E_RANGE, "als", "alpha is %g; expected a number above 0", o->alpha);
    if (r->rows == 0 || r->columns == 0 || r->starts[r->rows] == 0)
        MX_FAIL(err, MERX_E_INVALID, "als", "there is nothing to learn from: %zu rows, %zu columns, no interactions",
                r->rows, r->columns);
    if (r->values)
        for (size_t u = 0; u < r->rows; u++)
            for (int64_t e = r->starts[u]; e < r->starts[u + 1]; e++)
                if (!(r->values[e] > 0) || !isfinite(r->values[e]))
                    MX_FAIL(err, MERX_E_INVALID, "als", "row %zu, column %d holds %g; expected a finite number above 0",
                            u, (int)r->indices[e], (double)r->values[e]);
    return MERX_OK;
}

/* Normal(0, 0.1 / sqrt(f)), each row out of its key: leaving a row out leaves the others as they were. */
static void random_start(float *y, size_t n, size_t f, uint64_t seed, const uint64_t *keys)
{
    double scale = 0.1 / sqrt((double)f);
    for (size_t i = 0; i < n; i++) {
        mx_random random;
        mx_random_init(&random, seed, mx_random_key(MX_ALS_STREAM, keys ? keys[i] : i, 0));
        for (size_t j = 0; j < f; j++)
            y[i * f + j] = (float)(scale * mx_random_normal(&random));
    }
}

merx_status mx_als_fit(const mx_csr *ratings, const mx_als_options *options, const merx_allocator *alloc,
                       merx_task *task, mx_als *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_input(ratings, options, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t f = (size_t)options->factors, users = ratings->rows, items = ratings->columns;
    size_t workers = (size_t)merx_task_threads(task);
    mx_als model = {.users = users,
                    .items = items,
                    .factors = options->factors,
                    .l2 = options->l2,
                    .alpha = options->alpha,
                    .alloc = mx_allocator_or_default(alloc)};
    mx_csr_own transposed = {0};
    gram_work gram = {.f = f};
    half_work half = {.solver = {.f = f, .l2 = options->l2, .alpha = options->alpha}};
    size_t larger = mx_row_solver_basis(users, f) > mx_row_solver_basis(items, f) ? mx_row_solver_basis(users, f)
                                                                                  : mx_row_solver_basis(items, f);
    size_t user_cells, item_cells;
    if (!mx_mul_size(users, f, &user_cells) || !mx_mul_size(items, f, &item_cells))
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "als",
                     "%zu users x %zu items x %zu factors are more than this machine can address", users, items, f);
    MX_TRY_GOTO(mx_alloc_array(model.alloc, user_cells, sizeof(float), "user factors", &model.user_factors, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, item_cells, sizeof(float), "item factors", &model.item_factors, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, f * f, sizeof(double), "item gram matrix", &model.item_gram, err));
    MX_TRY_GOTO(
        mx_alloc_array(work, MX_ALS_GRAM_BLOCKS * f * f, sizeof(double), "gram matrix blocks", &gram.partial, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * MX_ALS_ROWS * f, sizeof(double), "gram matrix rows", &gram.rows, err));
    MX_TRY_GOTO(
        mx_alloc_array(work, workers * solve_scratch(f), sizeof(double), "normal equations", &half.scratch, err));
    MX_TRY_GOTO(mx_csr_transpose(ratings, work, &transposed, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, larger, sizeof(double), "basis of the rows", &half.solver.basis, err));
    MX_TRY_GOTO(
        mx_alloc_array_raw(work, f * f, sizeof(double), "inverse of the gram matrix", &half.solver.inverse, err));
    half.solver.gram = model.item_gram; /* holds X'X while items are solved */

    mx_task_stage(task, "alternating least squares", (uint64_t)options->iterations, "iterations");
    if (options->start)
        memcpy(model.item_factors, options->start, item_cells * sizeof *model.item_factors);
    else
        random_start(model.item_factors, items, f, options->seed, options->item_keys);
    for (int iteration = 0; iteration <= options->iterations; iteration++) {
        MX_TRY_GOTO(gram_of(&gram, model.item_factors, items, model.item_gram, task, err));
        MX_TRY_GOTO(solve_side(&half, ratings, model.item_factors, model.user_factors, task, err));
        if (iteration == options->iterations)
            break; /* the users of the final items */
        MX_TRY_GOTO(gram_of(&gram, model.user_factors, users, model.item_gram, task, err));
        MX_TRY_GOTO(solve_side(&half, &transposed.view, model.user_factors, model.item_factors, task, err));
        MX_TRY_GOTO(mx_task_step(task, (uint64_t)iteration + 1, err));
    }
    mx_task_done(task);
out:
    mx_csr_release(&transposed);
    mx_free_array(work, half.solver.inverse, f * f, sizeof(double));
    mx_free_array(work, half.solver.basis, larger, sizeof(double));
    mx_free_array(work, half.scratch, workers * solve_scratch(f), sizeof(double));
    mx_free_array(work, gram.rows, workers * MX_ALS_ROWS * f, sizeof(double));
    mx_free_array(work, gram.partial, MX_ALS_GRAM_BLOCKS * f * f, sizeof(double));
    if (status == MERX_OK)
        *out = model;
    else
        mx_als_release(&model);
    return status;
}

void mx_als_release(mx_als *model)
{
    if (!model->alloc)
        return;
    size_t f = (size_t)model->factors;
    mx_free_array(model->alloc, model->user_factors, model->users * f, sizeof(float));
    mx_free_array(model->alloc, model->item_factors, model->items * f, sizeof(float));
    mx_free_array(model->alloc, model->item_gram, f * f, sizeof(double));
    memset(model, 0, sizeof *model);
}

/* ---- a new user ---- */

static merx_status check_history(const mx_als *model, const int32_t *items, const float *values, size_t m,
                                 merx_error *err)
{
    for (size_t j = 0; j < m; j++) {
        if (items[j] < 0 || (size_t)items[j] >= model->items)
            MX_FAIL(err, MERX_E_RANGE, "als", "item %d is not one of the %zu items of the model", (int)items[j],
                    model->items);
        if (values && (!(values[j] > 0) || !isfinite(values[j])))
            MX_FAIL(err, MERX_E_INVALID, "als", "item %d has value %g; expected a finite number above 0", (int)items[j],
                    (double)values[j]);
    }
    return MERX_OK;
}

static mx_row_solver solver_of(const mx_als *model)
{
    return (mx_row_solver){.y = model->item_factors,
                           .n = model->items,
                           .f = (size_t)model->factors,
                           .gram = model->item_gram,
                           .l2 = model->l2,
                           .alpha = model->alpha};
}

merx_status mx_als_fold_in(const mx_als *model, const int32_t *items, const float *values, size_t m, double *user,
                           merx_error *err)
{
    size_t f = (size_t)model->factors;
    MX_TRY(check_history(model, items, values, m, err));
    mx_row_solver solver = solver_of(model);
    mx_rated row = {items, values, m};
    double *a = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, solve_scratch(f), sizeof *a, "normal equations of a user", &a, err));
    merx_status status = mx_row_system(&solver, row, a, a + f * f, err);
    if (status == MERX_OK) {
        mx_row_right_side(&solver, row, user);
        mx_cholesky_solve(a, f, user, 1);
    }
    mx_free_array(model->alloc, a, solve_scratch(f), sizeof *a);
    return status;
}

merx_status mx_als_explain_many(const mx_als *model, const int32_t *items, const float *values, size_t m,
                                const int32_t *targets, size_t n, double *parts, double *scores, merx_error *err)
{
    size_t f = (size_t)model->factors;
    MX_TRY(check_history(model, items, values, m, err));
    MX_TRY(check_history(model, targets, NULL, n, err));
    mx_row_solver solver = solver_of(model);
    mx_rated row = {items, values, m};
    double *a = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, solve_scratch(f), sizeof *a, "normal equations of a user", &a, err));
    double *z = a + mx_row_solver_scratch(f);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_row_system(&solver, row, a, a + f * f, err));
    for (size_t t = 0; t < n; t++) {
        /* z = A^-1 y_t, so that x_u . y_t = z . b_u = sum_j c_j z . y_j */
        const float *target = model->item_factors + (size_t)targets[t] * f;
        for (size_t k = 0; k < f; k++)
            z[k] = (double)target[k];
        mx_cholesky_solve(a, f, z, 1);
        double score = 0;
        for (size_t j = 0; j < m; j++) {
            double dot = mx_kernel()->dot_float(z, model->item_factors + (size_t)items[j] * f, f);
            parts[t * m + j] = (1.0 + model->alpha * (values ? (double)values[j] : 1.0)) * dot;
            score += parts[t * m + j];
        }
        scores[t] = score;
    }
out:
    mx_free_array(model->alloc, a, solve_scratch(f), sizeof *a);
    return status;
}

merx_status mx_als_explain(const mx_als *model, const int32_t *items, const float *values, size_t m, int32_t target,
                           double *parts, double *score, merx_error *err)
{
    return mx_als_explain_many(model, items, values, m, &target, 1, parts, score, err);
}
