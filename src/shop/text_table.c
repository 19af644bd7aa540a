/*
 * Tables for a terminal.
 */
#include "shop/text_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { GAP = 2, LEAST = 8 };

void mx_table_init(mx_table *table, const merx_allocator *alloc, size_t columns, const char *const *header,
                   const char *align)
{
    memset(table, 0, sizeof *table);
    mx_arena_init(&table->arena, alloc);
    table->cells = mx_vec_init(mx_allocator_or_default(alloc), sizeof(char *), 1u << 24, "cells");
    table->columns = columns < MX_TABLE_COLUMNS_MAX ? columns : MX_TABLE_COLUMNS_MAX;
    for (size_t c = 0; c < table->columns; c++) {
        table->header[c] = header[c];
        table->right[c] = align[c] == 'r';
    }
}

void mx_table_cell(mx_table *table, const char *text)
{
    const char *copy = table->failed ? NULL : mx_arena_strdup(&table->arena, text ? text : "", NULL);
    if (!copy || mx_vec_append(&table->cells, &copy, 1, NULL) != MERX_OK)
        table->failed = true;
}

void mx_table_printf(mx_table *table, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mx_table_cell(table, text);
}

/* Bytes of the first characters that fit into so many columns. */
static size_t fitting(const char *text, size_t columns)
{
    size_t size = 0;
    while (text[size]) {
        size_t next = size + 1;
        while (((unsigned char)text[next] & 0xc0) == 0x80)
            next++;
        if (mx_utf8_columns((mx_str){text, next}) > columns)
            break;
        size = next;
    }
    return size;
}

static void put_spaces(mx_text *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mx_text_append(out, " ", 1);
}

static void put_cell(mx_text *out, const char *text, size_t width, bool right, bool last)
{
    size_t columns = mx_utf8_columns(mx_str_of(text));
    if (columns > width) {
        mx_text_append(out, text, fitting(text, width > 0 ? width - 1 : 0));
        mx_text_puts(out, "…");
        columns = width; /* a wide character may leave one column free: as good as */
    } else {
        if (right)
            put_spaces(out, width - columns);
        mx_text_puts(out, text);
    }
    if (!last)
        put_spaces(out, (right || columns >= width ? 0 : width - columns) + GAP);
}

static void fit_widths(const mx_table *t, size_t width, size_t *widths)
{
    size_t total = (t->columns - 1) * GAP;
    for (size_t c = 0; c < t->columns; c++) {
        widths[c] = mx_utf8_columns(mx_str_of(t->header[c]));
        for (size_t i = c; i < t->cells.count; i += t->columns) {
            size_t cell = mx_utf8_columns(mx_str_of(MX_VEC_AT(&t->cells, const char *, i)));
            widths[c] = cell > widths[c] ? cell : widths[c];
        }
        total += widths[c];
    }
    /* Numbers are never cut; the widest text gives way, column by column. */
    while (total > width) {
        size_t widest = t->columns;
        for (size_t c = 0; c < t->columns; c++)
            if (!t->right[c] && widths[c] > LEAST && (widest == t->columns || widths[c] > widths[widest]))
                widest = c;
        if (widest == t->columns)
            return;
        widths[widest]--;
        total--;
    }
}

merx_status mx_table_print(mx_table *table, int width, bool colour, mx_text *out, merx_error *err)
{
    size_t widths[MX_TABLE_COLUMNS_MAX];

    if (table->failed)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a table");
    if (table->columns == 0)
        return mx_text_ok(out, err);
    fit_widths(table, width > 0 ? (size_t)width : 100, widths);
    if (colour)
        mx_text_puts(out, "\033[1m");
    for (size_t c = 0; c < table->columns; c++)
        put_cell(out, table->header[c], widths[c], table->right[c], c + 1 == table->columns);
    mx_text_puts(out, colour ? "\033[0m\n" : "\n");
    for (size_t i = 0; i < table->cells.count; i++) {
        size_t c = i % table->columns;
        bool last = c + 1 == table->columns || i + 1 == table->cells.count;
        put_cell(out, MX_VEC_AT(&table->cells, const char *, i), widths[c], table->right[c], last);
        if (last)
            mx_text_puts(out, "\n");
    }
    return mx_text_ok(out, err);
}

void mx_table_release(mx_table *table)
{
    mx_vec_release(&table->cells);
    mx_arena_release(&table->arena);
}
