/*
 * Texts and dictionaries of one thread that reads a table (see table_cells.h).
 *
 * A slot holds a word of up to 16 bytes itself, so that finding one touches a single line of cache; of a longer word it holds the first eight bytes and a hash.
 */
#include <string.h>

#include "learn/core/table_words.h"

enum { FIRST_SLOTS = 64, FIRST_TEXTS = 1 << 16, LARGEST_TEXTS = 1 << 22, EMPTY = -2 };

void mx_text_store_init(mx_text_store *store, const merx_allocator *alloc)
{
    *store = (mx_text_store){.alloc = alloc,
                             .blocks = mx_vec_init(alloc, sizeof(mx_text_block), SIZE_MAX / 64, "blocks of texts")};
}

void mx_text_store_release(mx_text_store *store)
{
    if (store->alloc == NULL)
        return;
    for (size_t i = 0; i < store->blocks.count; i++) {
        mx_text_block block = MX_VEC_AT(&store->blocks, mx_text_block, i);
        mx_free_array(store->alloc, block.data, block.size, 1);
    }
    mx_vec_release(&store->blocks);
    store->at = store->end = NULL;
}

merx_status mx_text_store_grow(mx_text_store *store, size_t size, merx_error *err)
{
    size_t count = store->blocks.count, usual = FIRST_TEXTS;
    if (count > 0)
        usual = MX_VEC_AT(&store->blocks, mx_text_block, count - 1).size * 2;
    usual = usual > LARGEST_TEXTS ? LARGEST_TEXTS : usual < FIRST_TEXTS ? FIRST_TEXTS : usual;
    if (!mx_add_size(size, MX_TEXT_SLACK, &size))
        MX_FAIL(err, MERX_E_MEMORY, "texts", "%zu bytes are more than can be addressed", size);
    size = size > usual ? size : usual;
    mx_text_block *block;
    MX_TRY(mx_vec_push(&store->blocks, 1, &block, err));
    *block = (mx_text_block){NULL, size};
    merx_status status = mx_alloc_array_raw(store->alloc, size, 1, "texts of a table", &block->data, err);
    if (status != MERX_OK) {
        store->blocks.count--;
        return status;
    }
    store->at = block->data;
    store->end = store->at + size;
    return MERX_OK;
}

void mx_words_release(mx_words *words)
{
    MX_FREE_ARRAY(words->alloc, words->slots, words->n_slots);
    if (words->words.alloc != NULL)
        mx_vec_release(&words->words);
    words->slots = NULL;
    words->n_slots = words->used = 0;
}

void mx_words_clear(mx_words *words)
{
    for (size_t i = 0; i < words->n_slots; i++)
        words->slots[i].code = EMPTY;
    mx_vec_clear(&words->words);
    words->used = words->resolved = 0;
    words->all_flags = true;
}

static size_t place_of(const mx_words *words, const mx_word_slot *key)
{
    return mx_words_hash(key->first, key->second, key->size) & (words->n_slots - 1);
}

static merx_status resize(mx_words *words, size_t n_slots, merx_error *err)
{
    mx_word_slot *slots;
    MX_TRY(mx_alloc_array_raw(words->alloc, n_slots, sizeof *slots, "words of a column", &slots, err));
    for (size_t i = 0; i < n_slots; i++)
        slots[i].code = EMPTY;
    mx_words bigger = *words;
    bigger.slots = slots;
    bigger.n_slots = n_slots;
    for (size_t i = 0; i < words->n_slots; i++) {
        if (words->slots[i].code == EMPTY)
            continue;
        size_t at = place_of(&bigger, &words->slots[i]);
        while (slots[at].code != EMPTY)
            at = (at + 1) & (n_slots - 1);
        slots[at] = words->slots[i];
    }
    MX_FREE_ARRAY(words->alloc, words->slots, words->n_slots);
    *words = bigger;
    return MERX_OK;
}

merx_status mx_words_begin(mx_words *words, const merx_allocator *alloc, merx_error *err)
{
    if (words->n_slots > 0)
        return MERX_OK;
    *words = (mx_words){.alloc = alloc, .all_flags = true};
    words->words = mx_vec_init(alloc, sizeof(mx_word), INT32_MAX, "words of a column");
    return resize(words, FIRST_SLOTS, err);
}

merx_status mx_words_add(mx_words *words, const mx_word_slot *key, int32_t code, merx_error *err)
{
    if ((words->used + 1) * 2 > words->n_slots)
        MX_TRY(resize(words, words->n_slots * 2, err));
    size_t at = place_of(words, key);
    while (words->slots[at].code != EMPTY)
        at = (at + 1) & (words->n_slots - 1);
    words->slots[at] = *key;
    words->slots[at].code = code;
    words->used++;
    return MERX_OK;
}
