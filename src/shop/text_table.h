/*
 * A table for a terminal: columns as wide as their cells (East Asian characters count two), cut to the width of the terminal at the widest text column. Floor 5.
 *
 *     mx_table t; mx_table_init(&t, alloc, 3, (const char *const[]){"product", "units", "share"}, "lrr");
 *     mx_table_cell(&t, "…"); …                      cell by cell, row by row
 *     MX_TRY(mx_table_print(&t, 100, false, &text, err)); mx_table_release(&t);
 */
#ifndef MX_SHOP_TEXT_TABLE_H
#define MX_SHOP_TEXT_TABLE_H

#include "base/str.h"

#define MX_TABLE_COLUMNS_MAX 24

typedef struct mx_table {
    mx_arena arena;
    mx_vec cells; /* const char * */
    size_t columns;
    const char *header[MX_TABLE_COLUMNS_MAX]; /* kept */
    bool right[MX_TABLE_COLUMNS_MAX];
    bool failed;
} mx_table;

/* align: one letter for each column, 'l' or 'r'. More columns than the most are left out. */
void mx_table_init(mx_table *table, const merx_allocator *alloc, size_t columns, const char *const *header,
                   const char *align);
void mx_table_cell(mx_table *table, const char *text); /* copied; a failure shows at print */
void mx_table_printf(mx_table *table, const char *format, ...) MERX_PRINTF(2, 3);
/* Appends the table, each line ended. width 0: 100. colour: the header in bold. */
merx_status mx_table_print(mx_table *table, int width, bool colour, mx_text *out, merx_error *err) MERX_MUST_CHECK;
void mx_table_release(mx_table *table);

#endif
