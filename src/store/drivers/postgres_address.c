/*
 * The address of a shop's records in PostgreSQL: a URL as libpq takes it, with two words more in its query that libpq does not know:
 *
 *   schema=NAME                 the schema that holds the shop; "merx" if not given
 *   statement_timeout_ms=N      the longest one statement may take; 600000 if not given, 0: no limit
 *
 * All the rest (hosts, ports, TLS: sslmode, sslrootcert, …) is libpq's: https://www.postgresql.org/docs/current/libpq-connect.html.
 */
#include <stdio.h>
#include <string.h>

#include "store/drivers/postgres_store.h"

#define ADDRESS_MAX 65536
#define STATEMENT_TIMEOUT_MS 600000
#define STATEMENT_TIMEOUT_MS_MAX 604800000 /* a week */

static bool name_is_plain(mx_str name)
{
    if (name.size == 0 || name.size > MX_PG_NAME_MAX || mx_str_starts(name, "pg_"))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return true;
}

/* One "word=value" of the query: taken when it is merx's own. */
static merx_status take_word(mx_pg *pg, mx_str word, mx_str value, bool *ours, merx_error *err)
{
    int64_t number;

    *ours = true;
    if (mx_str_equal(word, MX_STR("schema"))) {
        if (!name_is_plain(value))
            MX_FAIL(err, MERX_E_INVALID, pg->place,
                    "schema=%.*s: expected 1 to %d of a-z 0-9 _ -, beginning with a letter and not with pg_",
                    (int)(value.size < 80 ? value.size : 80), value.data, MX_PG_NAME_MAX);
        memcpy(pg->schema, value.data, value.size);
        pg->schema[value.size] = '\0';
    } else if (mx_str_equal(word, MX_STR("statement_timeout_ms"))) {
        if (!mx_parse_int64(value, &number) || number < 0 || number > STATEMENT_TIMEOUT_MS_MAX)
            MX_FAIL(err, MERX_E_INVALID, pg->place, "statement_timeout_ms=%.*s: expected 0 to %d",
                    (int)(value.size < 80 ? value.size : 80), value.data, STATEMENT_TIMEOUT_MS_MAX);
        pg->statement_timeout_ms = (int)number;
    } else {
        *ours = false;
    }
    return MERX_OK;
}

/* *url = the address without merx's words. */
static merx_status split_query(mx_pg *pg, mx_str address, mx_text *url, merx_error *err)
{
    const char *mark = memchr(address.data, '?', address.size), *end = address.data + address.size;
    bool ours, first = true;

    mx_text_append(url, address.data, mark != NULL ? (size_t)(mark - address.data) : address.size);
    while (mark != NULL) {
        const char *start = mark + 1, *stop = memchr(start, '&', (size_t)(end - start));
        size_t size = stop != NULL ? (size_t)(stop - start) : (size_t)(end - start);
        const char *equals = memchr(start, '=', size);
        mx_str word = {start, equals != NULL ? (size_t)(equals - start) : size};
        mx_str value = equals != NULL ? (mx_str){equals + 1, size - word.size - 1} : MX_STR("");
        MX_TRY(take_word(pg, word, value, &ours, err));
        if (!ours) {
            mx_text_puts(url, first ? "?" : "&");
            mx_text_append(url, start, size);
            first = false;
        }
        mark = stop;
    }
    return mx_text_ok(url, err);
}

static const char *option_of(const PQconninfoOption *options, const char *word)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, word) == 0)
            return options->val != NULL ? options->val : "";
    return "";
}

/* Lets libpq read the URL before anything connects, and notes where it leads. */
static merx_status check_url(mx_pg *pg, merx_error *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(pg->url, &message);

    if (options == NULL) {
        merx_status status = mx_error_set(
            err, message != NULL ? MERX_E_INVALID : MERX_E_MEMORY, pg->place, "is no address that libpq takes: %.*s",
            message != NULL ? (int)strcspn(message, "\n") : 13, message != NULL ? message : "out of memory");
        PQfreemem(message);
        return status;
    }
    snprintf(pg->place, sizeof pg->place, "postgresql://%.80s%s%.10s/%.40s schema %.40s", option_of(options, "host"),
             option_of(options, "port")[0] != '\0' ? ":" : "", option_of(options, "port"), option_of(options, "dbname"),
             pg->schema);
    PQconninfoFree(options);
    return MERX_OK;
}

merx_status mx_pg_read_address(mx_pg *pg, const char *address, merx_error *err)
{
    mx_text url;

    snprintf(pg->place, sizeof pg->place, "postgresql:");
    snprintf(pg->schema, sizeof pg->schema, "merx");
    pg->statement_timeout_ms = STATEMENT_TIMEOUT_MS;
    if (!mx_str_starts(mx_str_of(address), "//"))
        MX_FAIL(err, MERX_E_INVALID, pg->place,
                "expected postgresql://USER@HOST:PORT/DATABASE?schema=NAME as address of the records");
    mx_text_init(&url, pg->alloc, ADDRESS_MAX);
    mx_text_puts(&url, "postgresql:");
    merx_status status = split_query(pg, mx_str_of(address), &url, err);
    mx_pg_name_channel(pg);
    if (status == MERX_OK)
        status = mx_alloc_array_raw(pg->alloc, url.size + 1, 1, "address", &pg->url, err);
    if (status == MERX_OK) {
        pg->url_size = url.size + 1;
        memcpy(pg->url, url.data, url.size + 1);
        status = check_url(pg, err);
    }
    mx_text_release(&url);
    return status;
}
