/*
 * Texts and dictionaries of one thread that reads a table: what runs for every cell is inline. Floor 3, private to the reader of tables.
 */
#ifndef MX_LEARN_CORE_TABLE_WORDS_H
#define MX_LEARN_CORE_TABLE_WORDS_H

#include <string.h>

#include "learn/core/table_cells.h"

merx_status mx_text_store_grow(mx_text_store *store, size_t size, merx_error *err) MERX_MUST_CHECK;

static inline merx_status mx_text_store_room(mx_text_store *store, size_t size, merx_error *err)
{
    if (size < SIZE_MAX - MX_TEXT_SLACK && (size_t)(store->end - store->at) >= size + MX_TEXT_SLACK)
        return MERX_OK;
    return mx_text_store_grow(store, size, err);
}

merx_status mx_words_begin(mx_words *words, const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;
merx_status mx_words_add(mx_words *words, const mx_word_slot *key, int32_t code, merx_error *err) MERX_MUST_CHECK;

static inline size_t mx_words_hash(uint64_t first, uint64_t second, uint32_t size)
{
    uint64_t hash = (first ^ (second + size) * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xC2B2AE3D27D4EB4F);
    return (size_t)(hash ^ hash >> 29 ^ hash >> 47);
}

/* The first `size` < 8 bytes of a word, zeros behind: in the order of memory, which a dictionary of one run does not mind. */
static inline uint64_t mx_first_bytes(uint64_t word, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return word & ~(UINT64_MAX >> 8 * size);
#else
    return word & ((UINT64_C(1) << 8 * size) - 1);
#endif
}

/* text has MX_FIELDS_PADDING readable bytes behind it. */
static inline void mx_words_key(const void *text, size_t size, mx_word_slot *key)
{
    key->size = (uint32_t)size;
    memcpy(&key->first, text, 8);
    if (size <= 16) {
        memcpy(&key->second, (const char *)text + 8, 8);
        if (size < 8) {
            key->first = mx_first_bytes(key->first, size);
            key->second = 0;
        } else if (size < 16) {
            key->second = mx_first_bytes(key->second, size - 8);
        }
    } else {
        key->second = mx_hash64(text, size, 0);
    }
}

/* The code of a word; -1: it means missing; -2: it is new. */
static inline int32_t mx_words_find(const mx_words *words, const mx_word_slot *key, const void *text)
{
    const size_t mask = words->n_slots - 1;
    for (size_t at = mx_words_hash(key->first, key->second, key->size) & mask;; at = (at + 1) & mask) {
        const mx_word_slot *slot = &words->slots[at];
        if (slot->code == -2)
            return -2;
        if (slot->first == key->first && slot->second == key->second && slot->size == key->size &&
            (key->size <= 16 ||
             (slot->code >= 0 && memcmp(MX_VEC_AT(&words->words, mx_word, slot->code).text, text, key->size) == 0)))
            return slot->code;
    }
}

#endif
