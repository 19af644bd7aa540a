/*
 * What the library and merx-decode say to each other. Floor 3.
 *
 * Messages are these structs, one a packet, in the machine's own layout: both sides are of one build, and say so first (version). The bytes of pictures and their pixels
 * lie in the shared block: the request says where the bytes are and from where on pixels may be written; the reply says where the pixels are.
 *
 *     library                          merx-decode
 *     mx_decode_hello             →    limits itself
 *                                 ←    mx_decode_welcome
 *     mx_decode_request (k parts) →    k times, in order: decode, fit, write pixels
 *                                 ←    mx_decode_reply
 * and merx-decode-video the same with mx_video_open (and the file's descriptor), then mx_video_ask → mx_video_reply.
 */
#ifndef MX_MEDIA_PROTOCOL_H
#define MX_MEDIA_PROTOCOL_H

#include <stdint.h>

#define MX_DECODE_MAGIC 0x6d785031u
enum { MX_DECODE_VERSION = 1, MX_DECODE_PARTS = 32, MX_DECODE_MESSAGE = 240 };

typedef struct mx_decode_hello {
    uint32_t magic, version;
    uint64_t memory_bytes, cpu_ms, max_side, max_pixels, shared_bytes;
} mx_decode_hello;

typedef struct mx_decode_welcome {
    uint32_t magic, version, status, unused;
    char message[MX_DECODE_MESSAGE];
} mx_decode_welcome;

/* The size and shape that are asked. */
typedef struct mx_decode_wish {
    uint32_t height, width, fit;
    unsigned char background[4];
} mx_decode_wish;

typedef struct mx_decode_request {
    uint32_t magic, count;
    mx_decode_wish wish;
    uint64_t pixels; /* offset from which on pixels are written */
    struct {
        uint64_t offset, size;
    } part[MX_DECODE_PARTS];
} mx_decode_request;

typedef struct mx_decode_reply {
    uint32_t magic, index, status, format, truncated, unused;
    uint64_t height, width, source_height, source_width, offset;
    char message[MX_DECODE_MESSAGE];
} mx_decode_reply;

/* Sent with the file's descriptor. */
typedef struct mx_video_open {
    uint32_t magic, unused;
    mx_decode_wish wish;
    uint64_t every_frames, max_frames;
    double every_ms, scene_threshold;
} mx_video_open;

typedef struct mx_video_opened {
    uint32_t magic, status;
    uint64_t height, width, frames;
    double duration_ms, frames_per_s;
    char container[32], codec[32];
    char message[MX_DECODE_MESSAGE];
} mx_video_opened;

typedef struct mx_video_ask {
    uint32_t magic, unused;
} mx_video_ask;

enum { MX_VIDEO_FRAME, MX_VIDEO_END, MX_VIDEO_FAILED };
typedef struct mx_video_reply {
    uint32_t magic, what, status, scene_change;
    uint64_t index, height, width, source_height, source_width;
    double time_ms, scene_score;
    char message[MX_DECODE_MESSAGE];
} mx_video_reply;

#endif
