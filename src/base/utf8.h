/*
 * Decoding one UTF-8 character. Floor 0.
 */
#ifndef MX_BASE_UTF8_H
#define MX_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed character that data begins with, and its code point; 0 (and U+FFFD) when there is none. */
size_t mx_utf8_decode(const char *data, size_t size, uint32_t *code);

#endif
