/*
 * similar: products like one product, out of all that a shop knows of them. Floor 5.
 *
 * For products q and c, each part in [0, 1]:
 *   bought    orders with both / sqrt(orders with q * orders with c)
 *   words     cosine of their titles' words, each word once, weighed by idf = ln(1 + products / products with it)
 *   category  1 when both are of one category
 *   price     the lower price / the higher one; 0 where one is not known
 *   picture   cosine of the means of their pictures' vectors, not below 0; 0 where one has none, and for all while `classify`, whose network makes the vectors, has no live model
 *   score(q, c) = sum over parts of weight * part
 * Of a picture that is given in place of a product there is that part alone: the cosine with the nearest of each product's pictures.
 *
 * So a score is the sum of its parts, and without one of them it is the sum of the others. Ties go to the lower id.
 *
 * An order is an order id, else a customer; sales of neither speak for nobody. Lines of one product that follow each other in an order count once, so that "orders with" is off by
 * lines that do not; the part is cut at 1.
 * Words: runs of letters and digits of two bytes or more, ASCII folded to lower case; of Chinese, Japanese and Korean writing each two characters that stand side by side (one alone
 * is a word). At most MX_SIMILAR_WORDS a title count.
 */
#ifndef MX_SHOP_SIMILAR_H
#define MX_SHOP_SIMILAR_H

#include "base/memory.h"
#include "merx/neighbour.h"
#include "shop/answers/answer.h"

enum { MX_SIMILAR_WORDS = 48 };

typedef enum mx_similar_part {
    MX_SIMILAR_BOUGHT,
    MX_SIMILAR_WORD,
    MX_SIMILAR_CATEGORY,
    MX_SIMILAR_PRICE,
    MX_SIMILAR_PICTURE,
    MX_SIMILAR_PARTS
} mx_similar_part;

/* A vector for each product of the snapshot. */
typedef struct mx_similar_vectors {
    const float *x; /* (products, d) of any length; a row of zeros: none */
    size_t d;
} mx_similar_vectors;

typedef struct mx_similar_found {
    int32_t product;
    double score;
    double part[MX_SIMILAR_PARTS]; /* weighed: they sum to the score, in this order */
    uint32_t together, orders;     /* orders with both; with this one */
} mx_similar_found;

typedef struct mx_similar_ask {
    const mx_snapshot *snapshot;
    int32_t product;
    double weight[MX_SIMILAR_PARTS];
    const mx_similar_vectors *pictures; /* NULL: none */
    const uint8_t *barred; /* (products) left out; NULL: none. Services and the product itself always are */
    size_t n;              /* at most so many */
} mx_similar_ask;

/*
 * The n products with the highest scores above 0, in order. found is in the arena.
 * orders: written; orders with the product asked about.
 * Cost: two passes over the events and the titles: about 4 ms for 540,000 events and 4,000 products.
 */
merx_status mx_similar_find(const mx_similar_ask *ask, mx_arena *arena, mx_similar_found **found, size_t *count,
                            uint32_t *orders, merx_error *err) MERX_MUST_CHECK;
/* The words that two titles share, as the first one writes them, separated by commas; "" for none. In the arena. */
merx_status mx_similar_shared_words(mx_str a, mx_str b, mx_arena *arena, const char **out,
                                    merx_error *err) MERX_MUST_CHECK;

/* A vector for each product of the snapshot: the sum of its pictures' vectors. *out NULL: no live model of classify. In the arena. */
merx_status mx_similar_product_vectors(const mx_ask *ask, const mx_similar_vectors **out,
                                       merx_error *err) MERX_MUST_CHECK;
/*
 * The n products with pictures most like that of a file, by score. recall: what was measured where the search is not exact, else NULL.
 * Errors: MERX_E_NOT_FITTED without a live model of classify; those of merx_picture_read.
 */
merx_status mx_similar_find_picture(const mx_ask *ask, const char *path, const mx_similar_ask *similar,
                                    mx_similar_found **found, size_t *count, const merx_recall **recall,
                                    merx_error *err) MERX_MUST_CHECK;

#endif
