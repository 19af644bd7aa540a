/*
 * Rank-k update and Cholesky in plain C. The unit of work is a 4 x 4 tile of the result held in registers while the rows go by: two
 * loads feed sixteen products. Rows are taken in strips that stay in the first-level cache.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { TILE = 4, STRIP_DOUBLES = 2048 };

/* Two doubles: what every x86-64 and AArch64 has. */
typedef double two __attribute__((vector_size(16)));

static inline two load(const double *p)
{
    two v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void add_to(double *p, two low, two high, double sign)
{
    two v = load(p) + sign * low, w = load(p + 2) + sign * high;
    memcpy(p, &v, sizeof v);
    memcpy(p + 2, &w, sizeof w);
}

/* c (4, 4; row stride ldc) += sign * a' b over m rows; a, b point at four columns of rows with stride ld. */
static inline void tile(const double *a, const double *b, size_t ld, size_t m, double *c, size_t ldc, double sign)
{
    two c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    for (size_t r = 0; r < m; r++, a += ld, b += ld) {
        two v = load(b), w = load(b + 2);
        c00 += a[0] * v;
        c01 += a[0] * w;
        c10 += a[1] * v;
        c11 += a[1] * w;
        c20 += a[2] * v;
        c21 += a[2] * w;
        c30 += a[3] * v;
        c31 += a[3] * w;
    }
    add_to(c, c00, c01, sign);
    add_to(c + ldc, c10, c11, sign);
    add_to(c + 2 * ldc, c20, c21, sign);
    add_to(c + 3 * ldc, c30, c31, sign);
}

void mx_syrk_add_ref(const double *x, size_t m, size_t d, double *a)
{
    if (d == 0)
        return;
    size_t strip = STRIP_DOUBLES / d > 16 ? STRIP_DOUBLES / d : 16, whole = d - d % TILE;
    for (size_t first = 0; first < m; first += strip) {
        const double *rows = x + first * d;
        size_t count = m - first < strip ? m - first : strip;
        for (size_t i = 0; i < whole; i += TILE)
            for (size_t j = i; j < whole; j += TILE)
                tile(rows + i, rows + j, d, count, a + i * d + j, d, 1);
        for (size_t j = whole; j < d; j++)
            for (size_t i = 0; i <= j; i++) {
                double sum = 0;
                for (size_t r = 0; r < count; r++)
                    sum += rows[r * d + i] * rows[r * d + j];
                a[i * d + j] += sum;
            }
    }
}

void mx_multiply_add_ref(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++) {
            double v = a[i * k + l];
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += v * b[l * n + j];
        }
}

void mx_transposed_multiply_add_ref(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    size_t r = 0;
    for (; r + 4 <= m; r += 4) {
        const double *b0 = b + r * n, *b1 = b0 + n, *b2 = b1 + n, *b3 = b2 + n;
        for (size_t l = 0; l < k; l++) {
            double a0 = a[r * k + l], a1 = a[(r + 1) * k + l], a2 = a[(r + 2) * k + l], a3 = a[(r + 3) * k + l];
            double *to = c + l * n;
            for (size_t j = 0; j < n; j++)
                to[j] += (a0 * b0[j] + a1 * b1[j]) + (a2 * b2[j] + a3 * b3[j]);
        }
    }
    for (; r < m; r++)
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < n; j++)
                c[l * n + j] += a[r * k + l] * b[r * n + j];
}

/* Rows first .. first + rows of R from the rows above, all done (left-looking, four rows at a time; Golub & Van Loan, 4.2.5). */
static void subtract_above(double *a, size_t d, size_t first, size_t rows)
{
    size_t j = first;
    if (rows == TILE)
        for (; j + TILE <= d; j += TILE)
            tile(a + first, a + j, d, first, a + first * d + j, d, -1);
    for (size_t i = first; i < first + rows; i++)
        for (size_t l = j; l < d; l++) {
            double sum = 0;
            for (size_t k = 0; k < first; k++)
                sum += a[k * d + i] * a[k * d + l];
            a[i * d + l] -= sum;
        }
}

bool mx_cholesky_ref(double *a, size_t d)
{
    for (size_t first = 0; first < d; first += TILE) {
        size_t rows = d - first < TILE ? d - first : TILE;
        subtract_above(a, d, first, rows);
        for (size_t i = first; i < first + rows; i++) {
            double *restrict row = a + i * d;
            for (size_t k = first; k < i; k++) {
                const double *restrict above = a + k * d;
                double v = above[i];
                for (size_t j = i; j < d; j++)
                    row[j] -= v * above[j];
            }
            if (!(row[i] > 0) || !isfinite(row[i]))
                return false;
            double inverse = 1 / sqrt(row[i]);
            for (size_t j = i; j < d; j++)
                row[j] *= inverse;
        }
    }
    return true;
}

void mx_cholesky_solve_ref(const double *r, size_t d, double *b, size_t m)
{
    for (size_t k = 0; k < d; k++) { /* R' Y = B */
        double inverse = 1 / r[k * d + k];
        for (size_t c = 0; c < m; c++)
            b[k * m + c] *= inverse;
        if (m == 1) {
            for (size_t j = k + 1; j < d; j++)
                b[j] -= r[k * d + j] * b[k];
            continue;
        }
        for (size_t j = k + 1; j < d; j++)
            for (size_t c = 0; c < m; c++)
                b[j * m + c] -= r[k * d + j] * b[k * m + c];
    }
    for (size_t k = d; k-- > 0;) { /* R X = Y */
        double inverse = 1 / r[k * d + k];
        if (m == 1) {
            b[k] = (b[k] - mx_dot_ref(r + k * d + k + 1, b + k + 1, d - k - 1)) * inverse;
            continue;
        }
        for (size_t j = k + 1; j < d; j++)
            for (size_t c = 0; c < m; c++)
                b[k * m + c] -= r[k * d + j] * b[j * m + c];
        for (size_t c = 0; c < m; c++)
            b[k * m + c] *= inverse;
    }
}
