/*
 * Products of float matrices, with AVX2 and FMA.
 */
#include "kernels/float_lanes_avx2.h"

#include "kernels/tensor_products_lanes.h"
