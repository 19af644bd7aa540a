/*
 * Loops over vectors, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/vectors_lanes.h"
