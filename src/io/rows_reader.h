/*
 * What the CSV and the JSON lines reader share: a window on the source's bytes and the row being made. Floor 1, private to src/io.
 *
 * The window data[begin, end) holds what has been read and not yet returned. A row is scanned where it lies; when it does not end inside the
 * window, the window slides to its beginning, grows by half at least, and the row is scanned again (so the cost stays linear).
 *
 * Invariants: 1. begin is the first byte after the last row returned; line is its line. 2. data[0] is byte `offset` of the stream.
 * 3. the bytes before data[hashed] are in the digest, and hashed <= begin. 4. SCAN_PADDING readable bytes lie after the window.
 * 5. what comes out does not depend on the size of the window.
 */
#ifndef MX_IO_ROWS_READER_H
#define MX_IO_ROWS_READER_H

#include "base/memory.h"
#include "io/file.h"
#include "io/rows.h"

#define SCAN_PADDING ((size_t)64)

struct mx_rows {
    const merx_allocator *alloc;
    mx_source *source;
    mx_rows_options options; /* without zeros */
    size_t row_limit;        /* most bytes of one row */
    unsigned char *data;
    size_t capacity, begin, end;
    bool ended;         /* the source has no more */
    merx_status failed; /* ... or failed: told when the bytes before are used up */
    merx_error failure;
    uint64_t offset, line, number;
    bool line_ended;
    bool begun, digest, digest_wanted; /* hashed from the start; kept up after the first row only if wanted */
    mx_sha256 sha;
    size_t hashed;
    /* columns */
    mx_dict *columns; /* name <-> number */
    /* the row */
    mx_vec fields; /* mx_str, as many as columns */
    mx_vec quoted; /* bool */
    mx_vec pairs;  /* JSON lines */
    mx_vec seen;   /* JSON lines: uint64_t, stamp of the last row that had the column */
    uint64_t stamp;
    mx_vec scratch; /* unescaped bytes of the row */
    mx_row row;
    char problem[400];
};

/* mx_rows_open with a first window of block_bytes (>= 1), so that tests can cut anywhere. */
merx_status mx_rows_open_block(mx_source *source, const mx_rows_options *options, size_t block_bytes,
                               const merx_allocator *alloc, mx_rows **out, merx_error *err) MERX_MUST_CHECK;

/* Reads more behind the window; *more false: there is none (the source ended or failed). */
merx_status mx_rows_refill(mx_rows *rows, bool *more, merx_error *err) MERX_MUST_CHECK;
/* The failure of the source, if that is why there is no more. */
merx_status mx_rows_failure(const mx_rows *rows, merx_error *err) MERX_MUST_CHECK;
/* Skips empty lines; *ended: nothing is left. blanks: lines of spaces and tabs are empty too. */
merx_status mx_rows_skip_empty(mx_rows *rows, bool blanks, bool *ended, merx_error *err) MERX_MUST_CHECK;
/* Makes the row a problem that ends with the line in which data[from] lies. */
merx_status mx_rows_problem(mx_rows *rows, size_t from, int column, merx_error *err, const char *format, ...)
    MERX_PRINTF(5, 6) MERX_MUST_CHECK;
/* Makes the row data[begin, row_end) the one returned. */
void mx_rows_good(mx_rows *rows, size_t row_end, uint64_t newlines);
/* Adds a column; MERX_E_LIMIT past max_columns. */
merx_status mx_rows_add_column(mx_rows *rows, mx_str name, merx_error *err) MERX_MUST_CHECK;
/* A short printable form of a field for messages: at most 40 bytes, cut between characters. */
void mx_rows_excerpt(mx_str text, char out[64]);

typedef struct mx_span_facts {
    size_t newlines;
    bool high; /* a byte >= 128 */
    bool nul;  /* a zero byte */
} mx_span_facts;
mx_span_facts mx_span_look(const unsigned char *at,
                           const unsigned char *end); /* reads up to SCAN_PADDING bytes beyond end */

merx_status mx_csv_begin(mx_rows *rows, merx_error *err) MERX_MUST_CHECK;
merx_status mx_csv_next(mx_rows *rows, const mx_row **row, merx_error *err) MERX_MUST_CHECK;
merx_status mx_jsonl_begin(mx_rows *rows, merx_error *err) MERX_MUST_CHECK;
merx_status mx_jsonl_next(mx_rows *rows, const mx_row **row, merx_error *err) MERX_MUST_CHECK;

#endif
