/*
 * Convolutions, with AVX-512.
 */
#include "kernels/float_lanes_avx512.h"

#include "kernels/tensor_convolutions_lanes.h"
