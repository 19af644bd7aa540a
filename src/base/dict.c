/*
 * Strings to codes: open addressing with linear probing over (32 bits of the hash, code) pairs; the bytes live in an arena.
 *
 * Invariants: slots are a power of two, at most three quarters full; a slot's code is -1 when empty; nothing is ever removed.
 */
#include <string.h>

#include "base/dict_many.h"

typedef struct dict_slot {
    uint32_t tag;
    int32_t code;
} dict_slot;

struct mx_dict {
    const merx_allocator *alloc;
    mx_arena arena;
    mx_vec strings; /* of mx_str, by code */
    dict_slot *slots;
    size_t slot_count;
};

enum { FIRST_SLOTS = 64, TOGETHER = 24 };

static uint32_t tag_of(mx_str text)
{
    uint64_t hash = mx_hash64(text.data, text.size, 0);
    return (uint32_t)(hash ^ hash >> 32);
}

/* The slot that holds text, or the empty one where it would go. */
static size_t find_slot(const mx_dict *dict, mx_str text, uint32_t tag)
{
    size_t mask = dict->slot_count - 1;
    size_t i = tag & mask;
    for (; dict->slots[i].code >= 0; i = (i + 1) & mask)
        if (dict->slots[i].tag == tag && mx_str_equal(MX_VEC_AT(&dict->strings, mx_str, dict->slots[i].code), text))
            break;
    return i;
}

static merx_status resize_slots(mx_dict *dict, size_t slot_count, merx_error *err)
{
    dict_slot *slots = NULL;
    MX_TRY(mx_alloc_array_raw(dict->alloc, slot_count, sizeof *slots, "dictionary", &slots, err));
    memset(slots, 0xFF, slot_count * sizeof *slots);
    for (size_t i = 0; i < dict->slot_count; i++) {
        if (dict->slots[i].code < 0)
            continue;
        size_t at = dict->slots[i].tag & (slot_count - 1);
        while (slots[at].code >= 0)
            at = (at + 1) & (slot_count - 1);
        slots[at] = dict->slots[i];
    }
    MX_FREE_ARRAY(dict->alloc, dict->slots, dict->slot_count);
    dict->slots = slots;
    dict->slot_count = slot_count;
    return MERX_OK;
}

merx_status mx_dict_new(const merx_allocator *alloc, size_t max_count, mx_dict **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    if (max_count > INT32_MAX)
        max_count = INT32_MAX;
    mx_dict *dict = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *dict, "dictionary", &dict, err));
    dict->alloc = alloc;
    mx_arena_init(&dict->arena, alloc);
    dict->strings = mx_vec_init(alloc, sizeof(mx_str), max_count, "dictionary");
    merx_status status = resize_slots(dict, FIRST_SLOTS, err);
    if (status != MERX_OK) {
        mx_dict_free(dict);
        return status;
    }
    *out = dict;
    return MERX_OK;
}

void mx_dict_free(mx_dict *dict)
{
    if (dict == NULL)
        return;
    MX_FREE_ARRAY(dict->alloc, dict->slots, dict->slot_count);
    mx_vec_release(&dict->strings);
    mx_arena_release(&dict->arena);
    mx_free_array(dict->alloc, dict, 1, sizeof *dict);
}

merx_status mx_dict_add(mx_dict *dict, mx_str text, int32_t *code, bool *added, merx_error *err)
{
    uint32_t tag = tag_of(text);
    size_t at = find_slot(dict, text, tag);
    if (added != NULL)
        *added = false;
    *code = dict->slots[at].code;
    if (*code >= 0)
        return MERX_OK;
    if ((dict->strings.count + 1) * 4 > dict->slot_count * 3) {
        MX_TRY(resize_slots(dict, dict->slot_count * 2, err));
        at = find_slot(dict, text, tag);
    }
    mx_str *slot = NULL;
    MX_TRY(mx_vec_push(&dict->strings, 1, &slot, err));
    char *copy = mx_arena_strndup(&dict->arena, text.data, text.size, err);
    if (copy == NULL) {
        dict->strings.count--;
        return MERX_E_MEMORY;
    }
    *slot = (mx_str){copy, text.size};
    *code = (int32_t)(dict->strings.count - 1);
    dict->slots[at] = (dict_slot){tag, *code};
    if (added != NULL)
        *added = true;
    return MERX_OK;
}

int32_t mx_dict_find(const mx_dict *dict, mx_str text)
{
    return dict->slots[find_slot(dict, text, tag_of(text))].code;
}

/* Slot, string and bytes lie in three places: each is asked for of all texts before the first one is looked at. */
static void find_some(const mx_dict *dict, const mx_str *texts, size_t n, int32_t *codes)
{
    size_t mask = dict->slot_count - 1, slots[TOGETHER];
    for (size_t k = 0; k < n; k++) {
        slots[k] = tag_of(texts[k]) & mask;
        __builtin_prefetch(&dict->slots[slots[k]]);
    }
    for (size_t k = 0; k < n; k++) {
        codes[k] = dict->slots[slots[k]].code;
        if (codes[k] >= 0)
            __builtin_prefetch(&MX_VEC_AT(&dict->strings, mx_str, codes[k]));
    }
    for (size_t k = 0; k < n; k++)
        if (codes[k] >= 0)
            __builtin_prefetch(MX_VEC_AT(&dict->strings, mx_str, codes[k]).data);
    for (size_t k = 0; k < n; k++)
        codes[k] = mx_dict_find(dict, texts[k]);
}

void mx_dict_find_all(const mx_dict *dict, const mx_str *texts, size_t n, int32_t *codes)
{
    for (size_t k = 0; k < n; k += TOGETHER)
        find_some(dict, texts + k, n - k < TOGETHER ? n - k : TOGETHER, codes + k);
}

mx_str mx_dict_get(const mx_dict *dict, int32_t code)
{
    return MX_VEC_AT(&dict->strings, mx_str, code);
}

size_t mx_dict_count(const mx_dict *dict)
{
    return dict->strings.count;
}
