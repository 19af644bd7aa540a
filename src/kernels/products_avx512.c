/*
 * Products and solves, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/products_lanes.h"
