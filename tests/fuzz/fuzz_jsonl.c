/* JSON lines out of any bytes. */
#include "fuzz_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rows(data, size, MX_ROWS_JSONL);
}
