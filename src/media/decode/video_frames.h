/*
 * The frames of a video file by FFmpeg's libraries, inside merx-decode-video. Floor 3.
 *
 * The file is a descriptor that the library opened: nothing else can be read, whatever the file refers to. One thread, software decoders of the codecs that MP4 and WebM
 * hold, demuxers of those two alone.
 */
#ifndef MX_MEDIA_DECODE_VIDEO_FRAMES_H
#define MX_MEDIA_DECODE_VIDEO_FRAMES_H

#include "media/decode/picture_decode.h"

typedef struct mx_frames mx_frames;

typedef struct mx_frame {
    uint64_t index;
    double time_ms, scene_score;
    bool scene_change, wanted, end;
} mx_frame;

/* opened: all but magic is written. After a failure there is nothing to close. */
merx_status mx_frames_open(int fd, const mx_video_open *ask, const mx_decode_limits *limits, mx_frames **out,
                           mx_video_opened *opened, merx_error *err) MERX_MUST_CHECK;
void mx_frames_close(mx_frames *frames);
/* Decodes the next frame, wanted or not. MERX_E_CORRUPT in place of the end when the file is cut short or damaged. */
merx_status mx_frames_next(mx_frames *frames, mx_frame *out, merx_error *err) MERX_MUST_CHECK;
/* The pixels of the frame decoded last, fitted. */
merx_status mx_frames_pixels(mx_frames *frames, const mx_decode_wish *wish, unsigned char *out, size_t capacity,
                             mx_video_reply *reply, merx_error *err) MERX_MUST_CHECK;

#endif
