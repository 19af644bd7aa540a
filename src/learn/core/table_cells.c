/*
 * Cells of a column taken in by the row (see table_cells.h). What most values look like is read without looking at them twice; whatever is not of that look
 * (white space around, words for missing, exponents, quotes inside quotes) goes through one slow function per kind, which is the rule.
 */
#include "learn/core/table_cells.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/iso_date.h"
#include "learn/core/table_words.h"

static const char *const missing_words[] = {"NA", "N/A", "NaN", "nan", "null", "NULL"};
#define MISSING_WORDS (sizeof missing_words / sizeof *missing_words)
static const char *date_names = "2011-12-09T12:50:00Z, 9/12/2011, 12/9/2011 or 2011/12/9; one format a column";

/* Formats that can't be numbers; unix times stay numeric unless declared. */
#define WRITTEN_DATES (1u << MX_DATE_ISO | 1u << MX_DATE_DMY | 1u << MX_DATE_MDY | 1u << MX_DATE_YMD_SLASH)

void mx_cell_rules_init(mx_cell_rules *rules, const merx_csv_options *options, char quote)
{
    *rules = (mx_cell_rules){.missing = options->missing,
                             .quote = quote,
                             .max_levels = options->max_levels,
                             .max_refused = options->max_refused};
    for (size_t i = 0; i < MISSING_WORDS; i++)
        rules->suspect[(unsigned char)missing_words[i][0]] = true;
    for (const char *at = options->missing; at != NULL && *at != '\0'; at++)
        if (at == options->missing || at[-1] == '|') {
            rules->suspect[(unsigned char)*at] = true;
            rules->numbers_missing |= strchr("+-.0123456789", *at) != NULL;
        }
    for (const char *at = " \t\n\v\f\r"; *at != '\0'; at++)
        rules->suspect[(unsigned char)*at] = true;
}

bool mx_cell_missing(const mx_cell_rules *rules, mx_str trimmed)
{
    if (trimmed.size == 0 || trimmed.data == NULL)
        return true;
    if (!rules->suspect[(unsigned char)trimmed.data[0]])
        return false;
    for (size_t i = 0; i < MISSING_WORDS; i++)
        if (mx_str_equal(trimmed, mx_str_of(missing_words[i])))
            return true;
    for (const char *at = rules->missing; at != NULL && *at != '\0';) {
        const char *end = strchr(at, '|');
        size_t size = end != NULL ? (size_t)(end - at) : strlen(at);
        if (size > 0 && mx_str_equal(trimmed, (mx_str){at, size}))
            return true;
        at = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static signed char truth_of(mx_str text)
{
    static const char *const words[] = {"false", "true", "no", "yes"};
    for (int i = 0; i < 4; i++)
        if (mx_str_equal_nocase(text, mx_str_of(words[i])))
            return (signed char)(i & 1);
    return -1;
}

static signed char declared_truth_of(mx_str text)
{
    return text.size == 1 && (text.data[0] == '0' || text.data[0] == '1') ? (signed char)(text.data[0] - '0')
                                                                          : truth_of(text);
}

/* ---- plans ---- */

mx_cell_plan mx_cell_plan_first(const mx_cell_rule *rule)
{
    if (!rule->declared)
        return (mx_cell_plan){MX_CELLS_NONE, WRITTEN_DATES};
    switch (rule->type) {
    case MERX_COLUMN_NUMERIC:
        return (mx_cell_plan){MX_CELLS_NUMBERS, 0};
    case MERX_COLUMN_DATE:
        return (mx_cell_plan){MX_CELLS_DATES, (1u << MX_DATE_FORMATS) - 1};
    case MERX_COLUMN_TEXT:
        return (mx_cell_plan){MX_CELLS_TEXTS, 0};
    default:
        return (mx_cell_plan){MX_CELLS_WORDS, 0};
    }
}

static unsigned dates_that_fit(unsigned dates, mx_str text)
{
    int64_t ms;
    for (unsigned left = dates; left != 0; left &= left - 1)
        if (!mx_parse_date(text, (mx_date_format)__builtin_ctz(left), 0, &ms))
            dates &= ~(left & -left);
    return dates;
}

mx_cell_plan mx_cell_plan_widen(mx_cell_plan plan, mx_str trimmed)
{
    double number;
    unsigned dates = 0;
    switch (plan.kind) {
    case MX_CELLS_NONE:
        if (mx_parse_double(trimmed, &number))
            return (mx_cell_plan){MX_CELLS_NUMBERS, 0};
        dates = dates_that_fit(plan.dates, trimmed);
        break;
    case MX_CELLS_NUMBERS: /* 20111209 may still be a date: the values before will tell */
        if (mx_parse_double(trimmed, &number))
            return plan;
        dates = dates_that_fit(1u << MX_DATE_YMD_SLASH, trimmed);
        break;
    case MX_CELLS_DATES:
        dates = dates_that_fit(plan.dates, trimmed);
        break;
    default:
        return plan;
    }
    return dates != 0 ? (mx_cell_plan){MX_CELLS_DATES, dates} : (mx_cell_plan){MX_CELLS_WORDS, 0};
}

bool mx_cell_plan_same(mx_cell_plan a, mx_cell_plan b)
{
    return a.kind == b.kind && (a.kind != MX_CELLS_DATES || (a.dates & -a.dates) == (b.dates & -b.dates));
}

size_t mx_cell_size(mx_cell_kind kind)
{
    return kind == MX_CELLS_WORDS ? sizeof(int32_t) : 8;
}

bool mx_cell_fits(const mx_cell_rule *rule, mx_cell_plan *plan, mx_str trimmed, const char **expected)
{
    double number;
    switch (rule->type) {
    case MERX_COLUMN_NUMERIC:
        *expected = "a finite number";
        return mx_parse_double(trimmed, &number) && !isinf(number);
    case MERX_COLUMN_BOOLEAN:
        *expected = "true or false, yes or no, 1 or 0";
        return declared_truth_of(trimmed) >= 0;
    case MERX_COLUMN_DATE: {
        *expected = date_names;
        unsigned left = dates_that_fit(plan->dates, trimmed);
        if (left != 0)
            plan->dates = left;
        return left != 0;
    }
    default:
        return true;
    }
}

void mx_cell_describe(const mx_cell_rule *rule, const char *expected, char *out, size_t size)
{
    (void)snprintf(out, size, "is not %s (expected %s)",
                   rule->type == MERX_COLUMN_NUMERIC || !rule->declared ? "a usable number"
                   : rule->type == MERX_COLUMN_DATE                     ? "such a date"
                                                                        : "a truth value",
                   expected);
}

/* ---- fields ---- */

typedef struct span {
    const unsigned char *at, *end;
} span;

static inline span span_of(const mx_cell_rows *rows, size_t r, size_t c)
{
    const uint32_t *ends = rows->ends + r * rows->stride + c;
    span s = {rows->text + (size_t)(uint32_t)(ends[0] + 1), rows->text + ends[1]};
    s.end -= c + 1 == rows->stride && s.end > s.at && s.end[-1] == '\r';
    return s;
}

static inline bool has_byte(const unsigned char *at, size_t size, unsigned char byte)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), pattern = ones * byte;
    if (size > 64)
        return memchr(at, byte, size) != NULL;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word ^= pattern;
        if ((word - ones) & ~word & (ones << 7))
            return true;
    }
    for (; size > 0; at++, size--)
        if (*at == byte)
            return true;
    return false;
}

/* Takes the quotes off; *doubled: quotes are left inside. */
static inline span unquoted(span s, unsigned char quote, bool *doubled)
{
    *doubled = false;
    if (s.at < s.end && *s.at == quote) {
        s.at++;
        s.end -= s.end > s.at;
        *doubled = has_byte(s.at, (size_t)(s.end - s.at), quote);
    }
    return s;
}

merx_status mx_cell_text(mx_cell_scratch *scratch, const mx_cell_rows *rows, size_t r, size_t c, mx_str *out,
                         merx_error *err)
{
    const unsigned char quote = (unsigned char)scratch->rules->quote;
    bool doubled;
    span s = unquoted(span_of(rows, r, c), quote, &doubled);
    *out = (mx_str){(const char *)s.at, (size_t)(s.end - s.at)};
    if (!doubled)
        return MERX_OK;
    char *to;
    mx_vec_clear(&scratch->unquoted);
    MX_TRY(mx_vec_push(&scratch->unquoted, out->size + MX_FIELDS_PADDING, &to, err));
    size_t size = 0;
    for (; s.at < s.end; s.at++) {
        to[size++] = (char)*s.at;
        s.at += *s.at == quote;
    }
    memset(to + size, 0, MX_FIELDS_PADDING);
    *out = (mx_str){to, size};
    return MERX_OK;
}

void mx_cells_blank(mx_cell_kind kind, void *values, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        switch (kind) {
        case MX_CELLS_NUMBERS:
            ((double *)values)[i] = (double)NAN;
            break;
        case MX_CELLS_DATES:
            ((int64_t *)values)[i] = INT64_MIN;
            break;
        case MX_CELLS_WORDS:
            ((int32_t *)values)[i] = -1;
            break;
        case MX_CELLS_TEXTS:
            ((const char **)values)[i] = NULL;
            break;
        default:
            break;
        }
}

#define ISO_LIKE (1u << MX_DATE_ISO | 1u << MX_DATE_YMD_SLASH)

/* ---- the kinds; each stops, with a wider plan, at a value that does not fit ---- */

typedef struct filling {
    mx_cell_scratch *scratch;
    mx_cells *cells;
    const mx_cell_rule *rule;
    const mx_cell_rows *rows;
    size_t j, at, missing;
    size_t *refused;
} filling;

static merx_status fill_none(filling *f, merx_error *err)
{
    for (size_t r = 0; r < f->rows->rows; r++) {
        mx_str raw;
        MX_TRY(mx_cell_text(f->scratch, f->rows, r, f->j, &raw, err));
        mx_str text = mx_str_trim(raw);
        if (!mx_cell_missing(f->scratch->rules, text)) {
            f->cells->plan = mx_cell_plan_widen(f->cells->plan, text);
            return MERX_OK;
        }
    }
    f->missing = f->rows->rows;
    return MERX_OK;
}

static merx_status note_infinite(filling *f, size_t row, mx_str raw, merx_error *err)
{
    if (f->cells->infinite > f->scratch->rules->max_refused) /* one more is never told of */
        return MERX_OK;
    mx_infinite *note;
    MX_TRY(mx_vec_push(f->scratch->infinite, 1, &note, err));
    *note = (mx_infinite){.row = row, .column = f->j, .size = raw.size > 64 ? 64 : (uint32_t)raw.size};
    memcpy(note->text, raw.data, note->size);
    f->cells->infinite++;
    return MERX_OK;
}

static merx_status fill_numbers(filling *f, merx_error *err)
{
    mx_cell_scratch *s = f->scratch;
    double *out = (double *)f->cells->values + f->at;
    size_t count = s->kernels->numbers(f->rows->text, f->rows->ends + f->j, f->rows->stride, f->rows->rows,
                                       s->rules->quote, out, s->others, &f->missing);
    for (size_t r = 0, i = 0; s->rules->numbers_missing && r < f->rows->rows; r++) { /* such as -999 */
        const span part = span_of(f->rows, r, f->j);
        if (i < count && s->others[i] == r) {
            i++;
            continue;
        }
        const size_t off = part.at < part.end && *part.at == (unsigned char)s->rules->quote;
        const mx_str text = {(const char *)part.at + off, (size_t)(part.end - part.at) - 2 * off};
        if (text.size > 0 && mx_cell_missing(s->rules, mx_str_trim(text))) {
            out[r] = (double)NAN;
            f->missing++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        size_t r = s->others[i];
        mx_str raw;
        MX_TRY(mx_cell_text(s, f->rows, r, f->j, &raw, err));
        mx_str text = mx_str_trim(raw);
        if (mx_cell_missing(s->rules, text)) {
            out[r] = (double)NAN;
            f->missing++;
        } else if (!mx_parse_double(text, &out[r])) {
            if (f->rule->declared)
                *f->refused = r;
            else
                f->cells->plan = mx_cell_plan_widen(f->cells->plan, text);
            return MERX_OK;
        } else if (isnan(out[r])) {
            f->missing++;
        } else if (isinf(out[r])) {
            if (f->rule->declared) {
                *f->refused = r;
                return MERX_OK;
            }
            MX_TRY(note_infinite(f, f->at + r, raw, err));
        }
    }
    return MERX_OK;
}

static merx_status fill_dates(filling *f, merx_error *err)
{
    const mx_cell_plan begin = f->cells->plan;
    const bool iso = (begin.dates & -begin.dates) == 1u << MX_DATE_ISO;
    int64_t *out = (int64_t *)f->cells->values + f->at;
    const unsigned char quote = (unsigned char)f->scratch->rules->quote;
    for (size_t r = 0; r < f->rows->rows; r++) {
        const span whole = span_of(f->rows, r, f->j);
        if (whole.at == whole.end) {
            out[r] = INT64_MIN;
            f->missing++;
            continue;
        }
        const size_t off = *whole.at == quote;
        const size_t size = (size_t)(whole.end - whole.at) - 2 * off;
        if (iso && (f->cells->plan.dates & ~ISO_LIKE) == 0 && !f->scratch->rules->suspect[whole.at[off]] &&
            mx_iso_date((const char *)whole.at + off, size, 0, &out[r])) {
            /* Year, month, day in that order is another format's as well, but for T in lower case and for Z. */
            if (size > 10 && (whole.at[off + 10] == 't' || whole.at[off + size - 1] == 'Z'))
                f->cells->plan.dates &= 1u << MX_DATE_ISO;
            continue;
        }
        mx_str raw;
        MX_TRY(mx_cell_text(f->scratch, f->rows, r, f->j, &raw, err));
        mx_str text = mx_str_trim(raw);
        if (mx_cell_missing(f->scratch->rules, text)) {
            out[r] = INT64_MIN;
            f->missing++;
            continue;
        }
        const unsigned dates = f->cells->plan.dates;
        if ((dates & (dates - 1)) == 0 && mx_parse_date(text, (mx_date_format)__builtin_ctz(dates), 0, &out[r]))
            continue;
        const mx_cell_plan wider = mx_cell_plan_widen(f->cells->plan, text);
        if (f->rule->declared && wider.kind != MX_CELLS_DATES) {
            *f->refused = r;
            return MERX_OK;
        }
        f->cells->plan = wider;
        if (!mx_cell_plan_same(begin, wider))
            return MERX_OK;
        (void)mx_parse_date(text, (mx_date_format)__builtin_ctz(wider.dates), 0, &out[r]);
    }
    return MERX_OK;
}

/* A word that is not in the dictionary: its code there, -1 if it means missing, -2 if a declared column refuses it. */
static merx_status new_word(filling *f, mx_words *words, const mx_word_slot *key, mx_str raw, int32_t *code,
                            merx_error *err)
{
    enum { MISSING_KEPT = 64 };
    mx_str text = mx_str_trim(raw);
    if (mx_cell_missing(f->scratch->rules, text)) {
        *code = -1;
        return key->size <= 16 && words->used < words->words.count + MISSING_KEPT ? mx_words_add(words, key, -1, err)
                                                                                  : MERX_OK;
    }
    const bool truth = f->rule->declared && f->rule->type == MERX_COLUMN_BOOLEAN;
    const signed char flag = truth ? declared_truth_of(text) : truth_of(text);
    *code = -2;
    if (truth && flag < 0)
        return MERX_OK;
    MX_TRY(mx_text_store_room(&f->scratch->texts, raw.size + 1, err));
    char *copy = f->scratch->texts.at;
    mx_word *word;
    MX_TRY(mx_vec_push(&words->words, 1, &word, err));
    merx_status status = mx_words_add(words, key, (int32_t)words->words.count - 1, err);
    if (status != MERX_OK) {
        words->words.count--;
        return status;
    }
    memcpy(copy, raw.data, raw.size);
    copy[raw.size] = '\0';
    f->scratch->texts.at += raw.size + 1;
    *word = (mx_word){.text = copy, .size = (uint32_t)raw.size, .shared = -1, .flag = flag};
    words->all_flags &= flag >= 0;
    *code = (int32_t)words->words.count - 1;
    return MERX_OK;
}

static merx_status fill_words(filling *f, merx_error *err)
{
    mx_cell_scratch *s = f->scratch;
    mx_words *words = &s->words[f->j];
    MX_TRY(mx_words_begin(words, s->texts.alloc, err));
    int32_t *out = (int32_t *)f->cells->values + f->at;
    const unsigned char quote = (unsigned char)s->rules->quote;
    for (size_t r = 0; r < f->rows->rows; r++) {
        bool doubled;
        const span word = unquoted(span_of(f->rows, r, f->j), quote, &doubled);
        mx_str raw = {(const char *)word.at, (size_t)(word.end - word.at)};
        if (doubled)
            MX_TRY(mx_cell_text(s, f->rows, r, f->j, &raw, err));
        if (raw.size == 0) {
            out[r] = -1;
            f->missing++;
            continue;
        }
        mx_word_slot key;
        mx_words_key(raw.data, raw.size, &key);
        int32_t code = mx_words_find(words, &key, raw.data);
        if (code == -2) {
            MX_TRY(new_word(f, words, &key, raw, &code, err));
            if (code == -2) {
                *f->refused = r;
                return MERX_OK;
            }
            if (!f->rule->declared && words->words.count > s->rules->max_levels && !words->all_flags) {
                f->cells->plan = (mx_cell_plan){MX_CELLS_TEXTS, 0};
                return MERX_OK;
            }
        }
        out[r] = code;
        f->missing += code < 0;
    }
    return MERX_OK;
}

static merx_status fill_texts(filling *f, merx_error *err)
{
    mx_cell_scratch *s = f->scratch;
    mx_text_store *texts = &s->texts;
    const char **out = (const char **)f->cells->values + f->at;
    const unsigned char quote = (unsigned char)s->rules->quote;
    for (size_t r = 0; r < f->rows->rows; r++) {
        span part = span_of(f->rows, r, f->j);
        const bool in_quotes = part.at < part.end && *part.at == quote;
        part.at += in_quotes;
        part.end -= in_quotes && part.end > part.at;
        size_t size = (size_t)(part.end - part.at);
        if (size == 0) {
            out[r] = NULL;
            f->missing++;
            continue;
        }
        if (s->rules->suspect[*part.at] &&
            mx_cell_missing(s->rules, mx_str_trim((mx_str){(const char *)part.at, size}))) {
            out[r] = NULL;
            f->missing++;
            continue;
        }
        MX_TRY(mx_text_store_room(texts, size + 1, err));
        char *to = texts->at;
        if (in_quotes && has_byte(part.at, size, quote)) {
            size_t written = 0;
            for (const unsigned char *at = part.at; at < part.end; at++) {
                to[written++] = (char)*at;
                at += *at == quote;
            }
            size = written;
            if (mx_cell_missing(s->rules, mx_str_trim((mx_str){to, size}))) { /* a word with a quote in it */
                out[r] = NULL;
                f->missing++;
                continue;
            }
        } else if (size <= MX_TEXT_SLACK) {
            memcpy(to, part.at, MX_TEXT_SLACK); /* whatever follows: the room and the padding are there */
        } else {
            memcpy(to, part.at, size);
        }
        to[size] = '\0';
        out[r] = to;
        texts->at = to + size + 1;
    }
    return MERX_OK;
}

merx_status mx_cells_fill(mx_cell_scratch *scratch, mx_cells *cells, size_t j, const mx_cell_rows *rows, size_t at,
                          bool *redo, size_t *refused, merx_error *err)
{
    for (;;) {
        const mx_cell_plan begin = cells->plan;
        filling f = {.scratch = scratch,
                     .cells = cells,
                     .rule = &scratch->rules->columns[j],
                     .rows = rows,
                     .j = j,
                     .at = at,
                     .refused = refused};
        switch (begin.kind) {
        case MX_CELLS_NONE:
            MX_TRY(fill_none(&f, err));
            break;
        case MX_CELLS_NUMBERS:
            MX_TRY(fill_numbers(&f, err));
            break;
        case MX_CELLS_DATES:
            MX_TRY(fill_dates(&f, err));
            break;
        case MX_CELLS_WORDS:
            MX_TRY(fill_words(&f, err));
            break;
        case MX_CELLS_TEXTS:
            MX_TRY(fill_texts(&f, err));
            break;
        }
        if (mx_cell_plan_same(begin, cells->plan)) {
            cells->missing += f.missing;
            return MERX_OK;
        }
        if (begin.kind == MX_CELLS_NONE)
            mx_cells_blank(cells->plan.kind, cells->values, 0, at);
        else
            *redo |= at > 0;
    }
}
