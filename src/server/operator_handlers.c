/*
 * What an operator looks after: keys and settings.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/server_state.h"

/* ---- keys ---- */

static json_t *key_json(const char *id, const char *name, merx_role role, int64_t created_ms)
{
    char time[40];
    mx_format_date(created_ms, true, time);
    return json_pack("{s:s, s:s, s:s, s:s}", "id", id, "name", name, "role", merx_role_name(role), "created", time);
}

void mx_handle_list_keys(mx_request *request)
{
    merx_error err = {0};
    merx_keys keys = {0};
    mx_reader *reader = NULL;
    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK) {
        status = merx_key_list(reader->shop, &keys, &err);
        mx_served_shop_give(request->shop, reader);
    }
    if (status != MERX_OK) {
        mx_request_failure(request, &err);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < keys.count; i++)
        json_array_append_new(items,
                              key_json(keys.key[i].id, keys.key[i].name, keys.key[i].role, keys.key[i].created_ms));
    merx_keys_release(&keys);
    mx_request_json(request, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}

/* {"role", "name"}; false: the reply says what is wrong. name lives in the arena. */
static bool read_asked(mx_request *request, merx_role *role, const char **name)
{
    merx_error err = {0};
    json_error_t error;
    const char *key;
    json_t *value;
    bool good = true;
    json_t *body = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &error);
    *name = "";
    if (!json_is_object(body)) {
        json_decref(body);
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "",
                        "the body is not a JSON object: {\"role\": \"admin\", \"name\": \"console\"}");
        return false;
    }
    json_object_foreach(body, key, value)
    {
        bool known = strcmp(key, "role") == 0 || strcmp(key, "name") == 0;
        good = known && json_is_string(value);
        if (!good) {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, key, "", "%s",
                            known ? "is not a text" : "there is no such member here (there are: role, name)");
            break;
        }
    }
    const char *wanted = json_string_value(json_object_get(body, "name"));
    if (good && merx_role_parse(json_string_value(json_object_get(body, "role")), role, &err) != MERX_OK) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "role", "", "%s", err.message);
        good = false;
    }
    if (good && wanted) {
        *name = mx_arena_strdup(&request->arena, wanted, &err);
        good = *name != NULL;
        if (!good)
            mx_request_failure(request, &err);
    }
    json_decref(body);
    return good;
}

static size_t shop_index(const mx_request *request)
{
    return (size_t)(request->shop - request->server->shops);
}

/* How many keys the shop has, and how many of them are an operator's. */
static merx_status count_keys(merx_shop *shop, size_t *all, size_t *admins, const char *id, bool *is_admin,
                              merx_error *err)
{
    merx_keys keys;
    MX_TRY(merx_key_list(shop, &keys, err));
    *all = keys.count;
    *admins = 0;
    *is_admin = false;
    for (size_t i = 0; i < keys.count; i++) {
        bool admin = keys.key[i].role == MERX_ROLE_ADMIN;
        *admins += admin;
        *is_admin = *is_admin || (admin && id && strcmp(keys.key[i].id, id) == 0);
    }
    merx_keys_release(&keys);
    return MERX_OK;
}

/* The first key closes the server to whoever has none: it must be one that can make others. */
static merx_status create(mx_request *request, merx_role role, const char *name, char text[MERX_KEY_TEXT_SIZE],
                          merx_error *err)
{
    size_t all;
    size_t admins;
    bool unused;
    merx_shop *shop;
    MX_TRY(mx_served_shop_writer(request->shop, err));
    shop = request->shop->writer;
    MX_TRY(count_keys(shop, &all, &admins, NULL, &unused, err));
    if (all == 0 && role != MERX_ROLE_ADMIN)
        MX_FAIL(err, MERX_E_EXISTS, "role",
                "the first key must be an admin key: from it on every request needs one, and a %s key could not make "
                "others; make an admin key first",
                merx_role_name(role));
    MX_TRY(merx_key_create(shop, role, name, text, err));
    mx_key_ring_changed(&request->server->ring, shop_index(request));
    atomic_store(&request->server->asks_keys, true);
    return MERX_OK;
}

void mx_handle_create_key(mx_request *request)
{
    char text[MERX_KEY_TEXT_SIZE];
    char id[MERX_KEY_ID_SIZE];
    unsigned char secret[MX_KEY_SECRET_SIZE];
    merx_error err = {0};
    merx_role role = MERX_ROLE_READER;
    const char *name;

    if (!read_asked(request, &role, &name))
        return;
    if (create(request, role, name, text, &err) != MERX_OK) {
        if (err.code == MERX_E_LIMIT && strlen(name) > MERX_KEY_NAME_MAX)
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, "name", "", "%s", err.message);
        else
            mx_request_failure(request, &err);
        return;
    }
    if (!mx_api_key_split(text, id, secret))
        id[0] = '\0';
    json_t *json = key_json(id, name, role, mx_now_ms());
    json_object_set_new(json, "key", json_string(text));
    mx_request_json(request, 201, json);
}

static merx_status revoke(mx_request *request, const char *id, merx_error *err)
{
    size_t all;
    size_t admins;
    bool is_admin;
    MX_TRY(mx_served_shop_writer(request->shop, err));
    MX_TRY(count_keys(request->shop->writer, &all, &admins, id, &is_admin, err));
    if (is_admin && admins == 1)
        MX_FAIL(err, MERX_E_EXISTS, "",
                "this is the last admin key: without it nobody could make another over HTTP; make one first, or use "
                "merx key revoke");
    MX_TRY(merx_key_revoke(request->shop->writer, id, err));
    mx_key_ring_changed(&request->server->ring, shop_index(request));
    return MERX_OK;
}

void mx_handle_revoke_key(mx_request *request)
{
    merx_error err = {0};
    if (revoke(request, request->path_value, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200, json_pack("{s:s}", "revoked", request->path_value));
}

/* ---- settings ---- */

/* As the table types it: numbers and truths as themselves. */
static json_t *typed(const merx_option *option, const char *text)
{
    int64_t whole = 0;
    double real = 0;
    if (!text)
        return json_null();
    if (option->type == MERX_OPTION_BOOL)
        return json_boolean(strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0);
    if (option->type == MERX_OPTION_INT && mx_parse_int64(mx_str_of(text), &whole))
        return json_integer((json_int_t)whole);
    if (option->type == MERX_OPTION_REAL && mx_parse_double(mx_str_of(text), &real))
        return json_real(real);
    return json_string(text);
}

static json_t *server_settings(const merx_server *server)
{
    const merx_option *table = merx_server_settings();
    json_t *list = json_array();
    for (size_t i = 0; table[i].name; i++)
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:s}", "name", table[i].name, "value",
                                              merx_options_is_set(server->settings, table[i].name)
                                                  ? typed(&table[i], merx_options_text(server->settings, table[i].name))
                                                  : json_null(),
                                              "default", typed(&table[i], table[i].value), "text", table[i].text,
                                              "from", server->origins[i]));
    return list;
}

static merx_status shop_settings(mx_request *request, json_t **out, merx_error *err)
{
    static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    mx_shop_settings s;
    mx_reader *reader;
    int64_t offset = 0;
    char zone[8];

    MX_TRY(mx_served_shop_take(request->shop, &reader, err));
    merx_status status = mx_shop_settings_read(reader->shop->records, &request->arena, &s, err);
    if (status == MERX_OK)
        status = mx_records_last_offset(reader->shop->records, &offset, err);
    mx_served_shop_give(request->shop, reader);
    if (status != MERX_OK)
        return status;
    int64_t minutes = (s.zone_ms < 0 ? -s.zone_ms : s.zone_ms) / 60000 % 1440;
    snprintf(zone, sizeof zone, "%c%02d:%02d", s.zone_ms < 0 ? '-' : '+', (int)(minutes / 60), (int)(minutes % 60));
    *out = json_pack("{s:s, s:I, s:i, s:i, s:s, s:s, s:s, s:s}", "name", request->shop->name, "offset",
                     (json_int_t)offset, "decimals", s.decimals, "decimals_shown", s.decimals_least, "currency",
                     s.currency, "time_zone", zone, "week_start", days[s.week_start], "services", s.services);
    return MERX_OK;
}

void mx_handle_settings(mx_request *request)
{
    merx_error err = {0};
    json_t *shop = NULL;
    if (shop_settings(request, &shop, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200,
                        json_pack("{s:o, s:o}", "settings", server_settings(request->server), "shop", shop));
}
