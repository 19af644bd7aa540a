/*
 * Options: one table for each model and each answer says what can be set; a merx_options holds what was set.
 *
 * The table is the one truth: argument checks, --help, docs, JSON descriptions and the clients come from it. An unknown name is
 * refused with the nearest known one; a value out of range with the range.
 */
#ifndef MERX_OPTION_H
#define MERX_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "merx/alloc.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum merx_option_type {
    MERX_OPTION_BOOL,   /* "true"/"false", "yes"/"no", "1"/"0" */
    MERX_OPTION_INT,    /* int64 in [min, max] */
    MERX_OPTION_REAL,   /* double in [min, max] */
    MERX_OPTION_CHOICE, /* one word of `choices` */
    MERX_OPTION_TEXT,   /* any UTF-8, at most 4096 bytes */
} merx_option_type;

typedef struct merx_option {
    const char *name; /* lower_case; NULL ends a table */
    merx_option_type type;
    double min, max;     /* INT, REAL: inclusive range; unused otherwise */
    const char *value;   /* the default, as text; NULL: no default (then "unset" is a state of its own) */
    const char *choices; /* CHOICE: words separated by '|'; INT, REAL: words taken beside numbers ("auto"), or NULL */
    const char *text;    /* one sentence for a person */
} merx_option;

typedef struct merx_options merx_options;

/*
 * Values for a table, all at their defaults.
 * table   ends with name NULL; kept (usually static)
 * Owns: free with merx_options_free.
 */
MERX_API merx_status merx_options_new(const merx_allocator *alloc, const merx_option *table, merx_options **out,
                                      merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_options_free(merx_options *options);
MERX_API const merx_option *merx_options_table(const merx_options *options);

/* Sets one value from text. Errors: MERX_E_NOT_FOUND (names the nearest option), MERX_E_TYPE, MERX_E_RANGE. */
MERX_API merx_status merx_options_set(merx_options *options, const char *name, const char *value,
                                      merx_error *err) MERX_MUST_CHECK;
/*
 * A file that is in memory: what may stand for an option that names a file to be read or written.
 * bytes, size   to be read; NULL, 0: none
 * write         takes what the answer would have written to the file, once; NULL: it is not written
 */
typedef struct merx_option_file {
    const void *bytes;
    size_t size;
    merx_status (*write)(void *context, const void *bytes, size_t size, merx_error *err);
    void *context;
} merx_option_file;
/*
 * Sets a TEXT option to a file in memory.
 * called   its value as text, and what sentences call it: "the picture"
 * file     copied; what it points to is kept until the option is set again or freed
 * Errors: as merx_options_set; MERX_E_TYPE for an option that is no text. Which options take one is for their answer to say; others see the text alone.
 */
MERX_API merx_status merx_options_set_file(merx_options *options, const char *name, const char *called,
                                           const merx_option_file *file, merx_error *err) MERX_MUST_CHECK;
/* NULL: the option is unset, or names a file by its path. */
MERX_API const merx_option_file *merx_options_file(const merx_options *options, const char *name);
/* Sets one value from "name=value". */
MERX_API merx_status merx_options_parse(merx_options *options, const char *assignment, merx_error *err) MERX_MUST_CHECK;

/* Reading: the name must be in the table with that type (anything else is a bug and asserts). */
MERX_API bool merx_options_is_set(const merx_options *options, const char *name); /* set by someone, or has a default */
MERX_API bool merx_options_bool(const merx_options *options, const char *name);
MERX_API int64_t merx_options_int(const merx_options *options, const char *name);
MERX_API double merx_options_real(const merx_options *options, const char *name); /* NaN for a word */
/* CHOICE and TEXT; any type gives its value as text. "" when unset. Valid until the value is set again. */
MERX_API const char *merx_options_text(const merx_options *options, const char *name);

/*
 * A table as a JSON array of {name, type, default, text, range, choices}: range of INT and REAL, choices where there are words. NULL: an empty one. Returned: free with
 * merx_text_free.
 */
MERX_API merx_status merx_options_describe(const merx_option *table, char **text, merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
