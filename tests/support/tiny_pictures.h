/*
 * Pictures for a tiny shop: products whose id begins with "a" show discs, with "b" bars, in colours and places of their own, and are of a category each; others have none.
 *
 *     tiny_pictures *p = tiny_pictures_new(s);   a store in a temporary folder, three pictures a product
 *     tiny_pictures_hang(p, other);              another snapshot of the same shop sees them too
 *     tiny_pictures_free(p);
 */
#ifndef TESTS_SUPPORT_TINY_PICTURES_H
#define TESTS_SUPPORT_TINY_PICTURES_H

#include <stdlib.h>
#include <unistd.h>

#include "base/random.h"
#include "merx/media.h"
#include "shop/product_pictures.h"
#include "support/tiny_shop.h"

enum { TINY_SIDE = 32, TINY_PICTURES = 3 };

typedef struct tiny_pictures {
    char folder[64];
    mx_blobs *blobs;
    mx_arena arena;
} tiny_pictures;

/* A disc, or bars, on a ground of another colour; which: what is drawn beside the product's own. */
CHECK_UNUSED static void tiny_draw(bool bars, uint64_t product, uint64_t which, unsigned char *pixels)
{
    mx_random r;
    mx_random_init(&r, product, which + 1);
    unsigned char ink[3], ground[3];
    for (int c = 0; c < 3; c++) {
        ground[c] = (unsigned char)(150 + mx_random_below(&r, 100));
        ink[c] = (unsigned char)mx_random_below(&r, 110);
    }
    double x = 12 + 8 * mx_random_uniform(&r), y = 12 + 8 * mx_random_uniform(&r), size = 7 + 4 * mx_random_uniform(&r);
    for (int i = 0; i < TINY_SIDE; i++)
        for (int j = 0; j < TINY_SIDE; j++) {
            double dx = j - x, dy = i - y;
            bool on = bars ? ((i + (int)y) / 3) % 2 == 0 : dx * dx + dy * dy < size * size;
            memcpy(pixels + ((size_t)i * TINY_SIDE + (size_t)j) * 3, on ? ink : ground, 3);
        }
}

/* The pictures' categories, and the store, into a snapshot of the shop. */
CHECK_UNUSED static void tiny_pictures_hang(tiny_pictures *p, mx_snapshot *s)
{
    mx_str *names = mx_arena_array(&p->arena, 2, sizeof *names, NULL);
    int32_t *category = mx_arena_array(&p->arena, s->products + 1, sizeof *category, NULL);
    names[0] = mx_str_of("bars");
    names[1] = mx_str_of("discs");
    for (size_t i = 0; i < s->products; i++)
        category[i] = s->product_id[i].data[0] == 'a' ? 1 : s->product_id[i].data[0] == 'b' ? 0 : -1;
    s->category_name = names;
    s->categories = 2;
    s->product_category = category;
    s->blobs = p->blobs;
}

CHECK_UNUSED static void tiny_put_picture(tiny_pictures *p, mx_str product, const void *bytes, size_t size)
{
    char name[256];
    merx_error err = {0};
    check_ok(mx_product_picture_blob(product, bytes, size, "png", name, &err), err);
    check_ok(mx_blobs_put(p->blobs, name, bytes, size, &err), err);
}

CHECK_UNUSED static tiny_pictures *tiny_pictures_new(mx_snapshot *s)
{
    tiny_pictures *p = calloc(1, sizeof *p);
    unsigned char pixels[TINY_SIDE * TINY_SIDE * 3];
    merx_error err = {0};
    mx_arena_init(&p->arena, NULL);
    snprintf(p->folder, sizeof p->folder, "/tmp/merx-tiny-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    check_ok(mx_blobs_open(p->folder, true, merx_allocator_default(), &p->blobs, &err), err);
    for (size_t i = 0; i < s->products; i++)
        for (int k = 0; k < TINY_PICTURES; k++) {
            merx_bytes png = {0};
            if (s->product_id[i].data[0] != 'a' && s->product_id[i].data[0] != 'b')
                continue;
            tiny_draw(s->product_id[i].data[0] == 'b', mx_snapshot_product_key(s, (int32_t)i), (uint64_t)k, pixels);
            check_ok(merx_png_encode(pixels, TINY_SIDE, TINY_SIDE, 3, NULL, &png, &err), err);
            tiny_put_picture(p, s->product_id[i], png.data, png.size);
            merx_bytes_release(&png);
        }
    tiny_pictures_hang(p, s);
    return p;
}

CHECK_UNUSED static void tiny_pictures_free(tiny_pictures *p)
{
    char command[128];
    mx_blobs_close(p->blobs);
    mx_arena_release(&p->arena);
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    assert_int_equal(system(command), 0);
    free(p);
}

#endif
