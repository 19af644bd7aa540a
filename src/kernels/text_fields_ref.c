/*
 * Fields of delimited text in plain C, byte by byte: the specification.
 */
#include "kernels/text_fields.h"

#include <math.h>

#include "base/decimal_double.h"

void mx_fields_index_ref(const unsigned char *text, size_t size, char separator, char quote, mx_fields *out)
{
    const unsigned char s = (unsigned char)separator, q = (unsigned char)quote;
    bool inside = false;   /* quotes */
    bool closed = false;   /* the byte before is a closing quote */
    bool returned = false; /* the bytes before are a closing quote and CR */
    bool begin = true;     /* of a field */
    out->ends[0] = UINT32_MAX;
    out->n_ends = out->n_rows = out->n_inner = 0;
    out->irregular = out->high = out->nul = false;
    out->stop = size;
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = text[i];
        const bool end = !inside && (byte == s || byte == '\n');
        bool wrong = (closed && byte != s && byte != '\n' && byte != '\r' && byte != q) || (returned && byte != '\n');
        wrong |= byte == q && !inside && !begin && !closed;
        if (wrong) {
            out->irregular = true;
            out->stop = i - i % 64;
            return;
        }
        returned = closed && byte == '\r';
        closed = byte == q && inside;
        if (byte == q)
            inside = !inside;
        begin = end;
        out->high |= byte >= 128;
        out->nul |= byte == 0;
        if (end) {
            if (byte == '\n')
                out->rows[out->n_rows++] = (uint32_t)out->n_ends;
            out->ends[++out->n_ends] = (uint32_t)i;
        } else if (byte == '\n') {
            out->inner[out->n_inner++] = (uint32_t)i;
        }
    }
}

size_t mx_fields_numbers_ref(const unsigned char *text, const uint32_t *ends, size_t stride, size_t rows, char quote,
                             double *out, uint32_t *others, size_t *empty)
{
    size_t listed = 0;
    *empty = 0;
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *p = text + (size_t)(uint32_t)(ends[r * stride] + 1), *end = text + ends[r * stride + 1];
        end -= end > p && end[-1] == '\r';
        if (end - p >= 2 && *p == (unsigned char)quote && end[-1] == (unsigned char)quote) {
            p++;
            end--;
        }
        if (p == end) {
            out[r] = (double)NAN;
            ++*empty;
            continue;
        }
        bool negative = *p == '-';
        p += negative;
        uint64_t mantissa = 0;
        int digits = 0, decimals = 0, points = 0;
        bool fits = end - p <= MX_FIELDS_DIGITS_MAX;
        for (; fits && p < end; p++) {
            if (*p == '.' && points == 0) {
                points = 1;
                continue;
            }
            unsigned digit = (unsigned)*p - '0';
            fits = digit <= 9 && mantissa < UINT64_C(1000000000000000000);
            mantissa = mantissa * 10 + digit;
            digits++;
            decimals += points;
        }
        double value;
        if (!fits || digits == 0 || !mx_decimal_double(mantissa, -decimals, &value)) {
            others[listed++] = (uint32_t)r;
            continue;
        }
        out[r] = negative ? -value : value;
    }
    return listed;
}
