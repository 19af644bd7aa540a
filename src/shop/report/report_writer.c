/*
 * How the parts of a report look: as text and as HTML.
 */
#include "shop/report/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct word_pair {
    const char *en, *zh;
} word_pair;
static const word_pair words[W_COUNT] = {
#define REPORT_PAIR(key, english, chinese) {english, chinese},
    REPORT_WORDS(REPORT_PAIR)
#undef REPORT_PAIR
};

const char *report_say(const report_out *out, report_word word)
{
    return out->chinese ? words[word].zh : words[word].en;
}

/* ---- values ---- */

/* Formats come from the table of words too, which holds both languages with the same conversions. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
const char *report_printf(report_out *out, const char *format, ...)
{
    char buffer[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(buffer, sizeof buffer, format, values);
    va_end(values);
    const char *copy = mx_arena_strdup(out->arena, buffer, NULL);
    if (!copy)
        out->text.failed = true;
    return copy ? copy : "";
}
#pragma GCC diagnostic pop

const char *report_str(report_out *out, mx_str text)
{
    const char *copy = mx_arena_strndup(out->arena, text.data ? text.data : "", text.size, NULL);
    if (!copy)
        out->text.failed = true;
    return copy ? copy : "";
}

/* Puts commas between groups of three digits of the whole part. */
static void group_digits(const char *number, char *grouped, size_t size)
{
    size_t sign = number[0] == '-';
    size_t whole = strspn(number + sign, "0123456789") + sign;
    size_t used = 0;
    for (size_t i = 0; number[i] && used + 2 < size; i++) {
        if (i > sign && i < whole && (whole - i) % 3 == 0)
            grouped[used++] = ',';
        grouped[used++] = number[i];
    }
    grouped[used] = '\0';
}

const char *report_count(report_out *out, int64_t value)
{
    char number[32];
    char grouped[48];
    snprintf(number, sizeof number, "%" PRId64, value);
    group_digits(number, grouped, sizeof grouped);
    return report_printf(out, "%s", grouped);
}

const char *report_money(report_out *out, int64_t minor, int decimals)
{
    char number[48];
    char grouped[64];
    mx_format_decimal(minor, decimals, number, sizeof number);
    group_digits(number, grouped, sizeof grouped);
    bool negative = grouped[0] == '-';
    return report_printf(out, "%s%s%s", negative ? "-" : "", out->currency, grouped + negative);
}

const char *report_share(report_out *out, double share)
{
    return isfinite(share) ? report_printf(out, "%.1f %%", share * 100) : "–";
}

/* ---- text ---- */

static void put_spaces(mx_text *text, size_t n)
{
    for (; n > 0; n--)
        mx_text_puts(text, " ");
}

static void put_styled(report_out *out, const char *style, const char *text)
{
    if (out->colour)
        mx_text_printf(&out->text, "\033[%sm", style);
    mx_text_puts(&out->text, text);
    if (out->colour)
        mx_text_puts(&out->text, "\033[0m");
}

static void put_html(report_out *out, const char *text)
{
    mx_text_html(&out->html, mx_str_of(text));
}

static void put_element(report_out *out, const char *element, const char *text)
{
    mx_text_printf(&out->html, "<%s>", element);
    put_html(out, text);
    mx_text_printf(&out->html, "</%s>\n", element);
}

static const char style[] =
    ":root{--ink:#1d2430;--soft:#5b6577;--paper:#fff;--card:#f5f7fa;--line:#dfe4ec;--accent:#2f6fde;--plot-ink:#3b4555;"
    "--plot-grid:#e3e8ef}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf3;--soft:#9aa6b8;--paper:#12161d;--card:#1b212b;--line:#"
    "2c3542;--accent:#7aa7ff;--plot-ink:#c4ccd8;"
    "--plot-grid:#2c3542;--plot-1:#6ea0ff;--plot-2:#ff9a66;--plot-3:#4fd1a5;--plot-4:#cf8cf0;--plot-5:#f0c64a;--plot-6:"
    "#9aa6b8}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,'Noto "
    "Sans SC','WenQuanYi Micro Hei',sans-serif}"
    "main{max-width:960px;margin:0 auto;padding:32px 20px 80px}h1{font-size:2rem;line-height:1.2;margin:0 0 "
    "4px}h2{font-size:1.35rem;margin:48px 0 12px;"
    "padding-top:16px;border-top:1px solid var(--line)}h3{font-size:1.05rem;margin:28px 0 8px}p{margin:8px "
    "0;color:var(--soft)}.shop{color:var(--accent);"
    "font-weight:600;margin:0}.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(200px,1fr));gap:12px;"
    "margin:16px 0;padding:0}"
    ".facts div{background:var(--card);border-radius:12px;padding:14px 16px}.facts "
    "dt{color:var(--soft);font-size:.82rem}.facts dd{margin:2px 0 0;"
    "font-size:1.25rem;font-weight:650;font-variant-numeric:tabular-nums}figure{margin:16px "
    "0;overflow-x:auto}.plot{min-width:520px}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.92rem;margin:12px "
    "0}th{text-align:left;color:var(--soft);font-weight:600;"
    "border-bottom:2px solid var(--line);padding:6px 10px 6px 0;white-space:nowrap}td{border-bottom:1px solid "
    "var(--line);padding:6px 10px 6px 0;"
    "vertical-align:top}td:first-child{min-width:9em}.n{text-align:right;font-variant-numeric:tabular-nums;white-space:"
    "nowrap}@media "
    "print{main{max-width:none}h2{break-after:avoid}}";

void report_begin(report_out *out, const char *shop)
{
    const char *title = report_say(out, W_TITLE);
    mx_text_printf(&out->html,
                   "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                   "content=\"width=device-width,"
                   "initial-scale=1\">\n<title>",
                   out->chinese ? "zh-CN" : "en");
    put_html(out, shop);
    mx_text_puts(&out->html, " · ");
    put_html(out, title);
    mx_text_printf(&out->html, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<p class=\"shop\">", style);
    put_html(out, shop);
    mx_text_puts(&out->html, "</p>\n");
    put_element(out, "h1", title);
    put_styled(out, "1", shop);
    mx_text_puts(&out->text, ": ");
    put_styled(out, "1", title);
    mx_text_puts(&out->text, "\n");
}

void report_end(report_out *out)
{
    mx_text_printf(&out->html, "<p>merx %s</p>\n</main>\n</body>\n</html>\n", merx_version());
}

void report_heading(report_out *out, const char *text)
{
    put_element(out, "h2", text);
    mx_text_puts(&out->text, "\n");
    put_styled(out, "1;34", text);
    mx_text_puts(&out->text, "\n");
}

void report_subheading(report_out *out, const char *text)
{
    put_element(out, "h3", text);
    mx_text_puts(&out->text, "\n  ");
    put_styled(out, "1", text);
    mx_text_puts(&out->text, "\n");
}

/* Text broken at spaces (and anywhere between wide characters) to the width, indented by two. */
static void put_wrapped(report_out *out, const char *text)
{
    size_t width = out->columns > 20 ? (size_t)out->columns - 2 : 18;
    mx_text_puts(&out->text, "  ");
    size_t column = 0;
    for (const char *word = text; *word;) {
        size_t length = strcspn(word, " ");
        size_t spaces = strspn(word + length, " ");
        size_t wide = mx_utf8_columns((mx_str){word, length});
        if (column > 0 && column + wide > width) {
            mx_text_puts(&out->text, "\n  ");
            column = 0;
        }
        mx_text_append(&out->text, word, length);
        column += wide;
        if (spaces && word[length + spaces]) {
            mx_text_puts(&out->text, " ");
            column++;
        }
        word += length + spaces;
    }
    mx_text_puts(&out->text, "\n");
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void report_paragraph(report_out *out, const char *format, ...)
{
    char buffer[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(buffer, sizeof buffer, format, values);
    va_end(values);
    put_element(out, "p", buffer);
    put_wrapped(out, buffer);
}
#pragma GCC diagnostic pop

void report_plot(report_out *out, const mx_text *svg)
{
    if (svg->failed)
        out->html.failed = true;
    mx_text_puts(&out->html, "<figure>\n");
    mx_text_append(&out->html, svg->data, svg->size);
    mx_text_puts(&out->html, "</figure>\n");
}

void report_spark(report_out *out, const char *label, const double *values, size_t n)
{
    mx_text_printf(&out->text, "  %s  ", label);
    mx_plot_spark(&out->text, values, n);
    mx_text_puts(&out->text, "\n");
}

void report_facts(report_out *out, const report_fact *facts, size_t n)
{
    size_t widest = 0;
    size_t widest_value = 0;
    for (size_t i = 0; i < n; i++) {
        size_t columns = mx_utf8_columns(mx_str_of(facts[i].label));
        size_t value = mx_utf8_columns(mx_str_of(facts[i].value));
        widest = columns > widest ? columns : widest;
        widest_value = value > widest_value ? value : widest_value;
    }
    mx_text_puts(&out->html, "<dl class=\"facts\">\n");
    for (size_t i = 0; i < n; i++) {
        mx_text_puts(&out->html, "<div><dt>");
        put_html(out, facts[i].label);
        mx_text_puts(&out->html, "</dt><dd>");
        put_html(out, facts[i].value);
        mx_text_puts(&out->html, "</dd></div>\n");
        mx_text_printf(&out->text, "  %s", facts[i].label);
        put_spaces(&out->text, widest - mx_utf8_columns(mx_str_of(facts[i].label)) + 2 + widest_value -
                                   mx_utf8_columns(mx_str_of(facts[i].value)));
        put_styled(out, "1", facts[i].value);
        mx_text_puts(&out->text, "\n");
    }
    mx_text_puts(&out->html, "</dl>\n");
}

/* ---- tables ---- */

enum { MAX_COLUMNS = 16, MIN_CUT = 12 };

static void table_html(report_out *out, size_t columns, const char *const *heads, const bool *right, size_t rows,
                       const char *const *cells)
{
    mx_text_puts(&out->html, "<div class=\"scroll\"><table>\n<thead><tr>");
    for (size_t j = 0; j < columns; j++) {
        mx_text_puts(&out->html, right[j] ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        put_html(out, heads[j]);
        mx_text_puts(&out->html, "</th>");
    }
    mx_text_puts(&out->html, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < rows; i++) {
        mx_text_puts(&out->html, "<tr>");
        for (size_t j = 0; j < columns; j++) {
            mx_text_puts(&out->html, right[j] ? "<td class=\"n\">" : "<td>");
            put_html(out, cells[i * columns + j]);
            mx_text_puts(&out->html, "</td>");
        }
        mx_text_puts(&out->html, "</tr>\n");
    }
    mx_text_puts(&out->html, "</tbody></table></div>\n");
}

/* Writes a cell in `width` columns; what does not fit is cut with an ellipsis. */
static void put_cell(mx_text *text, const char *cell, size_t width, bool right, bool last)
{
    size_t size = strlen(cell);
    size_t columns = mx_utf8_columns((mx_str){cell, size});
    if (columns > width) {
        size_t keep = 0;
        for (size_t i = 1; i <= size; i++)
            if (((unsigned char)cell[i] & 0xC0) != 0x80 && mx_utf8_columns((mx_str){cell, i}) < width)
                keep = i;
        mx_text_append(text, cell, keep);
        mx_text_puts(text, "…");
        columns = mx_utf8_columns((mx_str){cell, keep}) + 1;
        right = false;
    } else if (right) {
        put_spaces(text, width - columns);
        mx_text_append(text, cell, size);
    } else {
        mx_text_append(text, cell, size);
    }
    if (!right && !last)
        put_spaces(text, width - columns);
}

static void table_text(report_out *out, size_t columns, const char *const *heads, const bool *right, size_t rows,
                       const char *const *cells)
{
    size_t width[MAX_COLUMNS] = {0};
    size_t total = 0;
    size_t widest_text = 0;
    for (size_t j = 0; j < columns; j++) {
        width[j] = mx_utf8_columns(mx_str_of(heads[j]));
        for (size_t i = 0; i < rows; i++) {
            size_t cell = mx_utf8_columns(mx_str_of(cells[i * columns + j]));
            width[j] = cell > width[j] ? cell : width[j];
        }
        total += width[j] + 2;
        if (!right[j] && width[j] > (right[widest_text] ? 0 : width[widest_text]))
            widest_text = j;
    }
    if (out->columns > 0 && total > (size_t)out->columns && !right[widest_text]) {
        size_t over = total - (size_t)out->columns;
        size_t cut = width[widest_text] > over + MIN_CUT ? width[widest_text] - over : MIN_CUT;
        width[widest_text] = cut < width[widest_text] ? cut : width[widest_text];
    }
    for (size_t j = 0; j < columns; j++) {
        mx_text_puts(&out->text, "  ");
        if (out->colour)
            mx_text_puts(&out->text, "\033[2m");
        put_cell(&out->text, heads[j], width[j], right[j], j + 1 == columns);
        if (out->colour)
            mx_text_puts(&out->text, "\033[0m");
    }
    mx_text_puts(&out->text, "\n");
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            mx_text_puts(&out->text, "  ");
            put_cell(&out->text, cells[i * columns + j], width[j], right[j], j + 1 == columns);
        }
        mx_text_puts(&out->text, "\n");
    }
}

void report_table(report_out *out, size_t columns, const char *const *heads, const bool *right, size_t rows,
                  const char *const *cells)
{
    if (rows == 0 || columns == 0)
        return;
    if (columns > MAX_COLUMNS)
        columns = MAX_COLUMNS;
    table_html(out, columns, heads, right, rows, cells);
    table_text(out, columns, heads, right, rows, cells);
}
