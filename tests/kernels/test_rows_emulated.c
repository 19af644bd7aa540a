/*
 * The code of the level avx512 for loops over rows, its intrinsics emulated with AVX2's: see test_avx512_emulated.c.
 */
#include "kernels/row_cases.h"

static const mx_kernels emulated = MX_KERNEL_LEVEL(avx512, MX_ISA_AVX512, avx2);

static void test_rows(void **state)
{
    (void)state;
    compare_rows(&emulated);
}

int main(void)
{
    if (mx_kernels_of(MX_ISA_AVX2) == NULL) {
        puts("skipped: this machine or this build has no AVX2 to emulate AVX-512 with");
        return 77;
    }
    puts("AVX-512 is emulated here with AVX2: the code is tested, not the instructions");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
