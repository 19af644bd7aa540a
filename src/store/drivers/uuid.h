/*
 * UUIDs as they are usually written, lower case with hyphens, in 16 bytes: most ids of events are such, and take less than half the room so. Private to
 * src/store/drivers.
 */
#ifndef MX_STORE_UUID_H
#define MX_STORE_UUID_H

#include <stdbool.h>

#include "base/str.h"

#define MX_UUID_SIZE 16
#define MX_UUID_TEXT 36

/* False: the text is none, or written in another way (formatting would not give it back). */
bool mx_uuid_parse(mx_str text, unsigned char uuid[MX_UUID_SIZE]);
/* Not terminated. */
void mx_uuid_format(const unsigned char uuid[MX_UUID_SIZE], char text[MX_UUID_TEXT]);

#endif
