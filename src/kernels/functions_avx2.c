/*
 * exp, log and their kin, with AVX2 and FMA.
 */
#include "kernels/lanes_avx2.h"

#include "kernels/functions_lanes.h"
