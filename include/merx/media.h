/*
 * Pictures and video into tensors: JPEG, PNG and WebP, folders and tar files of them, the frames of MP4 and WebM; PNG files out.
 *
 * Bytes from outside are decoded in a program of its own, merx-decode, which is installed with the library: it has limits on memory and processor time, can open no
 * file and no connection (seccomp), and gets and gives everything through one socket and one block of shared memory. A picture that crashes or
 * exhausts it costs that picture: it gets an error, the program is started again, the others are decoded. The picture and video libraries are linked into that program
 * alone, so who embeds libmerx drags in none of them.
 *
 * Everywhere: pixels are RGB, 8 bits each, (height, width, 3) row-major, upright (the orientation of EXIF is applied); grey, palette, CMYK and alpha are made into that.
 * The same input gives the same pixels for any number of processes.
 */
#ifndef MERX_MEDIA_H
#define MERX_MEDIA_H

#include "merx/task.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the decoder ---- */

typedef struct merx_decoder merx_decoder;

typedef struct merx_decoder_options {
    int processes;             /* decoding at the same time; 0: one for each core this process may use; at most 64 */
    uint64_t max_bytes;        /* of one encoded picture; 0: 64 MiB */
    size_t max_side;           /* pixels of height and of width; 0: 32,768 */
    uint64_t max_pixels;       /* height x width; 0: 100 million */
    uint64_t max_memory_bytes; /* of one process; 0: 1 GiB (more than max_pixels need: 4 bytes each, 8 for WebP) */
    uint64_t max_cpu_ms;       /* processor time of one picture or video frame; 0: 10,000 */
    const char *program;       /* path of merx-decode; NULL: found (see merx_decoder_new) */
} merx_decoder_options;

/*
 * A decoder; its processes start when they are needed and end with it.
 *
 * alloc    NULL: default; kept
 * options  NULL: all defaults; copied
 * The program is options->program, else $MERX_DECODE, else merx-decode where the library or the running program lies: beside it, in ../bin, or in the libexec folder
 * of the installation. Nothing is searched along PATH.
 * Owns: free with merx_decoder_free.
 * Threads: one call at a time uses a decoder; others wait for it.
 * Errors: MERX_E_NOT_FOUND when there is no such program, naming the places; MERX_E_RANGE for a limit out of range.
 */
MERX_API merx_status merx_decoder_new(const merx_allocator *alloc, const merx_decoder_options *options,
                                      merx_decoder **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_decoder_free(merx_decoder *decoder);
/* How often a process died or was ended at a limit so far. */
MERX_API uint64_t merx_decoder_restarts(const merx_decoder *decoder);

/* ---- pictures ---- */

typedef enum merx_picture_fit {
    MERX_PICTURE_CROP,    /* scaled until it covers height x width, the middle of it taken */
    MERX_PICTURE_PAD,     /* scaled until it lies within height x width, the rest filled with the background */
    MERX_PICTURE_STRETCH, /* scaled to height x width whatever its proportions */
    MERX_PICTURE_INSIDE,  /* scaled down until it lies within height x width; the result may be smaller */
    MERX_PICTURE_FITS
} merx_picture_fit;

typedef enum merx_picture_format {
    MERX_PICTURE_UNKNOWN,
    MERX_PICTURE_JPEG,
    MERX_PICTURE_PNG,
    MERX_PICTURE_WEBP,
    MERX_PICTURE_FORMATS
} merx_picture_format;
MERX_API const char *merx_picture_format_name(merx_picture_format format); /* "JPEG" … */

typedef struct merx_picture_options {
    size_t height, width; /* of the result; both 0: as the picture is */
    merx_picture_fit fit;
    const unsigned char *background; /* (3) under transparent parts and around padding; NULL: white */
} merx_picture_options;

typedef struct merx_picture {
    size_t height, width;
    unsigned char *pixels;              /* (height, width, 3), returned: merx_picture_release; NULL: none */
    size_t source_height, source_width; /* of the whole picture, upright; 0: not known */
    merx_picture_format format;
    bool truncated;   /* its file ends early: error says so, and pixels still hold what could be read, the rest grey */
    merx_error error; /* of this picture; code 0: it is whole */
    const merx_allocator *alloc;
} merx_picture;

typedef struct merx_picture_bytes {
    const void *bytes; /* an encoded picture, borrowed */
    size_t size;
    const char *name; /* for messages; NULL: "picture N" */
} merx_picture_bytes;

/*
 * Decodes n pictures at once: sizes are made in the process that decodes, several processes work at the same time, a batch costs few round trips.
 *
 * decoder  NULL is not allowed
 * in       (n)
 * options  NULL: as the pictures are
 * task     NULL: never cancelled
 * out      (n) written; a picture that can't be decoded has pixels NULL and its error set (MERX_E_CORRUPT, MERX_E_LIMIT, MERX_E_UNSUPPORTED, MERX_E_PARSE)
 * Returns MERX_OK also when pictures failed; an error, with nothing in out to release, when no process can be started or memory ends.
 * Owns: merx_picture_release each of out.
 * JPEG is decoded at 1/2, 1/4 or 1/8 where that is still at least twice as large as what is asked, and scaled from there.
 */
MERX_API merx_status merx_pictures_decode(merx_decoder *decoder, const merx_picture_bytes *in, size_t n,
                                          const merx_picture_options *options, merx_task *task, merx_picture *out,
                                          merx_error *err) MERX_MUST_CHECK;
/* One picture of a file. The picture's own failure is the call's. */
MERX_API merx_status merx_picture_read(merx_decoder *decoder, const char *path, const merx_picture_options *options,
                                       merx_picture *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_picture_release(merx_picture *picture); /* leaves it empty */

/*
 * Brings pixels to another size in this process: each pixel of the result is the mean of what it covers, weighted by a triangle as wide as two of its
 * pixels (antialiased bilinear: Pillow's BILINEAR); between pixels when enlarging.
 * in       (height, width, 3), borrowed, 1 to 32,768 a side
 * Owns: merx_picture_release out. Cost: O(height x width') + O(height' x width'), times the width of the triangle.
 */
MERX_API merx_status merx_picture_resize(const unsigned char *in, size_t height, size_t width,
                                         const merx_picture_options *options, const merx_allocator *alloc,
                                         merx_picture *out, merx_error *err) MERX_MUST_CHECK;

/* n pixels as floats: (pixel / 255 - mean) / deviation. mean, deviation (3), NULL: 0 and 1. out (n, 3) written. */
MERX_API void merx_picture_floats(const unsigned char *pixels, size_t n, const float *mean, const float *deviation,
                                  float *out);

/*
 * Values over a picture as colours: zero leaves the picture, the largest magnitude is red (positive) or blue (negative), bilinear between the values.
 *
 * values    (height, width), borrowed, finite
 * under     the picture explained, borrowed; NULL: light grey of out_height x out_width
 * Owns: merx_picture_release out. Errors: MERX_E_NUMERIC for a value that is not finite.
 */
MERX_API merx_status merx_heat_map(const float *values, size_t height, size_t width, const merx_picture *under,
                                   size_t out_height, size_t out_width, const merx_allocator *alloc, merx_picture *out,
                                   merx_error *err) MERX_MUST_CHECK;

typedef struct merx_bytes {
    unsigned char *data; /* returned: merx_bytes_release */
    size_t size, capacity;
    const merx_allocator *alloc;
} merx_bytes;
MERX_API void merx_bytes_release(merx_bytes *bytes);

/* A PNG file of pixels (height, width, channels), channels 1 grey, 3 RGB, 4 RGBA. The same pixels give the same bytes. No decoder needed. */
MERX_API merx_status merx_png_encode(const unsigned char *pixels, size_t height, size_t width, int channels,
                                     const merx_allocator *alloc, merx_bytes *out, merx_error *err) MERX_MUST_CHECK;
/* The same into a file, atomically. */
MERX_API merx_status merx_png_write(const char *path, const unsigned char *pixels, size_t height, size_t width,
                                    int channels, merx_error *err) MERX_MUST_CHECK;

/* ---- data sets of pictures ---- */

typedef struct merx_pictures merx_pictures;

typedef struct merx_pictures_options {
    merx_picture_options picture; /* the size that each is brought to */
    const char *list;   /* a file with lines "path, label, …"; NULL: all pictures, the folder of each is its label */
    const char *within; /* without a list: only what lies below this folder of the data set; NULL: everything */
    size_t max_members; /* pictures, and entries of a tar file; 0: 10 million */
    merx_decoder *decoder; /* kept; NULL: its own, with the task's threads as processes */
} merx_pictures_options;

/*
 * Opens a folder or a tar file (also .tar.gz, .tar.zst) of pictures and lists what is in it; none is decoded yet.
 *
 * With a list file the pictures are those of the list, in its order, with its labels (one column or more, the same number on every line); a picture that is listed and not
 * there is an error that names it. Without, they are all files named .jpg, .jpeg, .png or .webp, sorted by name, and the label is the folder that a picture lies in ("" for
 * one at the top). Names are relative and stay inside: "..", absolute paths and links that lead out are refused (MERX_E_INVALID).
 * A compressed tar file is held in memory as far as its pictures go.
 * task      its threads, memory and cancel serve the data set; kept; NULL: none
 * Owns: free with merx_pictures_free.
 */
MERX_API merx_status merx_pictures_open(const char *path, const merx_pictures_options *options, merx_task *task,
                                        merx_pictures **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_pictures_free(merx_pictures *pictures);
MERX_API size_t merx_pictures_count(const merx_pictures *pictures);
MERX_API const char *merx_pictures_name(const merx_pictures *pictures, size_t i);
/* Columns of labels; levels of a column: numbers ascending when all are whole numbers, else bytewise. */
MERX_API size_t merx_pictures_label_columns(const merx_pictures *pictures);
MERX_API size_t merx_pictures_levels(const merx_pictures *pictures, size_t column);
MERX_API const char *merx_pictures_level(const merx_pictures *pictures, size_t column, size_t code);
MERX_API int32_t merx_pictures_code(const merx_pictures *pictures, size_t i, size_t column);
MERX_API const char *merx_pictures_label(const merx_pictures *pictures, size_t i, size_t column);

/*
 * The pictures listed (repeats allowed), decoded. out (n) written, as merx_pictures_decode does: one that is corrupt has its error set.
 * Owns: merx_picture_release each.
 */
MERX_API merx_status merx_pictures_read(merx_pictures *pictures, const size_t *index, size_t n, merx_picture *out,
                                        merx_error *err) MERX_MUST_CHECK;

typedef struct merx_pictures_item {
    size_t index;                /* of the data set */
    const char *name;            /* borrowed from it */
    const merx_picture *picture; /* borrowed until the next call; NULL: the end */
} merx_pictures_item;
/*
 * The next picture, decoded ahead in batches. One that can't be decoded is counted, named (merx_pictures_skipped) and left out.
 * Errors: those that concern more than one picture (a file that can't be read, memory, cancel). merx_pictures_rewind starts over.
 */
MERX_API merx_status merx_pictures_next(merx_pictures *pictures, merx_pictures_item *item,
                                        merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_pictures_rewind(merx_pictures *pictures);
/* Pictures left out since the last rewind (by merx_pictures_next) or by merx_pictures_load; the i-th: its name and why (borrowed). */
MERX_API size_t merx_pictures_skipped(const merx_pictures *pictures);
MERX_API const char *merx_pictures_skipped_name(const merx_pictures *pictures, size_t i);
MERX_API const merx_error *merx_pictures_skipped_error(const merx_pictures *pictures, size_t i);

/* All pictures that can be decoded, at one size, as one tensor. */
typedef struct merx_picture_tensor {
    size_t n, height, width;
    unsigned char *pixels; /* (n, height, width, 3) */
    size_t *index;         /* (n) place in the data set, ascending */
    size_t capacity;
    const merx_allocator *alloc;
} merx_picture_tensor;
/* Owns: merx_picture_tensor_release. Errors: MERX_E_INVALID without a size that all have (height, width, a fit other than MERX_PICTURE_INSIDE); MERX_E_LIMIT. */
MERX_API merx_status merx_pictures_load(merx_pictures *pictures, merx_picture_tensor *out,
                                        merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_picture_tensor_release(merx_picture_tensor *tensor);

/* ---- video ---- */

typedef struct merx_video merx_video;

typedef struct merx_video_options {
    merx_picture_options picture;
    size_t every_frames;    /* give every n-th frame; 0: 1 */
    double every_ms;        /* of those, the first at or after each multiple of this; 0: all */
    double scene_threshold; /* a frame begins a scene when its score is above; 0: 0.3; at most 1 */
    size_t max_frames;      /* decoded; one more is MERX_E_LIMIT; 0: 10 million */
} merx_video_options;

typedef struct merx_video_info {
    size_t height, width;          /* upright */
    double duration_ms;            /* as the file states it; 0: not stated */
    double frames_per_s;           /* on average; 0: not stated */
    uint64_t frames;               /* as the file states it; 0: not stated */
    char container[32], codec[32]; /* "mov,mp4,m4a,…", "h264" */
} merx_video_info;

typedef struct merx_video_frame {
    uint64_t index; /* of all frames, from 0 */
    double time_ms; /* when it is shown, from the first frame's */
    double
        scene_score; /* 0 … 1: how far its colours are from those of the frame before (of all frames, not of those given); 0 for the first */
    bool scene_change;    /* it begins a scene; the first does */
    merx_picture picture; /* pixels NULL: the end */
} merx_video_frame;

/*
 * Opens a video file (MP4, WebM, Matroska) in a process of its own.
 * decoder   its limits hold; kept
 * Owns: merx_video_close. Errors: MERX_E_PARSE no video, MERX_E_UNSUPPORTED a codec that is not there, MERX_E_LIMIT.
 */
MERX_API merx_status merx_video_open(merx_decoder *decoder, const char *path, const merx_video_options *options,
                                     merx_video **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_video_close(merx_video *video);
MERX_API void merx_video_describe(const merx_video *video, merx_video_info *out);
/*
 * The next frame that the sampling asks for.
 * frame   written; its picture is returned (merx_picture_release); pixels NULL at the end
 * Errors: MERX_E_CORRUPT after the last frame that could be read, saying where, when the file is cut short or damaged. What was given before stays valid.
 */
MERX_API merx_status merx_video_next(merx_video *video, merx_video_frame *frame, merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
