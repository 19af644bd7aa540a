/*
 * Replies: building them in an arena, and showing them as text, JSON and a table.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/answer.h"
#include "shop/heap_arena.h"
#include "shop/text_table.h"

/* ---- building ---- */

merx_status mx_reply_items(merx_reply *reply, size_t n, mx_arena *arena, merx_error *err)
{
    reply->items = 0;
    reply->item = NULL;
    if (n == 0)
        return MERX_OK;
    reply->item = mx_arena_array(arena, n, sizeof *reply->item, err);
    if (!reply->item)
        return MERX_E_MEMORY;
    reply->items = n;
    for (size_t i = 0; i < n; i++)
        reply->item[i].id = reply->item[i].title = "";
    return MERX_OK;
}

merx_status mx_item_fields(merx_item *item, size_t n, mx_arena *arena, merx_error *err)
{
    item->fields = 0;
    item->field = NULL;
    if (n == 0)
        return MERX_OK;
    item->field = mx_arena_array(arena, n, sizeof *item->field, err);
    if (!item->field)
        return MERX_E_MEMORY;
    item->fields = n;
    return MERX_OK;
}

merx_status mx_item_reasons(merx_item *item, size_t n, mx_arena *arena, merx_error *err)
{
    item->reasons = 0;
    item->reason = NULL;
    if (n == 0)
        return MERX_OK;
    item->reason = mx_arena_array(arena, n, sizeof *item->reason, err);
    if (!item->reason)
        return MERX_E_MEMORY;
    item->reasons = n;
    for (size_t i = 0; i < n; i++)
        item->reason[i] = (merx_reason){.kind = "", .id = "", .text = "", .without = NAN};
    return MERX_OK;
}

merx_status mx_reply_add_note(merx_reply *reply, mx_arena *arena, const char *text, merx_error *err)
{
    const char **notes = mx_arena_array(arena, reply->notes + 1, sizeof *notes, err);
    if (!notes)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < reply->notes; i++)
        notes[i] = reply->note[i];
    notes[reply->notes++] = text;
    reply->note = notes;
    return MERX_OK;
}

merx_status mx_reply_note(merx_reply *reply, mx_arena *arena, merx_error *err, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *copy = mx_arena_strdup(arena, text, err);
    return copy ? mx_reply_add_note(reply, arena, copy, err) : MERX_E_MEMORY;
}

static int compare_reasons(const void *a, const void *b)
{
    const merx_reason *x = a;
    const merx_reason *y = b;
    double p = fabs(x->contribution);
    double q = fabs(y->contribution);
    if (p != q)
        return p > q ? -1 : 1;
    int order = strcmp(x->id ? x->id : "", y->id ? y->id : "");
    return order ? order : strcmp(x->kind ? x->kind : "", y->kind ? y->kind : "");
}

void mx_item_sort_reasons(merx_item *item)
{
    enum { FEW = 32 };
    if (item->reasons > FEW) {
        qsort(item->reason, item->reasons, sizeof *item->reason, compare_reasons);
        return;
    }
    for (size_t i = 1; i < item->reasons; i++) {
        merx_reason moved = item->reason[i];
        size_t at = i;
        for (; at > 0 && compare_reasons(&item->reason[at - 1], &moved) > 0; at--)
            item->reason[at] = item->reason[at - 1];
        item->reason[at] = moved;
    }
}

void merx_reply_release(merx_reply *reply)
{
    if (!reply)
        return;
    mx_heap_arena_free(reply->memory);
    memset(reply, 0, sizeof *reply);
}

/* ---- values ---- */

/* With so many digits after the point; 0: the shortest that reads back. printf's point would follow the locale, so numbers are written as decimals. */
static size_t format_real(double value, int decimals, char *out, size_t size)
{
    char text[64];
    int64_t scale = 1;

    for (int i = 0; i < decimals && i < 9; i++)
        scale *= 10;
    double scaled = value * (double)scale;
    if (decimals <= 0 || decimals > 9 || !isfinite(value) || fabs(scaled) > 9e15) {
        mx_format_double(value, text);
        return (size_t)snprintf(out, size, "%s", text);
    }
    int64_t rounded = (int64_t)llround(scaled);
    if (rounded == 0)
        rounded = 0; /* no "-0.00" */
    mx_format_decimal(rounded, decimals, text, sizeof text);
    return (size_t)snprintf(out, size, "%s", text);
}

size_t merx_value_format(const merx_value *value, char *out, size_t size)
{
    char text[64];
    switch (value->type) {
    case MERX_VALUE_TEXT:
        return (size_t)snprintf(out, size, "%s", value->text ? value->text : "");
    case MERX_VALUE_INT:
        return (size_t)snprintf(out, size, "%" PRId64, value->integer);
    case MERX_VALUE_REAL:
        return format_real(value->real, value->decimals, out, size);
    case MERX_VALUE_SHARE:
        if (!isfinite(value->real))
            return (size_t)snprintf(out, size, "-");
        format_real(value->real * 100, 1, text, sizeof text);
        return (size_t)snprintf(out, size, "%s %%", text);
    case MERX_VALUE_MONEY:
        mx_format_decimal(value->integer, value->decimals, text, sizeof text);
        return (size_t)snprintf(out, size, "%s", text);
    case MERX_VALUE_DATE:
        mx_format_date(value->integer, value->integer % MX_DAY_MS != 0, text);
        return (size_t)snprintf(out, size, "%s", text);
    }
    return (size_t)snprintf(out, size, "%s", "");
}

/* ---- JSON ---- */

enum { NUMBER_MOST = 80 };

/* Where n bytes may be written; NULL: no memory, which the text says at its end. Most often there is room. */
static inline char *room(mx_text *out, size_t n)
{
    return n < out->capacity - out->size ? out->data + out->size : mx_text_room(out, n);
}

static inline void put(mx_text *out, const char *data, size_t size)
{
    char *p = room(out, size);
    if (!p)
        return;
    memcpy(p, data, size);
    out->size += size;
}
#define PUT(out, literal) put((out), (literal), sizeof(literal) - 1)

static void put_text(mx_text *out, const char *value)
{
    mx_str text = mx_str_of(value);
    char *begin = room(out, MX_JSON_MOST(text.size) + 2), *p = begin;
    if (!p)
        return;
    *p++ = '"';
    p = mx_write_json(p, text);
    *p++ = '"';
    out->size += (size_t)(p - begin);
}

static void put_int(mx_text *out, int64_t value)
{
    char *p = room(out, NUMBER_MOST);
    out->size += p ? mx_format_int64(value, p) : 0;
}

/* JSON has no NaN and no infinity: null. */
static void put_real(mx_text *out, double value)
{
    char *p = room(out, NUMBER_MOST);
    if (p && isfinite(value))
        out->size += mx_format_double(value, p);
    else
        PUT(out, "null");
}

static void put_json_value(mx_text *out, const merx_value *value)
{
    char text[64];
    switch (value->type) {
    case MERX_VALUE_TEXT:
        put_text(out, value->text);
        break;
    case MERX_VALUE_INT:
        put_int(out, value->integer);
        break;
    case MERX_VALUE_MONEY: /* exact text */
        mx_format_decimal(value->integer, value->decimals, text, sizeof text);
        put_text(out, text);
        break;
    case MERX_VALUE_REAL:
    case MERX_VALUE_SHARE:
        put_real(out, value->real);
        break;
    default: /* dates as ISO 8601 */
        merx_value_format(value, text, sizeof text);
        put_text(out, text);
    }
}

static void json_reason(mx_text *out, const merx_reason *reason)
{
    PUT(out, "{\"kind\":");
    put_text(out, reason->kind);
    PUT(out, ",\"id\":");
    put_text(out, reason->id);
    PUT(out, ",\"text\":");
    put_text(out, reason->text);
    PUT(out, ",\"contribution\":");
    put_real(out, reason->contribution);
    PUT(out, ",\"without\":");
    put_real(out, reason->without);
    PUT(out, "}");
}

/* ---- types of fields ---- */

static const char *const type_names[] = {
    [MERX_VALUE_TEXT] = "text",   [MERX_VALUE_INT] = "int",     [MERX_VALUE_REAL] = "real",
    [MERX_VALUE_SHARE] = "share", [MERX_VALUE_MONEY] = "money", [MERX_VALUE_DATE] = "date"};

/* The first field of that name among the items before; NULL: none. */
static const merx_field *first_of(const merx_reply *reply, size_t item, size_t field)
{
    const merx_field *wanted = &reply->item[item].field[field];
    for (size_t i = 0; i < item; i++) {
        const merx_item *other = &reply->item[i];
        /* Most often a field has the same place in all items. */
        if (field < other->fields &&
            (other->field[field].name == wanted->name || strcmp(other->field[field].name, wanted->name) == 0))
            return &other->field[field];
        for (size_t f = 0; f < other->fields; f++)
            if (strcmp(other->field[f].name, wanted->name) == 0)
                return &other->field[f];
    }
    return NULL;
}

static void json_type(mx_text *out, const merx_field *field, bool *first)
{
    if (*first)
        PUT(out, "\"types\":{");
    else
        PUT(out, ",");
    put_text(out, field->name);
    PUT(out, ":");
    put_text(out, type_names[field->value.type]);
    *first = false;
}

/* Once for all items: what the fields of each name are. */
static void json_types(mx_text *out, const merx_reply *reply)
{
    bool first = true;
    for (size_t i = 0; i < reply->items; i++)
        for (size_t f = 0; f < reply->item[i].fields; f++)
            if (!first_of(reply, i, f))
                json_type(out, &reply->item[i].field[f], &first);
    if (first)
        PUT(out, "\"types\":{");
    PUT(out, "}");
}

/* Of one item: where they are not what the reply says. */
static void json_own_types(mx_text *out, const merx_reply *reply, size_t item)
{
    bool first = true;
    for (size_t f = 0; f < reply->item[item].fields; f++) {
        const merx_field *other = first_of(reply, item, f);
        if (!other || other->value.type == reply->item[item].field[f].value.type)
            continue;
        if (first)
            PUT(out, ",");
        json_type(out, &reply->item[item].field[f], &first);
    }
    if (!first)
        PUT(out, "}");
}

static void json_item(mx_text *out, const merx_reply *reply, size_t number)
{
    const merx_item *item = &reply->item[number];
    PUT(out, "{\"id\":");
    put_text(out, item->id);
    PUT(out, ",\"title\":");
    put_text(out, item->title);
    PUT(out, ",\"score\":");
    put_real(out, item->score);
    PUT(out, ",\"fields\":{");
    for (size_t i = 0; i < item->fields; i++) {
        if (i > 0)
            PUT(out, ",");
        put_text(out, item->field[i].name);
        PUT(out, ":");
        put_json_value(out, &item->field[i].value);
    }
    PUT(out, "}");
    json_own_types(out, reply, number);
    if (item->reason) {
        PUT(out, ",\"reasons\":[");
        for (size_t i = 0; i < item->reasons; i++) {
            if (i > 0)
                PUT(out, ",");
            json_reason(out, &item->reason[i]);
        }
        PUT(out, "]");
    }
    PUT(out, "}");
}

static size_t usual_size(const merx_reply *reply)
{
    enum { HEAD = 512, AN_ITEM = 256, A_REASON = 256, MOST = 1 << 20 };
    size_t size = HEAD;
    for (size_t i = 0; i < reply->items && size < MOST; i++)
        size += AN_ITEM + reply->item[i].reasons * A_REASON;
    return size < MOST ? size : MOST;
}

void mx_reply_write_json(const merx_reply *reply, mx_text *out)
{
    (void)mx_text_room(out, usual_size(reply)); /* instead of many small growths */
    PUT(out, "{\"answer\":");
    put_text(out, reply->answer);
    PUT(out, ",\"sentence\":");
    put_text(out, reply->sentence);
    PUT(out, ",\"score_unit\":");
    put_text(out, reply->score_unit);
    PUT(out, ",\"model_version\":");
    put_int(out, reply->model_version);
    PUT(out, ",\"data_offset\":");
    put_int(out, reply->data_offset);
    PUT(out, ",");
    json_types(out, reply);
    PUT(out, ",\"items\":[");
    for (size_t i = 0; i < reply->items; i++) {
        if (i > 0)
            PUT(out, ",");
        json_item(out, reply, i);
    }
    PUT(out, "],\"notes\":[");
    for (size_t i = 0; i < reply->notes; i++) {
        if (i > 0)
            PUT(out, ",");
        put_text(out, reply->note[i]);
    }
    PUT(out, "]}");
    if (room(out, 0))
        mx_text_wrote(out, 0); /* its end */
}

merx_status merx_reply_json(const merx_reply *reply, char **text, merx_error *err)
{
    mx_text out;
    *text = NULL;
    mx_text_init(&out, NULL, MX_REPLY_TEXT_MAX);
    mx_reply_write_json(reply, &out);
    merx_status status = mx_text_give(&out, text, err);
    mx_text_release(&out);
    return status;
}

/* ---- a table ---- */

static bool is_number(const merx_value *value)
{
    return value->type != MERX_VALUE_TEXT && value->type != MERX_VALUE_DATE;
}

/* Whether fields of this item have the names of the first: then they share one table. */
static bool same_fields(const merx_item *a, const merx_item *b)
{
    if (a->fields != b->fields)
        return false;
    for (size_t i = 0; i < a->fields; i++)
        if (strcmp(a->field[i].name, b->field[i].name) != 0)
            return false;
    return true;
}

static bool any_title(const merx_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].title && *items[i].title)
            return true;
    return false;
}

static void put_value(mx_table *table, const merx_value *value)
{
    char text[512];
    merx_value shown = *value;
    /* The shortest text that reads back has up to 17 digits: too many for the eye. */
    if (shown.type == MERX_VALUE_REAL && shown.decimals == 0)
        shown.decimals = fabs(shown.real) >= 100 ? 1 : fabs(shown.real) >= 10 ? 2 : 4;
    merx_value_format(&shown, text, sizeof text);
    mx_table_cell(table, text);
}

/* A run of items with the same fields. */
static merx_status put_items(const merx_item *items, size_t n, const char *score_unit, int columns, bool colour,
                             mx_text *out, merx_error *err)
{
    const char *header[MX_TABLE_COLUMNS_MAX];
    char align[MX_TABLE_COLUMNS_MAX + 1];
    mx_table table;
    size_t c = 0;
    bool titles = any_title(items, n);
    bool scores = score_unit && *score_unit;

#define COLUMN(name, side) (header[c] = (name), align[c++] = (side))
    COLUMN("id", 'l');
    if (titles)
        COLUMN("title", 'l');
    if (scores)
        COLUMN("score", 'r');
    size_t fields = items[0].fields;
    if (fields > MX_TABLE_COLUMNS_MAX - c)
        fields = MX_TABLE_COLUMNS_MAX - c;
    for (size_t i = 0; i < fields; i++)
        COLUMN(items[0].field[i].name, is_number(&items[0].field[i].value) ? 'r' : 'l');
#undef COLUMN
    align[c] = '\0';
    mx_table_init(&table, NULL, c, header, align);
    for (size_t i = 0; i < n; i++) {
        mx_table_cell(&table, items[i].id);
        if (titles)
            mx_table_cell(&table, items[i].title);
        if (scores)
            put_value(&table, &(merx_value){.type = MERX_VALUE_REAL, .decimals = 4, .real = items[i].score});
        for (size_t f = 0; f < fields; f++)
            put_value(&table, &items[i].field[f].value);
    }
    merx_status status = mx_table_print(&table, columns, colour, out, err);
    mx_table_release(&table);
    return status;
}

static merx_status put_reasons(const merx_item *item, int columns, bool colour, mx_text *out, merx_error *err)
{
    static const char *const header[] = {"  contribution", "without", "because"};
    mx_table table;
    char score[64];

    format_real(item->score, 4, score, sizeof score);
    mx_text_printf(out, "\n%s%s%s: score %s is the sum of\n", item->id ? item->id : "",
                   item->title && *item->title ? " " : "", item->title ? item->title : "", score);
    mx_table_init(&table, NULL, 3, header, "rrl");
    for (size_t i = 0; i < item->reasons; i++) {
        const merx_reason *r = &item->reason[i];
        char number[64];
        format_real(r->contribution, 4, number, sizeof number);
        mx_table_printf(&table, "%s%s", r->contribution >= 0 ? "+" : "", number);
        if (isfinite(r->without))
            format_real(r->without, 4, number, sizeof number);
        mx_table_cell(&table, isfinite(r->without) ? number : "");
        mx_table_cell(&table, r->text);
    }
    merx_status status = mx_table_print(&table, columns, colour, out, err);
    mx_table_release(&table);
    return status;
}

merx_status merx_reply_table(const merx_reply *reply, int columns, bool colour, char **text, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_text out;

    *text = NULL;
    mx_text_init(&out, NULL, MX_REPLY_TEXT_MAX);
    if (reply->sentence && *reply->sentence)
        mx_text_printf(&out, "%s\n", reply->sentence);
    for (size_t first = 0, end; first < reply->items; first = end) {
        for (end = first + 1; end < reply->items && same_fields(&reply->item[first], &reply->item[end]); end++)
            ;
        mx_text_puts(&out, "\n");
        MX_TRY_GOTO(put_items(reply->item + first, end - first, reply->score_unit, columns, colour, &out, err));
    }
    for (size_t i = 0; i < reply->items; i++)
        if (reply->item[i].reasons > 0)
            MX_TRY_GOTO(put_reasons(&reply->item[i], columns, colour, &out, err));
    if (reply->notes > 0)
        mx_text_puts(&out, "\n");
    for (size_t i = 0; i < reply->notes; i++)
        mx_text_printf(&out, "note: %s\n", reply->note[i]);
    if (reply->score_unit && *reply->score_unit && reply->items > 0)
        mx_text_printf(&out, "score: %s\n", reply->score_unit);
    MX_TRY_GOTO(mx_text_give(&out, text, err));
out:
    mx_text_release(&out);
    return status;
}
