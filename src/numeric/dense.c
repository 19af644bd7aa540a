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
    const mx_kernels *kernel = mx_kernel();
    if (n == 1)
        for (size_t i = 0; i < m; i++)
            c[i] += kernel->dot(a + i * k, b, k);
    else
        kernel->multiply_add(a, b, c, m, k, n);
}

void mx_transposed_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n)
{
    mx_kernel()->transposed_multiply_add(a, b, c, m, k, n);
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
