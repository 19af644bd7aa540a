/*
 * Gram matrix of a strip of rows, in plain C: row by row.
 */
#include <math.h>

#include "kernels/kernels.h"

void mx_gram_add_ref(const mx_gram_rows *rows, size_t begin, size_t m, size_t first, size_t end, double *a,
                     double *scratch)
{
    size_t d = rows->d, width = MX_GRAM_WIDTH(rows);
    for (size_t r = begin; r < begin + m; r++) {
        for (size_t j = 0; j < d; j++)
            scratch[j] = rows->x[r * d + j] - (rows->shift != NULL ? rows->shift[j] : 0);
        if (rows->beside) {
            scratch[d] = (rows->y != NULL ? rows->y[r] : 0) - (rows->shift != NULL ? rows->shift[d] : 0);
            scratch[d + 1] = 1;
        }
        if (rows->w != NULL)
            for (size_t j = 0; j < width; j++)
                scratch[j] *= sqrt(rows->w[r]);
        for (size_t i = first; i < end; i++)
            for (size_t j = i; j < width; j++)
                a[i * width + j] += scratch[i] * scratch[j];
    }
}
