/*
 * Names of pictures, and what there is of them: see product_pictures.h.
 */
#include "shop/product_pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"

enum { NAME_DIGITS = 24, LONG_KEY_DIGITS = 40 };

static const char *const extensions[] = {"jpg", "png", "webp"};

static bool is_extension(const char *text)
{
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (strcmp(text, extensions[i]) == 0)
            return true;
    return false;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static void make_key(mx_str id, char out[MX_PICTURE_KEY_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < id.size; i++) {
        const unsigned char byte = (unsigned char)id.data[i];
        if (n + (is_plain(id.data[i]) ? 1 : 3) > MX_PICTURE_KEY_BYTES) {
            char hex[65];
            mx_sha256_hex(id.data, id.size, hex);
            snprintf(out, MX_PICTURE_KEY_BYTES + 1, "__%.*s", LONG_KEY_DIGITS, hex);
            return;
        }
        if (is_plain(id.data[i])) {
            out[n++] = id.data[i];
        } else {
            out[n++] = '_';
            out[n++] = digits[byte >> 4];
            out[n++] = digits[byte & 15];
        }
    }
    out[n] = '\0';
}

merx_status mx_product_picture_name(mx_str product_id, const char *sha256, const char *extension, char out[256],
                                    merx_error *err)
{
    char key[MX_PICTURE_KEY_BYTES + 1];
    *out = '\0';
    if (product_id.size == 0)
        MX_FAIL(err, MERX_E_INVALID, "picture", "belongs to no product: its id is empty");
    if (!is_extension(extension))
        MX_FAIL(err, MERX_E_INVALID, "picture", "\"%.20s\" is no kind of picture (expected jpg, png or webp)",
                extension);
    make_key(product_id, key);
    snprintf(out, 256, MX_PICTURES_PREFIX "%s/%.*s.%s", key, NAME_DIGITS, sha256, extension);
    return MERX_OK;
}

merx_status mx_product_picture_blob(mx_str product_id, const void *bytes, size_t size, const char *extension,
                                    char out[256], merx_error *err)
{
    char hex[65];
    mx_sha256_hex(bytes, size, hex);
    return mx_product_picture_name(product_id, hex, extension, out, err);
}

/* ---- listing ---- */

typedef struct listing {
    const mx_snapshot *snapshot;
    mx_arena *arena;
    mx_dict *keys; /* code: the product's number */
    mx_vec found;  /* mx_product_picture */
    int32_t last;  /* product of the one before */
    size_t of_last;
} listing;

/* The key in a blob's name; false: it is no picture's name. */
static bool key_of(const char *name, mx_str *key)
{
    const size_t prefix = strlen(MX_PICTURES_PREFIX);
    if (strncmp(name, MX_PICTURES_PREFIX, prefix) != 0)
        return false;
    const char *slash = strchr(name + prefix, '/');
    if (slash == NULL || strspn(slash + 1, "0123456789abcdef") != NAME_DIGITS || slash[1 + NAME_DIGITS] != '.' ||
        !is_extension(slash + 2 + NAME_DIGITS))
        return false;
    *key = (mx_str){name + prefix, (size_t)(slash - name) - prefix};
    return true;
}

static merx_status take_first(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    char *out = context;
    mx_str key;
    (void)size_bytes;
    if (!key_of(name, &key))
        return MERX_OK;
    snprintf(out, 256, "%s", name);
    MX_FAIL(err, MERX_E_CANCELLED, "", "one is enough");
}

merx_status mx_product_picture_first(mx_blobs *blobs, mx_str product_id, char out[256], merx_error *err)
{
    char key[MX_PICTURE_KEY_BYTES + 1], prefix[256];
    merx_error failure = {0};
    *out = '\0';
    make_key(product_id, key);
    snprintf(prefix, sizeof prefix, MX_PICTURES_PREFIX "%s/", key);
    merx_status status = product_id.size > 0 ? mx_blobs_list(blobs, prefix, take_first, out, &failure) : MERX_OK;
    if (*out)
        return MERX_OK;
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    MX_FAIL(err, MERX_E_NOT_FOUND, "picture", "there is no picture of the product \"%.*s\"",
            (int)(product_id.size < 100 ? product_id.size : 100), product_id.data);
}

static merx_status take_blob(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    listing *l = context;
    mx_str key;
    if (!key_of(name, &key))
        return MERX_OK;
    const int32_t product = mx_dict_find(l->keys, key);
    if (product < 0)
        return MERX_OK;
    /* Those of a product come one after the other. */
    l->of_last = product == l->last ? l->of_last + 1 : 1;
    l->last = product;
    if (l->of_last > MX_PICTURES_OF_PRODUCT)
        return MERX_OK;
    mx_product_picture picture = {.product = product, .size_bytes = size_bytes};
    picture.blob = mx_arena_strdup(l->arena, name, err);
    return picture.blob != NULL ? mx_vec_append(&l->found, &picture, 1, err) : MERX_E_MEMORY;
}

static int compare_pictures(const void *a, const void *b)
{
    const mx_product_picture *x = a, *y = b;
    if (x->product != y->product)
        return x->product < y->product ? -1 : 1;
    return strcmp(x->blob, y->blob);
}

/* Length first, so that neighbours can't run together. */
static void add_text(mx_sha256 *sha, const char *data, size_t size)
{
    const uint64_t length = size;
    mx_sha256_update(sha, &length, sizeof length);
    if (size > 0)
        mx_sha256_update(sha, data, size);
}

static merx_status list_keys(listing *l, merx_error *err)
{
    char key[MX_PICTURE_KEY_BYTES + 1];
    for (size_t p = 0; p < l->snapshot->products; p++) {
        int32_t code;
        bool added;
        make_key(l->snapshot->product_id[p], key);
        MX_TRY(mx_dict_add(l->keys, mx_str_of(key), &code, &added, err));
        if (!added)
            MX_FAIL(err, MERX_E_INTERNAL, "pictures", "two products have the key %s", key);
    }
    return MERX_OK;
}

merx_status mx_product_pictures_list(mx_blobs *blobs, const mx_snapshot *snapshot, mx_arena *arena,
                                     mx_product_pictures *out, merx_error *err)
{
    listing l = {.snapshot = snapshot, .arena = arena, .last = -1};
    merx_status status = MERX_OK;
    mx_sha256 sha;

    *out = (mx_product_pictures){.n = 0};
    l.found = mx_vec_init(arena->alloc, sizeof(mx_product_picture), SIZE_MAX / 64, "pictures of products");
    mx_sha256_init(&sha);
    if (blobs != NULL && snapshot->products > 0) {
        MX_TRY_GOTO(mx_dict_new(arena->alloc, snapshot->products, &l.keys, err));
        MX_TRY_GOTO(list_keys(&l, err));
        MX_TRY_GOTO(mx_blobs_list(blobs, MX_PICTURES_PREFIX, take_blob, &l, err));
    }
    mx_product_picture *pictures = mx_arena_array(arena, l.found.count + 1, sizeof *pictures, err);
    if (pictures == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    if (l.found.count > 0) {
        memcpy(pictures, l.found.data, l.found.count * sizeof *pictures);
        qsort(pictures, l.found.count, sizeof *pictures, compare_pictures);
    }
    for (size_t i = 0; i < l.found.count; i++) {
        const int32_t product = pictures[i].product, category = snapshot->product_category[product];
        const mx_str id = snapshot->product_id[product],
                     name = category < 0 ? (mx_str){.size = 0} : snapshot->category_name[category];
        add_text(&sha, id.data, id.size);
        add_text(&sha, name.data, name.size);
        mx_sha256_update(&sha, snapshot->product_service[product] ? "s" : "g", 1);
        add_text(&sha, pictures[i].blob, strlen(pictures[i].blob));
    }
    out->n = l.found.count;
    out->picture = pictures;
    mx_sha256_hex_so_far(&sha, out->sha256);
out:
    mx_vec_release(&l.found);
    mx_dict_free(l.keys);
    return status;
}
