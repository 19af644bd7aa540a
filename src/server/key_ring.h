/*
 * The keys of all served shops, found by id, as fresh as a second: a key made or revoked by another process counts within that. Floor 7.
 */
#ifndef MX_SERVER_KEY_RING_H
#define MX_SERVER_KEY_RING_H

#include <pthread.h>

#include "server/api_keys.h"
#include "server/served_shop.h"

#define MX_KEYS_LOOK_S 1.0

typedef struct mx_ring_shop {
    int64_t version; /* of its keys, as read; -1: not yet */
    double looked_s;
    mx_file_stamp stamp; /* of its records before that */
} mx_ring_shop;

typedef struct mx_key_ring {
    pthread_mutex_t lock; /* of everything below */
    mx_served_shop *shops;
    size_t n_shops;
    mx_ring_shop *shop; /* (n_shops) */
    mx_vec keys;        /* ring_key, ascending by id, then shop */
    double looked_all_s;
    double rate; /* requests a second of one key; 0: any number */
} mx_key_ring;

merx_status mx_key_ring_init(mx_key_ring *ring, mx_served_shop *shops, size_t n, double rate,
                             merx_error *err) MERX_MUST_CHECK;
void mx_key_ring_release(mx_key_ring *ring);

/* Whether any shop has a key; looks at them at most once a second. */
bool mx_key_ring_any(mx_key_ring *ring);
/* The keys of a shop were changed by this process: they count from now on. */
void mx_key_ring_changed(mx_key_ring *ring, size_t shop);
/* Whether the shop has a key of that id; as fresh as a second. */
bool mx_key_ring_holds(mx_key_ring *ring, size_t shop, const char *id);
size_t mx_key_ring_count(mx_key_ring *ring, size_t shop);
/* Errors: MERX_E_EXISTS: two shops have the same key, since one's folder is a copy of the other's. */
merx_status mx_key_ring_check(mx_key_ring *ring, merx_error *err) MERX_MUST_CHECK;

typedef enum mx_key_found { MX_KEY_GOOD, MX_KEY_UNKNOWN, MX_KEY_TOO_MANY } mx_key_found;
/*
 * Looks up what a client sent, and counts the request.
 * shop, role, id   written for MX_KEY_GOOD and MX_KEY_TOO_MANY
 * wait_s           written for MX_KEY_TOO_MANY: when the next request is taken
 */
mx_key_found mx_key_ring_find(mx_key_ring *ring, const char *text, mx_served_shop **shop, merx_role *role,
                              char id[MERX_KEY_ID_SIZE], double *wait_s);

#endif
