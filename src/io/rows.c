/*
 * Rows of text fields: the window on the source, problems, columns (see rows.h and rows_reader.h).
 */
#include "io/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "io/rows_reader.h"

#define BLOCK ((size_t)1 << 18)
#define FIELD_MAX ((size_t)1 << 20)
#define ROW_MAX ((size_t)16 << 20)
#define COLUMNS_MAX ((size_t)4096)
#define COLUMNS_LIMIT ((size_t)1 << 20)

/* ---- the window ---- */

static void hash_to(mx_rows *r, size_t end)
{
    if (r->digest && end > r->hashed)
        mx_sha256_update(&r->sha, r->data + r->hashed, end - r->hashed);
    r->hashed = end;
}

static merx_status grow(mx_rows *r, merx_error *err)
{
    size_t capacity, padded;
    unsigned char *data;
    if (!mx_mul_size(r->capacity, 2, &capacity) || !mx_add_size(capacity, SCAN_PADDING, &padded))
        MX_FAIL(err, MERX_E_MEMORY, mx_rows_name(r), "a row is too long");
    MX_TRY(mx_alloc_array(r->alloc, padded, 1, "window on the rows", &data, err));
    memcpy(data, r->data, r->end);
    mx_free_array(r->alloc, r->data, r->capacity + SCAN_PADDING, 1);
    r->data = data;
    r->capacity = capacity;
    return MERX_OK;
}

merx_status mx_rows_refill(mx_rows *rows, bool *more, merx_error *err)
{
    *more = false;
    if (rows->ended)
        return MERX_OK;
    hash_to(rows, rows->begin);
    size_t left = rows->end - rows->begin;
    memmove(rows->data, rows->data + rows->begin, left);
    rows->offset += rows->begin;
    rows->begin = rows->hashed = 0;
    rows->end = left;
    if (left > rows->capacity / 2)
        MX_TRY(grow(rows, err));
    while (rows->end < rows->capacity) {
        size_t got = 0;
        merx_error failure = {0};
        merx_status status =
            mx_source_read(rows->source, rows->data + rows->end, rows->capacity - rows->end, &got, &failure);
        if (status != MERX_OK || got == 0) {
            rows->ended = true;
            rows->failed = status;
            rows->failure = failure;
            break;
        }
        rows->end += got;
    }
    *more = rows->end > left;
    return MERX_OK;
}

merx_status mx_rows_failure(const mx_rows *rows, merx_error *err)
{
    if (rows->failed == MERX_OK)
        return MERX_OK;
    MX_FAIL(err, rows->failed, rows->failure.where, "%s (after line %llu)", rows->failure.message,
            (unsigned long long)(rows->line - 1));
}

/* At an empty line: its bytes with the newline. At another: 0. SIZE_MAX: can't tell without more. */
static size_t empty_line(const mx_rows *r, bool blanks)
{
    size_t at = r->begin;
    while (blanks && at < r->end && (r->data[at] == ' ' || r->data[at] == '\t'))
        at++;
    if (at < r->end && r->data[at] == '\r')
        at++;
    if (at == r->end)
        return r->ended ? at - r->begin : SIZE_MAX;
    return r->data[at] == '\n' ? at + 1 - r->begin : 0;
}

merx_status mx_rows_skip_empty(mx_rows *rows, bool blanks, bool *ended, merx_error *err)
{
    for (;;) {
        size_t size = rows->begin < rows->end ? empty_line(rows, blanks) : rows->ended ? 0 : SIZE_MAX;
        if (size == SIZE_MAX && rows->end - rows->begin > rows->row_limit)
            size = 0; /* endless blanks: let the row's limit speak */
        if (size == SIZE_MAX) {
            bool more;
            MX_TRY(mx_rows_refill(rows, &more, err));
        } else if (size > 0) {
            rows->line += rows->data[rows->begin + size - 1] == '\n';
            rows->begin += size;
        } else {
            break;
        }
    }
    *ended = rows->begin == rows->end;
    return *ended ? mx_rows_failure(rows, err) : MERX_OK;
}

/* ---- the row ---- */

mx_span_facts mx_span_look(const unsigned char *at, const unsigned char *end)
{
    mx_span_facts facts = {0, false, false};
#if defined(__SSE2__)
    const __m128i newline = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    unsigned high = 0, nul = 0;
    for (; at < end; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        unsigned inside = end - at >= 16 ? 0xffffu : (1u << (end - at)) - 1;
        high |= (unsigned)_mm_movemask_epi8(bytes) & inside;
        nul |= (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zero)) & inside;
        facts.newlines +=
            (size_t)__builtin_popcount((unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, newline)) & inside);
    }
    facts.high = high != 0;
    facts.nul = nul != 0;
#else
    for (; at < end; at++) {
        facts.newlines += *at == '\n';
        facts.high |= *at >= 128;
        facts.nul |= *at == 0;
    }
#endif
    return facts;
}

void mx_rows_good(mx_rows *rows, size_t row_end, uint64_t newlines)
{
    rows->row = (mx_row){.line = rows->line,
                         .number = rows->number++,
                         .count = mx_rows_columns(rows),
                         .fields = rows->fields.data,
                         .quoted = rows->quoted.data,
                         .problem = NULL,
                         .problem_column = -1};
    rows->begin = row_end;
    rows->line += newlines;
    rows->line_ended = row_end > 0 && rows->data[row_end - 1] == '\n';
}

/* Goes to the end of the line in which data[from] lies, without keeping it. */
static merx_status skip_line(mx_rows *r, size_t from, merx_error *err)
{
    r->line += mx_span_look(r->data + r->begin, r->data + from).newlines;
    for (;;) {
        const unsigned char *newline = memchr(r->data + from, '\n', r->end - from);
        if (newline) {
            r->begin = (size_t)(newline - r->data) + 1;
            r->line++;
            r->line_ended = true;
            return MERX_OK;
        }
        r->begin = r->end;
        r->line_ended = false;
        bool more;
        MX_TRY(mx_rows_refill(r, &more, err));
        if (!more)
            return MERX_OK;
        from = r->begin;
    }
}

merx_status mx_rows_problem(mx_rows *rows, size_t from, int column, merx_error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(rows->problem, sizeof rows->problem, format, arguments);
    va_end(arguments);
    rows->row = (mx_row){.line = rows->line,
                         .number = rows->number++,
                         .count = 0,
                         .fields = NULL,
                         .quoted = NULL,
                         .problem = rows->problem,
                         .problem_column = column};
    return skip_line(rows, from, err);
}

void mx_rows_excerpt(mx_str text, char out[64])
{
    size_t size = text.size < 40 ? text.size : 40;
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)text.data[i] < 0x20 ? ' ' : text.data[i];
    memcpy(out + size, size < text.size ? "..." : "", size < text.size ? 4 : 1);
}

/* ---- columns ---- */

merx_status mx_rows_add_column(mx_rows *rows, mx_str name, merx_error *err)
{
    if (mx_rows_columns(rows) >= rows->options.max_columns)
        MX_FAIL(err, MERX_E_LIMIT, mx_rows_name(rows), "has more than %zu columns", rows->options.max_columns);
    size_t n = mx_rows_columns(rows) + 1;
    MX_TRY(mx_vec_reserve(&rows->fields, n, err));
    MX_TRY(mx_vec_reserve(&rows->quoted, n, err));
    MX_TRY(mx_vec_reserve(&rows->seen, n, err));
    int32_t code;
    MX_TRY(mx_dict_add(rows->columns, name, &code, NULL, err));
    const mx_str none = {NULL, 0};
    const bool no = false;
    const uint64_t never = 0;
    MX_TRY(mx_vec_append(&rows->fields, &none, 1, err));
    MX_TRY(mx_vec_append(&rows->quoted, &no, 1, err));
    return mx_vec_append(&rows->seen, &never, 1, err);
}

size_t mx_rows_columns(const mx_rows *rows)
{
    return mx_dict_count(rows->columns);
}

const char *mx_rows_column(const mx_rows *rows, size_t i)
{
    return mx_dict_get(rows->columns, (int32_t)i).data;
}

int mx_rows_find(const mx_rows *rows, const char *name)
{
    mx_str wanted = mx_str_trim(mx_str_of(name));
    for (size_t i = 0; i < mx_rows_columns(rows); i++)
        if (mx_str_equal_nocase(mx_str_trim(mx_str_of(mx_rows_column(rows, i))), wanted))
            return (int)i;
    return -1;
}

/* ---- opening and the rest ---- */

static merx_status check_options(const mx_rows_options *o, const char *name, merx_error *err)
{
    unsigned char separator = (unsigned char)o->separator, quote = (unsigned char)o->quote;
    if (separator >= 128 || separator == '\n' || separator == '\r')
        MX_FAIL(err, MERX_E_INVALID, name, "the separator must be one ASCII character, not a line end");
    if (quote >= 128 || quote == '\n' || quote == '\r' || quote == separator)
        MX_FAIL(err, MERX_E_INVALID, name,
                "the quote must be one ASCII character, neither a line end nor the separator");
    if (o->max_columns > COLUMNS_LIMIT)
        MX_FAIL(err, MERX_E_INVALID, name, "max_columns is %zu; at most %zu is possible", o->max_columns,
                COLUMNS_LIMIT);
    return MERX_OK;
}

/* The first bytes: no BOM of UTF-8, and a plain word about UTF-16. */
static merx_status begin(mx_rows *r, merx_error *err)
{
    bool more = true;
    while (r->end < 3 && more)
        MX_TRY(mx_rows_refill(r, &more, err));
    if (r->end >= 3 && memcmp(r->data, "\xef\xbb\xbf", 3) == 0)
        r->begin = 3;
    else if (r->end >= 2 && (memcmp(r->data, "\xff\xfe", 2) == 0 || memcmp(r->data, "\xfe\xff", 2) == 0))
        MX_FAIL(err, MERX_E_PARSE, mx_rows_name(r), "is UTF-16; save it as UTF-8");
    bool ended;
    MX_TRY(mx_rows_skip_empty(r, r->options.format == MX_ROWS_JSONL, &ended, err));
    if (ended)
        MX_FAIL(err, MERX_E_PARSE, mx_rows_name(r), "is empty; %s was expected",
                r->options.format == MX_ROWS_JSONL ? "one JSON object a line"
                : r->options.no_header             ? "at least one row"
                                                   : "a first line with the names of the columns");
    return r->options.format == MX_ROWS_JSONL ? mx_jsonl_begin(r, err) : mx_csv_begin(r, err);
}

merx_status mx_rows_open(mx_source *source, const mx_rows_options *options, const merx_allocator *alloc, mx_rows **out,
                         merx_error *err)
{
    return mx_rows_open_block(source, options, BLOCK, alloc, out, err);
}

merx_status mx_rows_open_block(mx_source *source, const mx_rows_options *options, size_t block_bytes,
                               const merx_allocator *alloc, mx_rows **out, merx_error *err)
{
    mx_rows *r;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    merx_status status = mx_alloc_array(alloc, 1, sizeof *r, "reader of rows", &r, err);
    if (status != MERX_OK) {
        mx_source_close(source);
        return status;
    }
    r->alloc = alloc;
    r->source = source;
    r->options = *options;
    mx_rows_options *o = &r->options;
    if (!o->quote)
        o->quote = '"';
    if (!o->max_field_bytes)
        o->max_field_bytes = FIELD_MAX;
    if (!o->max_columns)
        o->max_columns = COLUMNS_MAX;
    r->line = 1;
    r->line_ended = true;
    r->digest = true; /* until the first row is asked for and nobody wanted it */
    mx_sha256_init(&r->sha);
    r->fields = mx_vec_init(alloc, sizeof(mx_str), o->max_columns, "fields of a row");
    r->quoted = mx_vec_init(alloc, sizeof(bool), o->max_columns, "fields of a row");
    r->seen = mx_vec_init(alloc, sizeof(uint64_t), o->max_columns, "fields of a row");
    MX_TRY_GOTO(check_options(o, mx_source_name(source), err));
    MX_TRY_GOTO(mx_dict_new(alloc, o->max_columns, &r->columns, err));
    if (!mx_add_size(o->max_field_bytes, ROW_MAX, &r->row_limit))
        r->row_limit = SIZE_MAX / 4;
    r->scratch = mx_vec_init(alloc, 1, r->row_limit, "bytes of a row");
    size_t padded;
    if (block_bytes < 1 || !mx_add_size(block_bytes, SCAN_PADDING, &padded))
        MX_FAIL_GOTO(err, MERX_E_INVALID, mx_source_name(source), "a window of %zu bytes", block_bytes);
    MX_TRY_GOTO(mx_alloc_array(alloc, padded, 1, "window on the rows", &r->data, err));
    r->capacity = block_bytes;
    MX_TRY_GOTO(begin(r, err));
    *out = r;
    return MERX_OK;
out:
    mx_rows_close(r);
    return status;
}

void mx_rows_close(mx_rows *rows)
{
    if (!rows)
        return;
    mx_source_close(rows->source);
    mx_dict_free(rows->columns);
    mx_vec_release(&rows->fields);
    mx_vec_release(&rows->quoted);
    mx_vec_release(&rows->seen);
    if (rows->pairs.alloc)
        mx_vec_release(&rows->pairs);
    if (rows->scratch.alloc)
        mx_vec_release(&rows->scratch);
    mx_free_array(rows->alloc, rows->data, rows->capacity + SCAN_PADDING, 1);
    mx_free_array(rows->alloc, rows, 1, sizeof *rows);
}

merx_status mx_rows_next(mx_rows *rows, const mx_row **row, merx_error *err)
{
    *row = NULL;
    if (!rows->begun) {
        rows->begun = true;
        rows->digest = rows->digest_wanted;
    }
    return rows->options.format == MX_ROWS_JSONL ? mx_jsonl_next(rows, row, err) : mx_csv_next(rows, row, err);
}

merx_status mx_rows_raw(mx_rows *rows, void *buffer, size_t size, size_t *got, merx_error *err)
{
    size_t left = rows->end - rows->begin;
    *got = left < size ? left : size;
    if (*got > 0) {
        memcpy(buffer, rows->data + rows->begin, *got);
        rows->begin += *got;
        return MERX_OK;
    }
    if (rows->ended)
        return mx_rows_failure(rows, err);
    return mx_source_read(rows->source, buffer, size, got, err);
}

uint64_t mx_rows_line(const mx_rows *rows)
{
    return rows->line;
}

bool mx_rows_file(const mx_rows *rows, int *fd, uint64_t *size_bytes)
{
    return mx_source_file(rows->source, fd, size_bytes);
}

char mx_rows_separator(const mx_rows *rows)
{
    return rows->options.separator;
}

const char *mx_rows_name(const mx_rows *rows)
{
    return mx_source_name(rows->source);
}

void mx_rows_digest(mx_rows *rows)
{
    rows->digest_wanted = true;
}

uint64_t mx_rows_bytes(const mx_rows *rows)
{
    return rows->offset + rows->begin;
}

void mx_rows_digest_hex(const mx_rows *rows, char hex[65])
{
    mx_sha256 state = rows->sha;
    mx_sha256_update(&state, rows->data + rows->hashed, rows->begin - rows->hashed);
    mx_sha256_hex_so_far(&state, hex);
}

void mx_rows_digest_line(mx_rows *rows, uint64_t *bytes, char hex[65])
{
    size_t end = rows->begin;
    if (rows->line_ended && end > rows->hashed)
        end -= end > rows->hashed + 1 && rows->data[end - 2] == '\r' ? 2 : 1;
    hash_to(rows, end);
    mx_sha256_hex_so_far(&rows->sha, hex);
    *bytes = rows->offset + end;
}

bool mx_rows_line_ended(const mx_rows *rows)
{
    return rows->line_ended;
}

double mx_rows_progress(const mx_rows *rows)
{
    uint64_t size = mx_source_size(rows->source), consumed = mx_source_consumed(rows->source);
    return size == 0 ? -1 : consumed >= size ? 1 : (double)consumed / (double)size;
}

bool mx_rows_format_of_name(const char *path, mx_rows_format *format)
{
    static const struct {
        const char *ending;
        mx_rows_format format;
    } table[] = {
        {".jsonl", MX_ROWS_JSONL}, {".ndjson", MX_ROWS_JSONL}, {".json", MX_ROWS_JSONL},
        {".csv", MX_ROWS_CSV},     {".tsv", MX_ROWS_CSV},      {".txt", MX_ROWS_CSV},
    };
    mx_str name = mx_str_of(path);
    if (mx_str_ends(name, ".gz"))
        name.size -= 3;
    else if (mx_str_ends(name, ".zst"))
        name.size -= 4;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t size = strlen(table[i].ending);
        if (name.size >= size &&
            mx_str_equal_nocase((mx_str){name.data + name.size - size, size}, mx_str_of(table[i].ending))) {
            *format = table[i].format;
            return true;
        }
    }
    return false;
}
