/* Tensor files out of any bytes: what opens can be read through, every byte of it. */
#include <string.h>

#include "base/str.h"
#include "fuzz.h"
#include "io/tensor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *copy = NULL; /* aligned as a mapped file is */
    fuzz_require(posix_memalign(&copy, 64, size + 1) == 0);
    if (size > 0)
        memcpy(copy, data, size);
    merx_error err = {0};
    mx_tensor_file *f;
    if (mx_tensor_file_memory(copy, size, "fuzz", NULL, false, &f, &err) != MERX_OK) {
        fuzz_require(!f && err.message[0]);
        free(copy);
        return 0;
    }
    volatile unsigned sum = 0;
    mx_arena arena;
    mx_arena_init(&arena, mx_allocator_or_default(NULL));
    for (size_t i = 0; i < mx_tensor_file_count(f); i++) {
        const mx_tensor *t = mx_tensor_file_at(f, i), *found;
        const unsigned char *bytes = t->data;
        for (size_t k = 0; k < t->size_bytes; k++)
            sum += bytes[k];
        fuzz_require(mx_tensor_file_get(f, t->name, t->dtype, t->dims, t->shape, &found, NULL) == MERX_OK);
        fuzz_require(found->data == t->data);
        mx_str name = mx_str_of(t->name), *strings;
        if (mx_str_ends(name, ".offsets")) {
            char base[256];
            size_t n;
            snprintf(base, sizeof base, "%.*s", (int)(name.size - 8), name.data);
            if (mx_tensor_file_strings(f, base, &arena, &strings, &n, NULL) == MERX_OK)
                for (size_t k = 0; k < n; k++)
                    for (size_t c = 0; c < strings[k].size; c++)
                        sum += (unsigned char)strings[k].data[c];
        }
    }
    mx_arena_release(&arena);
    mx_tensor_file_close(f);
    free(copy);
    (void)sum;
    return 0;
}
