/*
 * One row of CSV where it lies in memory: the rules of rows.h, for its reader and for the reader of tables. Floor 1.
 */
#ifndef MX_IO_CSV_SCAN_H
#define MX_IO_CSV_SCAN_H

#include "base/str.h"

/* What rows.h takes when nothing else is asked for. */
#define MX_CSV_FIELD_BYTES ((size_t)1 << 20)
#define MX_CSV_ROW_BYTES ((size_t)16 << 20)
#define MX_CSV_COLUMNS 4096

typedef struct mx_csv_format {
    char separator, quote;
    size_t max_field_bytes; /* as written in the file */
    size_t row_limit;       /* most bytes of a row */
} mx_csv_format;

typedef enum mx_csv_result {
    MX_CSV_ROW,        /* the row is whole */
    MX_CSV_MORE,       /* the text ends inside it */
    MX_CSV_UNCLOSED,   /* the file ends inside quotes */
    MX_CSV_AFTER,      /* something follows a closing quote */
    MX_CSV_LONG_FIELD, /* a field beyond max_field_bytes */
    MX_CSV_LONG_ROW    /* a row beyond row_limit */
} mx_csv_result;

typedef struct mx_csv_scan {
    size_t n;       /* fields */
    size_t row_end; /* MX_CSV_ROW: after the row and its line end */
    size_t
        field; /* otherwise: where the field began (the row, for MX_CSV_LONG_ROW); reading goes on after the end of the line it is on */
    bool doubled; /* some field has doubled quotes */
} mx_csv_scan;

/*
 * Scans the row that begins at data[begin]; the text ends at data[size], and the file too when `last`. Fields beyond `room` are counted, not kept; doubled
 * quotes are left in them. May read 16 bytes behind the text.
 */
mx_csv_result mx_csv_scan_row(const mx_csv_format *format, const unsigned char *data, size_t begin, size_t size,
                              bool last, mx_str *fields, bool *quoted, size_t room, mx_csv_scan *s);

/* What is wrong with a row, for messages; they return its column, -1 for the whole row. */
int mx_csv_describe(const mx_csv_format *format, const unsigned char *data, const mx_csv_scan *s, mx_csv_result result,
                    char *out, size_t size);
void mx_csv_describe_count(size_t fields, size_t columns, char *out, size_t size);
int mx_csv_describe_bytes(const mx_str *fields, size_t n, bool nul, char *out, size_t size); /* a zero byte or UTF-8 */

#endif
