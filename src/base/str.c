/*
 * Borrowed slices, UTF-8 checks and widths, and the nearest known word.
 */
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

mx_str mx_str_of(const char *text)
{
    return text == NULL ? (mx_str){"", 0} : (mx_str){text, strlen(text)};
}

bool mx_str_equal(mx_str a, mx_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool mx_str_equal_nocase(mx_str a, mx_str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

int mx_str_compare(mx_str a, mx_str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

mx_str mx_str_trim(mx_str text)
{
    while (text.size > 0 && is_space(text.data[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_space(text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

bool mx_str_starts(mx_str text, const char *prefix)
{
    size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

bool mx_str_ends(mx_str text, const char *suffix)
{
    size_t size = strlen(suffix);
    return text.size >= size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

/* Unicode 15, table 3-7: the second byte's range depends on the first. */
size_t mx_utf8_decode(const char *data, size_t size, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)data;
    *code = 0xFFFD;
    if (size == 0)
        return 0;
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    unsigned low = 0x80;
    unsigned high = 0xBF;
    size_t need = 0;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        need = 2;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        need = 3;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        need = 4;
    if (need == 0 || size < need)
        return 0;
    if (s[0] == 0xE0)
        low = 0xA0;
    else if (s[0] == 0xED)
        high = 0x9F;
    else if (s[0] == 0xF0)
        low = 0x90;
    else if (s[0] == 0xF4)
        high = 0x8F;
    if (s[1] < low || s[1] > high)
        return 0;
    uint32_t value = s[0] & (0xFFu >> (need + 1));
    value = value << 6 | (s[1] & 0x3Fu);
    for (size_t i = 2; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3Fu);
    }
    *code = value;
    return need;
}

bool mx_utf8_valid(mx_str text, size_t *where)
{
    size_t i = 0;
    while (i < text.size) {
        uint64_t eight = 0;
        if (text.size - i >= 8) {
            memcpy(&eight, text.data + i, 8);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                i += 8;
                continue;
            }
        }
        uint32_t code = 0;
        size_t step = mx_utf8_decode(text.data + i, text.size - i, &code);
        if (step == 0) {
            if (where != NULL)
                *where = i;
            return false;
        }
        i += step;
    }
    return true;
}

typedef struct code_range {
    uint32_t first, last;
} code_range;

static bool in_ranges(uint32_t code, const code_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* East Asian Width W and F, and emoji shown wide; from Unicode 15's EastAsianWidth.txt, neighbouring ranges joined. */
static const code_range wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},   {0x25FD, 0x25FE},
    {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26A1, 0x26A1},   {0x26BD, 0x26BE},   {0x2705, 0x2705},
    {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},   {0x2753, 0x2755},   {0x2795, 0x2797},
    {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},
    {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18CFF}, {0x1AFF0, 0x1B2FF},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320},
    {0x1F32D, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F7E0, 0x1F7EB}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD},
};
/* Combining marks of common scripts, joiners, variation selectors. */
static const code_range no_width[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},   {0x05BF, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x0900, 0x0902},   {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x202A, 0x202E}, {0x2060, 0x2064}, {0x20D0, 0x20F0},   {0x302A, 0x302D}, {0x3099, 0x309A}, {0xFE00, 0xFE0F},
    {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0001, 0xE01EF},
};

size_t mx_utf8_columns(mx_str text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.size;) {
        uint32_t code = 0;
        size_t step = mx_utf8_decode(text.data + i, text.size - i, &code);
        i += step > 0 ? step : 1;
        if (code < 0x20 || code == 0x7F ||
            (code >= 0x300 && in_ranges(code, no_width, sizeof no_width / sizeof *no_width)))
            continue;
        columns += code >= 0x1100 && in_ranges(code, wide, sizeof wide / sizeof *wide) ? 2 : 1;
    }
    return columns;
}

enum { LONGEST_WORD = 63 };

/* Letters count as equal whatever their case, and '-' equals '_': those slips cost nothing. */
static bool same_letter(char a, char b)
{
    a = a == '-' ? '_' : lower(a);
    b = b == '-' ? '_' : lower(b);
    return a == b;
}

/* Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours. Both at most LONGEST_WORD. */
static size_t word_distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = last[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]) &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m];
}

const char *mx_nearest_word(const char *word, const char *const *candidates, size_t count)
{
    size_t n = strlen(word);
    if (n > LONGEST_WORD)
        return NULL;
    const char *nearest = NULL;
    size_t nearest_distance = 1 + n / 3 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t m = strlen(candidates[i]);
        if (m > LONGEST_WORD)
            continue;
        size_t distance = word_distance(word, n, candidates[i], m);
        if (distance < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
