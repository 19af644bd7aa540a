/*
 * Loops over the rows of a matrix, every level that this machine runs.
 */
#include "kernels/row_cases.h"

static void test_rows(void **state)
{
    (void)state;
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        const mx_kernels *level = mx_kernels_of((mx_isa)isa);
        print_message("  %s%s\n", mx_isa_name((mx_isa)isa),
                      level == NULL ? ": skipped, this build or this machine has none" : "");
        if (level != NULL)
            compare_rows(level);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
