/*
 * A table of options as JSON: what descriptions, forms and clients are made from.
 */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "merx/option.h"

static const char *type_name(merx_option_type type)
{
    switch (type) {
    case MERX_OPTION_BOOL:
        return "bool";
    case MERX_OPTION_INT:
        return "int";
    case MERX_OPTION_REAL:
        return "real";
    case MERX_OPTION_CHOICE:
        return "choice";
    case MERX_OPTION_TEXT:
        return "text";
    }
    return "?";
}

static void put_text(mx_text *out, mx_str text)
{
    mx_text_puts(out, "\"");
    mx_text_json(out, text);
    mx_text_puts(out, "\"");
}

/* Bounds are real numbers also where they are whole. */
static void put_bound(mx_text *out, double bound)
{
    char buffer[32];
    mx_format_double(bound, buffer);
    mx_text_puts(out, buffer);
    if (!strpbrk(buffer, ".e"))
        mx_text_puts(out, ".0");
}

static void put_choices(mx_text *out, const char *choices)
{
    mx_text_puts(out, ",\"choices\":[");
    while (*choices) {
        size_t length = strcspn(choices, "|");
        put_text(out, (mx_str){choices, length});
        choices += length;
        if (*choices) {
            choices++;
            mx_text_puts(out, ",");
        }
    }
    mx_text_puts(out, "]");
}

static void put_option(mx_text *out, const merx_option *option)
{
    mx_text_puts(out, "{\"name\":");
    put_text(out, mx_str_of(option->name));
    mx_text_printf(out, ",\"type\":\"%s\",\"default\":", type_name(option->type));
    if (option->value)
        put_text(out, mx_str_of(option->value));
    else
        mx_text_puts(out, "null");
    mx_text_puts(out, ",\"text\":");
    put_text(out, mx_str_of(option->text));
    bool ranged = option->type == MERX_OPTION_INT || option->type == MERX_OPTION_REAL;
    if (ranged && isfinite(option->min) && isfinite(option->max)) {
        mx_text_puts(out, ",\"range\":[");
        put_bound(out, option->min);
        mx_text_puts(out, ",");
        put_bound(out, option->max);
        mx_text_puts(out, "]");
    }
    if (option->choices)
        put_choices(out, option->choices);
    mx_text_puts(out, "}");
}

merx_status merx_options_describe(const merx_option *table, char **text, merx_error *err)
{
    mx_text out;
    *text = NULL;
    mx_text_init(&out, NULL, 1u << 20);
    mx_text_puts(&out, "[");
    for (const merx_option *option = table; option && option->name; option++) {
        mx_text_puts(&out, option == table ? "" : ",");
        put_option(&out, option);
    }
    mx_text_puts(&out, "]");
    merx_status status = mx_text_give(&out, text, err);
    mx_text_release(&out);
    return status;
}
