/*
 * Exact sums, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/exact_lanes.h"
