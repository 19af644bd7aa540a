/*
 * Loops over vectors, with AVX2 and FMA.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/vectors_lanes.h"
