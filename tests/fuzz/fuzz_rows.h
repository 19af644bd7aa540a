/*
 * Rows out of any bytes: they end, they fit the input, and a window of another size gives the same rows.
 * The first two bytes of the input choose the options.
 */
#ifndef TESTS_FUZZ_ROWS_H
#define TESTS_FUZZ_ROWS_H

#include "base/str.h"
#include "fuzz.h"
#include "io/rows_reader.h"

static mx_rows *fuzz_rows_open(const uint8_t *data, size_t size, const mx_rows_options *options, size_t block)
{
    mx_source *source;
    mx_rows *rows;
    merx_error err = {0};
    if (mx_source_memory(data, size, "fuzz", NULL, 1 << 20, &source, &err) != MERX_OK ||
        mx_rows_open_block(source, options, block, NULL, &rows, &err) != MERX_OK) {
        fuzz_require(err.message[0] != '\0');
        return NULL;
    }
    mx_rows_digest(rows);
    return rows;
}

/* Whether the source gives all its bytes. Before damage it may give more or fewer, as the reads are larger or smaller. */
static bool fuzz_rows_whole(const uint8_t *data, size_t size)
{
    static unsigned char buffer[1 << 16];
    mx_source *source;
    size_t got = 0;
    if (mx_source_memory(data, size, "fuzz", NULL, 1 << 20, &source, NULL) != MERX_OK)
        return false;
    merx_status status;
    do
        status = mx_source_read(source, buffer, sizeof buffer, &got, NULL);
    while (status == MERX_OK && got > 0);
    mx_source_close(source);
    return status == MERX_OK;
}

static void fuzz_rows_run(mx_rows *rows)
{
    const mx_row *row = NULL;
    while (rows && mx_rows_next(rows, &row, NULL) == MERX_OK && row)
        ;
    mx_rows_close(rows);
}

static void fuzz_rows_compare(const mx_rows *a, const mx_row *x, const mx_rows *b, const mx_row *y)
{
    fuzz_require(x->line == y->line && x->number == y->number && x->count == y->count);
    fuzz_require(!x->problem == !y->problem && x->problem_column == y->problem_column);
    fuzz_require(mx_rows_bytes(a) == mx_rows_bytes(b));
    fuzz_require(x->problem || x->count == mx_rows_columns(a));
    for (size_t i = 0; i < x->count; i++) {
        fuzz_require(!x->fields[i].data == !y->fields[i].data && x->quoted[i] == y->quoted[i]);
        fuzz_require(mx_str_equal(x->fields[i], y->fields[i]) && mx_utf8_valid(x->fields[i], NULL));
    }
}

static int fuzz_rows(const uint8_t *data, size_t size, mx_rows_format format)
{
    static const char separators[8] = {0, ',', ';', '\t', '|', ':', ' ', 'x'};
    if (size < 2)
        return 0;
    const mx_rows_options options = {.format = format,
                                     .separator = separators[data[0] & 7],
                                     .quote = data[0] & 8 ? '\'' : 0,
                                     .no_header = (data[0] & 16) != 0,
                                     .max_field_bytes = data[0] & 32 ? 8 : 0,
                                     .max_columns = data[0] & 64 ? 3 : 0};
    mx_rows *a = fuzz_rows_open(data + 2, size - 2, &options, 1 << 16);
    mx_rows *b = fuzz_rows_open(data + 2, size - 2, &options, 1 + data[1]);
    if (!fuzz_rows_whole(data + 2, size - 2)) {
        fuzz_rows_run(a);
        fuzz_rows_run(b);
        return 0;
    }
    fuzz_require(!a == !b);
    for (uint64_t number = 0, line = 0; a; number++) {
        const mx_row *x, *y;
        merx_error err = {0}, err2 = {0};
        merx_status status = mx_rows_next(a, &x, &err);
        fuzz_require(mx_rows_next(b, &y, &err2) == status);
        fuzz_require(!x == !y);
        if (status != MERX_OK || !x)
            break;
        fuzz_rows_compare(a, x, b, y);
        fuzz_require(x->number == number && x->line > line);
        line = x->line;
        if (number % 16 == 0) {
            char p[65], q[65];
            mx_rows_digest_hex(a, p);
            mx_rows_digest_hex(b, q);
            fuzz_require(mx_str_equal(mx_str_of(p), mx_str_of(q)));
        }
    }
    mx_rows_close(a);
    mx_rows_close(b);
    return 0;
}

#endif
