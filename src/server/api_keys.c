/*
 * Keys: made, listed, revoked, read.
 */
#include "server/api_keys.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/heap_arena.h"
#include "shop/shop_state.h"
#include "store/fields.h"

#define PREFIX "merx_"
enum { ID_DIGITS = MERX_KEY_ID_SIZE - 1, SECRET_TEXT = 43, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static const char *const role_names[MERX_ROLES] = {"reader", "writer", "admin"};

const char *merx_role_name(merx_role role)
{
    return (unsigned)role < MERX_ROLES ? role_names[role] : "unknown";
}

merx_status merx_role_parse(const char *name, merx_role *out, merx_error *err)
{
    for (int i = 0; i < MERX_ROLES; i++)
        if (name && strcmp(name, role_names[i]) == 0) {
            *out = (merx_role)i;
            return MERX_OK;
        }
    MX_FAIL(err, MERX_E_INVALID, "role", "\"%.40s\" is not one of reader, writer, admin", name ? name : "");
}

/* ---- the text of a key ---- */

static bool is_id(const char *text)
{
    for (int i = 0; i < ID_DIGITS; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

bool mx_api_key_split(const char *text, char id[MERX_KEY_ID_SIZE], unsigned char secret[MX_KEY_SECRET_SIZE])
{
    size_t size = 0;
    const char *at = text + strlen(PREFIX);
    if (strlen(text) != MERX_KEY_TEXT_SIZE - 1 || strncmp(text, PREFIX, strlen(PREFIX)) != 0 || !is_id(at) ||
        at[ID_DIGITS] != '_')
        return false;
    memcpy(id, at, ID_DIGITS);
    id[ID_DIGITS] = '\0';
    return sodium_base642bin(secret, MX_KEY_SECRET_SIZE, at + ID_DIGITS + 1, SECRET_TEXT, NULL, &size, NULL, BASE64) ==
               0 &&
           size == MX_KEY_SECRET_SIZE;
}

bool mx_api_key_fits(const mx_api_key *key, const unsigned char secret[MX_KEY_SECRET_SIZE])
{
    unsigned char hash[MX_KEY_HASH_SIZE];
    crypto_hash_sha256(hash, secret, MX_KEY_SECRET_SIZE);
    return sodium_memcmp(hash, key->hash, sizeof hash) == 0;
}

/* ---- records ---- */

static merx_status read_key(mx_str setting, mx_str value, mx_api_key *out, merx_error *err)
{
    const char *hash = NULL;
    const char *role = NULL;
    const char *name = NULL;
    json_int_t created = 0;
    size_t size = 0;
    size_t prefix = strlen(MX_SETTING_KEY);
    merx_error ignored = {0};

    memset(out, 0, sizeof *out);
    json_t *json = json_loadb(value.data, value.size, 0, NULL);
    bool good = json_unpack(json, "{s:s, s:s, s:s, s:I}", "hash", &hash, "role", &role, "name", &name, "created_ms",
                            &created) == 0 &&
                setting.size == prefix + ID_DIGITS && strlen(name) <= MERX_KEY_NAME_MAX &&
                merx_role_parse(role, &out->role, &ignored) == MERX_OK &&
                sodium_hex2bin(out->hash, sizeof out->hash, hash, strlen(hash), NULL, &size, NULL) == 0 &&
                size == sizeof out->hash;
    if (good) {
        memcpy(out->id, setting.data + prefix, ID_DIGITS);
        good = is_id(out->id);
        snprintf(out->name, sizeof out->name, "%s", name);
        out->created_ms = created;
    }
    json_decref(json);
    if (!good)
        MX_FAIL(err, MERX_E_CORRUPT, "", "the setting \"%.*s\" is not a key as merx key writes it", (int)setting.size,
                setting.data);
    return MERX_OK;
}

static merx_status take_setting(void *context, const mx_record *record, merx_error *err)
{
    mx_api_key key;
    if (!mx_str_starts(record->setting.key, MX_SETTING_KEY))
        return MERX_OK;
    MX_TRY(read_key(record->setting.key, record->setting.value, &key, err));
    return mx_vec_append(context, &key, 1, err);
}

merx_status mx_api_keys_read(mx_records *records, mx_vec *out, merx_error *err)
{
    return mx_records_scan(records, MX_SETTING, take_setting, out, err);
}

merx_status mx_api_keys_version(mx_records *records, int64_t *version, merx_error *err)
{
    mx_arena arena;
    const char *text = "";
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_setting(records, MX_SETTING_KEYS_VERSION, &arena, &text, err);
    *version = 0;
    if (status == MERX_OK && *text && !mx_parse_int64(mx_str_of(text), version))
        status = mx_error_set(err, MERX_E_CORRUPT, MX_SETTING_KEYS_VERSION, "\"%s\" is not a whole number", text);
    mx_arena_release(&arena);
    return status;
}

/* Inside a transaction. */
static merx_status next_version(mx_records *records, merx_error *err)
{
    int64_t version;
    char text[32];
    MX_TRY(mx_api_keys_version(records, &version, err));
    snprintf(text, sizeof text, "%" PRId64, version + 1);
    return mx_records_set_setting(records, MX_SETTING_KEYS_VERSION, text, err);
}

static merx_status in_transaction(mx_records *records, merx_status (*work)(mx_records *, void *, merx_error *),
                                  void *context, merx_error *err)
{
    MX_TRY(mx_records_begin(records, err));
    merx_status status = work(records, context, err);
    if (status == MERX_OK)
        status = next_version(records, err);
    if (status == MERX_OK)
        return mx_records_commit(records, err);
    mx_records_rollback(records);
    return status;
}

/* ---- making ---- */

typedef struct making {
    const char *setting, *value;
} making;

static merx_status put_key(mx_records *records, void *context, merx_error *err)
{
    const making *m = context;
    mx_vec keys = mx_vec_init(NULL, sizeof(mx_api_key), MERX_KEYS_MAX + 1, "keys");
    merx_status status = mx_api_keys_read(records, &keys, err);
    if (status == MERX_OK && keys.count >= MERX_KEYS_MAX)
        status = mx_error_set(err, MERX_E_LIMIT, "", "the shop has %zu keys, and no more are taken; revoke some",
                              keys.count);
    mx_vec_release(&keys);
    return status == MERX_OK ? mx_records_set_setting(records, m->setting, m->value, err) : status;
}

static void hex(const unsigned char *bytes, size_t size, char *out)
{
    sodium_bin2hex(out, 2 * size + 1, bytes, size);
}

merx_status merx_key_create(merx_shop *shop, merx_role role, const char *name, char *text, merx_error *err)
{
    unsigned char secret[MX_KEY_SECRET_SIZE];
    unsigned char hash[MX_KEY_HASH_SIZE];
    unsigned char id_bytes[ID_DIGITS / 2];
    char id[MERX_KEY_ID_SIZE];
    char hash_hex[2 * MX_KEY_HASH_SIZE + 1];
    char setting[sizeof MX_SETTING_KEY + ID_DIGITS];

    *text = '\0';
    name = name ? name : "";
    if ((unsigned)role >= MERX_ROLES)
        MX_FAIL(err, MERX_E_INVALID, "role", "there is no role %d", (int)role);
    MX_TRY(mx_text_check(mx_str_of(name), MERX_KEY_NAME_MAX, false, "key", "name", err));
    mx_random_bytes(secret, sizeof secret);
    mx_random_bytes(id_bytes, sizeof id_bytes);
    crypto_hash_sha256(hash, secret, sizeof secret);
    hex(id_bytes, sizeof id_bytes, id);
    hex(hash, sizeof hash, hash_hex);
    snprintf(setting, sizeof setting, "%s%s", MX_SETTING_KEY, id);
    json_t *json = json_pack("{s:s, s:s, s:s, s:I}", "hash", hash_hex, "role", role_names[role], "name", name,
                             "created_ms", (json_int_t)mx_now_ms());
    char *value = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!value)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a key");
    merx_status status = in_transaction(shop->records, put_key, &(making){setting, value}, err);
    free(value); /* allocated by jansson */
    if (status == MERX_OK) {
        int used = snprintf(text, MERX_KEY_TEXT_SIZE, PREFIX "%s_", id);
        sodium_bin2base64(text + used, SECRET_TEXT + 1, secret, sizeof secret, BASE64);
    }
    sodium_memzero(secret, sizeof secret);
    return status;
}

/* ---- listing, revoking ---- */

static int by_time(const void *a, const void *b)
{
    const merx_key *x = a;
    const merx_key *y = b;
    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

merx_status merx_key_list(merx_shop *shop, merx_keys *out, merx_error *err)
{
    mx_arena *arena;
    mx_vec keys = mx_vec_init(shop->alloc, sizeof(mx_api_key), MERX_KEYS_MAX + 1, "keys");
    merx_status status = MERX_OK;

    memset(out, 0, sizeof *out);
    MX_TRY(mx_heap_arena_new(shop->alloc, &arena, err));
    out->memory = arena;
    MX_TRY_GOTO(mx_api_keys_read(shop->records, &keys, err));
    out->key = mx_arena_array(arena, keys.count + 1, sizeof *out->key, err);
    if (!out->key) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < keys.count; i++) {
        const mx_api_key *key = &MX_VEC_AT(&keys, mx_api_key, i);
        merx_key *item = &out->key[out->count++];
        memcpy(item->id, key->id, sizeof item->id);
        memcpy(item->name, key->name, sizeof item->name);
        item->role = key->role;
        item->created_ms = key->created_ms;
    }
    if (out->count > 1)
        qsort(out->key, out->count, sizeof *out->key, by_time);
out:
    mx_vec_release(&keys);
    if (status != MERX_OK)
        merx_keys_release(out);
    return status;
}

void merx_keys_release(merx_keys *keys)
{
    if (!keys)
        return;
    mx_heap_arena_free(keys->memory);
    memset(keys, 0, sizeof *keys);
}

static merx_status remove_key(mx_records *records, void *context, merx_error *err)
{
    mx_record record;
    merx_error failure = {0};
    mx_arena arena;
    mx_str setting = mx_str_of(context);

    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_get(records, MX_SETTING, setting, &arena, &record, &failure);
    mx_arena_release(&arena);
    if (status == MERX_E_NOT_FOUND)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "the shop has no key \"%s\"; merx key list shows them",
                setting.data + strlen(MX_SETTING_KEY));
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return mx_records_remove(records, MX_SETTING, setting, err);
}

merx_status merx_key_revoke(merx_shop *shop, const char *id, merx_error *err)
{
    char setting[sizeof MX_SETTING_KEY + ID_DIGITS];
    if (!id || strlen(id) != ID_DIGITS || !is_id(id))
        MX_FAIL(err, MERX_E_INVALID, "key",
                "\"%.80s\" is not a key's id (expected 12 hex digits, as merx key list shows)", id ? id : "");
    snprintf(setting, sizeof setting, "%s%s", MX_SETTING_KEY, id);
    return in_transaction(shop->records, remove_key, setting, err);
}
