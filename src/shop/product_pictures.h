/*
 * The pictures of a shop's products: blobs named "pictures/<key>/<24 digits>.<jpg|png|webp>". Floor 5.
 *
 * key      the product's id, bytes of [a-z0-9-] as they are and others as _xx (hex); "__" and the first 40 digits of its SHA-256 when that is longer than 120 bytes. So ids and
 *          keys are one to one, and no key begins with "__" but those of long ids.
 * digits   the first 24 hex digits of the SHA-256 of the picture's bytes: the same bytes are the same blob, and a name says what is in it
 *
 * Import puts them there (import_pictures.h), after each was decoded once. They belong to products, not to customers: forgetting one leaves them.
 */
#ifndef MX_SHOP_PRODUCT_PICTURES_H
#define MX_SHOP_PRODUCT_PICTURES_H

#include "shop/snapshot.h"

#define MX_PICTURES_PREFIX "pictures/"
#define MX_PICTURES_OF_PRODUCT 128 /* at most; further ones are refused by import, and not listed */
#define MX_PICTURE_KEY_BYTES 120

typedef struct mx_product_picture {
    int32_t product; /* in the snapshot */
    const char *blob;
    uint64_t size_bytes;
} mx_product_picture;

typedef struct mx_product_pictures {
    size_t n;
    const mx_product_picture *picture; /* by product, then by blob name, both ascending */
    char sha256[65];                   /* of (product id, category, service, blob name) of all */
} mx_product_pictures;

/*
 * The pictures of products that the snapshot knows; others stay unseen until their product comes.
 * blobs   NULL: none (a snapshot that lives in no store)
 * Owns: everything lives in the arena. Cost: O(products + pictures), one listing of the store.
 */
merx_status mx_product_pictures_list(mx_blobs *blobs, const mx_snapshot *snapshot, mx_arena *arena,
                                     mx_product_pictures *out, merx_error *err) MERX_MUST_CHECK;

/*
 * The blob of a product's first picture: the lowest name.
 * Cost: of the product's pictures alone. Errors: MERX_E_NOT_FOUND, where "picture": it has none.
 */
merx_status mx_product_picture_first(mx_blobs *blobs, mx_str product_id, char out[256],
                                     merx_error *err) MERX_MUST_CHECK;

/*
 * The name of a picture's blob.
 * extension   "jpg", "png" or "webp"
 * Errors: MERX_E_INVALID for another extension, or an empty id.
 */
merx_status mx_product_picture_blob(mx_str product_id, const void *bytes, size_t size, const char *extension,
                                    char out[256], merx_error *err) MERX_MUST_CHECK;
/* The same of bytes whose SHA-256 (64 digits) is known. */
merx_status mx_product_picture_name(mx_str product_id, const char *sha256, const char *extension, char out[256],
                                    merx_error *err) MERX_MUST_CHECK;

#endif
