/*
 * Small dense products and Cholesky, written out in C. Floor 2.
 *
 * Why not BLAS: the serial OpenBLAS that Debian ships is built without locks, and two threads that call it at the same moment may get the same
 * work buffer (measured: wrong numbers from concurrent dpotrs). So nothing that may run on two threads calls BLAS or LAPACK; what is left
 * of LAPACK (decompositions of whole matrices) goes through the lock below. These functions keep nothing and take no memory: any number of threads.
 * Sums run in one fixed order: the same bits everywhere.
 *
 * Row-major. d columns, m rows.
 */
#ifndef MX_NUMERIC_DENSE_H
#define MX_NUMERIC_DENSE_H

#include <stdbool.h>
#include <stddef.h>

/* a (d, d), upper triangle, += x' x of x (m, d). Below the diagonal only cells of 4 x 4 tiles on it are written, with the sums of their mirror. */
void mx_syrk_add(const double *x, size_t m, size_t d, double *a);

/* c (m, n) += a (m, k) b (k, n). */
void mx_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n);
/* c (k, n) += a' b of a (m, k) and b (m, n). */
void mx_transposed_multiply_add(const double *a, const double *b, double *c, size_t m, size_t k, size_t n);

/*
 * A = R' R for symmetric A (d, d): reads and overwrites the upper triangle with R; what is below it afterwards is not defined.
 * False when A is not positive definite or not finite. Cost d^3 / 3.
 */
bool mx_cholesky(double *a, size_t d);
/* Solves R' R X = B in place, B (d, m). */
void mx_cholesky_solve(const double *r, size_t d, double *b, size_t m);

/* Hold this around every call of LAPACK or BLAS. Not recursive. */
void mx_lapack_lock(void);
void mx_lapack_unlock(void);

#endif
