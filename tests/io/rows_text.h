/*
 * Reads rows to the end and writes them down as text, one row a line, so that two readings can be compared:
 *     LINE NUMBER BYTES|FIELD|"FIELD"|~        a good row ("..." written in quotes, ~ missing)
 *     LINE NUMBER BYTES!COLUMN                 a row with a problem
 */
#ifndef TESTS_IO_ROWS_TEXT_H
#define TESTS_IO_ROWS_TEXT_H

#include "io/file.h"
#include "io/rows_reader.h"
#include "support/check.h"

/* A reader over memory with a window of block bytes (0: as usual). */
CHECK_UNUSED static merx_status rows_over(const void *data, size_t size, const mx_rows_options *options, size_t block,
                                          const merx_allocator *alloc, mx_rows **out, merx_error *err)
{
    mx_source *source;
    *out = NULL;
    MX_TRY(mx_source_memory(data, size, "input", alloc, 0, &source, err));
    return block ? mx_rows_open_block(source, options, block, alloc, out, err)
                 : mx_rows_open(source, options, alloc, out, err);
}

CHECK_UNUSED static void rows_put(FILE *out, const mx_rows *rows, const mx_row *row)
{
    fprintf(out, "%llu %llu %llu", (unsigned long long)row->line, (unsigned long long)row->number,
            (unsigned long long)mx_rows_bytes(rows));
    if (row->problem)
        fprintf(out, "!%d", row->problem_column);
    for (size_t i = 0; i < row->count; i++) {
        if (!row->fields[i].data) {
            fputs("|~", out);
            continue;
        }
        fputs(row->quoted[i] ? "|\"" : "|", out);
        fwrite(row->fields[i].data, 1, row->fields[i].size, out);
        fputs(row->quoted[i] ? "\"" : "", out);
    }
    fputc('\n', out);
}

/* The text of all rows, also the names of the columns before and "failed" for a failure; free() it. */
CHECK_UNUSED static char *rows_text(const void *data, size_t size, const mx_rows_options *options, size_t block,
                                    bool check_digest)
{
    char *text = NULL;
    size_t text_size = 0;
    FILE *out = open_memstream(&text, &text_size);
    merx_error err = {0};
    mx_rows *rows;
    if (rows_over(data, size, options, block, NULL, &rows, &err) != MERX_OK) {
        fprintf(out, "refused %s: %s\n", merx_status_name(err.code), err.message);
        fclose(out);
        return text;
    }
    if (check_digest)
        mx_rows_digest(rows);
    fprintf(out, "%c", mx_rows_separator(rows) ? mx_rows_separator(rows) : '-');
    for (size_t i = 0; i < mx_rows_columns(rows); i++)
        fprintf(out, "|%s", mx_rows_column(rows, i));
    fputc('\n', out);
    for (;;) {
        const mx_row *row;
        check_ok(mx_rows_next(rows, &row, &err), err);
        if (!row)
            break;
        rows_put(out, rows, row);
        if (check_digest) {
            char got[65], want[65];
            mx_rows_digest_hex(rows, got);
            mx_sha256_hex(data, (size_t)mx_rows_bytes(rows), want);
            assert_string_equal(got, want);
        }
    }
    mx_rows_close(rows);
    fclose(out);
    return text;
}

#endif
