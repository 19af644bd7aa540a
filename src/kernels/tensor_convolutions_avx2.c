/*
 * Convolutions, with AVX2 and FMA.
 */
#include "kernels/float_lanes_avx2.h"

#include "kernels/tensor_convolutions_lanes.h"
