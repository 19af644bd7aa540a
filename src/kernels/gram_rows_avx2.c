/*
 * Gram matrix of a strip of rows, with AVX2 and FMA.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/gram_rows_lanes.h"
