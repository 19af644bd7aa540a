/*
 * Gram matrix of a strip of rows, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/gram_rows_lanes.h"
