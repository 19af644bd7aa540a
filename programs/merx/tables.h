/*
 * Reading a table as the flags say; which of its columns play which part.
 */
#ifndef MERX_PROGRAM_TABLES_H
#define MERX_PROGRAM_TABLES_H

#include "command.h"

/* Exit code or 0. */
int table_read(const cli_arguments *arguments, const char *path, merx_task *task, merx_dataset **out);

/* Cuts "a,b" at its commas, in place; names has room for as many as there are. Returns how many. */
size_t table_split_names(char *text, const char **names);

typedef struct table_columns {
    merx_fit_columns fit;
    char *text; /* the lists, cut at their commas */
    const char **names;
} table_columns;
/* --target, --weight, --features, --ignore; a family that needs a target must get one. */
int table_columns_of(const cli_arguments *arguments, unsigned tags, table_columns *out);
/* One column more to leave out (borrowed), once; nothing where features are named. */
void table_columns_ignore(table_columns *columns, const char *name);
void table_columns_release(table_columns *columns);

/* A CSV field, quoted when needed. */
void table_print_field(const char *text, FILE *out);

#endif
