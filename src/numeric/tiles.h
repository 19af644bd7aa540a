/*
 * A large symmetric positive definite matrix in square tiles, upper triangle alone, and its inverse in place. Floor 2.
 *
 * Half the memory of a full matrix, and every product is of tiles that lie together. Tile (I, J), I <= J, holds rows 64 I … and columns 64 J …, row-major; the
 * matrix is padded to whole tiles with the identity. Tiles on the diagonal hold both triangles of what they stand for where that is said, else the upper one.
 */
#ifndef MX_NUMERIC_TILES_H
#define MX_NUMERIC_TILES_H

#include "base/run.h"

enum { MX_TILE = 64, MX_TILE_CELLS = MX_TILE * MX_TILE };

typedef struct mx_tiles {
    size_t d, count; /* side; tiles in a row */
    double *cells;   /* (count (count + 1) / 2, 64, 64) */
    size_t size;     /* doubles */
    const merx_allocator *alloc;
} mx_tiles;

/* Bytes that a matrix of side d and its inversion take; UINT64_MAX when that can't be counted. */
uint64_t mx_tiles_bytes(size_t d, size_t threads);
/* Zeros, ones on the diagonal of the padding. */
merx_status mx_tiles_init(size_t d, const merx_allocator *alloc, mx_tiles *out, merx_error *err) MERX_MUST_CHECK;
void mx_tiles_release(mx_tiles *tiles);

static inline double *mx_tile(const mx_tiles *t, size_t i, size_t j)
{
    return t->cells + (i * t->count - i * (i + 1) / 2 + j) * MX_TILE_CELLS;
}

/*
 * A becomes A^-1, upper triangle; tiles on the diagonal hold both. A = R'R by tile rows, U = R^-1, A^-1 = U U' (LAPACK's potrf and potri).
 * *definite is false when A is not positive definite or not finite: its content is lost. Cost d^3 products and as many sums; memory: a row of tiles, three tiles a
 * thread. Same bits for any number of threads. Error as of LAPACK's: d u cond(A) |A^-1|.
 */
merx_status mx_tiles_invert(mx_tiles *tiles, merx_task *task, bool *definite, merx_error *err) MERX_MUST_CHECK;
/* Row i, all d columns, of a matrix whose diagonal tiles hold both triangles. */
void mx_tiles_row(const mx_tiles *tiles, size_t i, double *row);

#endif
