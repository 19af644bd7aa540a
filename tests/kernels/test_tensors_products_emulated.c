/*
 * The code of the level avx512 for products and convolutions of float tensors, its intrinsics emulated with AVX2's: see test_avx512_emulated.c.
 */
#include "kernels/tensor_winograd_cases.h"

static const mx_tensor_kernels emulated = MX_TENSOR_LEVEL(MX_ISA_AVX512, avx512, avx512, avx2, avx512);

static void with_emulated(void (*compare)(void))
{
    plain = mx_tensor_kernels_of(MX_ISA_REF);
    level = &emulated;
    compare();
}

static void test_products(void **state)
{
    (void)state;
    with_emulated(compare_products);
}

static void test_convolutions(void **state)
{
    (void)state;
    with_emulated(compare_convolutions);
}

static void test_winograd(void **state)
{
    (void)state;
    with_emulated(compare_winograd);
}

static void test_adds(void **state)
{
    (void)state;
    with_emulated(compare_adds);
}

int main(void)
{
    if (mx_kernels_of(MX_ISA_AVX2) == NULL) {
        puts("skipped: this machine or this build has no AVX2 to emulate AVX-512 with");
        return 77;
    }
    puts("AVX-512 is emulated here with AVX2: the code is tested, not the instructions");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_products), cmocka_unit_test(test_convolutions),
                                       cmocka_unit_test(test_winograd), cmocka_unit_test(test_adds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
