/*
 * The parts of a similarity, for one product against all.
 */
#include <math.h>
#include <string.h>

#include "shop/answers/similar.h"

/* ---- words ---- */

typedef struct word {
    uint64_t hash;
    mx_str text;
} word;

typedef struct word_list {
    size_t count;
    word at[MX_SIMILAR_WORDS];
} word_list;

static bool is_ideograph(uint32_t c)
{
    return (c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7af) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

/* The character at `at` and its length in bytes; a byte that begins none is one by itself. */
static uint32_t character(mx_str text, size_t at, size_t *length)
{
    static const uint32_t first[] = {0x7f, 0x1f, 0x0f, 0x07};
    unsigned char byte = (unsigned char)text.data[at];
    size_t n = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    n = n <= text.size - at ? n : 1;
    uint32_t c = byte & (byte < 0x80 ? 0x7f : first[n - 1]);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)text.data[at + i] & 0x3f);
    *length = n;
    return c;
}

static void add_word(word_list *list, const char *data, size_t size)
{
    char folded[64];
    size_t n = size < sizeof folded ? size : sizeof folded;
    for (size_t i = 0; i < n; i++)
        folded[i] = data[i] >= 'A' && data[i] <= 'Z' ? (char)(data[i] - 'A' + 'a') : data[i];
    uint64_t hash = mx_hash64(folded, n, 0);
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].hash == hash)
            return;
    if (list->count < MX_SIMILAR_WORDS)
        list->at[list->count++] = (word){hash, {data, size}};
}

static bool is_letter(mx_str text, size_t at, size_t *length, bool *ideograph)
{
    uint32_t c = character(text, at, length);
    *ideograph = is_ideograph(c) && !(c >= 0x3000 && c <= 0x303f); /* not its punctuation */
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= 0xc0 && !(c >= 0x2000 && c <= 0x2bff) && !is_ideograph(c) && !(c >= 0xff00 && c <= 0xffef));
}

static void words_of(mx_str title, word_list *list)
{
    list->count = 0;
    for (size_t at = 0, length; at < title.size;) {
        bool ideograph;
        size_t begin = at;
        if (is_letter(title, at, &length, &ideograph)) {
            bool letter = true;
            for (; at < title.size && letter; at += letter ? length : 0)
                letter = is_letter(title, at, &length, &ideograph);
            if (at - begin >= 2)
                add_word(list, title.data + begin, at - begin);
            continue;
        }
        at += length;
        if (!ideograph)
            continue;
        size_t run = 1, before = begin;
        for (bool next = true; at < title.size && next;) {
            (void)is_letter(title, at, &length, &next);
            if (next) {
                add_word(list, title.data + before, at + length - before);
                before = at;
                at += length;
                run++;
            }
        }
        if (run == 1)
            add_word(list, title.data + begin, at - begin);
    }
}

merx_status mx_similar_shared_words(mx_str a, mx_str b, mx_arena *arena, const char **out, merx_error *err)
{
    word_list first, second;
    size_t size = 1;
    words_of(a, &first);
    words_of(b, &second);
    for (size_t i = 0; i < first.count; i++)
        size += first.at[i].text.size + 2;
    char *text = mx_arena_alloc(arena, size, err);
    if (!text)
        return MERX_E_MEMORY;
    size_t at = 0;
    for (size_t i = 0; i < first.count; i++)
        for (size_t j = 0; j < second.count; j++)
            if (first.at[i].hash == second.at[j].hash) {
                if (at > 0) {
                    text[at++] = ',';
                    text[at++] = ' ';
                }
                memcpy(text + at, first.at[i].text.data, first.at[i].text.size);
                at += first.at[i].text.size;
            }
    text[at] = '\0';
    *out = text;
    return MERX_OK;
}

/* How many products have each word: open addressing by hash. */
typedef struct counts {
    uint64_t *hash;
    uint32_t *count; /* 0: empty */
    size_t size;     /* a power of two */
} counts;

static uint32_t *count_of(const counts *c, uint64_t hash)
{
    size_t at = (size_t)hash & (c->size - 1);
    while (c->count[at] > 0 && c->hash[at] != hash)
        at = (at + 1) & (c->size - 1);
    c->hash[at] = hash;
    return &c->count[at];
}

static bool is_goods(const mx_snapshot *s, size_t product)
{
    return !s->product_service[product];
}

static merx_status score_words(const mx_similar_ask *ask, mx_arena *arena, double *out, merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    word_list own, list;
    counts c = {.size = 64};
    size_t words = 0, goods = 0;
    words_of(s->product_title[ask->product], &own);
    for (size_t p = 0; p < s->products; p++) /* a word takes a byte at least, and one between */
        words += s->product_title[p].size / 2 + 1;
    while (c.size < 2 * words)
        c.size *= 2;
    c.hash = mx_arena_array(arena, c.size, sizeof *c.hash, err);
    c.count = mx_arena_array(arena, c.size, sizeof *c.count, err);
    if (!c.hash || !c.count)
        return MERX_E_MEMORY;
    for (size_t p = 0; p < s->products; p++) {
        if (!is_goods(s, p))
            continue;
        goods++;
        words_of(s->product_title[p], &list);
        for (size_t i = 0; i < list.count; i++)
            ++*count_of(&c, list.at[i].hash);
    }
    double idf[MX_SIMILAR_WORDS], own_squares = 0;
    for (size_t i = 0; i < own.count; i++) {
        uint32_t with = *count_of(&c, own.at[i].hash);
        idf[i] = log(1 + (double)goods / (with > 0 ? with : 1));
        own_squares += idf[i] * idf[i];
    }
    for (size_t p = 0; p < s->products; p++) {
        double squares = 0, shared = 0;
        if (!is_goods(s, p))
            continue;
        words_of(s->product_title[p], &list);
        for (size_t i = 0; i < list.count; i++) {
            double w = log(1 + (double)goods / *count_of(&c, list.at[i].hash));
            squares += w * w;
            for (size_t k = 0; k < own.count; k++)
                shared += own.at[k].hash == list.at[i].hash ? w * idf[k] : 0;
        }
        out[p] = shared > 0 ? fmin(shared / sqrt(own_squares * squares), 1) : 0;
    }
    return MERX_OK;
}

/* ---- orders ---- */

/* Orders first, then customers; -1: of neither. */
static int64_t basket_of(const mx_snapshot *s, size_t e)
{
    if (s->order[e] >= 0)
        return s->order[e];
    return s->customer[e] >= 0 ? (int64_t)s->orders + s->customer[e] : -1;
}

static merx_status count_orders(const mx_similar_ask *ask, mx_arena *arena, uint32_t *with, uint32_t *together,
                                merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    uint8_t *marked = mx_arena_array(arena, s->orders + s->customers + 1, 1, err);
    int64_t *last = mx_arena_array(arena, s->products + 1, sizeof *last, err);
    if (!marked || !last)
        return MERX_E_MEMORY;
    for (size_t e = 0; e < s->events; e++)
        if (s->product[e] == ask->product && mx_snapshot_is_sale(s, e) && basket_of(s, e) >= 0)
            marked[basket_of(s, e)] = 1;
    memset(last, 0xff, s->products * sizeof *last);
    for (size_t e = 0; e < s->events; e++) {
        int64_t basket = basket_of(s, e);
        if (basket < 0 || !mx_snapshot_is_sale(s, e) || last[s->product[e]] == basket)
            continue;
        last[s->product[e]] = basket;
        with[s->product[e]]++;
        together[s->product[e]] += marked[basket];
    }
    return MERX_OK;
}

/* ---- pictures ---- */

static double cosine(const float *a, const float *b, size_t d)
{
    double product = 0, x = 0, y = 0;
    for (size_t j = 0; j < d; j++) {
        product += (double)a[j] * (double)b[j];
        x += (double)a[j] * (double)a[j];
        y += (double)b[j] * (double)b[j];
    }
    return product > 0 ? fmin(product / sqrt(x * y), 1) : 0;
}

/* ---- all of it ---- */

/* Into the n best so far, in order: by score, then by product. */
static void keep_best(mx_similar_found *best, size_t *count, size_t n, const mx_similar_found *found)
{
    size_t at = *count;
    if (at == n && !(found->score > best[n - 1].score))
        return;
    at = at < n ? at : n - 1;
    for (; at > 0 && found->score > best[at - 1].score; at--)
        best[at] = best[at - 1];
    best[at] = *found;
    *count += *count < n;
}

merx_status mx_similar_find(const mx_similar_ask *ask, mx_arena *arena, mx_similar_found **found, size_t *count,
                            uint32_t *orders, merx_error *err)
{
    const mx_snapshot *s = ask->snapshot;
    size_t q = (size_t)ask->product, n = ask->n < s->products ? ask->n : s->products;
    double *words = mx_arena_array(arena, s->products + 1, sizeof *words, err);
    uint32_t *with = mx_arena_array(arena, s->products + 1, sizeof *with, err);
    uint32_t *together = mx_arena_array(arena, s->products + 1, sizeof *together, err);
    *found = mx_arena_array(arena, n + 1, sizeof **found, err);
    *count = 0;
    if (!words || !with || !together || !*found)
        return MERX_E_MEMORY;
    MX_TRY(score_words(ask, arena, words, err));
    MX_TRY(count_orders(ask, arena, with, together, err));
    *orders = with[q];
    double price = (double)s->product_price_minor[q];
    for (size_t p = 0; p < s->products; p++) {
        if (p == q || !is_goods(s, p) || (ask->barred != NULL && ask->barred[p]))
            continue;
        double other = (double)s->product_price_minor[p];
        mx_similar_found f = {.product = (int32_t)p, .together = together[p], .orders = with[p]};
        if (together[p] > 0)
            f.part[MX_SIMILAR_BOUGHT] = fmin((double)together[p] / sqrt((double)with[p] * (double)with[q]), 1);
        f.part[MX_SIMILAR_WORD] = words[p];
        f.part[MX_SIMILAR_CATEGORY] = s->product_category[p] >= 0 && s->product_category[p] == s->product_category[q];
        if (price > 0 && other > 0)
            f.part[MX_SIMILAR_PRICE] = price < other ? price / other : other / price;
        if (ask->pictures != NULL)
            f.part[MX_SIMILAR_PICTURE] = cosine(ask->pictures->x + q * ask->pictures->d,
                                                ask->pictures->x + p * ask->pictures->d, ask->pictures->d);
        for (int k = 0; k < MX_SIMILAR_PARTS; k++) {
            f.part[k] *= ask->weight[k];
            f.score += f.part[k];
        }
        if (n > 0 && f.score > 0)
            keep_best(*found, count, n, &f);
    }
    return MERX_OK;
}
