/*
 * Fields of delimited text (CSV): where they end, and the numbers in them. Floor 1; a table of levels of its own beside kernels.h, under the same rules.
 *
 * Every function may read MX_FIELDS_PADDING bytes before the text and after it; what stands there does not matter.
 */
#ifndef MX_KERNELS_TEXT_FIELDS_H
#define MX_KERNELS_TEXT_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/system.h"

#define MX_FIELDS_PADDING ((size_t)64)
#define MX_FIELDS_DIGITS_MAX 31 /* the longest field, without sign, that `numbers` reads */

/*
 * The index of a text that begins with a row. Field f of the text (counted through all rows) lies in [ends[f] + 1, ends[f + 1]): ends[0] is the sentinel
 * (uint32_t)-1, and ends[f + 1] the offset of the separator or line end after field f. A field in quotes has its quotes inside that span, and a
 * row that ends in CR LF has its CR in the last field.
 */
typedef struct mx_fields {
    uint32_t *ends;  /* (room for size + 65) written: n_ends entries after the sentinel */
    uint32_t *rows;  /* (room for size + 64) written: of each line end outside quotes, how many ends lie before it */
    uint32_t *inner; /* (room for size + 64) written: offsets of the line ends inside quotes, ascending */
    size_t n_ends, n_rows, n_inner;
    size_t stop; /* entries at or behind this offset are not to be used */
    bool
        irregular; /* at or behind `stop` a quote stands where none should: an opening one inside a field, or text after a closing one */
    bool high, nul; /* a byte >= 128, a zero byte somewhere before stop (or near behind) */
} mx_fields;

typedef struct mx_field_kernels {
    mx_isa isa;
    /* Looks through text (size) up to its end, or the block of 64 bytes with the first irregular quote. Line ends are LF. */
    void (*index)(const unsigned char *text, size_t size, char separator, char quote, mx_fields *out);
    /*
     * Numbers out of one column: row r is the field [ends[r stride] + 1, ends[r stride + 1]), without quotes around it and a CR at its end.
     *     out[r]  an empty field: NaN; [-] digits with at most one point, MX_FIELDS_DIGITS_MAX long, of a value below 10^19 without the point:
     *             the nearest double, ties to even; another, or one that decimal_double.h leaves undecided: not written, and r is listed in `others`
     * Returns how many are listed; *empty counts the empty ones. others has room for rows.
     */
    size_t (*numbers)(const unsigned char *text, const uint32_t *ends, size_t stride, size_t rows, char quote,
                      double *out, uint32_t *others, size_t *empty);
} mx_field_kernels;

const mx_field_kernels *mx_field_kernel(void);
const mx_field_kernels *mx_field_kernels_of(mx_isa isa); /* NULL: this build or machine has none of that level */

#define MX_FIELD_FUNCTIONS(level)                                                                                      \
    void mx_fields_index_##level(const unsigned char *text, size_t size, char separator, char quote, mx_fields *out);  \
    size_t mx_fields_numbers_##level(const unsigned char *text, const uint32_t *ends, size_t stride, size_t rows,      \
                                     char quote, double *out, uint32_t *others, size_t *empty);
MX_FIELD_FUNCTIONS(ref)
MX_FIELD_FUNCTIONS(avx2)

#endif
