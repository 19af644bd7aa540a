/* Zip files of any bytes: a member is found whole, with the bytes its directory says, or there is an error with words. */
#include <string.h>

#include "fuzz.h"
#include "io/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "model.weights.h5", "a"};
    mx_zip zip;
    merx_error err = {0};
    if (mx_zip_open(data, size, "fuzz", NULL, &zip, &err) != MERX_OK) {
        fuzz_require(err.message[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < 3; i++) {
        mx_zip_member member;
        bool found;
        merx_error one = {0};
        merx_status status = mx_zip_read(&zip, names[i], 1 << 20, &member, &found, &one);
        fuzz_require(status == MERX_OK ? member.size <= 1 << 20 : one.message[0] != '\0' && member.owned == NULL);
        unsigned sum = 0;
        for (size_t k = 0; status == MERX_OK && k < member.size; k++)
            sum += member.data[k];
        fuzz_require(sum < UINT32_MAX);
        mx_zip_member_release(&zip, &member);
    }
    return 0;
}
