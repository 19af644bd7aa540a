/*
 * A tar writer, just good enough: ustar headers with a name, a type and a sum, and the bytes behind them.
 */
#ifndef TESTS_SUPPORT_TAR_WRITER_H
#define TESTS_SUPPORT_TAR_WRITER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct archive {
    unsigned char *data;
    size_t size, room;
} archive;

static void archive_add(archive *a, const char *name, char type, const void *bytes, size_t size)
{
    if (a->size + 1024 + size > a->room)
        a->data = realloc(a->data, a->room = (a->size + 1024 + size) * 2);
    unsigned char *h = a->data + a->size;
    memset(h, 0, 512 + size + 511);
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 124, 12, "%011zo", size);
    memset(h + 148, ' ', 8);
    h[156] = (unsigned char)type;
    memcpy(h + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    if (size > 0)
        memcpy(h + 512, bytes, size);
    a->size += 512 + (size + 511) / 512 * 512;
}

#endif
