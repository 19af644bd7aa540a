/*
 * Functions, recurrent steps and optimisers over float tensors, with AVX-512.
 */
#include "kernels/float_lanes_avx512.h"

#include "kernels/tensor_functions_lanes.h"
