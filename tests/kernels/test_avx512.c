/*
 * The level avx512 beside the plain C level, on a CPU that has it.
 */
#include "kernels/function_cases.h"
#include "kernels/nearest_cases.h"

int main(void)
{
    level = mx_kernels_of(MX_ISA_AVX512);
    oracle = mx_kernels_of(MX_ISA_REF);
    if (level == NULL) {
        puts("skipped: this CPU has no AVX-512");
        return 77;
    }
    return run_kernel_cases() + cmocka_run_group_tests(function_tests, NULL, NULL) +
           cmocka_run_group_tests(nearest_tests, NULL, NULL);
}
