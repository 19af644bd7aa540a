/*
 * Exact sums, with AVX2.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/exact_lanes.h"
