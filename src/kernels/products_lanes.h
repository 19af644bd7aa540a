/*
 * Rank-k update and Cholesky. Written once in the words of lanes_*.h; included by products_*.c of each level.
 *
 * The unit of work is a tile of R <= 4 rows and V <= 3 vectors: twelve registers of sums while the rows of x go by, three loads and four
 * broadcasts for twelve products of vectors. A width is cut into tiles of three vectors, four left over into two and
 * two (one vector alone can't hide the latency of its products). Only the last tile of a width may be masked.
 *
 * Cholesky is left-looking by panels of four rows: a tile of the panel subtracts what the rows above give, and solves with the panel's own
 * 4 x 4 triangle before it leaves the registers (Golub & Van Loan, 4.2.5).
 */
#include <math.h>

#include "kernels/kernels.h"

enum { ROWS = 4, STRIP_DOUBLES = 2048 };

INLINE vec load(const double *p, bool partly, part mask)
{
    return partly ? vec_load_part(p, mask) : vec_load(p);
}

INLINE void store(double *p, bool partly, part mask, vec v)
{
    if (partly)
        vec_store_part(p, mask, v);
    else
        vec_store(p, v);
}

/* Where the broadcast operand's cells stand: cell (r, i) of a' at a[r * next + i * row]. */
typedef struct left {
    const double *a;
    size_t next, row;
} left;

/* sum[i][v] = sum over r < m of a'(r, i) * b[4 v ..]; b points at columns of rows with stride ld. */
INLINE void products(left a, const double *b, size_t ld, size_t m, int rows, int vectors, bool masked, part mask,
                     vec sum[ROWS][3])
{
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            sum[i][v] = vec_set(0);
    for (size_t r = 0; r < m; r++, a.a += a.next, b += ld) {
        vec w[3];
        for (int v = 0; v < vectors; v++)
            w[v] = load(b + LANES * v, masked && v == vectors - 1, mask);
        for (int i = 0; i < rows; i++) {
            vec s = vec_set(a.a[(size_t)i * a.row]);
            for (int v = 0; v < vectors; v++)
                sum[i][v] = vec_fma(s, w[v], sum[i][v]);
        }
    }
}

/* c (rows, 4 vectors; stride ld) += a b. */
INLINE void update_tile(left a, const double *b, size_t ld, size_t m, double *c, int rows, int vectors, bool masked,
                        part mask)
{
    vec sum[ROWS][3];
    products(a, b, ld, m, rows, vectors, masked, mask, sum);
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            double *to = c + (size_t)i * ld + LANES * v;
            bool partly = masked && v == vectors - 1;
            store(to, partly, mask, vec_add(load(to, partly, mask), sum[i][v]));
        }
}

/* Vectors of the next tile of a width. */
INLINE int next_vectors(size_t width)
{
    size_t vectors = (width + LANES - 1) / LANES;
    return vectors >= 3 && vectors != 4 ? 3 : vectors >= 2 ? 2 : 1;
}

/* c (rows, width; stride ld) += a b. */
INLINE void update_rows(left a, const double *b, size_t ld, size_t m, double *c, int rows, size_t width)
{
    while (width > 0) {
        int vectors = next_vectors(width);
        size_t columns = (size_t)vectors * LANES;
        if (width >= columns) {
            const part all = part_of(LANES);
            if (vectors == 3)
                update_tile(a, b, ld, m, c, rows, 3, false, all);
            else if (vectors == 2)
                update_tile(a, b, ld, m, c, rows, 2, false, all);
            else
                update_tile(a, b, ld, m, c, rows, 1, false, all);
        } else {
            part mask = part_of(width % LANES);
            if (vectors == 3)
                update_tile(a, b, ld, m, c, rows, 3, true, mask);
            else if (vectors == 2)
                update_tile(a, b, ld, m, c, rows, 2, true, mask);
            else
                update_tile(a, b, ld, m, c, rows, 1, true, mask);
            return;
        }
        b += columns;
        c += columns;
        width -= columns;
    }
}

void MX_LEVEL(syrk_add)(const double *x, size_t m, size_t d, double *a)
{
    if (d == 0)
        return;
    size_t strip = STRIP_DOUBLES / d > 16 ? STRIP_DOUBLES / d : 16;
    for (size_t first = 0; first < m; first += strip) {
        const double *rows = x + first * d;
        size_t count = m - first < strip ? m - first : strip, i = 0;
        for (; i + ROWS <= d; i += ROWS)
            update_rows((left){rows + i, d, 1}, rows + i, d, count, a + i * d + i, ROWS, d - i);
        for (; i < d; i++)
            update_rows((left){rows + i, d, 1}, rows + i, d, count, a + i * d + i, 1, d - i);
    }
}

/* c (k, n) += a b over m rows of b (m, n). */
static void multiply(left a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    size_t strip = STRIP_DOUBLES / (n + 1) > 16 ? STRIP_DOUBLES / (n + 1) : 16;
    for (size_t first = 0; first < m; first += strip) {
        size_t count = m - first < strip ? m - first : strip, i = 0;
        left from = {a.a + first * a.next, a.next, a.row};
        for (; i + ROWS <= k; i += ROWS, from.a += ROWS * a.row)
            update_rows(from, b + first * n, n, count, c + i * n, ROWS, n);
        for (; i < k; i++, from.a += a.row)
            update_rows(from, b + first * n, n, count, c + i * n, 1, n);
    }
}

void MX_LEVEL(multiply_add)(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    multiply((left){a, 1, k}, b, c, k, m, n);
}

void MX_LEVEL(transposed_multiply_add)(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    multiply((left){a, k, 1}, b, c, m, k, n);
}

/* ---- Cholesky ---- */

/* What the panel's tiles solve with: r[k][i] for k < i < ROWS, and the reciprocals of the diagonal. */
typedef struct triangle {
    double r[ROWS][LANES], inverse[ROWS];
} triangle;

/* The panel's tile on the diagonal (rows <= 4): false when a pivot is not positive and finite. */
INLINE bool diagonal_tile(double *a, size_t d, size_t first, int rows, triangle *t)
{
    vec sum[ROWS][3];
    part mask = part_of((size_t)rows);
    double *c = a + first * d + first;
    if (rows == ROWS)
        products((left){a + first, d, 1}, a + first, d, first, ROWS, 1, LANES > ROWS, mask, sum);
    else /* rows beyond the last repeat it: no more than the triangle is read */
        for (int i = 0; i < rows; i++)
            products((left){a + first + i, d, 1}, a + first, d, first, 1, 1, true, mask, sum + i);
    for (int i = 0; i < rows; i++)
        vec_store(t->r[i], vec_sub(load(c + (size_t)i * d, rows < LANES, mask), sum[i][0]));
    for (int i = 0; i < rows; i++) {
        for (int k = 0; k < i; k++)
            for (int j = i; j < rows; j++)
                t->r[i][j] -= t->r[k][i] * t->r[k][j];
        double pivot = t->r[i][i];
        if (!(pivot > 0) || !isfinite(pivot))
            return false;
        double root = sqrt(pivot);
        t->inverse[i] = 1 / root;
        t->r[i][i] = root;
        for (int j = i + 1; j < rows; j++)
            t->r[i][j] *= t->inverse[i];
        for (int j = i; j < rows; j++)
            c[(size_t)i * d + (size_t)j] = t->r[i][j];
    }
    return true;
}

/* Columns j .. of a whole panel. */
INLINE void panel_tile(double *a, size_t d, size_t first, size_t j, const triangle *t, int vectors, bool masked,
                       part mask)
{
    vec sum[ROWS][3];
    products((left){a + first, d, 1}, a + j, d, first, ROWS, vectors, masked, mask, sum);
    for (int i = 0; i < ROWS; i++)
        for (int v = 0; v < vectors; v++) {
            bool partly = masked && v == vectors - 1;
            double *to = a + (first + (size_t)i) * d + j + LANES * v;
            vec s = vec_sub(load(to, partly, mask), sum[i][v]);
            for (int k = 0; k < i; k++)
                s = vec_fnma(vec_set(t->r[k][i]), sum[k][v], s);
            sum[i][v] = vec_mul(s, vec_set(t->inverse[i]));
            store(to, partly, mask, sum[i][v]);
        }
}

static void panel(double *a, size_t d, size_t first, const triangle *t)
{
    for (size_t j = first + ROWS; j < d;) {
        int vectors = next_vectors(d - j);
        size_t columns = (size_t)vectors * LANES;
        if (d - j >= columns) {
            const part all = part_of(LANES);
            if (vectors == 3)
                panel_tile(a, d, first, j, t, 3, false, all);
            else if (vectors == 2)
                panel_tile(a, d, first, j, t, 2, false, all);
            else
                panel_tile(a, d, first, j, t, 1, false, all);
        } else {
            part mask = part_of((d - j) % LANES);
            if (vectors == 3)
                panel_tile(a, d, first, j, t, 3, true, mask);
            else if (vectors == 2)
                panel_tile(a, d, first, j, t, 2, true, mask);
            else
                panel_tile(a, d, first, j, t, 1, true, mask);
        }
        j += columns;
    }
}

bool MX_LEVEL(cholesky)(double *a, size_t d)
{
    triangle t;
    size_t first = 0;
    for (; first + ROWS <= d; first += ROWS) {
        if (!diagonal_tile(a, d, first, ROWS, &t))
            return false;
        panel(a, d, first, &t);
    }
    return first == d || diagonal_tile(a, d, first, (int)(d - first), &t);
}

/* ---- solves ---- */

/* One right side: four rows of R at a time. */
static void solve_vector(const double *r, size_t d, double *b)
{
    for (size_t first = 0; first < d; first += ROWS) { /* R' y = b */
        size_t end = first + ROWS < d ? first + ROWS : d;
        for (size_t i = first; i < end; i++) {
            double sum = b[i];
            for (size_t k = first; k < i; k++)
                sum -= r[k * d + i] * b[k];
            b[i] = sum / r[i * d + i];
        }
        if (end == d)
            break;
        const double *r0 = r + first * d, *r1 = r0 + d, *r2 = r1 + d, *r3 = r2 + d;
        vec y0 = vec_set(b[first]), y1 = vec_set(b[first + 1]), y2 = vec_set(b[first + 2]), y3 = vec_set(b[first + 3]);
        size_t j = end;
        for (; j + LANES <= d; j += LANES) {
            vec low = vec_fnma(y0, vec_load(r0 + j), vec_load(b + j));
            vec high = vec_mul(y2, vec_load(r2 + j));
            low = vec_fnma(y1, vec_load(r1 + j), low);
            high = vec_fma(y3, vec_load(r3 + j), high);
            vec_store(b + j, vec_sub(low, high));
        }
        for (; j < d; j++)
            b[j] -= (r0[j] * b[first] + r1[j] * b[first + 1]) + (r2[j] * b[first + 2] + r3[j] * b[first + 3]);
    }
    for (size_t end = d; end > 0;) { /* R x = y; the last panel may have fewer rows */
        size_t first = (end - 1) / ROWS * ROWS;
        if (end < d) {
            const double *r0 = r + first * d, *r1 = r0 + d, *r2 = r1 + d, *r3 = r2 + d;
            vec s0 = vec_set(0), s1 = s0, s2 = s0, s3 = s0;
            size_t j = end;
            for (; j + LANES <= d; j += LANES) {
                vec x = vec_load(b + j);
                s0 = vec_fma(vec_load(r0 + j), x, s0);
                s1 = vec_fma(vec_load(r1 + j), x, s1);
                s2 = vec_fma(vec_load(r2 + j), x, s2);
                s3 = vec_fma(vec_load(r3 + j), x, s3);
            }
            double sums[ROWS];
            vec_sums(s0, s1, s2, s3, sums);
            double rest[ROWS] = {0};
            for (; j < d; j++) {
                rest[0] += r0[j] * b[j];
                rest[1] += r1[j] * b[j];
                rest[2] += r2[j] * b[j];
                rest[3] += r3[j] * b[j];
            }
            for (size_t i = 0; i < ROWS; i++)
                b[first + i] -= sums[i] + rest[i];
        }
        for (size_t i = end; i-- > first;) {
            double sum = b[i];
            for (size_t k = i + 1; k < end; k++)
                sum -= r[i * d + k] * b[k];
            b[i] = sum / r[i * d + i];
        }
        end = first;
    }
}

/* y (m) -= v x (m) */
INLINE void subtract(double v, const double *restrict x, double *restrict y, size_t m)
{
    MX_LEVEL(axpy)(-v, x, y, m);
}

void MX_LEVEL(cholesky_solve)(const double *r, size_t d, double *b, size_t m)
{
    if (m == 1) {
        solve_vector(r, d, b);
        return;
    }
    for (size_t k = 0; k < d; k++) { /* R' Y = B */
        double inverse = 1 / r[k * d + k];
        for (size_t c = 0; c < m; c++)
            b[k * m + c] *= inverse;
        for (size_t j = k + 1; j < d; j++)
            subtract(r[k * d + j], b + k * m, b + j * m, m);
    }
    for (size_t k = d; k-- > 0;) { /* R X = Y */
        double inverse = 1 / r[k * d + k];
        for (size_t j = k + 1; j < d; j++)
            subtract(r[k * d + j], b + j * m, b + k * m, m);
        for (size_t c = 0; c < m; c++)
            b[k * m + c] *= inverse;
    }
}
