/*
 * The inside of a decoder, for media's own files. Floor 3.
 */
#ifndef MX_MEDIA_DECODER_H
#define MX_MEDIA_DECODER_H

#include <limits.h>
#include <pthread.h>

#include "base/helper.h"
#include "media/protocol.h"
#include "merx/media.h"

enum { MX_DECODER_MOST = 64 };

typedef struct mx_decode_worker {
    mx_helper helper;
    bool running, busy;
    size_t first, count, done; /* of the pictures asked */
    uint64_t pixels;           /* offset where pixels of this request begin */
    double heard_s;            /* when the last message came */
} mx_decode_worker;

struct merx_decoder {
    const merx_allocator *alloc;
    merx_decoder_options options; /* all filled in; program NULL */
    char program[PATH_MAX];       /* merx-decode; with "-video" it is the other one */
    pthread_mutex_t lock;
    uint64_t restarts;
    mx_decode_worker workers[MX_DECODER_MOST];
};

/* Starts a helper and exchanges greetings. The helper is to be stopped only on success. */
merx_status mx_decoder_start(const merx_decoder *decoder, const char *program, size_t shared_bytes, mx_helper *out,
                             merx_error *err) MERX_MUST_CHECK;
/* Why a helper that does not answer any more ended, in words for the picture's or video's error; stops it. */
merx_status mx_decoder_death(const merx_decoder *decoder, mx_helper *helper, const char *where, merx_error *err);
/* The wish as it is sent. options are checked. */
mx_decode_wish mx_decoder_wish(const merx_picture_options *options);
double mx_decoder_patience_s(const merx_decoder *decoder); /* a helper silent for so long hangs */

#endif
