/*
 * Options: a table of what can be set, and the values set. Every value is kept as text in its normal form, and as a number.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "merx/option.h"

enum { LONGEST_TEXT = 4096, SHORT_TEXT = 40, MOST_NAMES = 256 };

typedef struct option_value {
    bool set;
    int64_t whole; /* BOOL, INT */
    double real;   /* REAL */
    char *text;    /* NULL: unset; else text_size bytes with the terminator */
    size_t text_size;
    bool in_memory;
    merx_option_file file; /* of an option that is in memory */
} option_value;

struct merx_options {
    const merx_allocator *alloc;
    const merx_option *table;
    size_t count;
    option_value *values;
};

static size_t table_count(const merx_option *table)
{
    size_t count = 0;
    while (table[count].name != NULL)
        count++;
    return count;
}

/* A number of a range as a person writes it. */
static const char *bound_text(double bound, char *buffer)
{
    mx_format_double(bound, buffer);
    return buffer;
}

static merx_status range_failure(const merx_option *option, const char *value, merx_error *err)
{
    char low[32];
    char high[32];
    MX_FAIL(err, MERX_E_RANGE, option->name, "%.*s is out of range (expected %s to %s)", SHORT_TEXT, value,
            bound_text(option->min, low), bound_text(option->max, high));
}

static merx_status parse_bool(const merx_option *option, const char *value, option_value *out, const char **text,
                              merx_error *err)
{
    mx_str word = mx_str_of(value);
    if (mx_str_equal_nocase(word, MX_STR("true")) || mx_str_equal_nocase(word, MX_STR("yes")) ||
        mx_str_equal(word, MX_STR("1")))
        out->whole = 1;
    else if (mx_str_equal_nocase(word, MX_STR("false")) || mx_str_equal_nocase(word, MX_STR("no")) ||
             mx_str_equal(word, MX_STR("0")))
        out->whole = 0;
    else
        MX_FAIL(err, MERX_E_TYPE, option->name, "\"%.*s\" is neither true nor false", SHORT_TEXT, value);
    *text = out->whole != 0 ? "true" : "false";
    return MERX_OK;
}

/* Whether word is one of the words of choices. */
static bool is_choice(const char *choices, mx_str word)
{
    while (choices != NULL && *choices != '\0') {
        size_t size = strcspn(choices, "|");
        if (word.size > 0 && mx_str_equal(word, (mx_str){choices, size}))
            return true;
        choices += size;
        choices += *choices == '|';
    }
    return false;
}

static merx_status parse_text(const merx_option *option, const char *value, merx_error *err)
{
    mx_str text = mx_str_of(value);
    size_t where = 0;
    if (text.size > LONGEST_TEXT)
        MX_FAIL(err, MERX_E_RANGE, option->name, "has %zu bytes; at most %d are allowed", text.size, LONGEST_TEXT);
    if (!mx_utf8_valid(text, &where))
        MX_FAIL(err, MERX_E_TYPE, option->name, "is not UTF-8 at byte %zu", where);
    return MERX_OK;
}

/* Reads value as the option's type into out; *text is its normal form: value, a literal, or buffer (32 bytes). */
static merx_status parse_value(const merx_option *option, const char *value, option_value *out, char *buffer,
                               const char **text, merx_error *err)
{
    *text = value;
    if ((option->type == MERX_OPTION_INT || option->type == MERX_OPTION_REAL) &&
        is_choice(option->choices, mx_str_of(value))) {
        out->real = NAN;
        return MERX_OK;
    }
    switch (option->type) {
    case MERX_OPTION_BOOL:
        return parse_bool(option, value, out, text, err);
    case MERX_OPTION_INT:
        if (!mx_parse_int64(mx_str_of(value), &out->whole))
            MX_FAIL(err, MERX_E_TYPE, option->name, "\"%.*s\" is not a whole number", SHORT_TEXT, value);
        if (!((double)out->whole >= option->min && (double)out->whole <= option->max))
            return range_failure(option, value, err);
        mx_format_int64(out->whole, buffer);
        *text = buffer;
        return MERX_OK;
    case MERX_OPTION_REAL:
        if (!mx_parse_double(mx_str_of(value), &out->real) && option->choices != NULL)
            MX_FAIL(err, MERX_E_TYPE, option->name, "\"%.*s\" is neither a number nor %s", SHORT_TEXT, value,
                    option->choices);
        if (!mx_parse_double(mx_str_of(value), &out->real))
            MX_FAIL(err, MERX_E_TYPE, option->name, "\"%.*s\" is not a number", SHORT_TEXT, value);
        if (!(out->real >= option->min && out->real <= option->max))
            return range_failure(option, value, err);
        mx_format_double(out->real, buffer);
        *text = buffer;
        return MERX_OK;
    case MERX_OPTION_CHOICE:
        if (!is_choice(option->choices, mx_str_of(value)))
            MX_FAIL(err, MERX_E_RANGE, option->name, "\"%.*s\" is not one of %s", SHORT_TEXT, value, option->choices);
        return MERX_OK;
    case MERX_OPTION_TEXT:
        return parse_text(option, value, err);
    }
    MX_FAIL(err, MERX_E_INTERNAL, option->name, "has an unknown type");
}

/* The old value stays when this fails. */
static merx_status set_value(merx_options *options, size_t index, const char *value, merx_error *err)
{
    char buffer[32];
    const char *text = NULL;
    option_value parsed = {.set = true};
    MX_TRY(parse_value(&options->table[index], value, &parsed, buffer, &text, err));
    parsed.text_size = strlen(text) + 1;
    MX_TRY(mx_alloc_array_raw(options->alloc, parsed.text_size, 1, "option", &parsed.text, err));
    memcpy(parsed.text, text, parsed.text_size);
    option_value *old = &options->values[index];
    mx_free_array(options->alloc, old->text, old->text_size, 1);
    *old = parsed;
    return MERX_OK;
}

merx_status merx_options_new(const merx_allocator *alloc, const merx_option *table, merx_options **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    merx_options *options = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *options, "options", &options, err));
    options->alloc = alloc;
    options->table = table;
    options->count = table_count(table);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_alloc_array(alloc, options->count, sizeof(option_value), "options", &options->values, err));
    for (size_t i = 0; i < options->count; i++)
        if (table[i].value != NULL)
            MX_TRY_GOTO(set_value(options, i, table[i].value, err));
    *out = options;
    return MERX_OK;
out:
    merx_options_free(options);
    return status;
}

void merx_options_free(merx_options *options)
{
    if (options == NULL)
        return;
    for (size_t i = 0; options->values != NULL && i < options->count; i++)
        mx_free_array(options->alloc, options->values[i].text, options->values[i].text_size, 1);
    MX_FREE_ARRAY(options->alloc, options->values, options->count);
    mx_free_array(options->alloc, options, 1, sizeof *options);
}

const merx_option *merx_options_table(const merx_options *options)
{
    return options->table;
}

static bool find_option(const merx_options *options, mx_str name, size_t *index)
{
    for (size_t i = 0; i < options->count; i++) {
        if (mx_str_equal(name, mx_str_of(options->table[i].name))) {
            *index = i;
            return true;
        }
    }
    return false;
}

static merx_status unknown_option(const merx_options *options, mx_str name, merx_error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(name.size < sizeof word ? name.size : sizeof word - 1), name.data);
    const char *names[MOST_NAMES];
    size_t count = 0;
    for (; count < options->count && count < MOST_NAMES; count++)
        names[count] = options->table[count].name;
    const char *nearest = mx_nearest_word(word, names, count);
    if (nearest != NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, word, "there is no such option; did you mean \"%s\"?", nearest);
    MX_FAIL(err, MERX_E_NOT_FOUND, word, "there is no such option");
}

static merx_status set_named(merx_options *options, mx_str name, const char *value, merx_error *err)
{
    size_t index = 0;
    if (!find_option(options, name, &index))
        return unknown_option(options, name, err);
    return set_value(options, index, value, err);
}

merx_status merx_options_set(merx_options *options, const char *name, const char *value, merx_error *err)
{
    return set_named(options, mx_str_of(name), value, err);
}

merx_status merx_options_set_file(merx_options *options, const char *name, const char *called,
                                  const merx_option_file *file, merx_error *err)
{
    size_t index = 0;
    if (!find_option(options, mx_str_of(name), &index))
        return unknown_option(options, mx_str_of(name), err);
    if (options->table[index].type != MERX_OPTION_TEXT)
        MX_FAIL(err, MERX_E_TYPE, name, "names no file");
    MX_TRY(set_value(options, index, called, err));
    options->values[index].in_memory = true;
    options->values[index].file = *file;
    return MERX_OK;
}

merx_status merx_options_parse(merx_options *options, const char *assignment, merx_error *err)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL)
        MX_FAIL(err, MERX_E_PARSE, NULL, "\"%.*s\" is not an option (expected name=value)", SHORT_TEXT, assignment);
    return set_named(options, (mx_str){assignment, (size_t)(equals - assignment)}, equals + 1, err);
}

static const option_value *get_value(const merx_options *options, const char *name, merx_option_type type)
{
    static const option_value unset = {0};
    size_t index = 0;
    bool found = find_option(options, mx_str_of(name), &index);
    assert(found && options->table[index].type == type);
    (void)type;
    return found ? &options->values[index] : &unset;
}

bool merx_options_is_set(const merx_options *options, const char *name)
{
    size_t index = 0;
    bool found = find_option(options, mx_str_of(name), &index);
    assert(found);
    return found && options->values[index].set;
}

bool merx_options_bool(const merx_options *options, const char *name)
{
    return get_value(options, name, MERX_OPTION_BOOL)->whole != 0;
}

int64_t merx_options_int(const merx_options *options, const char *name)
{
    return get_value(options, name, MERX_OPTION_INT)->whole;
}

double merx_options_real(const merx_options *options, const char *name)
{
    return get_value(options, name, MERX_OPTION_REAL)->real;
}

const char *merx_options_text(const merx_options *options, const char *name)
{
    size_t index = 0;
    bool found = find_option(options, mx_str_of(name), &index);
    assert(found);
    return found && options->values[index].text != NULL ? options->values[index].text : "";
}

const merx_option_file *merx_options_file(const merx_options *options, const char *name)
{
    const option_value *value = get_value(options, name, MERX_OPTION_TEXT);
    return value->in_memory ? &value->file : NULL;
}
