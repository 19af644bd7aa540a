/*
 * Loops over the rows of a matrix, in plain C: what a sweep of logistic regression is made of.
 */
#include "kernels/kernels.h"

void mx_margins_ref(const double *x, size_t m, size_t d, const double *b, double shift, double *out)
{
    for (size_t i = 0; i < m; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += x[i * d + j] * b[j];
        out[i] = shift + sum;
    }
}

void mx_add_rows_ref(const double *x, const double *v, size_t m, size_t d, double *y)
{
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += v[i] * x[i * d + j];
        y[j] += sum;
    }
}

void mx_add_moments_ref(const double *x, const double *w, size_t m, size_t d, const double *shift, double *sums,
                        double *squares)
{
    for (size_t j = 0; j < d; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < m; i++) {
            double t = x[i * d + j] - shift[j], wt = w[i] * t;
            sum += wt;
            square += wt * t;
        }
        sums[j] += sum;
        squares[j] += square;
    }
}
