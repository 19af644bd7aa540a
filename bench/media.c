/*
 * What it costs to decode pictures in a process of its own: the pictures of a data set decoded in this process, and through a decoder with one and two processes.
 *
 *     bench_media IMAGES.tar LIST [SIDE]     microseconds a picture, the least of five rounds: wall, processor time of this process, of the helpers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "media/decode/picture_decode.h"
#include "media/decoder.h"
#include "media/pictures_state.h"

#include "io/file.h"

enum { ROUNDS = 5 };

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double helpers_s(const merx_decoder *decoder)
{
    double sum = 0;
    for (int i = 0; i < decoder->options.processes; i++) {
        clockid_t id;
        if (decoder->workers[i].running && clock_getcpuclockid(decoder->workers[i].helper.pid, &id) == 0)
            sum += clock_s(id);
    }
    return sum;
}

static void die(const merx_error *err)
{
    fprintf(stderr, "%s: %s\n", err->where, err->message);
    exit(1);
}

int main(int argc, char **argv)
{
    merx_error err = {0};
    merx_pictures *set;
    if (argc < 3) {
        fprintf(stderr, "usage: bench_media IMAGES.tar LIST [SIDE]\n");
        return 2;
    }
    const size_t side = argc > 3 ? strtoul(argv[3], NULL, 10) : 64;
    const merx_picture_options options = {.height = side, .width = side};
    const merx_pictures_options of_set = {.picture = options, .list = argv[2]};
    if (merx_pictures_open(argv[1], &of_set, NULL, &set, &err) != MERX_OK)
        die(&err);
    const size_t n = merx_pictures_count(set);
    merx_picture_bytes *in = calloc(n, sizeof *in);
    merx_picture *out = calloc(n, sizeof *out);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const mx_member *member = &MX_VEC_AT(&set->members, mx_member, i);
        size_t got;
        unsigned char *data = malloc((size_t)member->size);
        if (mx_read_at(set->fd, member->offset, data, (size_t)member->size, &got, argv[1], &err) != MERX_OK)
            die(&err);
        in[i] = (merx_picture_bytes){data, got, member->name};
        bytes += got;
    }
    printf("%zu pictures, %.1f KB each, to %zu x %zu\n", n, (double)bytes / (double)n / 1000, side, side);

    const mx_decode_limits limits = {.max_side = 32768, .max_pixels = 100000000};
    const mx_decode_wish wish = mx_decoder_wish(&options);
    unsigned char *pixels = malloc(side * side * 3);
    double least = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        const double begin = clock_s(CLOCK_PROCESS_CPUTIME_ID);
        for (size_t i = 0; i < n; i++) {
            mx_decode_reply reply;
            memset(&reply, 0, sizeof reply);
            mx_decode_picture(in[i].bytes, in[i].size, &wish, &limits, NULL, pixels, side * side * 3, &reply);
        }
        const double took = clock_s(CLOCK_PROCESS_CPUTIME_ID) - begin;
        least = took < least ? took : least;
    }
    printf("in this process              %8.1f us processor time\n", least / (double)n * 1e6);

    for (int processes = 1; processes <= 2; processes++) {
        merx_decoder *decoder;
        double wall = 1e9, own = 1e9, helpers = 1e9, start = 0;
        if (merx_decoder_new(NULL, &(merx_decoder_options){.processes = processes}, &decoder, &err) != MERX_OK)
            die(&err);
        for (int r = 0; r <= ROUNDS; r++) {
            const double w = clock_s(CLOCK_MONOTONIC), o = clock_s(CLOCK_PROCESS_CPUTIME_ID), h = helpers_s(decoder);
            const size_t m = r == 0 ? 1 : n; /* the first starts the processes */
            if (merx_pictures_decode(decoder, in, m, &options, NULL, out, &err) != MERX_OK)
                die(&err);
            const double w2 = clock_s(CLOCK_MONOTONIC) - w, o2 = clock_s(CLOCK_PROCESS_CPUTIME_ID) - o,
                         h2 = helpers_s(decoder) - h;
            for (size_t i = 0; i < m; i++)
                merx_picture_release(&out[i]);
            if (r == 0) {
                start = w2;
                continue;
            }
            wall = w2 < wall ? w2 : wall;
            own = o2 < own ? o2 : own;
            helpers = h2 < helpers ? h2 : helpers;
        }
        printf("through %d process%s          %8.1f us wall, %.1f us of this process, %.1f us of the helpers; the "
               "first picture "
               "%.1f ms\n",
               processes, processes > 1 ? "es" : "  ", wall / (double)n * 1e6, own / (double)n * 1e6,
               helpers / (double)n * 1e6, start * 1e3);
        /* One picture at a time. */
        double one = 1e9;
        for (int r = 0; r < ROUNDS; r++) {
            const double w = clock_s(CLOCK_MONOTONIC);
            for (size_t i = 0; i < 200 && i < n; i++) {
                if (merx_pictures_decode(decoder, in + i, 1, &options, NULL, out, &err) != MERX_OK)
                    die(&err);
                merx_picture_release(&out[0]);
            }
            const double took = (clock_s(CLOCK_MONOTONIC) - w) / (double)(n < 200 ? n : 200);
            one = took < one ? took : one;
        }
        printf("one at a time                %8.1f us wall\n", one * 1e6);
        merx_decoder_free(decoder);
    }
    merx_pictures_free(set);
    return 0;
}
