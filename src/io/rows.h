/*
 * Rows of text fields out of CSV (RFC 4180) or JSON lines, one interface for both. Floor 1.
 *
 *     mx_rows *rows; MX_TRY(mx_rows_open(source, &options, alloc, &rows, err));
 *     for (;;) { const mx_row *row; MX_TRY(mx_rows_next(rows, &row, err)); if (!row) break; … row->fields[i] … }
 *
 * CSV: separator and quote are options (found out of , ; tab | when 0), byte order mark skipped, newlines inside quotes, CR LF and LF. A header line names the
 * columns (or "column 1", … without). JSON lines: one object a line; columns are the keys in order of first sight; a new key later on appends a column;
 * nested values come as their JSON text; null and absent are missing.
 *
 * A row that can't be read (too many or too few fields, a field beyond the limit, invalid UTF-8, not an object) comes as a row with `problem` set, and reading goes on
 * with the next line: the caller counts and lists it. A quote that is never closed, or closed in the middle of a field, is such a row as well: reading resumes on the
 * line after the one it was opened on. Empty lines are skipped. Header names are trimmed; an empty one becomes "column N", a repeated one "name (N)", N being its number.
 */
#ifndef MX_IO_ROWS_H
#define MX_IO_ROWS_H

#include "base/str.h"
#include "io/stream.h"

typedef enum mx_rows_format { MX_ROWS_CSV, MX_ROWS_JSONL } mx_rows_format;

typedef struct mx_rows_options {
    mx_rows_format format;
    char separator; /* 0: found from the first lines */
    char quote;     /* 0: '"' */
    bool no_header;
    size_t max_field_bytes; /* 0: 1 MiB; as written in the file. A row has at most 16 MiB + max_field_bytes. */
    size_t max_columns;     /* 0: 4096 */
} mx_rows_options;

typedef struct mx_row {
    uint64_t line;        /* of the file, 1-based, where the row begins */
    uint64_t number;      /* 0-based, over all rows with a problem too, the header not counted */
    size_t count;         /* fields; = columns for a good row, 0 with a problem */
    const mx_str *fields; /* valid until the next call; data is NULL for a missing JSON value */
    const bool *quoted;   /* whether the field was written in quotes (CSV), is a string (JSON) */
    const char *problem;  /* NULL for a good row; else what was wrong and what was expected */
    int problem_column;   /* 0-based, -1: the whole row */
} mx_row;

typedef struct mx_rows mx_rows;
/*
 * source is taken (closed by mx_rows_close, and on failure here). The columns are known afterwards (JSON lines: those of the first lines; more may come).
 * Errors: MERX_E_PARSE for an empty file, UTF-16, a header that can't be read, a JSON array; MERX_E_LIMIT for too many columns; those of the source.
 */
merx_status mx_rows_open(mx_source *source, const mx_rows_options *options, const merx_allocator *alloc, mx_rows **out,
                         merx_error *err) MERX_MUST_CHECK;
void mx_rows_close(mx_rows *rows);
merx_status mx_rows_next(mx_rows *rows, const mx_row **row, merx_error *err) MERX_MUST_CHECK; /* *row NULL: the end */
size_t mx_rows_columns(const mx_rows *rows);
const char *mx_rows_column(const mx_rows *rows, size_t i);
int mx_rows_find(const mx_rows *rows, const char *name); /* -1: absent; ASCII case and surrounding space ignored */
char mx_rows_separator(const mx_rows *rows);
const char *mx_rows_name(const mx_rows *rows); /* of the source, for messages */
/*
 * The (decompressed) bytes of the rows returned so far, and their SHA-256 (of the text from the file's first byte to the end of the last row
 * returned): what makes it possible to say later that a longer file begins with the same rows. Off unless mx_rows_digest(rows) was called before the first row.
 * A last line without its newline may go on in the longer file: mx_rows_line_ended says whether the last row returned had one.
 */
void mx_rows_digest(mx_rows *rows);
uint64_t mx_rows_bytes(const mx_rows *rows);
void mx_rows_digest_hex(const mx_rows *rows, char hex[65]);
bool mx_rows_line_ended(const mx_rows *rows);
/* Both at once without the end of the last row's line: the same whether or not more lines follow. Ask before the next row. Cost: of what was read since the last time. */
void mx_rows_digest_line(mx_rows *rows, uint64_t *bytes, char hex[65]);
/*
 * For who reads what follows the rows returned so far by himself: the bytes as they come (*got 0: the end), the line they begin on; and whether they are
 * those of a regular file as it lies on disk, which then can be read at its descriptor (the rows') from the offset mx_rows_bytes.
 */
merx_status mx_rows_raw(mx_rows *rows, void *buffer, size_t size, size_t *got, merx_error *err) MERX_MUST_CHECK;
uint64_t mx_rows_line(const mx_rows *rows);
bool mx_rows_file(const mx_rows *rows, int *fd, uint64_t *size_bytes);
double mx_rows_progress(const mx_rows *rows); /* [0, 1] by bytes of the input; negative if unknown */

/* By name: .jsonl, .ndjson, .json (also with .gz, .zst) are JSON lines; .csv, .tsv, .txt CSV. False: neither. */
bool mx_rows_format_of_name(const char *path, mx_rows_format *format);

#endif
