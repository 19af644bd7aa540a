/*
 * Fitting implicit ALS. Letters: u users (or whichever side is being solved), i items (the fixed side), f factors, m rated items of one user.
 *
 * One half iteration fixes Y (items, f) and solves each row of X alone:
 *
 *     A_u = Y'Y + sum_j alpha r_uj y_j y_j' + l2 I        b_u = sum_j (1 + alpha r_uj) y_j        x_u = A_u^-1 b_u
 *
 * Y'Y is shared, and so is the basis in which every row's equations are near the identity (row_solver.h): Y is turned into it, rows are solved in it by
 * conjugate gradients until the residual is `tolerance` of the right side, and turned back in blocks. Where that basis is too near singular, rows are solved exactly.
 * Factors are floats (in the basis bfloat16 while the tolerance is above 0.01), Y'Y is summed in double. The last half iteration solves users, to 1e-6, so that a fitted user is the fold-in of his items.
 *
 * Why a tolerance costs nothing: a row's loss is quadratic, its excess over the least is r' A^-1 r <= tolerance^2 |b|^2 in that basis, four hundred times
 * less than what the row gains at the default.
 *
 * Invariants: (1) a row's solve reads its own ratings, Y and Y'Y alone: no order of rows matters; (2) Y'Y is summed over blocks whose
 * size depends on the number of rows alone, in block order; so the bits don't depend on threads.
 *
 * Source: Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets", sections 4 and 5.
 */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "learn/factor/als.h"
#include "learn/factor/row_solver.h"
#include "numeric/dense.h"

enum {
    ROWS = 128,       /* rows of one product of the gram matrix */
    BLOCK = 48,       /* rows of one parallel block: a multiple of the product's six */
    GRAM_BLOCKS = 64, /* at most so many partial sums of Y'Y */
    MAX_FACTORS = 1024,
    STREAM = 0x616c73, /* of the random starts */
};

static const double default_tolerance = 0.05, last_tolerance = 1e-6;

typedef struct side {
    const mx_csr *ratings; /* rows are this side's */
    float *factors;        /* (rows, wide) */
} side;

typedef struct fit_work {
    size_t f, wide;
    double l2, alpha;
    double *gram; /* (f, f) of the fixed side */
    /* Sums of the gram matrix. */
    const float *y;
    size_t n, block_rows;
    double *partial; /* (blocks, f, f) */
    double *rows;    /* (workers, ROWS, f) */
    /* Half an iteration. */
    side fixed, solved;
    mx_basis basis;
    uint16_t *halves; /* (rows of the larger side, wide) V in bfloat16; NULL: not at this tolerance */
    float *scratch;   /* (workers, BLOCK rows and scratch of the basis) */
    double *solving;  /* (workers, scratch and one row); NULL until rows have to be solved exactly */
    const merx_allocator *alloc;
    size_t workers;
} fit_work;

/* ---- Y'Y ---- */

static merx_status gram_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const fit_work *w = context;
    size_t f = w->f, end = (block + 1) * w->block_rows < w->n ? (block + 1) * w->block_rows : w->n;
    double *out = w->partial + block * f * f, *rows = w->rows + (size_t)mx_worker_index() * ROWS * f;
    memset(out, 0, f * f * sizeof *out);
    for (size_t start = block * w->block_rows; start < end; start += ROWS) {
        size_t count = end - start < ROWS ? end - start : ROWS;
        if (w->wide == f)
            mx_kernel()->scale_float(1, w->y + start * f, rows, count * f);
        else
            for (size_t r = 0; r < count; r++)
                mx_kernel()->scale_float(1, w->y + (start + r) * w->wide, rows + r * f, f);
        mx_syrk_add(rows, count, f, out);
    }
    return MERX_OK;
}

/* gram (f, f), both triangles, of one side's factors. */
static merx_status gram_of(fit_work *w, side of, merx_task *task, merx_error *err)
{
    size_t f = w->f;
    w->y = of.factors;
    w->n = of.ratings->rows;
    w->block_rows = (w->n + GRAM_BLOCKS - 1) / GRAM_BLOCKS;
    w->block_rows = w->block_rows < 1024 ? 1024 : w->block_rows;
    size_t blocks = (w->n + w->block_rows - 1) / w->block_rows;
    MX_TRY(mx_parallel(task, blocks, gram_block, w, err));
    memcpy(w->gram, w->partial, f * f * sizeof *w->gram);
    for (size_t b = 1; b < blocks; b++)
        for (size_t e = 0; e < f * f; e++)
            w->gram[e] += w->partial[b * f * f + e];
    for (size_t j = 0; j < f; j++)
        for (size_t k = 0; k < j; k++)
            w->gram[j * f + k] = w->gram[k * f + j];
    return MERX_OK;
}

/* ---- half an iteration ---- */

static size_t scratch_size(const fit_work *w)
{
    return BLOCK * w->wide + mx_basis_scratch(w->f);
}

static size_t solving_size(size_t f)
{
    return mx_row_solver_scratch(f) + f;
}

static merx_status enter_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const fit_work *w = context;
    size_t first = block * BLOCK, n = w->fixed.ratings->rows, count = n - first < BLOCK ? n - first : BLOCK;
    mx_basis_enter(&w->basis, w->fixed.factors + first * w->wide, count,
                   w->scratch + (size_t)mx_worker_index() * scratch_size(w),
                   w->basis.halves ? w->halves + first * w->wide : NULL);
    return MERX_OK;
}

static mx_rated rated(const mx_csr *ratings, size_t u)
{
    size_t start = (size_t)ratings->starts[u];
    return (mx_rated){ratings->indices + start, ratings->values ? ratings->values + start : NULL,
                      (size_t)ratings->starts[u + 1] - start};
}

static merx_status solve_block(void *context, size_t block, merx_error *err)
{
    const fit_work *w = context;
    size_t first = block * BLOCK, n = w->solved.ratings->rows, count = n - first < BLOCK ? n - first : BLOCK;
    float *z = w->scratch + (size_t)mx_worker_index() * scratch_size(w), *scratch = z + BLOCK * w->wide;
    for (size_t r = 0; r < count; r++)
        MX_TRY(mx_basis_solve(&w->basis, rated(w->solved.ratings, first + r), scratch, z + r * w->wide, err));
    mx_basis_leave(&w->basis, z, count, w->solved.factors + first * w->wide);
    return MERX_OK;
}

static merx_status solve_block_exactly(void *context, size_t block, merx_error *err)
{
    const fit_work *w = context;
    size_t f = w->f, first = block * BLOCK, n = w->solved.ratings->rows, end = first + BLOCK < n ? first + BLOCK : n;
    double *scratch = w->solving + (size_t)mx_worker_index() * solving_size(f), *x = scratch + mx_row_solver_scratch(f);
    mx_row_solver solver = {w->fixed.factors, w->wide, f, w->gram, w->l2, w->alpha};
    for (size_t u = first; u < end; u++) {
        float *out = w->solved.factors + u * w->wide;
        mx_rated row = rated(w->solved.ratings, u);
        memset(out, 0, w->wide * sizeof *out);
        if (row.m == 0)
            continue;
        MX_TRY(mx_row_solve(&solver, row, scratch, x, err));
        for (size_t k = 0; k < f; k++)
            out[k] = (float)x[k];
    }
    return MERX_OK;
}

/* The fixed side's factors may be in the basis afterwards: the next half iteration solves them anew. */
static merx_status solve_side(fit_work *w, side fixed, side solved, merx_task *task, merx_error *err)
{
    w->fixed = fixed;
    w->solved = solved;
    size_t blocks = (solved.ratings->rows + BLOCK - 1) / BLOCK;
    if (mx_basis_set(&w->basis, w->gram, w->l2)) {
        w->basis.v = fixed.factors;
        w->basis.halves = mx_basis_takes_halves(w->basis.tolerance) ? w->halves : NULL;
        MX_TRY(mx_parallel(task, (fixed.ratings->rows + BLOCK - 1) / BLOCK, enter_block, w, err));
        return mx_parallel(task, blocks, solve_block, w, err);
    }
    if (!w->solving)
        MX_TRY(mx_alloc_array(w->alloc, w->workers * solving_size(w->f), sizeof *w->solving, "normal equations",
                              &w->solving, err));
    return mx_parallel(task, blocks, solve_block_exactly, w, err);
}

/* ---- fit ---- */

static merx_status check_input(const mx_csr *r, const mx_als_options *o, merx_error *err)
{
    if (o->factors < 1 || o->factors > MAX_FACTORS)
        MX_FAIL(err, MERX_E_RANGE, "als", "factors is %d; expected 1 to %d", o->factors, (int)MAX_FACTORS);
    if (o->iterations < 1)
        MX_FAIL(err, MERX_E_RANGE, "als", "iterations is %d; expected 1 or more", o->iterations);
    if (!(o->l2 >= 0) || !isfinite(o->l2))
        MX_FAIL(err, MERX_E_RANGE, "als", "l2 is %g; expected a number of 0 or more", o->l2);
    if (!(o->alpha > 0) || !isfinite(o->alpha))
        MX_FAIL(err, MERX_E_RANGE, "als", "alpha is %g; expected a number above 0", o->alpha);
    if (!(o->tolerance >= 0 && o->tolerance < 1))
        MX_FAIL(err, MERX_E_RANGE, "als", "tolerance is %g; expected a number from 0 to below 1", o->tolerance);
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
static void random_start(float *y, size_t n, size_t f, size_t wide, uint64_t seed, const uint64_t *keys)
{
    double scale = 0.1 / sqrt((double)f);
    for (size_t i = 0; i < n; i++) {
        mx_random random;
        mx_random_init(&random, seed, mx_random_key(STREAM, keys ? keys[i] : i, 0));
        for (size_t j = 0; j < f; j++)
            y[i * wide + j] = (float)(scale * mx_random_normal(&random));
    }
}

static void copy_rows(const float *from, size_t from_width, float *to, size_t to_width, size_t n, size_t f)
{
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * to_width, from + i * from_width, f * sizeof *to);
}

static merx_status iterate(fit_work *w, side users, side items, mx_als *model, const mx_als_options *options,
                           merx_task *task, merx_error *err)
{
    double tolerance = options->tolerance > 0 ? options->tolerance : default_tolerance;
    w->basis.alpha = options->alpha;
    w->basis.tolerance = tolerance;
    for (int iteration = 0; iteration < options->iterations; iteration++) {
        MX_TRY(gram_of(w, items, task, err));
        MX_TRY(solve_side(w, items, users, task, err));
        MX_TRY(gram_of(w, users, task, err));
        MX_TRY(solve_side(w, users, items, task, err));
        MX_TRY(mx_task_step(task, (uint64_t)iteration + 1, err));
    }
    MX_TRY(gram_of(w, items, task, err));
    copy_rows(items.factors, w->wide, model->item_factors, w->f, model->items, w->f);
    if (options->items_only)
        return MERX_OK;
    w->basis.tolerance = tolerance < last_tolerance ? tolerance : last_tolerance;
    MX_TRY(solve_side(w, items, users, task, err));
    if (users.factors != model->user_factors)
        copy_rows(users.factors, w->wide, model->user_factors, w->f, model->users, w->f);
    return MERX_OK;
}

merx_status mx_als_fit(const mx_csr *ratings, const mx_als_options *options, const merx_allocator *alloc,
                       merx_task *task, mx_als *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_input(ratings, options, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t f = (size_t)options->factors, wide = mx_basis_wide(f), users = ratings->rows, items = ratings->columns;
    size_t workers = (size_t)merx_task_threads(task), user_cells, item_cells;
    mx_als model = {.users = users,
                    .items = items,
                    .factors = options->factors,
                    .l2 = options->l2,
                    .alpha = options->alpha,
                    .alloc = mx_allocator_or_default(alloc)};
    mx_csr_own transposed = {0};
    fit_work w = {.f = f, .wide = wide, .l2 = options->l2, .alpha = options->alpha, .alloc = work, .workers = workers};
    side user_side = {ratings, NULL}, item_side = {&transposed.view, NULL};
    if (!mx_mul_size(users, wide, &user_cells) || !mx_mul_size(items, wide, &item_cells))
        MX_FAIL(err, MERX_E_LIMIT, "als", "%zu users x %zu items x %zu factors are more than this machine can address",
                users, items, f);
    size_t half_cells = user_cells > item_cells ? user_cells : item_cells;
    bool halves = mx_basis_takes_halves(options->tolerance > 0 ? options->tolerance : default_tolerance);
    /* Users' factors are worked on where they are to be, if the widths agree and they are wanted. */
    bool in_place = wide == f && !options->items_only;
    MX_TRY_GOTO(mx_alloc_array(model.alloc, items * f, sizeof(float), "item factors", &model.item_factors, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, f * f, sizeof(double), "item gram matrix", &model.item_gram, err));
    if (!options->items_only)
        MX_TRY_GOTO(mx_alloc_array(model.alloc, users * f, sizeof(float), "user factors", &model.user_factors, err));
    if (in_place)
        user_side.factors = model.user_factors;
    else
        MX_TRY_GOTO(mx_alloc_array(work, user_cells, sizeof(float), "user factors", &user_side.factors, err));
    MX_TRY_GOTO(mx_alloc_array(work, item_cells, sizeof(float), "item factors", &item_side.factors, err));
    MX_TRY_GOTO(mx_alloc_array(work, GRAM_BLOCKS * f * f, sizeof(double), "gram matrix blocks", &w.partial, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * ROWS * f, sizeof(double), "gram matrix rows", &w.rows, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * scratch_size(&w), sizeof(float), "rows", &w.scratch, err));
    if (halves)
        MX_TRY_GOTO(mx_alloc_array_raw(work, half_cells, sizeof *w.halves, "factors in the basis", &w.halves, err));
    MX_TRY_GOTO(mx_basis_init(f, work, &w.basis, err));
    MX_TRY_GOTO(mx_csr_transpose(ratings, work, &transposed, err));
    mx_wish_large_pages(w.halves, halves ? half_cells * sizeof *w.halves : 0);
    mx_wish_large_pages(user_side.factors, user_cells * sizeof(float));
    mx_wish_large_pages(item_side.factors, item_cells * sizeof(float));
    w.gram = model.item_gram; /* holds X'X while items are solved */

    mx_task_stage(task, "alternating least squares", (uint64_t)options->iterations, "iterations");
    if (options->start)
        copy_rows(options->start, f, item_side.factors, wide, items, f);
    else
        random_start(item_side.factors, items, f, wide, options->seed, options->item_keys);
    MX_TRY_GOTO(iterate(&w, user_side, item_side, &model, options, task, err));
    mx_task_done(task);
out:
    mx_csr_release(&transposed);
    mx_basis_release(&w.basis);
    mx_free_array(work, w.halves, half_cells, sizeof *w.halves);
    mx_free_array(work, w.solving, workers * solving_size(f), sizeof *w.solving);
    mx_free_array(work, w.scratch, workers * scratch_size(&w), sizeof *w.scratch);
    mx_free_array(work, w.rows, workers * ROWS * f, sizeof *w.rows);
    mx_free_array(work, w.partial, GRAM_BLOCKS * f * f, sizeof *w.partial);
    mx_free_array(work, item_side.factors, item_cells, sizeof(float));
    if (!in_place)
        mx_free_array(work, user_side.factors, user_cells, sizeof(float));
    if (status == MERX_OK)
        *out = model;
    else
        mx_als_release(&model);
    return status;
}
