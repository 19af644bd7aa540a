/*
 * JSON lines: one object a line (see rows_reader.h; docs/formats.md). The grammar is RFC 8259, checked in full.
 *
 * Read by hand and not by a JSON library because a value must come as it was written: 12.10 is a price, and a double would forget how many
 * decimals it had. A value is a slice of the line; only strings with escapes are copied (into scratch). Nested values are checked and come as
 * their text. What jansson accepts is the tests' oracle.
 *
 * Refused beyond the grammar: a key twice in one object, "\u0000", half a surrogate pair, more than DEPTH_MAX levels.
 */
#include <string.h>

#include "io/rows_reader.h"

#define DEPTH_MAX 64
/* How far a file is looked through for columns when it is opened. */
#define LOOK_LINES 100
#define LOOK_BYTES ((size_t)1 << 16)

typedef struct json_pair {
    mx_str key, value; /* value.data NULL: null */
    bool is_string, key_escaped, value_escaped;
} json_pair;

typedef struct json_scan {
    const char *at, *end; /* the line */
    const char *problem;  /* the first one, and where */
    const char *where;
} json_scan;

static bool fail(json_scan *j, const char *expected)
{
    if (!j->problem) {
        j->problem = expected;
        j->where = j->at;
    }
    return false;
}

/* ---- the grammar ---- */

static void skip_space(json_scan *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r' || *j->at == '\n'))
        j->at++;
}

static bool take(json_scan *j, char byte)
{
    if (j->at == j->end || *j->at != byte)
        return false;
    j->at++;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hex digits at `at`; -1: they are none. */
static int hex4(const char *at, const char *end)
{
    if (end - at < 4)
        return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* What follows a backslash. */
static bool scan_escape(json_scan *j)
{
    if (j->at < j->end && *j->at != 'u' && memchr("\"\\/bfnrt", *j->at, 8)) {
        j->at++;
        return true;
    }
    if (!take(j, 'u'))
        return fail(j, "an escape (one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX)");
    int unit = hex4(j->at, j->end);
    if (unit < 0)
        return fail(j, "four hexadecimal digits after \\u");
    if (unit == 0)
        return fail(j, "text without \\u0000");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail(j, "the first half of a surrogate pair");
    if (unit >= 0xd800 && unit <= 0xdbff) {
        int low = j->end - j->at >= 6 && j->at[4] == '\\' && j->at[5] == 'u' ? hex4(j->at + 6, j->end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(j, "the second half of a surrogate pair");
        j->at += 6;
    }
    j->at += 4;
    return true;
}

/* A string at its opening quote; *text is between the quotes, escapes not undone. */
static bool scan_string(json_scan *j, mx_str *text, bool *escaped)
{
    *escaped = false;
    if (!take(j, '"'))
        return fail(j, "a string in double quotes");
    const char *start = j->at;
    while (j->at < j->end) {
        unsigned char byte = (unsigned char)*j->at;
        if (byte == '"') {
            *text = (mx_str){start, (size_t)(j->at - start)};
            j->at++;
            return true;
        }
        if (byte < 0x20)
            return fail(j, "an escape in place of a control character");
        j->at++;
        if (byte == '\\') {
            *escaped = true;
            if (!scan_escape(j))
                return false;
        }
    }
    return fail(j, "the closing quote of a string");
}

static bool scan_digits(json_scan *j)
{
    const char *start = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return j->at > start || fail(j, "a digit");
}

static bool scan_number(json_scan *j)
{
    (void)take(j, '-');
    if (!take(j, '0') && !scan_digits(j))
        return false;
    if (take(j, '.') && !scan_digits(j))
        return false;
    if (take(j, 'e') || take(j, 'E')) {
        if (!take(j, '+'))
            (void)take(j, '-');
        return scan_digits(j);
    }
    return true;
}

static bool scan_word(json_scan *j, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(j->end - j->at) < size || memcmp(j->at, word, size) != 0)
        return fail(j, "a value (a string, number, object, array, true, false or null)");
    j->at += size;
    return true;
}

static bool scan_value(json_scan *j, int depth);

static bool scan_nested(json_scan *j, int depth)
{
    const char close = *j->at == '{' ? '}' : ']';
    if (depth == DEPTH_MAX)
        return fail(j, "at most 64 levels of nesting");
    j->at++;
    skip_space(j);
    if (take(j, close))
        return true;
    do {
        mx_str key;
        bool escaped;
        skip_space(j);
        if (close == '}') {
            if (!scan_string(j, &key, &escaped))
                return false;
            skip_space(j);
            if (!take(j, ':'))
                return fail(j, "\":\" after a key");
            skip_space(j);
        }
        if (!scan_value(j, depth + 1))
            return false;
        skip_space(j);
    } while (take(j, ','));
    return take(j, close) || fail(j, close == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
}

static bool scan_value(json_scan *j, int depth)
{
    mx_str text;
    bool escaped;
    switch (j->at < j->end ? *j->at : '\0') {
    case '"':
        return scan_string(j, &text, &escaped);
    case '{':
    case '[':
        return scan_nested(j, depth);
    case 't':
        return scan_word(j, "true");
    case 'f':
        return scan_word(j, "false");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return scan_number(j);
    default:
        return scan_word(j, "null");
    }
}

/* "key": value */
static bool scan_pair(json_scan *j, json_pair *pair)
{
    *pair = (json_pair){{NULL, 0}, {NULL, 0}, false, false, false};
    skip_space(j);
    if (!scan_string(j, &pair->key, &pair->key_escaped))
        return false;
    skip_space(j);
    if (!take(j, ':'))
        return fail(j, "\":\" after a key");
    skip_space(j);
    const char *start = j->at;
    if (j->at < j->end && *j->at == '"') {
        pair->is_string = true;
        if (!scan_string(j, &pair->value, &pair->value_escaped))
            return false;
    } else {
        if (!scan_value(j, 1))
            return false;
        if (*start != 'n')
            pair->value = (mx_str){start, (size_t)(j->at - start)};
    }
    skip_space(j);
    return true;
}

/* ---- undoing escapes (of a string that was scanned, so they are right) ---- */

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

static merx_status unescape(mx_rows *r, mx_str *text, merx_error *err)
{
    char *begin;
    MX_TRY(mx_vec_push(&r->scratch, text->size, &begin, err)); /* never longer than what was written */
    char *out = begin;
    const char *at = text->data, *end = at + text->size;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *plain = memchr(from, at[1], 5);
        if (at[1] != 'u') {
            *out++ = plain ? to[plain - from] : at[1];
            at += 2;
            continue;
        }
        uint32_t code = (uint32_t)hex4(at + 2, end);
        at += 6;
        if (code >= 0xd800 && code <= 0xdbff) {
            code = 0x10000 + ((code - 0xd800) << 10) + ((uint32_t)hex4(at + 2, end) - 0xdc00);
            at += 6;
        }
        out = put_utf8(out, code);
    }
    *text = (mx_str){begin, (size_t)(out - begin)};
    return MERX_OK;
}

/* ---- a line ---- */

typedef struct line_result {
    const char *problem; /* NULL: the line is an object, its pairs in r->pairs */
    size_t position;     /* in the line, 0-based */
    bool expected;       /* problem says what was expected (else what was wrong) */
} line_result;

static merx_status scan_line(mx_rows *r, mx_str line, line_result *result, merx_error *err)
{
    json_scan j = {line.data, line.data + line.size, NULL, NULL};
    *result = (line_result){NULL, 0, true};
    mx_vec_clear(&r->pairs);
    mx_vec_clear(&r->scratch);
    MX_TRY(mx_vec_reserve(&r->scratch, line.size, err)); /* so that nothing moves below */
    size_t bad;
    if (!mx_utf8_valid(line, &bad)) {
        *result = (line_result){"invalid UTF-8", bad, false};
        return MERX_OK;
    }
    skip_space(&j);
    if (!take(&j, '{')) {
        (void)fail(&j, "a JSON object in braces");
        goto wrong;
    }
    skip_space(&j);
    if (!take(&j, '}')) {
        do {
            json_pair *pair;
            if (r->pairs.count == r->options.max_columns) {
                *result = (line_result){"too many keys", (size_t)(j.at - line.data), false};
                return MERX_OK;
            }
            MX_TRY(mx_vec_push(&r->pairs, 1, &pair, err));
            if (!scan_pair(&j, pair))
                goto wrong;
            if (pair->value.size > r->options.max_field_bytes || pair->key.size > r->options.max_field_bytes) {
                *result = (line_result){"a value longer than the limit", (size_t)(pair->key.data - line.data), false};
                return MERX_OK;
            }
            if (pair->key_escaped)
                MX_TRY(unescape(r, &pair->key, err));
            if (pair->value_escaped)
                MX_TRY(unescape(r, &pair->value, err));
        } while (take(&j, ','));
        if (!take(&j, '}')) {
            (void)fail(&j, "\",\" or \"}\"");
            goto wrong;
        }
    }
    skip_space(&j);
    if (j.at == j.end)
        return MERX_OK;
    (void)fail(&j, "nothing after the object");
wrong:
    *result = (line_result){j.problem, (size_t)(j.where - line.data), true};
    return MERX_OK;
}

/* Puts the pairs into the fields, adding columns for new keys. *culprit: the pair for which that can't be, or NULL. */
static merx_status place_pairs(mx_rows *r, const json_pair **culprit, const char **problem, merx_error *err)
{
    const json_pair *pairs = r->pairs.data;
    size_t known = mx_rows_columns(r), guess = 0;
    *culprit = NULL;
    r->stamp++;
    for (size_t i = 0; i < known; i++) {
        MX_VEC_AT(&r->fields, mx_str, i) = (mx_str){NULL, 0};
        MX_VEC_AT(&r->quoted, bool, i) = false;
    }
    for (size_t i = 0; i < r->pairs.count; i++) {
        /* Lines of one file mostly have their keys in one order. */
        size_t column = guess;
        if (guess >= known || !mx_str_equal(mx_dict_get(r->columns, (int32_t)guess), pairs[i].key)) {
            int32_t code = mx_dict_find(r->columns, pairs[i].key);
            column = code < 0 ? known : (size_t)code;
        }
        if (column == known) {
            if (known == r->options.max_columns) {
                *culprit = &pairs[i];
                *problem = "is one key more than the columns allowed";
                return MERX_OK;
            }
            MX_TRY(mx_rows_add_column(r, pairs[i].key, err));
            known++;
        }
        uint64_t *seen = &MX_VEC_AT(&r->seen, uint64_t, column);
        if (*seen == r->stamp) {
            *culprit = &pairs[i];
            *problem = "appears twice";
            return MERX_OK;
        }
        *seen = r->stamp;
        MX_VEC_AT(&r->fields, mx_str, column) = pairs[i].value;
        MX_VEC_AT(&r->quoted, bool, column) = pairs[i].is_string;
        guess = column + 1;
    }
    return MERX_OK;
}

/* The end of the line that begins at data[from] (its newline, or the end); SIZE_MAX: not in the window. */
static size_t line_end(const mx_rows *r, size_t from)
{
    const unsigned char *newline = memchr(r->data + from, '\n', r->end - from);
    return newline ? (size_t)(newline - r->data) : r->ended ? r->end : SIZE_MAX;
}

/* Looks through the first lines for columns; they stay to be read. */
merx_status mx_jsonl_begin(mx_rows *r, merx_error *err)
{
    r->pairs = mx_vec_init(r->alloc, sizeof(json_pair), r->options.max_columns, "pairs of a JSON object");
    if (r->data[r->begin] == '[')
        MX_FAIL(err, MERX_E_PARSE, mx_rows_name(r),
                "is a JSON array; JSON lines were expected: one object a line, without brackets and commas around");
    bool more = true;
    while (r->end - r->begin < LOOK_BYTES && more)
        MX_TRY(mx_rows_refill(r, &more, err));
    size_t stop = r->end - r->begin < LOOK_BYTES ? r->end : r->begin + LOOK_BYTES;
    size_t at = r->begin;
    for (int k = 0; k < LOOK_LINES && at < stop; k++) {
        size_t end = line_end(r, at);
        if (end > stop || end - at > r->row_limit)
            break;
        line_result result;
        MX_TRY(scan_line(r, (mx_str){(const char *)r->data + at, end - at}, &result, err));
        const json_pair *culprit;
        const char *problem;
        if (!result.problem)
            MX_TRY(place_pairs(r, &culprit, &problem, err));
        at = end + 1;
    }
    return MERX_OK;
}

merx_status mx_jsonl_next(mx_rows *r, const mx_row **row, merx_error *err)
{
    bool ended;
    *row = NULL;
    MX_TRY(mx_rows_skip_empty(r, true, &ended, err));
    if (ended)
        return MERX_OK;
    *row = &r->row;
    size_t end;
    bool more = true;
    while ((end = line_end(r, r->begin)) == SIZE_MAX && r->end - r->begin <= r->row_limit && more)
        MX_TRY(mx_rows_refill(r, &more, err));
    if (end == r->end && r->ended && r->failed) { /* the line was not to be had: tell why */
        r->begin = r->end;
        *row = NULL;
        return mx_rows_failure(r, err);
    }
    if (end == SIZE_MAX || end - r->begin > r->row_limit)
        return mx_rows_problem(r, r->begin, -1, err, "the line is longer than %zu bytes", r->row_limit);
    line_result result;
    mx_str line = {(const char *)r->data + r->begin, end - r->begin};
    MX_TRY(scan_line(r, line, &result, err));
    if (result.problem)
        return mx_rows_problem(r, r->begin, -1, err, "character %zu: %s%s", result.position + 1,
                               result.expected ? "expected " : "", result.problem);
    const json_pair *culprit;
    const char *problem;
    MX_TRY(place_pairs(r, &culprit, &problem, err));
    if (culprit) {
        char key[64];
        mx_rows_excerpt(culprit->key, key);
        return mx_rows_problem(r, r->begin, mx_dict_find(r->columns, culprit->key), err, "key \"%s\" %s", key, problem);
    }
    bool newline = end < r->end;
    mx_rows_good(r, end + newline, newline);
    return MERX_OK;
}
