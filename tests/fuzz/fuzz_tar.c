/* A tar file out of any bytes: entries whose bytes are all there, one behind the other, whether read or skipped. */
#include <string.h>

#include "fuzz.h"
#include "io/tar.h"

static size_t walk(const uint8_t *data, size_t size, bool read, merx_status *ended)
{
    mx_source *source;
    mx_tar *tar;
    merx_error err = {0};
    size_t entries = 0;
    *ended = mx_source_memory(data, size, "fuzz", NULL, 1 << 20, &source, &err);
    if (*ended != MERX_OK)
        return 0;
    fuzz_require(mx_tar_open(source, 1000, NULL, &tar, &err) == MERX_OK);
    uint64_t last = 0;
    for (;;) {
        mx_tar_entry entry;
        *ended = mx_tar_next(tar, &entry, &err);
        if (*ended != MERX_OK || entry.name == NULL)
            break;
        fuzz_require(entry.name[0] != '\0' && strlen(entry.name) < MX_TAR_NAME_BYTES);
        fuzz_require(entry.offset > last && entry.offset % 512 == 0);
        last = entry.offset;
        entries++;
        (void)mx_tar_safe_name(entry.name);
        uint64_t seen = 0;
        unsigned char buffer[300];
        for (size_t got = 1; read && got > 0; seen += got)
            if ((*ended = mx_tar_read(tar, buffer, sizeof buffer, &got, &err)) != MERX_OK)
                break;
        if (*ended != MERX_OK)
            break;
        fuzz_require(!read || seen == entry.size);
    }
    fuzz_require(*ended == MERX_OK || err.message[0] != '\0');
    mx_tar_close(tar);
    mx_source_close(source);
    return entries;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    merx_status read, skipped;
    const size_t entries = walk(data, size, true, &read);
    fuzz_require(walk(data, size, false, &skipped) == entries && read == skipped);
    return 0;
}
