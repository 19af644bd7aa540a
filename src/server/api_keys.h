/*
 * Keys of a shop, as settings records "key/ID": what is kept is a SHA-256 of the secret, which is 32 random bytes. Floor 7.
 *
 * A fast hash is enough: what makes slow ones (Argon2) needed is that passwords can be guessed; 256 random bits can't, at any speed. The id in front of the secret finds the
 * record, so that the secret is compared once, in constant time.
 */
#ifndef MX_SERVER_API_KEYS_H
#define MX_SERVER_API_KEYS_H

#include "merx/server.h"
#include "store/records.h"

#define MX_SETTING_KEY "key/"                 /* + id */
#define MX_SETTING_KEYS_VERSION "key_version" /* grows with each key made or revoked */
#define MX_KEY_SECRET_SIZE 32
#define MX_KEY_HASH_SIZE 32

typedef struct mx_api_key {
    char id[MERX_KEY_ID_SIZE];
    unsigned char hash[MX_KEY_HASH_SIZE];
    char name[MERX_KEY_NAME_MAX + 1];
    merx_role role;
    int64_t created_ms;
} mx_api_key;

/* "merx_ID_SECRET" taken apart; false: it is no such text. */
bool mx_api_key_split(const char *text, char id[MERX_KEY_ID_SIZE], unsigned char secret[MX_KEY_SECRET_SIZE]);
/* Whether the secret is that of the key. Constant time. */
bool mx_api_key_fits(const mx_api_key *key, const unsigned char secret[MX_KEY_SECRET_SIZE]);

/* The keys of a shop, appended to out (mx_api_key); ascending by id. A record that is no key is MERX_E_CORRUPT. */
merx_status mx_api_keys_read(mx_records *records, mx_vec *out, merx_error *err) MERX_MUST_CHECK;
/* What MX_SETTING_KEYS_VERSION says; 0: no key was ever made. */
merx_status mx_api_keys_version(mx_records *records, int64_t *version, merx_error *err) MERX_MUST_CHECK;

#endif
