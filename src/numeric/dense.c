/*
 * Small dense products and Cholesky: the inner loops are src/kernels.
 */
#include "numeric/dense.h"

#include <pthread.h>

#include "kernels/kernels.h"

void mx_syrk_add(const double *x, size_t m, size_t d, double *a)
{
    mx_kernel()->syrk_add(x, m, d, a);
}

bool mx_cholesky(double *a, size_t d)
{
    return mx_kernel()->cholesky(a, d);
}

void mx_cholesky_solve(const double *r, size_t d, double *b, size_t m)
{
    mx_kernel()->cholesky_solve(r, d, b, m);
}

void mx_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    if (n == 1) {
        for (size_t i = 0; i < m; i++)
            c[i] += mx_kernel()->dot(a + i * k, b, k);
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++) {
            double v = a[i * k + l];
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += v * b[l * n + j];
        }
}

void mx_transposed_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
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

static pthread_mutex_t lapack = PTHREAD_MUTEX_INITIALIZER;

void mx_lapack_lock(void)
{
    pthread_mutex_lock(&lapack);
}

void mx_lapack_unlock(void)
{
    pthread_mutex_unlock(&lapack);
}
