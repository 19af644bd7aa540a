/*
 * Products of float matrices, with AVX-512.
 */
#include "kernels/float_lanes_avx512.h"

#include "kernels/tensor_products_lanes.h"
