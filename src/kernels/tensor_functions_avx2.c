/*
 * Functions, recurrent steps and optimisers over float tensors, with AVX2 and FMA.
 */
#include "kernels/float_lanes_avx2.h"

#include "kernels/tensor_functions_lanes.h"
