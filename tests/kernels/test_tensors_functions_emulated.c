/*
 * The code of the level avx512 for functions of float tensors, its intrinsics emulated with AVX2's: see test_avx512_emulated.c.
 */
#include "kernels/tensor_function_cases.h"

static const mx_tensor_kernels emulated = MX_TENSOR_LEVEL(MX_ISA_AVX512, ref, ref, ref, avx512);

int main(void)
{
    level = &emulated;
    oracle = mx_tensor_kernels_of(MX_ISA_REF);
    stride_of_floats = 199967;
    if (mx_tensor_kernels_of(MX_ISA_AVX2) == NULL) {
        puts("skipped: this machine or this build has no AVX2 to emulate AVX-512 with");
        return 77;
    }
    puts("AVX-512 is emulated here with AVX2: the code is tested, not the instructions");
    return run_tensor_function_cases();
}
