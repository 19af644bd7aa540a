/*
 * Strings: borrowed slices, a growing text buffer, number parsing and formatting that ignore the locale, a string table
 * (dictionary) and a few word tools. Floor 0.
 */
#ifndef MX_BASE_STR_H
#define MX_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

/* A slice of bytes, not terminated, borrowed. */
typedef struct mx_str {
    const char *data;
    size_t size;
} mx_str;

#define MX_STR(literal) ((mx_str){(literal), sizeof(literal) - 1})
mx_str mx_str_of(const char *text); /* NULL: empty */
bool mx_str_equal(mx_str a, mx_str b);
bool mx_str_equal_nocase(mx_str a, mx_str b); /* ASCII case only */
int mx_str_compare(mx_str a, mx_str b);       /* bytewise, shorter first; for sorting */
mx_str mx_str_trim(mx_str text);              /* ASCII white space on both sides */
bool mx_str_starts(mx_str text, const char *prefix);
bool mx_str_ends(mx_str text, const char *suffix);

/* Whether the bytes are valid UTF-8 (no overlong forms, no surrogates); *where (may be NULL) gets the first bad offset. */
bool mx_utf8_valid(mx_str text, size_t *where);
/* Terminal columns of UTF-8 text: East Asian wide characters count two, combining marks none. */
size_t mx_utf8_columns(mx_str text);

/* The parts behind each other, in the arena, terminated: where printf would take longer than all the rest. NULL: no memory. */
char *mx_arena_join(mx_arena *arena, const mx_str *parts, size_t n, merx_error *err);

/* A growing, always terminated text. */
typedef struct mx_text {
    const merx_allocator *alloc;
    char *data; /* "" before the first append */
    size_t size, capacity, max_size;
    bool failed;     /* sticky: an append ran out of memory or limit; check once at the end with mx_text_ok */
    bool over_limit; /* it was the limit */
} mx_text;

void mx_text_init(mx_text *text, const merx_allocator *alloc, size_t max_size);
void mx_text_append(mx_text *text, const char *data, size_t size);
/* Where up to n bytes may be written, NULL when there is no room; then mx_text_wrote says how many were. */
char *mx_text_room(mx_text *text, size_t n);
void mx_text_wrote(mx_text *text, size_t n);
void mx_text_puts(mx_text *text, const char *string);
void mx_text_printf(mx_text *text, const char *format, ...) MERX_PRINTF(2, 3);
/* Appends with JSON string escapes, without the quotes; with HTML/XML escapes (& < > " '). */
void mx_text_json(mx_text *text, mx_str value);
void mx_text_html(mx_text *text, mx_str value);
/* What mx_text_json appends, into out, which has room for MX_JSON_MOST(size) bytes; not terminated. Returns the end. */
#define MX_JSON_MOST(size) ((size_t)6 * (size))
char *mx_write_json(char *out, mx_str value);
merx_status mx_text_ok(const mx_text *text, merx_error *err) MERX_MUST_CHECK;
void mx_text_clear(mx_text *text);
/* A terminated copy for a caller of the library, who frees it with merx_text_free. */
merx_status mx_text_give(const mx_text *text, char **out, merx_error *err) MERX_MUST_CHECK;
void mx_text_release(mx_text *text);

/*
 * Numbers, independent of the locale; the whole slice must be the number (no surrounding space). False: it is none.
 * mx_parse_double is exact (correctly rounded) and takes "nan", "inf", "infinity" in any case.
 */
bool mx_parse_int64(mx_str text, int64_t *out);
bool mx_parse_double(mx_str text, double *out);
/* A whole number: its length; out has >= 21 bytes. */
size_t mx_format_int64(int64_t value, char *out);
/* Shortest text that reads back to the same double, e.g. "0.1", "1e+300", "nan"; returns its length. out has >= 32 bytes. */
size_t mx_format_double(double value, char *out);

/*
 * Decimal money: "12.50" -> value 1250 with decimals 2. Exact; no floating point anywhere.
 * mx_parse_decimal reads [sign] digits [. digits] [e exponent] into units of 10^-*decimals (the digits written, at most 9;
 * zeros at the end are dropped down to two decimals: "12.500" is 1250 with 2, "7.0000" is 700 with 2, "7" is 7 with 0).
 * mx_rescale_decimal moves a value to other decimals; false when it would lose digits or overflow.
 * mx_format_decimal writes e.g. 9747747934, 3 -> "9747747.934".
 */
bool mx_parse_decimal(mx_str text, int64_t *value, int *decimals);
bool mx_rescale_decimal(int64_t value, int from_decimals, int to_decimals, int64_t *out);
size_t mx_format_decimal(int64_t value, int decimals, char *out, size_t size);

/* 64-bit hash of bytes, the same on every machine and run (xxHash64 or wyhash, stated in the source). */
uint64_t mx_hash64(const void *data, size_t size, uint64_t seed);

/*
 * A dictionary: distinct strings <-> codes 0, 1, 2, … in order of first sight. Copies the bytes. At most max_count strings.
 */
typedef struct mx_dict mx_dict;
merx_status mx_dict_new(const merx_allocator *alloc, size_t max_count, mx_dict **out, merx_error *err) MERX_MUST_CHECK;
void mx_dict_free(mx_dict *dict);
/* The code of a string, given a new one if needed; *added (may be NULL) says so. */
merx_status mx_dict_add(mx_dict *dict, mx_str text, int32_t *code, bool *added, merx_error *err) MERX_MUST_CHECK;
int32_t mx_dict_find(const mx_dict *dict, mx_str text); /* -1: absent */
mx_str mx_dict_get(const mx_dict *dict, int32_t code);  /* terminated; valid until the dictionary is freed */
size_t mx_dict_count(const mx_dict *dict);

/* The candidate nearest to word by Damerau-Levenshtein distance, or NULL when none is near (distance > 1 + length / 3). */
const char *mx_nearest_word(const char *word, const char *const *candidates, size_t count);

#endif
