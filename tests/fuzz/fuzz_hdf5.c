/* HDF5 files of any bytes: every object that can be reached is listed, read as a tensor and asked for its name; what is read lies within the bytes. */
#include <string.h>

#include "fuzz.h"
#include "io/hdf5.h"

enum { MOST = 300 };

typedef struct walker {
    const mx_hdf5 *file;
    size_t objects;
    int depth;
} walker;

static merx_status look(void *context, mx_str link, uint64_t object, merx_error *err)
{
    walker *w = context;
    mx_hdf5_tensor t;
    mx_str text;
    merx_error inner = {0};
    (void)err;
    fuzz_require(link.size > 0 && mx_utf8_valid(link, NULL));
    if (++w->objects > MOST)
        return MERX_E_LIMIT;
    if (mx_hdf5_tensor_of(w->file, object, "fuzz", &t, &inner) == MERX_OK && t.count > 0) {
        fuzz_require(t.data >= w->file->data && t.bytes * t.count <= (size_t)(w->file->data + w->file->size - t.data));
        volatile double sum = mx_hdf5_number(&t, 0) + mx_hdf5_number(&t, t.count - 1);
        (void)sum;
    }
    if (mx_hdf5_text(w->file, object, "name", &text, &inner) == MERX_OK && text.size > 0)
        fuzz_require(mx_utf8_valid(text, NULL));
    if (w->depth < 6) {
        w->depth++;
        fuzz_require(mx_hdf5_links(w->file, object, look, w, &inner) == MERX_OK || inner.message[0] != '\0' ||
                     w->objects > MOST);
        w->depth--;
    }
    return MERX_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mx_hdf5 file;
    merx_error err = {0};
    walker w = {.file = &file};
    uint64_t object;
    bool found;
    merx_status status = mx_hdf5_open(data, size, "fuzz", &file, &err);
    if (status == MERX_OK)
        status = mx_hdf5_links(&file, file.root, look, &w, &err);
    if (status == MERX_OK)
        status = mx_hdf5_find(&file, file.root, "layers/dense/vars/0", &object, &found, &err);
    fuzz_require(status == MERX_OK || err.message[0] != '\0' || w.objects > MOST);
    return 0;
}
