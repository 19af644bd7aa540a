/*
 * Exact sums in plain C: every level gives these bits.
 */
#include "kernels/kernels.h"

void mx_exact_add_ref(double v, const double *restrict x, const double *restrict coarse, const double *restrict fine,
                      double *restrict high, double *restrict low, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        double value = v * x[j], top = (value + coarse[j]) - coarse[j], rest = value - top;
        high[j] += top;
        low[j] += (rest + fine[j]) - fine[j];
    }
}
