/*
 * Products and solves, with AVX2 and FMA.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/products_lanes.h"
