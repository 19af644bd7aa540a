/*
 * Vectors checked and brought to the form an index keeps; the heap of the k nearest.
 */
#include "learn/neighbour/vector_rows.h"

#include <string.h>

/* In double: no square of a float overflows it. */
static merx_status squares_of(const float *x, size_t d, size_t row, const char *where, double *out, merx_error *err)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)x[j] * (double)x[j];
    if (!(sum <= MERX_NEAREST_MAX_NORM * MERX_NEAREST_MAX_NORM)) {
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[j]))
                MX_FAIL(err, MERX_E_NUMERIC, where, "row %zu, column %zu is %g (expected a finite number)", row, j,
                        (double)x[j]);
        MX_FAIL(err, MERX_E_RANGE, where, "row %zu has length %.3g (expected at most %g)", row, sqrt(sum),
                MERX_NEAREST_MAX_NORM);
    }
    *out = sum;
    return MERX_OK;
}

merx_status mx_vector_check(const float *x, size_t d, size_t row, const char *where, merx_error *err)
{
    double squares;
    return squares_of(x, d, row, where, &squares, err);
}

merx_status mx_vector_prepare(merx_similarity similarity, const float *x, size_t d, size_t row, const char *where,
                              float *out, float *norm, merx_error *err)
{
    double squares;
    MX_TRY(squares_of(x, d, row, where, &squares, err));
    size_t width = mx_vector_width(d);
    memset(out + d, 0, (width - d) * sizeof *out);
    if (similarity == MERX_COSINE && squares > 0) {
        double length = sqrt(squares);
        squares = 0;
        for (size_t j = 0; j < d; j++) {
            out[j] = (float)((double)x[j] / length);
            squares += (double)out[j] * (double)out[j];
        }
    } else {
        memcpy(out, x, d * sizeof *out);
    }
    if (norm != NULL)
        *norm = similarity == MERX_EUCLIDEAN ? (float)(squares / 2) : nextafterf((float)sqrt(squares), INFINITY);
    return MERX_OK;
}

static void sink(mx_found *heap, size_t count, size_t at)
{
    mx_found moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && mx_found_before(&heap[child], &heap[child + 1]))
            child++;
        if (!mx_found_before(&moved, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void mx_nearest_push(mx_found *heap, size_t *count, size_t k, const mx_found *found)
{
    if (*count == k) {
        if (mx_found_before(found, &heap[0])) {
            heap[0] = *found;
            sink(heap, k, 0);
        }
        return;
    }
    size_t at = (*count)++;
    for (; at > 0 && mx_found_before(&heap[(at - 1) / 2], found); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = *found;
}

void mx_nearest_sort(mx_found *heap, size_t count)
{
    while (count > 1) {
        mx_found last = heap[--count];
        heap[count] = heap[0];
        heap[0] = last;
        sink(heap, count, 0);
    }
}
