/*
 * What the two helper programs of media share: greeting the library, messages. Floor 3.
 */
#ifndef MX_MEDIA_DECODE_SERVE_H
#define MX_MEDIA_DECODE_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "media/protocol.h"

typedef struct mx_served {
    mx_decode_hello hello;
    unsigned char *shared; /* hello.shared_bytes */
} mx_served;

/*
 * Maps the shared block, hears the library's greeting, limits this process and answers. Exit code, or 0: all is well.
 * before_limits  what must be done while files can still be opened; NULL
 */
int mx_serve_begin(int argc, char **argv, const char *what, void (*before_limits)(void), mx_served *out);
/* One message of exactly size bytes; false: the library has gone, or speaks another language. descriptor (may be NULL): one that came with it, -1. */
bool mx_serve_hear(void *message, size_t size, int *descriptor);
bool mx_serve_say(const void *message, size_t size);

#endif
