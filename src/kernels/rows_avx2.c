/*
 * Loops over the rows of a matrix, with AVX2 and FMA.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/rows_lanes.h"
