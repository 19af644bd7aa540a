/*
 * Pictures of products on their way into a shop: what lies in an export folder and whose it is (import_pictures.c), checked and kept (import_pictures_keep.c). Floor 5.
 *
 * The folder's state wins: afterwards the shop has the pictures that the folder has, no others; a folder that says nothing of pictures (no folder "pictures", no tar file of it, no
 * path in an image column) leaves them as they are. A picture that can't be taken is refused with its reason, the others go in. Each is decoded once, small, before it is kept: what
 * is in the store can be decoded. One whose bytes are there already was decoded then.
 *
 * Steps: list what is there, with the SHA-256 of each; claim (which picture is whose, by its name or by a row); when that is what the source record says and the store has it, done;
 * decode and put what is new; remove what is not claimed; the source record. A crash anywhere leaves whole blobs, and the next import goes on from there, since the record is last.
 */
#ifndef MX_SHOP_IMPORT_PICTURES_H
#define MX_SHOP_IMPORT_PICTURES_H

#include "merx/media.h"
#include "shop/import_parts.h"

#define MX_PICTURES_SOURCE "pictures/" /* name of the source record, and in the report */
#define MX_PICTURES_MOST ((size_t)2000000)
#define MX_PICTURE_BYTES_MOST ((uint64_t)32 << 20) /* of one */

enum { MX_PICTURE_TARS = 3 }; /* pictures.tar, pictures.tar.gz, pictures.tar.zst */

/* A file with products, for the column that names pictures. */
typedef struct mx_picture_table {
    const char *name, *path;
    const mx_layout *layout;
} mx_picture_table;

/* A picture that is there. */
typedef struct mx_found_picture {
    const char *name;   /* below the export folder: "pictures/a.jpg" */
    const char *path;   /* its file, links followed, or the tar file that holds it */
    const char *member; /* its name in the tar file; NULL: a file of its own */
    uint64_t entry;     /* its place in the tar file */
    uint64_t size;
    char sha256[65];
    merx_picture_format format; /* by its first bytes */
    const char *wrong;          /* why it can't be taken; NULL: it may */
    bool said;                  /* a row names it: its own name says nothing */
    int32_t first_claim;        /* those on it, chained; -1 */
} mx_found_picture;

/* One picture of one product, and where that is said. */
typedef struct mx_picture_claim {
    int32_t picture; /* place in found; -1: there is none */
    int32_t product; /* in the snapshot; -1: none */
    int32_t next;    /* of the same picture; -1 */
    const char *file, *column, *value;
    uint64_t line;     /* 0: the file itself */
    const char *wrong; /* why it is refused; NULL: it is not */
} mx_picture_claim;

typedef struct mx_picture_intake {
    merx_shop *shop;
    merx_task *task;
    const merx_allocator *alloc;
    mx_arena *arena; /* of the report: what is refused lives there */
    mx_refused *refused;
    uint64_t max_refused;
    const char *folder;                /* of the export */
    const char *tars[MX_PICTURE_TARS]; /* names below it; NULL: not there */
    bool files;                        /* look at the folder's own files, too (not for one tar file alone) */
    const mx_picture_table *tables;
    size_t n_tables;
    /* filled on the way */
    const mx_snapshot *snapshot;
    mx_arena work;
    const char *root; /* folder, links followed */
    mx_dict *names;   /* code: place in found */
    mx_vec found;     /* mx_found_picture */
    mx_vec claims;    /* mx_picture_claim */
    bool speaks;      /* the folder says something of pictures */
    uint64_t addresses, others, removed;
    const char *unchecked; /* why nothing could be decoded; NULL: it could */
} mx_picture_intake;

/*
 * All of it. The fields above "filled on the way" are set; the tables have been imported.
 * *said      there is something to report, and file is filled in
 * *changed   the shop's pictures are others now
 * Errors: those of a tar file that can't be read, of the store, MERX_E_LIMIT past max_refused: the pictures are as before then.
 */
merx_status mx_pictures_import(mx_picture_intake *in, merx_import_file *file, bool *said, bool *changed,
                               merx_error *err) MERX_MUST_CHECK;

/* Whether a file of the folder is a tar file of pictures by its name: 0 … MX_PICTURE_TARS - 1; -1: it is not. */
int mx_pictures_tar(const char *name);

/* Decodes what is new, keeps it, removes the rest (import_pictures_keep.c). in->claims get their reasons. */
merx_status mx_pictures_keep(mx_picture_intake *in, merx_import_file *file, bool *changed,
                             merx_error *err) MERX_MUST_CHECK;

#endif
