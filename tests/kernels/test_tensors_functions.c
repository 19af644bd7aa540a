/*
 * Functions of float tensors, every level that this machine runs.
 */
#include "kernels/tensor_function_cases.h"

int main(void)
{
    int failed = 0;
    oracle = mx_tensor_kernels_of(MX_ISA_REF);
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        level = mx_tensor_kernels_of((mx_isa)isa);
        printf("%s%s\n", mx_isa_name((mx_isa)isa),
               level == NULL ? ": skipped, this build or this machine has none" : "");
        if (level != NULL)
            failed += run_tensor_function_cases();
    }
    return failed;
}
