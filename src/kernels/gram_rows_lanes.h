/*
 * Gram matrix of a strip of rows. Written once in the words of lanes_*.h; included by gram_rows_*.c of each level.
 *
 * The rows are first laid into panels of LANES columns, row after row: shifted, weighted, the target and a one beside them, zeros behind. Then the matrix is
 * computed in tiles of 4 rows by up to three panels, twelve registers of sums while the rows go by: three panels (24 KB with AVX2) stay in the
 * first-level cache while the columns to their left pass (Goto & van de Geijn 2008). A tile of one panel takes even and odd rows into separate
 * sums, since four sums can't hide the latency of the product. Panels are 64 bytes longer than their rows, so that they don't fall on the same cache sets.
 *
 * The strip that follows is asked for, a cache line every few rows, so that memory works while the sums are made.
 */
#include <math.h>

#include "kernels/kernels.h"

enum { TILE_ROWS = 4 };

/* The memory that is read next: lines of 64 bytes asked for on every CHUNK rows. */
enum { CHUNK = 16 };
typedef struct ahead {
    const char *at;
    size_t lines, left;
} ahead;

INLINE void ask(ahead *next)
{
    for (size_t l = 0; l < next->lines && next->left > 0; l++, next->at += 64, next->left--)
        __builtin_prefetch(next->at, 0, 2);
}

INLINE size_t panel_doubles(size_t m)
{
    return m * LANES + 8;
}

/*
 * Columns from (a multiple of LANES) .. of rows begin .. begin + m into panels, sixteen rows at a time: their part of a panel is one run of memory, and
 * the rows themselves stay in the first-level cache until all panels have theirs.
 */
static void lay_panels(const mx_gram_rows *rows, size_t begin, size_t m, size_t from, double *panels)
{
    size_t d = rows->d, width = MX_GRAM_WIDTH(rows), size = panel_doubles(m);
    const double *shift = rows->shift;
    for (size_t done = 0; done < m; done += CHUNK) {
        size_t count = m - done < CHUNK ? m - done : CHUNK, first = begin + done, j = from;
        const double *x = rows->x + first * d;
        double *to = panels + from / LANES * size + done * LANES, root[CHUNK];
        for (size_t r = 0; r < count; r++)
            root[r] = rows->w != NULL ? sqrt(rows->w[first + r]) : 1;
        for (; j + LANES <= d; j += LANES, to += size) {
            vec s = shift != NULL ? vec_load(shift + j) : vec_set(0);
            if (rows->w != NULL)
                for (size_t r = 0; r < count; r++)
                    vec_store(to + r * LANES, vec_mul(vec_set(root[r]), vec_sub(vec_load(x + r * d + j), s)));
            else
                for (size_t r = 0; r < count; r++)
                    vec_store(to + r * LANES, vec_sub(vec_load(x + r * d + j), s));
        }
        for (; j < width; to += size) /* the last columns, what stands beside them, and zeros */
            for (size_t l = 0; l < LANES; l++, j++) {
                double s = shift != NULL && j <= d ? shift[j] : 0;
                if (j < d)
                    for (size_t r = 0; r < count; r++)
                        to[r * LANES + l] = root[r] * (x[r * d + j] - s);
                else if (j == d && rows->beside && rows->y != NULL)
                    for (size_t r = 0; r < count; r++)
                        to[r * LANES + l] = root[r] * (rows->y[first + r] - s);
                else
                    for (size_t r = 0; r < count; r++)
                        to[r * LANES + l] = rows->beside && j <= d + 1 ? root[r] * (j == d ? -s : 1) : 0;
            }
    }
}

/* a (count, vectors), count <= 4, += the sums over m rows of left's columns times the panels at right; of the last vector the lanes of `some` when it is partly. */
INLINE void gram_tile(const double *left, const double *right, size_t size, size_t m, double *a, size_t width,
                      size_t count, int vectors, bool partly, part some, ahead *next)
{
    enum { MOST = 3 };
    vec sum[TILE_ROWS][MOST], odd[TILE_ROWS];
    for (int i = 0; i < TILE_ROWS; i++) {
        odd[i] = vec_set(0);
        for (int v = 0; v < vectors; v++)
            sum[i][v] = vec_set(0);
    }
    for (size_t done = 0; done < m; done += CHUNK) {
        size_t rows = m - done < CHUNK ? m - done : CHUNK, r = 0;
        ask(next);
        for (; vectors == 1 && r + 1 < rows; r += 2, left += 2 * LANES, right += 2 * LANES) {
            vec even = vec_load(right), after = vec_load(right + LANES);
            for (int i = 0; i < TILE_ROWS; i++) {
                sum[i][0] = vec_fma(vec_set(left[i]), even, sum[i][0]);
                odd[i] = vec_fma(vec_set(left[LANES + i]), after, odd[i]);
            }
        }
        for (; r < rows; r++, left += LANES, right += LANES) {
            vec columns[MOST];
            for (int v = 0; v < vectors; v++)
                columns[v] = vec_load(right + (size_t)v * size);
            for (int i = 0; i < TILE_ROWS; i++) {
                vec row = vec_set(left[i]);
                for (int v = 0; v < vectors; v++)
                    sum[i][v] = vec_fma(row, columns[v], sum[i][v]);
            }
        }
    }
    for (int i = 0; i < TILE_ROWS; i++)
        for (int v = 0; v < vectors && (size_t)i < count; v++) {
            double *to = a + (size_t)i * width + (size_t)v * LANES;
            vec s = vectors == 1 ? vec_add(sum[i][v], odd[i]) : sum[i][v];
            if (partly && v == vectors - 1)
                vec_store_part(to, some, vec_add(vec_load_part(to, some), s));
            else
                vec_store(to, vec_add(vec_load(to), s));
        }
}

/* Vectors of the next tile: four left over are two and two. */
INLINE size_t next_panels(size_t left)
{
    return left >= 3 && left != 4 ? 3 : left >= 2 ? 2 : 1;
}

void MX_LEVEL(gram_add)(const mx_gram_rows *rows, size_t begin, size_t m, size_t first, size_t end, double *a,
                        double *scratch)
{
    size_t width = MX_GRAM_WIDTH(rows), size = panel_doubles(m), panels = (width + LANES - 1) / LANES;
    if (m == 0)
        return;
    lay_panels(rows, begin, m, first, scratch);

    ahead next = {0};
    if (first == 0 && begin + m < rows->n) {
        size_t more = rows->n - begin - m < m ? rows->n - begin - m : m;
        size_t tiles = panels * (panels * LANES / TILE_ROWS + 2) / 6 + 1; /* about */
        next.at = (const char *)(rows->x + (begin + m) * rows->d);
        next.left = more * rows->d * sizeof(double) / 64;
        next.lines = next.left / (tiles * ((m + CHUNK - 1) / CHUNK)) + 1;
    }

    const part rest = part_of(width % LANES != 0 ? width % LANES : LANES);
    for (size_t p = first / LANES; p < panels;) {
        size_t vectors = next_panels(panels - p), stop = (p + vectors) * LANES;
        bool partly = stop > width;
        stop = stop < end ? stop : end;
        for (size_t i = first; i < stop; i += TILE_ROWS) {
            /* Panels left of the diagonal are left out; rows beyond the width are zeros. */
            size_t skip = i / LANES > p ? i / LANES - p : 0, at = p + skip;
            size_t count = stop - i < TILE_ROWS ? stop - i : TILE_ROWS;
            const double *left = scratch + i / LANES * size + i % LANES, *right = scratch + at * size;
            double *to = a + i * width + at * LANES;
            if (vectors - skip == 3 && !partly)
                gram_tile(left, right, size, m, to, width, count, 3, false, rest, &next);
            else if (vectors - skip == 3)
                gram_tile(left, right, size, m, to, width, count, 3, true, rest, &next);
            else if (vectors - skip == 2 && !partly)
                gram_tile(left, right, size, m, to, width, count, 2, false, rest, &next);
            else if (vectors - skip == 2)
                gram_tile(left, right, size, m, to, width, count, 2, true, rest, &next);
            else
                gram_tile(left, right, size, m, to, width, count, 1, partly, rest, &next);
        }
        p += vectors;
    }
}
