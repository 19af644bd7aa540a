/*
 * Keys in one sorted list; each shop's part is replaced when the version of its keys has changed.
 */
#include "server/key_ring.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

typedef struct ring_key {
    mx_api_key key;
    size_t shop;
    double tokens, filled_s; /* a bucket of one second's requests */
} ring_key;

static int by_id(const void *a, const void *b)
{
    const ring_key *x = a;
    const ring_key *y = b;
    int order = strcmp(x->key.id, y->key.id);
    return order ? order : (x->shop > y->shop) - (x->shop < y->shop);
}

merx_status mx_key_ring_init(mx_key_ring *ring, mx_served_shop *shops, size_t n, double rate, merx_error *err)
{
    memset(ring, 0, sizeof *ring);
    pthread_mutex_init(&ring->lock, NULL);
    ring->shops = shops;
    ring->n_shops = n;
    ring->rate = rate;
    ring->keys = mx_vec_init(NULL, sizeof(ring_key), (size_t)MERX_KEYS_MAX * MERX_SERVED_MAX, "keys");
    ring->looked_all_s = -1e9;
    MX_TRY(MX_NEW_ARRAY(NULL, n, &ring->shop, "keys of shops", err));
    for (size_t i = 0; i < n; i++)
        ring->shop[i] = (mx_ring_shop){.version = -1, .looked_s = -1e9};
    return MERX_OK;
}

void mx_key_ring_release(mx_key_ring *ring)
{
    mx_vec_release(&ring->keys);
    MX_FREE_ARRAY(NULL, ring->shop, ring->n_shops);
    pthread_mutex_destroy(&ring->lock);
}

/* The first key of that id; the count if there is none. */
static size_t first_of(const mx_key_ring *ring, const char *id)
{
    size_t low = 0;
    size_t high = ring->keys.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(MX_VEC_AT(&ring->keys, ring_key, middle).key.id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The new keys of a shop in place of its old ones; a key that stays keeps its bucket. */
static merx_status replace(mx_key_ring *ring, size_t shop, const mx_vec *fresh, merx_error *err)
{
    mx_vec next = mx_vec_init(NULL, sizeof(ring_key), ring->keys.max_count, "keys");
    merx_status status = mx_vec_reserve(&next, ring->keys.count + fresh->count, err);
    for (size_t i = 0; status == MERX_OK && i < ring->keys.count; i++)
        if (MX_VEC_AT(&ring->keys, ring_key, i).shop != shop)
            status = mx_vec_append(&next, &MX_VEC_AT(&ring->keys, ring_key, i), 1, err);
    for (size_t i = 0; status == MERX_OK && i < fresh->count; i++) {
        ring_key key = {MX_VEC_AT(fresh, mx_api_key, i), shop, ring->rate, mx_monotonic_s()};
        for (size_t k = first_of(ring, key.key.id); k < ring->keys.count; k++) {
            const ring_key *old = &MX_VEC_AT(&ring->keys, ring_key, k);
            if (strcmp(old->key.id, key.key.id) != 0)
                break;
            if (old->shop == shop) {
                key.tokens = old->tokens;
                key.filled_s = old->filled_s;
            }
        }
        status = mx_vec_append(&next, &key, 1, err);
    }
    if (status != MERX_OK) {
        mx_vec_release(&next);
        return status;
    }
    if (next.count > 1)
        qsort(next.data, next.count, sizeof(ring_key), by_id);
    mx_vec_release(&ring->keys);
    ring->keys = next;
    return MERX_OK;
}

static merx_status look(mx_key_ring *ring, size_t shop, merx_error *err)
{
    mx_ring_shop *state = &ring->shop[shop];
    mx_served_shop *served = &ring->shops[shop];
    mx_vec fresh = mx_vec_init(NULL, sizeof(mx_api_key), MERX_KEYS_MAX + 1, "keys");
    mx_reader *reader;
    int64_t version = 0;

    state->looked_s = mx_monotonic_s();
    mx_file_stamp stamp = mx_served_shop_stamp(served);
    if (mx_file_stamp_equal(&stamp, &state->stamp))
        return MERX_OK;
    state->stamp.known = false;
    MX_TRY(mx_served_shop_take(served, &reader, err));
    merx_status status = mx_api_keys_version(reader->shop->records, &version, err);
    if (status == MERX_OK && version != state->version) {
        status = mx_api_keys_read(reader->shop->records, &fresh, err);
        if (status == MERX_OK)
            status = replace(ring, shop, &fresh, err);
        if (status == MERX_OK)
            state->version = version;
    }
    if (status == MERX_OK)
        state->stamp = stamp;
    mx_served_shop_give(served, reader);
    mx_vec_release(&fresh);
    return status;
}

/* What can't be read now leaves the keys as they were: the shop's answers will fail likewise. */
static void look_all(mx_key_ring *ring)
{
    double now = mx_monotonic_s();
    if (now - ring->looked_all_s < MX_KEYS_LOOK_S)
        return;
    ring->looked_all_s = now;
    for (size_t i = 0; i < ring->n_shops; i++)
        if (look(ring, i, NULL) != MERX_OK)
            continue;
}

bool mx_key_ring_any(mx_key_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    look_all(ring);
    bool any = ring->keys.count > 0;
    pthread_mutex_unlock(&ring->lock);
    return any;
}

/* What can't be read now is read by the next look. */
void mx_key_ring_changed(mx_key_ring *ring, size_t shop)
{
    pthread_mutex_lock(&ring->lock);
    if (look(ring, shop, NULL) != MERX_OK)
        ring->shop[shop].looked_s = ring->looked_all_s = -1e9;
    pthread_mutex_unlock(&ring->lock);
}

bool mx_key_ring_holds(mx_key_ring *ring, size_t shop, const char *id)
{
    bool holds = false;
    pthread_mutex_lock(&ring->lock);
    if (mx_monotonic_s() - ring->shop[shop].looked_s >= MX_KEYS_LOOK_S && look(ring, shop, NULL) != MERX_OK)
        holds = false; /* as they were: below */
    for (size_t i = first_of(ring, id); !holds && i < ring->keys.count; i++) {
        const ring_key *key = &MX_VEC_AT(&ring->keys, ring_key, i);
        if (strcmp(key->key.id, id) != 0)
            break;
        holds = key->shop == shop;
    }
    pthread_mutex_unlock(&ring->lock);
    return holds;
}

size_t mx_key_ring_count(mx_key_ring *ring, size_t shop)
{
    size_t n = 0;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < ring->keys.count; i++)
        n += MX_VEC_AT(&ring->keys, ring_key, i).shop == shop;
    pthread_mutex_unlock(&ring->lock);
    return n;
}

merx_status mx_key_ring_check(mx_key_ring *ring, merx_error *err)
{
    merx_status status = MERX_OK;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; status == MERX_OK && i < ring->n_shops; i++)
        status = look(ring, i, err);
    for (size_t i = 1; status == MERX_OK && i < ring->keys.count; i++) {
        const ring_key *a = &MX_VEC_AT(&ring->keys, ring_key, i - 1);
        const ring_key *b = &MX_VEC_AT(&ring->keys, ring_key, i);
        if (strcmp(a->key.id, b->key.id) == 0)
            status = mx_error_set(
                err, MERX_E_EXISTS, ring->shops[b->shop].folder,
                "has the key %s, which is of \"%s\" too: its folder is a copy; revoke the key in one of them",
                b->key.id, ring->shops[a->shop].name);
    }
    pthread_mutex_unlock(&ring->lock);
    return status;
}

/* The one key of that id and secret; -1: none, or of two shops, which selects neither. */
static ptrdiff_t find_good(const mx_key_ring *ring, const char *id, const unsigned char *secret)
{
    ptrdiff_t found = -1;
    for (size_t i = first_of(ring, id); i < ring->keys.count; i++) {
        const ring_key *key = &MX_VEC_AT(&ring->keys, ring_key, i);
        if (strcmp(key->key.id, id) != 0)
            break;
        if (!mx_api_key_fits(&key->key, secret))
            continue;
        if (found >= 0)
            return -1;
        found = (ptrdiff_t)i;
    }
    return found;
}

static bool take_token(ring_key *key, double rate, double *wait_s)
{
    double now = mx_monotonic_s();
    double most = rate > 1 ? rate : 1;
    if (rate <= 0)
        return true;
    key->tokens += (now - key->filled_s) * rate;
    key->filled_s = now;
    if (key->tokens > most)
        key->tokens = most;
    if (key->tokens >= 1) {
        key->tokens -= 1;
        return true;
    }
    *wait_s = (1 - key->tokens) / rate;
    return false;
}

mx_key_found mx_key_ring_find(mx_key_ring *ring, const char *text, mx_served_shop **shop, merx_role *role,
                              char id[MERX_KEY_ID_SIZE], double *wait_s)
{
    unsigned char secret[MX_KEY_SECRET_SIZE];
    char wanted[MERX_KEY_ID_SIZE];
    mx_key_found result = MX_KEY_UNKNOWN;

    id[0] = '\0';
    if (!mx_api_key_split(text, wanted, secret))
        return MX_KEY_UNKNOWN;
    pthread_mutex_lock(&ring->lock);
    ptrdiff_t at = find_good(ring, wanted, secret);
    if (at < 0) {
        look_all(ring);
        at = find_good(ring, wanted, secret);
    } else {
        size_t of = MX_VEC_AT(&ring->keys, ring_key, (size_t)at).shop;
        if (mx_monotonic_s() - ring->shop[of].looked_s >= MX_KEYS_LOOK_S && look(ring, of, NULL) == MERX_OK)
            at = find_good(ring, wanted, secret);
    }
    if (at >= 0) {
        ring_key *key = &MX_VEC_AT(&ring->keys, ring_key, (size_t)at);
        *shop = &ring->shops[key->shop];
        *role = key->key.role;
        memcpy(id, wanted, sizeof wanted);
        result = take_token(key, ring->rate, wait_s) ? MX_KEY_GOOD : MX_KEY_TOO_MANY;
    }
    pthread_mutex_unlock(&ring->lock);
    sodium_memzero(secret, sizeof secret);
    return result;
}
