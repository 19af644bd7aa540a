/*
 * The inverse of a symmetric positive definite matrix by tiles. Letters: I, J, K, L tile rows and columns; T their number.
 *
 * Each stage goes through tile rows (or columns) one after the other; the tiles of one are independent of each other and are made in parallel, each by one
 * sum in the order of L. What a stage overwrites while others still read it is copied first.
 *
 *     R'R = A     R_KJ = R_KK^-T (A_KJ - sum_{L<K} R_LK' R_LJ)                J >= K
 *     U = R^-1    U_IJ = -(sum_{I<=L<J} U_IL R_LJ) U_JJ                       I < J, columns ascending, column J of R copied
 *     P = U U'    P_IJ = sum_{L>=J} U_IL U_JL'                                J >= I, rows ascending, row I of U copied
 *
 * Solves with a diagonal tile are products with its inverse.
 */
#include "numeric/tiles.h"

#include <string.h>

#include "kernels/kernels.h"

enum { WORKER_TILES = 3 };

static size_t tiles_of(size_t d)
{
    return d / MX_TILE + (d % MX_TILE != 0);
}

uint64_t mx_tiles_bytes(size_t d, size_t threads)
{
    size_t t = tiles_of(d), cells, bytes;
    if (!mx_mul_size(t, t + 1, &cells) || !mx_add_size(cells / 2, t + 1 + WORKER_TILES * threads, &cells) ||
        !mx_mul_size(cells, MX_TILE_CELLS * sizeof(double), &bytes))
        return UINT64_MAX;
    return bytes;
}

merx_status mx_tiles_init(size_t d, const merx_allocator *alloc, mx_tiles *out, merx_error *err)
{
    size_t t = tiles_of(d), cells;
    *out = (mx_tiles){0};
    if (!mx_mul_size(t, t + 1, &cells) || !mx_mul_size(cells / 2, MX_TILE_CELLS, &cells))
        MX_FAIL(err, MERX_E_LIMIT, "tiles", "a matrix of %zu x %zu is more than this machine can address", d, d);
    mx_tiles made = {.d = d, .count = t, .size = cells, .alloc = mx_allocator_or_default(alloc)};
    MX_TRY(mx_alloc_array(made.alloc, cells, sizeof(double), "matrix of items", &made.cells, err));
    for (size_t i = d; i < t * MX_TILE; i++)
        mx_tile(&made, t - 1, t - 1)[(i % MX_TILE) * (MX_TILE + 1)] = 1;
    *out = made;
    return MERX_OK;
}

void mx_tiles_release(mx_tiles *t)
{
    if (!t->alloc)
        return;
    mx_free_array(t->alloc, t->cells, t->size, sizeof(double));
    *t = (mx_tiles){0};
}

void mx_tiles_row(const mx_tiles *t, size_t i, double *row)
{
    size_t own = i / MX_TILE, at = i % MX_TILE;
    for (size_t other = 0; other < t->count; other++) {
        size_t first = other * MX_TILE, count = t->d - first < MX_TILE ? t->d - first : MX_TILE;
        if (other >= own)
            memcpy(row + first, mx_tile(t, own, other) + at * MX_TILE, count * sizeof *row);
        else
            for (size_t c = 0; c < count; c++)
                row[first + c] = mx_tile(t, other, own)[c * MX_TILE + at];
    }
}

/* ---- tiles ---- */

/* c += a b, and c += a' b. */
static void add_product(const double *a, const double *b, double *c)
{
    mx_kernel()->multiply_add(a, b, c, MX_TILE, MX_TILE, MX_TILE);
}

static void add_transposed(const double *a, const double *b, double *c)
{
    mx_kernel()->transposed_multiply_add(a, b, c, MX_TILE, MX_TILE, MX_TILE);
}

static void clear(double *tile)
{
    memset(tile, 0, MX_TILE_CELLS * sizeof *tile);
}

static void copy(const double *from, double *to)
{
    memcpy(to, from, MX_TILE_CELLS * sizeof *to);
}

/* By blocks of 8 x 8, which stay in the nearest cache. */
static void transpose(const double *from, double *to)
{
    enum { SIDE = 8 };
    for (size_t i = 0; i < MX_TILE; i += SIDE)
        for (size_t j = 0; j < MX_TILE; j += SIDE)
            for (size_t r = i; r < i + SIDE; r++)
                for (size_t c = j; c < j + SIDE; c++)
                    to[c * MX_TILE + r] = from[r * MX_TILE + c];
}

/* out = R^-1 for upper R, from the last row up; zeros below the diagonal. */
static void invert_triangle(const double *r, double *out)
{
    clear(out);
    for (size_t i = MX_TILE; i-- > 0;) {
        double *row = out + i * MX_TILE, scale = 1 / r[i * MX_TILE + i];
        for (size_t k = i + 1; k < MX_TILE; k++)
            mx_kernel()->axpy(-scale * r[i * MX_TILE + k], out + k * MX_TILE + k, row + k, MX_TILE - k);
        row[i] = scale;
    }
}

/* ---- stages ---- */

typedef struct invert_work {
    const mx_tiles *tiles;
    size_t at;        /* the tile row or column in work */
    double *line;     /* (T, 64, 64) copies */
    double *diagonal; /* (64, 64) inverse of the diagonal tile in work */
    double *room;     /* (workers, WORKER_TILES, 64, 64) */
} invert_work;

static double *room_of(const invert_work *w)
{
    return w->room + (size_t)mx_worker_index() * WORKER_TILES * MX_TILE_CELLS;
}

/* tile (K, J) -= sum_{L<K} R_LK' R_LJ */
static void take_above(const mx_tiles *t, size_t k, size_t j, double *sum)
{
    double *tile = mx_tile(t, k, j);
    clear(sum);
    for (size_t l = 0; l < k; l++)
        add_transposed(mx_tile(t, l, k), mx_tile(t, l, j), sum);
    for (size_t c = 0; c < MX_TILE_CELLS; c++)
        tile[c] -= sum[c];
}

static merx_status factor_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const invert_work *w = context;
    size_t j = w->at + 1 + block;
    double *sum = room_of(w), *tile = mx_tile(w->tiles, w->at, j);
    take_above(w->tiles, w->at, j, sum);
    clear(sum);
    add_transposed(w->diagonal, tile, sum);
    copy(sum, tile);
    return MERX_OK;
}

static merx_status factor(invert_work *w, merx_task *task, bool *definite, merx_error *err)
{
    const mx_tiles *t = w->tiles;
    for (size_t k = 0; k < t->count; k++) {
        double *tile = mx_tile(t, k, k);
        take_above(t, k, k, w->room);
        if (!mx_kernel()->cholesky(tile, MX_TILE)) {
            *definite = false;
            return MERX_OK;
        }
        invert_triangle(tile, w->diagonal);
        w->at = k;
        MX_TRY(mx_parallel(task, t->count - 1 - k, factor_block, w, err));
        MX_TRY(mx_task_step(task, k + 1, err));
    }
    *definite = true;
    return MERX_OK;
}

static merx_status triangle_block(void *context, size_t i, merx_error *err)
{
    (void)err;
    const invert_work *w = context;
    const mx_tiles *t = w->tiles;
    size_t j = w->at;
    double *sum = room_of(w), *tile = mx_tile(t, i, j);
    clear(sum);
    for (size_t l = i; l < j; l++)
        add_product(mx_tile(t, i, l), w->line + l * MX_TILE_CELLS, sum);
    clear(tile);
    add_product(sum, w->diagonal, tile);
    for (size_t c = 0; c < MX_TILE_CELLS; c++)
        tile[c] = -tile[c];
    return MERX_OK;
}

static merx_status invert_factor(invert_work *w, merx_task *task, merx_error *err)
{
    const mx_tiles *t = w->tiles;
    for (size_t j = 0; j < t->count; j++) {
        for (size_t l = 0; l < j; l++)
            copy(mx_tile(t, l, j), w->line + l * MX_TILE_CELLS);
        invert_triangle(mx_tile(t, j, j), w->diagonal);
        copy(w->diagonal, mx_tile(t, j, j));
        w->at = j;
        MX_TRY(mx_parallel(task, j, triangle_block, w, err));
        MX_TRY(mx_task_step(task, t->count + j + 1, err));
    }
    return MERX_OK;
}

static merx_status square_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const invert_work *w = context;
    const mx_tiles *t = w->tiles;
    size_t i = w->at, j = i + block;
    double *sum = room_of(w), *turned = sum + MX_TILE_CELLS;
    clear(sum);
    for (size_t l = j; l < t->count; l++) {
        transpose(j == i ? w->line + l * MX_TILE_CELLS : mx_tile(t, j, l), turned);
        add_product(w->line + l * MX_TILE_CELLS, turned, sum);
    }
    /* Tile (I, J) of U is read by nobody any more but as w->line's copy; tile (I, I) by its own block alone. */
    copy(sum, mx_tile(t, i, j));
    return MERX_OK;
}

static merx_status square_factor(invert_work *w, merx_task *task, merx_error *err)
{
    const mx_tiles *t = w->tiles;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t l = i; l < t->count; l++)
            copy(mx_tile(t, i, l), w->line + l * MX_TILE_CELLS);
        w->at = i;
        MX_TRY(mx_parallel(task, t->count - i, square_block, w, err));
        MX_TRY(mx_task_step(task, 2 * t->count + i + 1, err));
    }
    return MERX_OK;
}

merx_status mx_tiles_invert(mx_tiles *t, merx_task *task, bool *definite, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t line = t->count * MX_TILE_CELLS, room = (size_t)merx_task_threads(task) * WORKER_TILES * MX_TILE_CELLS;
    invert_work w = {.tiles = t};
    merx_status status;
    *definite = false;
    MX_TRY_GOTO(mx_alloc_array(alloc, line, sizeof(double), "row of tiles", &w.line, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, MX_TILE_CELLS, sizeof(double), "tile", &w.diagonal, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, room, sizeof(double), "tiles", &w.room, err));
    mx_task_stage(task, "inverse of the items' matrix", 3 * (uint64_t)t->count, "tile rows");
    MX_TRY_GOTO(factor(&w, task, definite, err));
    if (*definite) {
        MX_TRY_GOTO(invert_factor(&w, task, err));
        MX_TRY_GOTO(square_factor(&w, task, err));
    }
    mx_task_done(task);
out:
    mx_free_array(alloc, w.room, room, sizeof(double));
    mx_free_array(alloc, w.diagonal, MX_TILE_CELLS, sizeof(double));
    mx_free_array(alloc, w.line, line, sizeof(double));
    return status;
}
