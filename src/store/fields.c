/*
 * The table of fields, and what is read from it: checks and copies.
 */
#include "store/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TIME_MIN INT64_C(-62135596800000) /* 0001-01-01 */
#define TIME_MAX INT64_C(253402300799999) /* 9999-12-31T23:59:59.999 */

#define AT(member) offsetof(mx_record, member)
/* A text; an id that must be there; a number; money; a time. */
#define TEXT(label, member, max)                                                                                       \
    {                                                                                                                  \
        .name = (label), .type = MX_FIELD_TEXT, .offset = AT(member), .max_size = (max)                                \
    }
#define ID(label, member, max)                                                                                         \
    {                                                                                                                  \
        .name = (label), .type = MX_FIELD_TEXT, .offset = AT(member), .max_size = (max), .required = true              \
    }
#define INT(label, member, least, most)                                                                                \
    {                                                                                                                  \
        .name = (label), .type = MX_FIELD_INT, .offset = AT(member), .minimum = (least), .maximum = (most)             \
    }
#define INT_IF(label, member, has, least, most)                                                                        \
    {                                                                                                                  \
        .name = (label), .type = MX_FIELD_INT, .offset = AT(member), .has_offset = AT(has), .minimum = (least),        \
        .maximum = (most)                                                                                              \
    }
#define BOOL(label, member)                                                                                            \
    {                                                                                                                  \
        .name = (label), .type = MX_FIELD_BOOL, .offset = AT(member), .minimum = 0, .maximum = 1                       \
    }
#define TIME(label, member) INT(label, member, TIME_MIN, TIME_MAX)
#define COUNT(label, member) INT(label, member, 0, INT64_MAX)

static const mx_field event_fields[] = {
    TEXT("id", event.id, MX_ID_MAX),
    TEXT("source", event.source, MX_NAME_MAX),
    INT("row", event.row, 0, INT64_MAX - 1),
    TIME("time_ms", event.time_ms),
    {.name = "kind", .type = MX_FIELD_KIND, .offset = AT(event.kind), .minimum = 0, .maximum = MX_EVENT_KINDS - 1},
    TEXT("customer", event.customer, MX_ID_MAX),
    ID("product", event.product, MX_ID_MAX),
    TEXT("order", event.order, MX_ID_MAX),
    TEXT("session", event.session, MX_ID_MAX),
    INT("quantity", event.quantity, -MX_QUANTITY_MAX, MX_QUANTITY_MAX),
    INT_IF("price_minor", event.price_minor, event.has_price, -MX_MONEY_MAX, MX_MONEY_MAX),
    TEXT("title", event.title, MX_NAME_MAX),
    TEXT("country", event.country, MX_ID_MAX),
};
static const mx_field product_fields[] = {
    ID("id", product.id, MX_ID_MAX),
    TEXT("title", product.title, MX_NAME_MAX),
    TEXT("category", product.category, MX_NAME_MAX),
    TEXT("brand", product.brand, MX_NAME_MAX),
    TEXT("image", product.image, MX_NAME_MAX),
    TEXT("text", product.text, MX_TEXT_MAX),
    TEXT("attributes", product.attributes, MX_TEXT_MAX),
    INT_IF("price_minor", product.price_minor, product.has_price, -MX_MONEY_MAX, MX_MONEY_MAX),
    BOOL("service", product.service),
};
static const mx_field customer_fields[] = {
    ID("id", customer.id, MX_ID_MAX),
    TEXT("country", customer.country, MX_ID_MAX),
    TEXT("attributes", customer.attributes, MX_TEXT_MAX),
    INT_IF("created_ms", customer.created_ms, customer.has_created, TIME_MIN, TIME_MAX),
};
static const mx_field order_fields[] = {
    ID("id", order.id, MX_ID_MAX),           TEXT("customer", order.customer, MX_ID_MAX),
    TEXT("status", order.status, MX_ID_MAX), TEXT("country", order.country, MX_ID_MAX),
    TIME("time_ms", order.time_ms),
};
static const mx_field message_fields[] = {
    ID("id", message.id, MX_ID_MAX),
    TEXT("customer", message.customer, MX_ID_MAX),
    TEXT("channel", message.channel, MX_ID_MAX),
    TEXT("language", message.language, MX_ID_MAX),
    TEXT("text", message.text, MX_TEXT_MAX),
    TEXT("intent", message.intent, MX_NAME_MAX),
    TEXT("reply", message.reply, MX_TEXT_MAX),
    TIME("time_ms", message.time_ms),
};
static const mx_field review_fields[] = {
    ID("id", review.id, MX_ID_MAX),
    TEXT("customer", review.customer, MX_ID_MAX),
    TEXT("product", review.product, MX_ID_MAX),
    TEXT("title", review.title, MX_NAME_MAX),
    TEXT("text", review.text, MX_TEXT_MAX),
    TIME("time_ms", review.time_ms),
    {.name = "rating", .type = MX_FIELD_REAL, .offset = AT(review.rating)},
};
static const mx_field source_fields[] = {
    ID("name", source.name, MX_NAME_MAX),   TEXT("file_sha256", source.file_sha256, MX_ID_MAX),
    COUNT("file_bytes", source.file_bytes), COUNT("rows", source.rows),
    COUNT("accepted", source.accepted),     COUNT("refused", source.refused),
    COUNT("text_bytes", source.text_bytes), TEXT("text_sha256", source.text_sha256, MX_ID_MAX),
};
static const mx_field setting_fields[] = {
    ID("key", setting.key, MX_ID_MAX),
    TEXT("value", setting.value, MX_TEXT_MAX),
};
static const mx_field model_fields[] = {
    ID("answer", model.answer, MX_ID_MAX),
    INT("version", model.version, 0, INT64_MAX - 1),
    TEXT("blob", model.blob, MX_NAME_MAX),
    TEXT("sha256", model.sha256, MX_ID_MAX),
    TIME("created_ms", model.created_ms),
    INT("data_offset", model.data_offset, 0, INT64_MAX),
    BOOL("live", model.live),
    TEXT("metrics", model.metrics, MX_TEXT_MAX),
    TEXT("options", model.options, MX_TEXT_MAX),
};

#define FIELDS(array, key_count)                                                                                       \
    {                                                                                                                  \
        (array), sizeof(array) / sizeof *(array), (key_count)                                                          \
    }
static const mx_fields kinds[MX_RECORD_KINDS] = {
    [MX_EVENT] = FIELDS(event_fields, 1),       [MX_PRODUCT] = FIELDS(product_fields, 1),
    [MX_CUSTOMER] = FIELDS(customer_fields, 1), [MX_ORDER] = FIELDS(order_fields, 1),
    [MX_MESSAGE] = FIELDS(message_fields, 1),   [MX_REVIEW] = FIELDS(review_fields, 1),
    [MX_SOURCE] = FIELDS(source_fields, 1),     [MX_SETTING] = FIELDS(setting_fields, 1),
    [MX_MODEL] = FIELDS(model_fields, 2),
};
static const char *const kind_names[MX_RECORD_KINDS] = {"event",  "product", "customer", "order", "message",
                                                        "review", "source",  "setting",  "model"};
static const char *const event_kind_names[MX_EVENT_KINDS] = {"view", "cart", "purchase", "return"};

const mx_fields *mx_record_fields(mx_record_kind kind)
{
    return &kinds[kind];
}

const char *mx_record_kind_name(mx_record_kind kind)
{
    return (unsigned)kind < MX_RECORD_KINDS ? kind_names[kind] : "unknown";
}

const char *mx_event_kind_name(mx_event_kind kind)
{
    return (unsigned)kind < MX_EVENT_KINDS ? event_kind_names[kind] : "unknown";
}

mx_str *mx_field_text(const mx_field *field, mx_record *record)
{
    return (mx_str *)(void *)((char *)record + field->offset);
}

const mx_str *mx_field_text_of(const mx_field *field, const mx_record *record)
{
    return (const mx_str *)(const void *)((const char *)record + field->offset);
}

bool mx_field_int(const mx_field *field, const mx_record *record, int64_t *value)
{
    const char *base = (const char *)record;
    *value = 0;
    if (field->has_offset != 0 && !*(const bool *)(base + field->has_offset))
        return false;
    if (field->type == MX_FIELD_BOOL)
        *value = *(const bool *)(base + field->offset);
    else if (field->type == MX_FIELD_KIND)
        *value = *(const mx_event_kind *)(const void *)(base + field->offset);
    else
        memcpy(value, base + field->offset, sizeof *value);
    return true;
}

void mx_field_set_int(const mx_field *field, mx_record *record, bool present, int64_t value)
{
    char *base = (char *)record;
    if (field->has_offset != 0)
        *(bool *)(base + field->has_offset) = present;
    if (!present)
        value = 0;
    if (field->type == MX_FIELD_BOOL)
        *(bool *)(base + field->offset) = value != 0;
    else if (field->type == MX_FIELD_KIND)
        *(mx_event_kind *)(void *)(base + field->offset) = (mx_event_kind)value;
    else
        memcpy(base + field->offset, &value, sizeof value);
}

double mx_field_real(const mx_field *field, const mx_record *record)
{
    double value;
    memcpy(&value, (const char *)record + field->offset, sizeof value);
    return value;
}

void mx_field_set_real(const mx_field *field, mx_record *record, double value)
{
    memcpy((char *)record + field->offset, &value, sizeof value);
}

merx_status mx_text_check(mx_str text, size_t max_size, bool required, const char *where, const char *name,
                          merx_error *err)
{
    size_t bad;

    if (text.size == 0) {
        if (required)
            MX_FAIL(err, MERX_E_INVALID, where, "%s is missing", name);
        return MERX_OK;
    }
    if (text.size > max_size)
        MX_FAIL(err, MERX_E_LIMIT, where, "%s is %zu bytes long; at most %zu are taken", name, text.size, max_size);
    if (memchr(text.data, '\0', text.size) != NULL)
        MX_FAIL(err, MERX_E_INVALID, where, "%s holds a zero byte", name);
    if (!mx_utf8_valid(text, &bad))
        MX_FAIL(err, MERX_E_INVALID, where, "%s is not valid UTF-8 (byte %zu)", name, bad);
    return MERX_OK;
}

static merx_status check_field(const mx_field *field, const mx_record *record, const char *where, merx_error *err)
{
    int64_t value;

    switch (field->type) {
    case MX_FIELD_TEXT:
        return mx_text_check(*mx_field_text_of(field, record), field->max_size, field->required, where, field->name,
                             err);
    case MX_FIELD_REAL:
        if (isinf(mx_field_real(field, record)))
            MX_FAIL(err, MERX_E_RANGE, where, "%s is infinite", field->name);
        return MERX_OK;
    case MX_FIELD_INT:
    case MX_FIELD_KIND:
        if (mx_field_int(field, record, &value) && (value < field->minimum || value > field->maximum))
            MX_FAIL(err, MERX_E_RANGE, where, "%s is %" PRId64 "; expected %" PRId64 " to %" PRId64, field->name, value,
                    field->minimum, field->maximum);
        return MERX_OK;
    case MX_FIELD_BOOL:
        return MERX_OK;
    }
    return MERX_OK;
}

static merx_status check_record(const mx_record *record, const char *where, merx_error *err)
{
    const mx_fields *fields = &kinds[record->kind];

    for (size_t i = 0; i < fields->count; i++)
        MX_TRY(check_field(&fields->fields[i], record, where, err));
    if (record->kind == MX_EVENT && record->event.id.size == 0 && record->event.source.size == 0)
        MX_FAIL(err, MERX_E_INVALID, where, "an event needs an id, or a source and a row");
    if (record->kind == MX_MODEL && memchr(record->model.answer.data, '/', record->model.answer.size) != NULL)
        MX_FAIL(err, MERX_E_INVALID, where, "answer holds a '/'");
    return MERX_OK;
}

merx_status mx_record_check(const mx_record *record, size_t index, merx_error *err)
{
    char where[64];

    if ((unsigned)record->kind >= MX_RECORD_KINDS)
        MX_FAIL(err, MERX_E_INVALID, "", "record %zu of the batch has no such kind: %d", index, (int)record->kind);
    merx_status status = check_record(record, "", NULL);
    if (status == MERX_OK || err == NULL)
        return status;
    /* Only now the words: checking is on the path of every event. */
    snprintf(where, sizeof where, "%s %zu of the batch", kind_names[record->kind], index);
    return check_record(record, where, err);
}

merx_status mx_record_copy(const mx_record *record, mx_arena *arena, mx_record *out, merx_error *err)
{
    const mx_fields *fields = &kinds[record->kind];
    mx_record copy = *record;

    for (size_t i = 0; i < fields->count; i++) {
        if (fields->fields[i].type != MX_FIELD_TEXT)
            continue;
        mx_str *text = mx_field_text(&fields->fields[i], &copy);
        char *bytes = mx_arena_strndup(arena, text->size > 0 ? text->data : "", text->size, err);
        if (bytes == NULL)
            return MERX_E_MEMORY;
        text->data = bytes;
    }
    *out = copy;
    return MERX_OK;
}

bool mx_model_id_split(mx_str id, mx_str *answer, int64_t *version)
{
    size_t slash = 0;

    while (slash < id.size && id.data[slash] != '/')
        slash++;
    if (slash == 0 || slash == id.size)
        return false;
    mx_str rest = {id.data + slash + 1, id.size - slash - 1};
    *answer = (mx_str){id.data, slash};
    *version = 0;
    return mx_str_equal(rest, MX_STR("live")) || (mx_parse_int64(rest, version) && *version > 0);
}
