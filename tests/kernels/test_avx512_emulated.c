/*
 * The code of the level avx512 beside the plain C level, its intrinsics emulated with AVX2's (tests/support/avx512_emulated.h): runs where the CPU has no AVX-512.
 * What it shows is that the code is right, not that this CPU runs it: that is test_avx512.c.
 */
#include "kernels/function_cases.h"
#include "kernels/nearest_cases.h"

/* The objects of this program are the emulated ones; the library's own of the same names are not linked. */
static const mx_kernels emulated = MX_KERNEL_LEVEL(avx512, MX_ISA_AVX512, avx2);

int main(void)
{
    level = &emulated;
    oracle = mx_kernels_of(MX_ISA_REF);
    if (mx_kernels_of(MX_ISA_AVX2) == NULL) {
        puts("skipped: this machine or this build has no AVX2 to emulate AVX-512 with");
        return 77;
    }
    puts("AVX-512 is emulated here with AVX2: the code is tested, not the instructions");
    return run_kernel_cases() + cmocka_run_group_tests(function_tests, NULL, NULL) +
           cmocka_run_group_tests(nearest_tests, NULL, NULL);
}
