/* An IDX file out of any bytes: what is taken can be read through, as floats and as doubles alike. */
#include "fuzz.h"
#include "io/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mx_source *source;
    mx_idx idx;
    merx_error err = {0};
    if (mx_source_memory(data, size, "fuzz", NULL, 1 << 20, &source, &err) != MERX_OK)
        return 0;
    if (mx_idx_read(source, NULL, 1 << 20, &idx, &err) != MERX_OK) {
        fuzz_require(err.message[0] != '\0' && idx.bytes.data == NULL);
        mx_source_close(source);
        return 0;
    }
    fuzz_require(idx.dims >= 1 && idx.dims <= MX_IDX_MAX_DIMS);
    fuzz_require(idx.bytes.count == idx.rows * idx.columns * mx_idx_element_size(idx.type));
    float floats[64];
    double doubles[64];
    if (idx.columns <= 64)
        for (size_t i = 0; i < idx.rows; i++) {
            mx_idx_floats(&idx, i, 1, 1, floats);
            mx_idx_doubles(&idx, i, 1, 1, doubles);
            for (size_t j = 0; j < idx.columns; j++)
                fuzz_require(floats[j] == (float)doubles[j] || doubles[j] != doubles[j]);
        }
    mx_idx_close(&idx);
    mx_source_close(source);
    return 0;
}
