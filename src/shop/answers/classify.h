/*
 * classify: what is in a picture, learnt from the shop's own product pictures. Floor 5.
 *
 * A class is a category of the catalogue, or (target "product") a product. The network, its logits and its maps: learn/network/picture_classifier.h. Pictures are scaled until
 * they cover side x side pixels, and the middle is taken.
 *
 *     probability_k = softmax(logit)_k      "not sure" when the largest one is below `sure`
 *     score of class k = logit_k = bias_k + sum over regions of (what the positions in it add)
 *
 * The regions are MX_CLASSIFY_REGIONS x MX_CLASSIFY_REGIONS parts of the picture, cut where the map's positions are; contributions of them and the bias sum to the score. `without` is the logit of the
 * picture with that region painted over with the picture's mean colour: the network looked again.
 *
 * The model also keeps, of each picture of a product, the last map's mean at unit length, in an index of nearest neighbours (exact for fewer than MERX_NEAREST_EXACT_BELOW pictures, a
 * graph of stated recall for more): `similar` compares pictures by the cosine of these vectors.
 *
 * Nothing of it is learnt from customers: forgetting one leaves it as it is, as long as the pictures are the same.
 */
#ifndef MX_SHOP_CLASSIFY_H
#define MX_SHOP_CLASSIFY_H

#include "learn/network/picture_classifier.h"
#include "merx/media.h"
#include "merx/neighbour.h"
#include "shop/answers/answer.h"
#include "shop/product_pictures.h"

enum { MX_CLASSIFY_REGIONS = 4 };

typedef struct mx_classify {
    const merx_allocator *alloc;
    mx_picture_classifier network;
    bool of_products;
    mx_arena arena;
    mx_str *class_name;            /* (k) categories or ids of products, ascending */
    const int32_t *class_pictures; /* (k) learnt from */
    size_t pictures, products;
    mx_str *product;                /* ids, ascending */
    const int32_t *picture_product; /* (pictures) into product */
    merx_nearest *index;            /* vectors of the pictures, by their numbers */
} mx_classify;

/* Pictures of products, decoded. */
typedef struct mx_picture_set {
    const merx_allocator *alloc;
    size_t side, n, room;
    unsigned char *pixels; /* (n, side, side, 3) */
    size_t *index;         /* (n) into the list they are from; by part, ascending within one */
    size_t parts[4];       /* pictures of part p are parts[p] … parts[p + 1] - 1 */
    size_t refused;        /* that could not be decoded */
    char refusal[200];     /* the first of them, and why */
} mx_picture_set;

extern const merx_option mx_classify_training[];

/* The label of each picture of a list: the code of its class, -1: none. names (classes), ascending, in the arena. */
typedef struct mx_classify_labels {
    bool of_products;
    size_t classes;
    mx_str *name;
    int32_t *label;   /* (n of the list) */
    size_t *pictures; /* (classes) */
} mx_classify_labels;
merx_status mx_classify_label(const mx_snapshot *snapshot, const mx_product_pictures *list, const merx_options *options,
                              mx_arena *arena, mx_classify_labels *out, merx_error *err) MERX_MUST_CHECK;

/* part (n of the list): 0, 1, 2, or above: left out. */
merx_status mx_picture_set_load(const mx_snapshot *snapshot, const mx_product_pictures *list, const uint8_t *part,
                                size_t side, const merx_allocator *alloc, merx_task *task, mx_picture_set *out,
                                merx_error *err) MERX_MUST_CHECK;
void mx_picture_set_release(mx_picture_set *set);

/* Which pictures may take part: of at most `pictures` (option), those of the lowest keys. part: 0 or 255 written. */
merx_status mx_classify_choose(const mx_snapshot *snapshot, const mx_product_pictures *list, size_t most,
                               mx_arena *arena, uint8_t *part, merx_error *err) MERX_MUST_CHECK;
/* A number that belongs to a picture whatever else is in the shop. */
uint64_t mx_classify_key(const char *blob);

/* The recipe that training options say, for so many pictures. */
mx_picture_recipe mx_classify_recipe(const merx_options *options, size_t classes, size_t pictures);

/* From the file, which must outlive it. Owns: mx_classify_release. */
merx_status mx_classify_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_classify *out,
                             merx_error *err) MERX_MUST_CHECK;
void mx_classify_release(mx_classify *model);
merx_status mx_classify_train(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                              merx_error *err) MERX_MUST_CHECK;
merx_status mx_classify_forget(const mx_snapshot *without, const mx_tensor_file *old, const merx_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                               bool *exact, merx_error *err) MERX_MUST_CHECK;
merx_status mx_classify_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err) MERX_MUST_CHECK;

/* One picture at the network's size: of bytes, of a file, or of a product (the first of these that is not NULL). bytes' name is what errors call it. */
merx_status mx_classify_picture(const mx_classify *model, const merx_picture_bytes *bytes, const char *path,
                                const mx_snapshot *snapshot, int32_t product, size_t enlarged,
                                const merx_allocator *alloc, merx_picture *out, merx_error *err) MERX_MUST_CHECK;
/* The picture that the option "picture" of a question holds in memory; false: it is none. */
bool mx_classify_picture_bytes(const merx_options *question, merx_picture_bytes *out);

#endif
