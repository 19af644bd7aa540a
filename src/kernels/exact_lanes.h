/*
 * Exact sums: no product is fused, so that the bits are those of plain C. Written once in the words of lanes_*.h; included by exact_*.c of each level.
 */
#include "kernels/kernels.h"

void MX_LEVEL(exact_add)(double v, const double *restrict x, const double *restrict coarse, const double *restrict fine,
                         double *restrict high, double *restrict low, size_t n)
{
    vec factor = vec_set(v);
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        vec c = vec_load(coarse + j), f = vec_load(fine + j);
        vec value = vec_mul(factor, vec_load(x + j));
        vec top = vec_sub(vec_add(value, c), c);
        vec rest = vec_sub(vec_add(vec_sub(value, top), f), f);
        vec_store(high + j, vec_add(vec_load(high + j), top));
        vec_store(low + j, vec_add(vec_load(low + j), rest));
    }
    for (; j < n; j++) {
        double value = v * x[j], top = (value + coarse[j]) - coarse[j], rest = value - top;
        high[j] += top;
        low[j] += (rest + fine[j]) - fine[j];
    }
}
