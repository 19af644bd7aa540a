/*
 * A table out of any bytes: the reader on threads and in chunks of any size gives what the slow one gives. The first two bytes choose the options.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "learn/core/table_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    char path[64];
    const int fd = memfd_create("table", MFD_CLOEXEC);
    fuzz_require(fd >= 0 && write(fd, data + 2, size - 2) == (ssize_t)(size - 2));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const merx_csv_options options = {.no_header = (data[0] & 1) != 0,
                                      .max_refused = data[0] & 2 ? 1000 : 0,
                                      .max_levels = data[0] & 4 ? 2 : 0,
                                      .separator = data[0] & 8 ? ',' : '\0',
                                      .missing = data[0] & 16 ? "1|x|2011-12-09" : NULL};
    merx_dataset *slow = NULL, *fast = NULL;
    merx_error err = {0}, want = {0};
    const merx_status expected = mx_dataset_read_rows(path, &options, NULL, &slow, &want);
    fuzz_require(mx_dataset_read_chunks(path, &options, 1 + data[1], NULL, &fast, &err) == expected);
    if (expected == MERX_OK) {
        fuzz_require(merx_dataset_rows(slow) == merx_dataset_rows(fast));
        fuzz_require(merx_dataset_refused(slow) == merx_dataset_refused(fast));
        for (size_t j = 0; j < merx_dataset_columns(slow); j++) {
            fuzz_require(merx_dataset_column_type(slow, j) == merx_dataset_column_type(fast, j));
            fuzz_require(merx_dataset_missing(slow, j) == merx_dataset_missing(fast, j));
            for (size_t i = 0; i < merx_dataset_rows(slow); i++) {
                char a[40], b[40];
                fuzz_require(mx_str_equal(mx_str_of(mx_dataset_cell(mx_dataset_column(slow, j), i, a)),
                                          mx_str_of(mx_dataset_cell(mx_dataset_column(fast, j), i, b))));
            }
        }
        for (size_t i = 0; i < merx_dataset_rows(slow); i++)
            fuzz_require(mx_dataset_line(slow, i) == mx_dataset_line(fast, i));
    }
    merx_dataset_free(slow);
    merx_dataset_free(fast);
    close(fd);
    return 0;
}
