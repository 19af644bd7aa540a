/*
 * Lines of JSON by the table of fields.
 */
#include "store/record_lines.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OFFSET_COLUMN (-1)
/* A text of MX_TEXT_MAX bytes as JSON writes it at most: six bytes for one. */
#define FIELD_BYTES_MAX ((size_t)6 * MX_TEXT_MAX + 2)

static void put_name(mx_text *text, const char *name, bool *first)
{
    mx_text_puts(text, *first ? "{\"" : ",\"");
    mx_text_puts(text, name);
    mx_text_puts(text, "\":");
    *first = false;
}

static void put_int(mx_text *text, int64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRId64, value);
    mx_text_append(text, digits, (size_t)size);
}

static void put_quoted(mx_text *text, mx_str value)
{
    mx_text_puts(text, "\"");
    mx_text_json(text, value);
    mx_text_puts(text, "\"");
}

static void put_field(mx_text *text, const mx_field *field, const mx_record *record, bool *first)
{
    char digits[40];
    int64_t value;

    if (field->type == MX_FIELD_TEXT) {
        mx_str string = *mx_field_text_of(field, record);
        if (string.size == 0)
            return;
        put_name(text, field->name, first);
        put_quoted(text, string);
    } else if (field->type == MX_FIELD_REAL) {
        double real = mx_field_real(field, record);
        if (isnan(real))
            return;
        put_name(text, field->name, first);
        mx_text_append(text, digits, mx_format_double(real, digits));
    } else if (mx_field_int(field, record, &value)) {
        put_name(text, field->name, first);
        if (field->type == MX_FIELD_KIND)
            put_quoted(text, mx_str_of(mx_event_kind_name((mx_event_kind)value)));
        else if (field->type == MX_FIELD_BOOL)
            mx_text_puts(text, value != 0 ? "true" : "false");
        else
            put_int(text, value);
    }
}

void mx_record_line_write(mx_text *text, const mx_record *record)
{
    const mx_fields *fields = mx_record_fields(record->kind);
    bool first = true;

    if (record->kind == MX_EVENT) {
        put_name(text, "offset", &first);
        put_int(text, record->event.offset);
    }
    for (size_t i = 0; i < fields->count; i++)
        put_field(text, &fields->fields[i], record, &first);
    mx_text_puts(text, first ? "{}\n" : "}\n");
}

/* ---- reading ---- */

/* Columns come as keys are met: later lines may bring more. */
static merx_status name_columns(mx_record_lines *lines, merx_error *err)
{
    const mx_fields *fields = mx_record_fields(lines->kind);

    for (size_t c = lines->columns.count; c < mx_rows_columns(lines->rows); c++) {
        const char *name = mx_rows_column(lines->rows, c);
        int field = OFFSET_COLUMN;
        if (lines->kind != MX_EVENT || strcmp(name, "offset") != 0)
            for (field = 0; (size_t)field < fields->count; field++)
                if (strcmp(fields->fields[field].name, name) == 0)
                    break;
        if (field >= 0 && (size_t)field == fields->count)
            MX_FAIL(err, MERX_E_VERSION, mx_rows_name(lines->rows),
                    "has the field \"%.60s\", which this version of merx does not know: use a newer merx", name);
        MX_TRY(mx_vec_append(&lines->columns, &field, 1, err));
    }
    return MERX_OK;
}

merx_status mx_record_lines_open(mx_record_lines *lines, mx_record_kind kind, const void *data, size_t size,
                                 const char *name, const merx_allocator *alloc, merx_error *err)
{
    const mx_rows_options options = {.format = MX_ROWS_JSONL, .max_field_bytes = FIELD_BYTES_MAX};
    mx_source *source;

    memset(lines, 0, sizeof *lines);
    lines->kind = kind;
    lines->columns = mx_vec_init(alloc, sizeof(int), 4096, "columns");
    MX_TRY(mx_source_memory(data, size, name, alloc, 0, &source, err));
    return mx_rows_open(source, &options, alloc, &lines->rows, err);
}

void mx_record_lines_close(mx_record_lines *lines)
{
    mx_rows_close(lines->rows);
    mx_vec_release(&lines->columns);
    lines->rows = NULL;
}

static bool kind_of(mx_str text, int64_t *value)
{
    for (*value = 0; *value < MX_EVENT_KINDS; ++*value)
        if (mx_str_equal(text, mx_str_of(mx_event_kind_name((mx_event_kind)*value))))
            return true;
    return false;
}

/* A value that is there. */
static bool set_field(const mx_field *field, mx_record *record, mx_str text, bool quoted)
{
    int64_t value = 0;
    double real;

    switch (field->type) {
    case MX_FIELD_TEXT:
        *mx_field_text(field, record) = text;
        return quoted;
    case MX_FIELD_REAL:
        if (quoted || !mx_parse_double(text, &real))
            return false;
        mx_field_set_real(field, record, real);
        return true;
    case MX_FIELD_BOOL:
        value = mx_str_equal(text, MX_STR("true"));
        mx_field_set_int(field, record, true, value);
        return !quoted && (value != 0 || mx_str_equal(text, MX_STR("false")));
    case MX_FIELD_KIND:
        if (!quoted || !kind_of(text, &value))
            return false;
        break;
    case MX_FIELD_INT:
        if (quoted || !mx_parse_int64(text, &value))
            return false;
        break;
    }
    mx_field_set_int(field, record, true, value);
    return true;
}

/* A record of which nothing is there. */
static void set_absent(mx_record *record, mx_record_kind kind)
{
    const mx_fields *fields = mx_record_fields(kind);

    memset(record, 0, sizeof *record);
    record->kind = kind;
    for (size_t i = 0; i < fields->count; i++)
        if (fields->fields[i].type == MX_FIELD_REAL)
            mx_field_set_real(&fields->fields[i], record, (double)NAN);
        else if (fields->fields[i].type == MX_FIELD_TEXT)
            *mx_field_text(&fields->fields[i], record) = (mx_str){"", 0};
}

merx_status mx_record_lines_next(mx_record_lines *lines, mx_record *out, bool *more, merx_error *err)
{
    const mx_fields *fields = mx_record_fields(lines->kind);
    const mx_row *row;

    MX_TRY(mx_rows_next(lines->rows, &row, err));
    *more = row != NULL;
    if (row == NULL)
        return MERX_OK;
    if (row->problem != NULL)
        MX_FAIL(err, MERX_E_PARSE, mx_rows_name(lines->rows), "line %" PRIu64 ": %.300s", row->line, row->problem);
    MX_TRY(name_columns(lines, err));
    set_absent(out, lines->kind);
    for (size_t c = 0; c < row->count; c++) {
        const int field = MX_VEC_AT(&lines->columns, int, c);
        bool good = true;
        if (row->fields[c].data == NULL)
            continue;
        if (field == OFFSET_COLUMN)
            good = !row->quoted[c] && mx_parse_int64(row->fields[c], &out->event.offset);
        else
            good = set_field(&fields->fields[field], out, row->fields[c], row->quoted[c]);
        if (!good)
            MX_FAIL(err, MERX_E_PARSE, mx_rows_name(lines->rows), "line %" PRIu64 ": \"%.40s\" is \"%.*s\"", row->line,
                    mx_rows_column(lines->rows, c), (int)(row->fields[c].size < 60 ? row->fields[c].size : 60),
                    row->fields[c].data);
    }
    return MERX_OK;
}
