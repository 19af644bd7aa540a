/*
 * Events, products, customers, messages and reviews as JSON, read and written by the store's own table of fields (store/fields.h). Floor 7.
 *
 * A field's name is the store's, without its unit: "price_minor" is "price" (a decimal amount, as text or number), "time_ms" is "time" (ISO 8601 text, or a number of
 * seconds since 1970), "created_ms" is "created". Nothing is guessed: an unknown field, a value of another type or out of range is refused with what was expected.
 */
#ifndef MX_SERVER_RECORD_JSON_H
#define MX_SERVER_RECORD_JSON_H

#include <jansson.h>

#include "shop/settings.h"

/* What was refused: the first of them as JSON [{index, field, value, expected}], and how many. */
#define MX_ROW_ERRORS_SHOWN 100
typedef struct mx_row_errors {
    json_t *list; /* NULL until the first */
    size_t count;
} mx_row_errors;
/* value NULL: it was missing. */
void mx_row_error(mx_row_errors *errors, size_t index, const char *field, const json_t *value, const char *format, ...)
    MERX_PRINTF(5, 6);

typedef struct mx_json_reader {
    const mx_shop_settings *settings;
    mx_arena *arena; /* texts are copied into it */
    mx_row_errors *errors;
    size_t index; /* of this record in the request */
    int64_t now_ms;
} mx_json_reader;

/*
 * Reads one record. *good false: something was refused and noted.
 * kind   MX_EVENT (an id, a kind and a product are needed; quantity: 1), MX_PRODUCT, MX_CUSTOMER, MX_MESSAGE (a text is needed), MX_REVIEW; time: now
 * id     of the path: what the record's id is, and must be when it is said; NULL: it is said
 * Errors: MERX_E_MEMORY alone.
 */
merx_status mx_record_from_json(mx_json_reader *reader, mx_record_kind kind, json_t *json, const char *id,
                                mx_record *out, bool *good, merx_error *err) MERX_MUST_CHECK;
/*
 * Absent fields are left out. Of an event also its offset, and source and row where it has no id. What comes out can be read again, imported rows without an id apart.
 * NULL: no memory.
 */
json_t *mx_record_to_json(const mx_record *record, const mx_shop_settings *settings);
/* JSON merge patch (RFC 7396) of one object by another. False: no memory. Recursion is as deep as the patch, which the parser bounds. */
bool mx_json_merge(json_t *target, json_t *patch);
/* JSON schema of the kind, for OpenAPI. */
json_t *mx_record_schema(mx_record_kind kind);

#endif
