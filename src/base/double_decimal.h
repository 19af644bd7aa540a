/*
 * A double as a decimal number of few digits. Floor 0; used by number.c alone.
 */
#ifndef MX_BASE_DOUBLE_DECIMAL_H
#define MX_BASE_DOUBLE_DECIMAL_H

#include <stddef.h>

/* What mx_format_double writes, for a finite number other than 0, without a terminator: its length. 0: undecided, and the caller has to take the long way. */
size_t mx_write_double(double value, char *out);
/* A whole number, without a terminator: its length. */
size_t mx_write_whole(long long value, char *out);

#endif
