/*
 * Products and convolutions of float tensors: every level that this machine runs beside the plain form, and the plain form beside sums in double.
 */
#include "kernels/tensor_winograd_cases.h"

/* The plain product beside sums in double, so that the oracle has one too. */
static void test_plain(void **state)
{
    (void)state;
    plain = mx_tensor_kernels_of(MX_ISA_REF);
    enum { M = 5, K = 37, U = 19 };
    block a = block_of(M * K, 0), b = block_of(K * U, 0), panels = block_of(mx_panels_size(K, U), 0),
          c = block_of(M * U, 0), bias = block_of(U, 0);
    plain->pack(b.at, U, K, U, panels.at);
    plain->gemm(&(mx_gemm){.m = M,
                           .k = K,
                           .u = U,
                           .a = a.at,
                           .a_stride = K,
                           .panels = panels.at,
                           .bias = bias.at,
                           .c = c.at,
                           .c_stride = U});
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < U; j++) {
            double sum = bias.at[j];
            for (size_t l = 0; l < K; l++)
                sum += (double)a.at[i * K + l] * b.at[l * U + j];
            check_close(c.at[i * U + j], sum, 1e-5);
        }
    release(&a), release(&b), release(&panels), release(&c), release(&bias);
}

static void test_products(void **state)
{
    (void)state;
    each_level(compare_products);
}

static void test_convolutions(void **state)
{
    (void)state;
    each_level(compare_convolutions);
}

static void test_winograd(void **state)
{
    (void)state;
    each_level(compare_winograd);
}

static void test_adds(void **state)
{
    (void)state;
    each_level(compare_adds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain), cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_convolutions), cmocka_unit_test(test_winograd),
                                       cmocka_unit_test(test_adds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
