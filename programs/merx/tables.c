/*
 * Reading a table as the flags say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

int table_read(const cli_arguments *arguments, const char *path, merx_task *task, merx_dataset **out)
{
    merx_csv_options options = {.types = cli_value(arguments, "types"), .missing = cli_value(arguments, "missing")};
    const char *separator = cli_value(arguments, "separator");
    if (separator && strcmp(separator, "tab") == 0)
        separator = "\t";
    if (separator && (strlen(separator) != 1 || *separator == '"' || *separator == '\n'))
        return cli_usage_error(arguments->command, "--separator is \"%s\": expected one character, or tab", separator);
    options.separator = separator ? *separator : 0;
    const char *refused = cli_value(arguments, "max-refused");
    if (refused) {
        char *end;
        errno = 0;
        unsigned long long number = strtoull(refused, &end, 10);
        if (*refused < '0' || *refused > '9' || *end || errno)
            return cli_usage_error(arguments->command, "--max-refused is \"%s\": expected a whole number", refused);
        options.max_refused = (size_t)number;
    }
    merx_error err = {0};
    bool stream = cli_has(arguments, "stream");
    if ((stream ? merx_dataset_open(path, &options, task, out, &err)
                : merx_dataset_read(path, &options, task, out, &err)) != MERX_OK)
        return cli_fail(&err);
    if (merx_dataset_refused(*out))
        cli_note(arguments, "%s: %llu rows could not be read and are left out", path,
                 (unsigned long long)merx_dataset_refused(*out));
    return 0;
}

size_t table_split_names(char *text, const char **names)
{
    size_t count = 0;
    for (char *rest = text; *rest;) {
        char *comma = strchr(rest, ',');
        names[count++] = rest;
        if (!comma)
            break;
        *comma = '\0';
        rest = comma + 1;
    }
    return count;
}

int table_columns_of(const cli_arguments *arguments, unsigned tags, table_columns *out)
{
    *out = (table_columns){0};
    out->fit.target = cli_value(arguments, "target");
    out->fit.weight = cli_value(arguments, "weight");
    if ((tags & MERX_NEEDS_TARGET) && !out->fit.target)
        return cli_usage_error(arguments->command, "this model learns a column: give --target COLUMN");
    if (!(tags & MERX_NEEDS_TARGET) && out->fit.target)
        return cli_usage_error(arguments->command,
                               "this model learns without a target: leave --target out (or use --ignore)");
    const char *features = cli_value(arguments, "features");
    const char *ignore = cli_value(arguments, "ignore");
    size_t size = (features ? strlen(features) : 0) + (ignore ? strlen(ignore) : 0) + 2;
    out->text = calloc(size, 1);
    out->names = calloc(size, sizeof *out->names);
    if (!out->text || !out->names) {
        fprintf(stderr, "merx: out of memory\n");
        return 1;
    }
    char *second = out->text;
    if (features) {
        memcpy(out->text, features, strlen(features) + 1);
        second += strlen(features) + 1;
        out->fit.features = out->names;
        out->fit.n_features = table_split_names(out->text, out->names);
    }
    if (ignore) {
        memcpy(second, ignore, strlen(ignore) + 1);
        out->fit.ignore = out->names + out->fit.n_features;
        out->fit.n_ignore = table_split_names(second, out->names + out->fit.n_features);
    }
    return 0;
}

void table_columns_release(table_columns *columns)
{
    free(columns->text);
    free(columns->names);
}

void table_columns_ignore(table_columns *columns, const char *name)
{
    const char **ignore = columns->names + columns->fit.n_features;
    if (columns->names == NULL || columns->fit.features)
        return; /* features are named: it is none of them */
    ignore[columns->fit.n_ignore++] = name;
    columns->fit.ignore = ignore;
}

void table_print_field(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}
