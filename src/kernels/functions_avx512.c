/*
 * exp, log and their kin, with AVX-512.
 */
#include "kernels/lanes_avx512.h"

#include "kernels/functions_lanes.h"
