/*
 * CSV as in RFC 4180, row by row where it lies in the window (see rows_reader.h; docs/formats.md describes the dialect).
 *
 * A field that begins with the quote goes to the next single quote ("" inside stands for one); it must be followed by a separator or a line
 * end. Any other field goes to the next separator or line end, and quotes inside it are plain characters. A row ends at LF or CR LF outside
 * quotes, or at the end.
 *
 * Fields are slices of the window; only those with doubled quotes are copied (into scratch). Searching goes by 16 bytes (SSE2) and may look
 * into the padding behind the window.
 *
 * A quote opened by mistake swallows what follows up to the next quote, where some other character than a separator tells of it: such a row
 * is a problem, and so that one bad row costs one line only, reading resumes after the line on which the field began. The same for a field
 * beyond the limit, which is told before its end is seen.
 */
#include <stdio.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "io/csv_scan.h"
#include "io/rows_reader.h"

/* ---- searching ---- */

typedef const unsigned char *place;

/* The first a or b in [at, end), else end. */
static inline place find_either(place at, place end, unsigned char a, unsigned char b)
{
#if defined(__SSE2__)
    const __m128i wanted_a = _mm_set1_epi8((char)a), wanted_b = _mm_set1_epi8((char)b);
    for (; at < end; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        unsigned hits =
            (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, wanted_a), _mm_cmpeq_epi8(bytes, wanted_b)));
        if (hits) {
            at += __builtin_ctz(hits);
            return at < end ? at : end;
        }
    }
    return end;
#else
    while (at < end && *at != a && *at != b)
        at++;
    return at;
#endif
}

static inline place find_byte(place at, place end, unsigned char a)
{
    return find_either(at, end, a, a);
}

/* ---- scanning a row ---- */

mx_csv_result mx_csv_scan_row(const mx_csv_format *format, const unsigned char *data, size_t begin, size_t size,
                              bool last, mx_str *fields, bool *quoted, size_t room, mx_csv_scan *s)
{
    const unsigned char separator = (unsigned char)format->separator, quote = (unsigned char)format->quote;
    const size_t field_max = format->max_field_bytes;
    place p = data + begin, end = data + size;
    const bool cut = (size_t)(end - p) > format->row_limit; /* then `end` is the row's limit, not the window's end */
    if (cut)
        end = p + format->row_limit;
    last = last && !cut; /* nothing comes after `end` */
    *s = (mx_csv_scan){0, 0, begin, false};
    for (;;) {
        place start, stop, next; /* the field; what follows it, NULL at the row's end */
        bool in_quotes = p < end && *p == quote;
        if (in_quotes) {
            start = p + 1;
            bool doubled = false;
            for (place from = start;; from = stop + 2) {
                stop = find_byte(from, end, quote);
                if ((size_t)(stop - start) > field_max) {
                    s->field = (size_t)(p - data);
                    return MX_CSV_LONG_FIELD;
                }
                if (stop == end) {
                    s->field = (size_t)(p - data);
                    return last ? MX_CSV_UNCLOSED : cut ? MX_CSV_LONG_ROW : MX_CSV_MORE;
                }
                if (stop + 1 == end || stop[1] != quote)
                    break;
                doubled = true;
            }
            if (stop + 1 == end && !last)
                return cut ? MX_CSV_LONG_ROW : MX_CSV_MORE;
            next = stop + 1;
            if (next < end && *next == '\r') {
                if (next + 1 == end && !last)
                    return cut ? MX_CSV_LONG_ROW : MX_CSV_MORE;
                if (next + 1 == end || next[1] == '\n')
                    next++;
            }
            if (next < end && *next != separator && *next != '\n') {
                s->field = (size_t)(p - data);
                return MX_CSV_AFTER;
            }
            s->doubled |= doubled;
        } else {
            start = p;
            stop = find_either(p, end, separator, '\n');
            if ((size_t)(stop - start) > field_max) {
                s->field = (size_t)(p - data);
                return MX_CSV_LONG_FIELD;
            }
            if (stop == end && !last)
                return cut ? MX_CSV_LONG_ROW : MX_CSV_MORE;
            next = stop;
            if ((stop == end || *stop == '\n') && stop > start && stop[-1] == '\r')
                stop--;
        }
        if (s->n < room) {
            fields[s->n] = (mx_str){(const char *)start, (size_t)(stop - start)};
            quoted[s->n] = in_quotes;
        }
        s->n++;
        if (next == end || *next == '\n') {
            s->row_end = (size_t)(next - data) + (next < end);
            return MX_CSV_ROW;
        }
        p = next + 1;
    }
}

static mx_csv_format format_of(const mx_rows *r)
{
    return (mx_csv_format){r->options.separator, r->options.quote, r->options.max_field_bytes, r->row_limit};
}

/* Scans the row that begins at r->begin. */
static mx_csv_result scan_row(const mx_rows *r, mx_str *fields, bool *quoted, size_t room, mx_csv_scan *s)
{
    const mx_csv_format format = format_of(r);
    return mx_csv_scan_row(&format, r->data, r->begin, r->end, r->ended && !r->failed, fields, quoted, room, s);
}

/* Scans until the row is whole or wrong, reading more as needed. */
static merx_status scan_whole(mx_rows *r, size_t room, mx_csv_scan *s, mx_csv_result *result, merx_error *err)
{
    for (;;) {
        *result = scan_row(r, r->fields.data, r->quoted.data, room, s);
        if (*result == MX_CSV_MORE) {
            bool more;
            MX_TRY(mx_rows_refill(r, &more, err));
            if (!more && r->failed) { /* the row was not to be had: tell why */
                r->begin = r->end;
                return mx_rows_failure(r, err);
            }
            continue;
        }
        if (*result == MX_CSV_LONG_ROW)
            s->field = r->begin;
        return MERX_OK;
    }
}

/* "" -> " in the fields that have it; the slices then lie in scratch. */
static merx_status undouble(mx_rows *r, mx_str *fields, const bool *quoted, size_t n, size_t row_bytes, merx_error *err)
{
    const char quote = r->options.quote;
    mx_vec_clear(&r->scratch);
    MX_TRY(mx_vec_reserve(&r->scratch, row_bytes, err)); /* so that nothing moves below */
    for (size_t i = 0; i < n; i++) {
        mx_str *field = &fields[i];
        if (!quoted[i] || field->size < 2 || !memchr(field->data, quote, field->size))
            continue;
        char *out;
        MX_TRY(mx_vec_push(&r->scratch, field->size, &out, err));
        size_t size = 0;
        for (size_t k = 0; k < field->size; k++) {
            out[size++] = field->data[k];
            k += field->data[k] == quote;
        }
        *field = (mx_str){out, size};
    }
    return MERX_OK;
}

/* ---- problems ---- */

int mx_csv_describe(const mx_csv_format *format, const unsigned char *data, const mx_csv_scan *s, mx_csv_result result,
                    char *out, size_t size)
{
    switch (result) {
    case MX_CSV_UNCLOSED:
        (void)snprintf(out, size, "a quote is opened and never closed (expected a closing %c)", format->quote);
        break;
    case MX_CSV_AFTER:
        (void)snprintf(out, size,
                       "text follows the closing quote of a field (expected a separator or the end of the line; a "
                       "quote inside quotes is written twice)");
        break;
    case MX_CSV_LONG_FIELD:
        (void)snprintf(out, size, "a field is longer than %zu bytes%s", format->max_field_bytes,
                       data[s->field] == (unsigned char)format->quote ? " (is its quote closed?)" : "");
        break;
    default:
        (void)snprintf(out, size, "the row is longer than %zu bytes", format->row_limit);
        return -1;
    }
    return s->n < MX_CSV_COLUMNS ? (int)s->n : MX_CSV_COLUMNS;
}

void mx_csv_describe_count(size_t fields, size_t columns, char *out, size_t size)
{
    (void)snprintf(out, size, "has %zu field%s; expected %zu", fields, fields == 1 ? "" : "s", columns);
}

int mx_csv_describe_bytes(const mx_str *fields, size_t n, bool nul, char *out, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        size_t where;
        if (nul && fields[i].size > 0 && memchr(fields[i].data, 0, fields[i].size)) {
            (void)snprintf(out, size, "a zero byte (expected text)");
            return (int)i;
        }
        if (!nul && !mx_utf8_valid(fields[i], &where)) {
            (void)snprintf(out, size, "invalid UTF-8 at byte %zu of the field (0x%02x); expected UTF-8 text", where + 1,
                           (unsigned char)fields[i].data[where]);
            return (int)i;
        }
    }
    (void)snprintf(out, size, "invalid bytes (expected UTF-8 text)");
    return -1;
}

static merx_status problem_of_scan(mx_rows *r, const mx_csv_scan *s, mx_csv_result result, merx_error *err)
{
    const mx_csv_format format = format_of(r);
    char text[sizeof r->problem];
    int column = mx_csv_describe(&format, r->data, s, result, text, sizeof text);
    if (column > (int)r->options.max_columns)
        column = (int)r->options.max_columns;
    return mx_rows_problem(r, s->field, column, err, "%s", text);
}

static merx_status problem_of_bytes(mx_rows *r, const mx_csv_scan *s, bool nul, merx_error *err)
{
    char text[sizeof r->problem];
    int column = mx_csv_describe_bytes(r->fields.data, s->n, nul, text, sizeof text);
    return mx_rows_problem(r, s->row_end - 1, column, err, "%s", text);
}

/* ---- the beginning ---- */

/* Looks through up to 10 lines: the separator found equally often, and most often, in each; else most often in the first. */
static merx_status find_separator(mx_rows *r, merx_error *err)
{
    static const char candidates[4] = {',', ';', '\t', '|'};
    enum { LINES = 10, WINDOW = 1 << 16 };
    bool more = true;
    while (r->end - r->begin < WINDOW && more)
        MX_TRY(mx_rows_refill(r, &more, err));
    size_t counts[LINES][4] = {{0}};
    int lines = 0;
    bool in_quotes = false;
    size_t stop = r->end - r->begin < WINDOW ? r->end : r->begin + WINDOW;
    const bool whole = stop == r->end && r->ended;
    size_t line_begin = r->begin;
    for (size_t i = r->begin; i < stop && lines < LINES; i++) {
        char byte = (char)r->data[i];
        if (byte == r->options.quote)
            in_quotes = !in_quotes;
        if (in_quotes)
            continue;
        for (int c = 0; c < 4; c++)
            counts[lines][c] += byte == candidates[c];
        if (byte == '\n' || (whole && i + 1 == stop)) {
            bool empty = i == line_begin || (i == line_begin + 1 && r->data[line_begin] == '\r');
            if (!empty || byte != '\n')
                lines++;
            line_begin = i + 1;
        }
    }
    if (lines == 0) /* one line longer than the window, or a quote left open */
        lines = 1;
    int best = 0;
    size_t best_score = 0;
    for (int c = 0; c < 4; c++) {
        if (candidates[c] == r->options.quote)
            continue;
        bool even = true;
        for (int k = 1; k < lines; k++)
            even = even && counts[k][c] == counts[0][c];
        size_t score = counts[0][c] == 0 ? 0 : counts[0][c] + (even ? (size_t)WINDOW : 0);
        if (score > best_score) {
            best = c;
            best_score = score;
        }
    }
    r->options.separator = candidates[best];
    return MERX_OK;
}

/* An empty name becomes "column N", one that was there before "name (N)", N being the column's number from 1. */
static merx_status add_named_column(mx_rows *r, mx_str field, size_t number, merx_error *err)
{
    mx_text text;
    mx_text_init(&text, r->alloc, r->row_limit);
    mx_str name = mx_str_trim(field);
    mx_text_append(&text, name.data, name.size);
    if (name.size == 0)
        mx_text_printf(&text, "column %zu", number);
    merx_status status = mx_text_ok(&text, err);
    while (status == MERX_OK && mx_dict_find(r->columns, (mx_str){text.data, text.size}) >= 0) {
        mx_text_printf(&text, " (%zu)", number);
        status = mx_text_ok(&text, err);
    }
    if (status == MERX_OK)
        status = mx_rows_add_column(r, (mx_str){text.data, text.size}, err);
    mx_text_release(&text);
    return status;
}

/* Makes the columns from the header, or counts them in the first row (which stays to be read). */
merx_status mx_csv_begin(mx_rows *r, merx_error *err)
{
    if (!r->options.separator)
        MX_TRY(find_separator(r, err));
    const char *name = mx_rows_name(r);
    mx_csv_scan s;
    mx_csv_result result;
    MX_TRY(scan_whole(r, 0, &s, &result, err));
    if (result != MX_CSV_ROW) {
        uint64_t line = r->line;
        MX_TRY(problem_of_scan(r, &s, result, err));
        MX_FAIL(err, MERX_E_PARSE, name, "the first row (line %llu): %s", (unsigned long long)line, r->problem);
    }
    if (s.n > r->options.max_columns)
        MX_FAIL(err, MERX_E_LIMIT, name, "the first row has %zu fields; at most %zu columns are allowed", s.n,
                r->options.max_columns);
    if (r->options.no_header) {
        for (size_t i = 0; i < s.n; i++)
            MX_TRY(add_named_column(r, MX_STR(""), i + 1, err));
        return MERX_OK;
    }
    mx_vec names = mx_vec_init(r->alloc, sizeof(mx_str), s.n, "names of columns");
    mx_vec quoted = mx_vec_init(r->alloc, sizeof(bool), s.n, "names of columns");
    merx_status status = MERX_OK;
    mx_span_facts facts = mx_span_look(r->data + r->begin, r->data + s.row_end);
    mx_str *fields;
    bool *flags;
    MX_TRY_GOTO(mx_vec_push(&names, s.n, &fields, err));
    MX_TRY_GOTO(mx_vec_push(&quoted, s.n, &flags, err));
    (void)scan_row(r, fields, flags, s.n, &s);
    if (s.doubled)
        MX_TRY_GOTO(undouble(r, fields, flags, s.n, s.row_end - r->begin, err));
    for (size_t i = 0; i < s.n; i++) {
        if (facts.nul && fields[i].size > 0 && memchr(fields[i].data, 0, fields[i].size))
            MX_FAIL_GOTO(err, MERX_E_PARSE, name, "the name of column %zu (line %llu) has a zero byte", i + 1,
                         (unsigned long long)r->line);
        if (!mx_utf8_valid(fields[i], NULL))
            MX_FAIL_GOTO(err, MERX_E_PARSE, name, "the name of column %zu (line %llu) is not valid UTF-8", i + 1,
                         (unsigned long long)r->line);
        MX_TRY_GOTO(add_named_column(r, fields[i], i + 1, err));
    }
    r->begin = s.row_end;
    r->line += facts.newlines;
    r->line_ended = r->data[s.row_end - 1] == '\n';
out:
    mx_vec_release(&names);
    mx_vec_release(&quoted);
    return status;
}

merx_status mx_csv_next(mx_rows *r, const mx_row **row, merx_error *err)
{
    bool ended;
    *row = NULL;
    MX_TRY(mx_rows_skip_empty(r, false, &ended, err));
    if (ended)
        return MERX_OK;
    mx_csv_scan s;
    mx_csv_result result;
    const size_t columns = mx_rows_columns(r);
    MX_TRY(scan_whole(r, columns, &s, &result, err));
    if (result != MX_CSV_ROW) {
        MX_TRY(problem_of_scan(r, &s, result, err));
    } else if (s.n != columns) {
        char text[sizeof r->problem];
        mx_csv_describe_count(s.n, columns, text, sizeof text);
        MX_TRY(mx_rows_problem(r, s.row_end - 1, -1, err, "%s", text));
    } else {
        mx_span_facts facts = mx_span_look(r->data + r->begin, r->data + s.row_end);
        mx_str bytes = {(const char *)r->data + r->begin, s.row_end - r->begin};
        if (facts.nul || (facts.high && !mx_utf8_valid(bytes, NULL))) {
            MX_TRY(problem_of_bytes(r, &s, facts.nul, err));
        } else {
            if (s.doubled)
                MX_TRY(undouble(r, r->fields.data, r->quoted.data, columns, bytes.size, err));
            mx_rows_good(r, s.row_end, facts.newlines);
        }
    }
    *row = &r->row;
    return MERX_OK;
}
