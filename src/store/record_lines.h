/*
 * Records as lines of JSON and back, by the table of fields: what a backup holds, whatever the driver. Floor 3.
 *
 * A line has the fields that are there, under the names of the table, numbers and texts as they are stored: {"offset":7,"id":"e1","time_ms":1700000000000,"kind":"purchase", ...}. Events
 * have their offset, which is no field.
 */
#ifndef MX_STORE_RECORD_LINES_H
#define MX_STORE_RECORD_LINES_H

#include "io/rows.h"
#include "store/fields.h"

void mx_record_line_write(mx_text *text, const mx_record *record);

/* Lines of one kind being read. */
typedef struct mx_record_lines {
    mx_record_kind kind;
    mx_rows *rows;
    mx_vec columns; /* int: the field of each column of rows; -1: the offset */
} mx_record_lines;

/* data (size bytes) is kept; name is what messages call it. Not empty. Errors: MERX_E_PARSE, MERX_E_VERSION (a field that this version does not know). */
merx_status mx_record_lines_open(mx_record_lines *lines, mx_record_kind kind, const void *data, size_t size,
                                 const char *name, const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;
/* The next record, valid until the next call; *more false: the end. Errors: MERX_E_PARSE; that it may be stored is mx_record_check's to say. */
merx_status mx_record_lines_next(mx_record_lines *lines, mx_record *out, bool *more, merx_error *err) MERX_MUST_CHECK;
void mx_record_lines_close(mx_record_lines *lines);

#endif
