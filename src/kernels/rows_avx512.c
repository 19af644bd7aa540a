/*
 * Loops over the rows of a matrix, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/rows_lanes.h"
