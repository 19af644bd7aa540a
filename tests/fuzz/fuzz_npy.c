/* An NPY header out of any bytes: what is taken fits the input. */
#include "fuzz.h"
#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static double out[64];
    mx_npy npy;
    merx_error err = {0};
    if (mx_npy_parse(data, size, "fuzz", &npy, &err) != MERX_OK) {
        fuzz_require(err.message[0] != '\0');
        return 0;
    }
    fuzz_require(npy.dims == 1 || npy.dims == 2);
    fuzz_require((size_t)(npy.data - data) + npy.rows * npy.columns * mx_npy_element_size(npy.type) <= size);
    if (npy.columns <= 64 && npy.rows > 0)
        mx_npy_rows(&npy, npy.rows - 1, 1, out);
    return 0;
}
