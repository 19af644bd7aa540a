/* CSV rows out of any bytes (also gzip and zstd). */
#include "fuzz_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rows(data, size, MX_ROWS_CSV);
}
