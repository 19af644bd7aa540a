/*
 * The inside of a data set of pictures, for pictures_open.c (what is in it) and pictures.c (its pixels). Floor 3.
 */
#ifndef MX_MEDIA_PICTURES_STATE_H
#define MX_MEDIA_PICTURES_STATE_H

#include "base/str.h"
#include "io/stream.h"
#include "merx/media.h"

enum { MX_PICTURES_BATCH = 64 };

typedef struct mx_member {
    const char *name;
    uint64_t offset, size;     /* in a plain tar file */
    const unsigned char *held; /* of a compressed one */
} mx_member;

typedef struct mx_label_column {
    const char **levels;
    size_t n_levels;
    int32_t *codes; /* (n) */
} mx_label_column;

typedef struct mx_skipped {
    const char *name;
    merx_error error;
} mx_skipped;

struct merx_pictures {
    const merx_allocator *alloc;
    mx_arena arena; /* names, labels, held bytes */
    merx_task *task;
    const char *path;
    bool folder;
    mx_source *tar; /* a plain tar file: kept for its descriptor */
    int fd;         /* of it; -1 */
    mx_vec members; /* mx_member */
    mx_label_column *columns;
    size_t n_columns;
    merx_picture_options picture;
    unsigned char background[3];
    merx_decoder *decoder;
    bool own_decoder;
    mx_arena batch_arena; /* the encoded bytes of a batch */
    merx_picture batch[MX_PICTURES_BATCH];
    size_t batch_first, batch_count, cursor;
    mx_vec skipped; /* mx_skipped */
};

/* Lists what is in it (pictures_open.c). */
merx_status mx_pictures_list(merx_pictures *set, const merx_pictures_options *options, merx_error *err) MERX_MUST_CHECK;
/* The path of a member of a folder, with all links followed; MERX_E_INVALID when it leads out. out >= PATH_MAX. */
merx_status mx_pictures_path(const merx_pictures *set, const char *name, char *out, merx_error *err) MERX_MUST_CHECK;

#endif
