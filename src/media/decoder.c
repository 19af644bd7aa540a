/*
 * The library's side of decoding: helper processes that work on the pictures of a call at the same time.
 *
 * One thread drives them all: it copies a chunk of encoded pictures into a helper's shared block, sends one request, and takes the replies as they come, one a
 * picture, while the helper goes on. A helper that dies in the middle of a chunk was at the first picture without a reply: that one gets the error, a new helper the rest.
 * Which helper decodes a picture can't be told from the result.
 */
#include "media/decoder.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/system.h"
#include "io/file.h"
#include "media/picture.h"

#define MIB ((uint64_t)1 << 20)
#define CHUNK_BYTES ((uint64_t)4 << 20)         /* of encoded pictures sent at a time, unless one is larger */
#define CHUNK_PIXELS_BYTES ((uint64_t)16 << 20) /* the same for what comes back */
#define KEPT_SHARED_BYTES ((uint64_t)32 << 20)  /* more than this in use: given back after the request */
#define ALIGN ((uint64_t)4096)

#ifndef MERX_LIBEXEC
#define MERX_LIBEXEC "libexec/merx"
#endif
#ifndef MERX_INSTALLED_DECODE
#define MERX_INSTALLED_DECODE NULL
#endif

/* ---- making ---- */

static merx_status check_limit(const char *name, uint64_t value, uint64_t most, merx_error *err)
{
    if (value > most)
        MX_FAIL(err, MERX_E_RANGE, "decoder", "%s is %llu (expected at most %llu, or 0)", name,
                (unsigned long long)value, (unsigned long long)most);
    return MERX_OK;
}

static merx_status fill_options(const merx_decoder_options *given, merx_decoder_options *out, merx_error *err)
{
    *out = given != NULL ? *given : (merx_decoder_options){0};
    if (out->processes < 0 || out->processes > MX_DECODER_MOST)
        MX_FAIL(err, MERX_E_RANGE, "decoder", "processes is %d (expected 1 to %d, or 0)", out->processes,
                MX_DECODER_MOST);
    MX_TRY(check_limit("max_bytes", out->max_bytes, 4096 * MIB, err));
    MX_TRY(check_limit("max_side", out->max_side, 65535, err));
    MX_TRY(check_limit("max_pixels", out->max_pixels, (uint64_t)2000000000, err));
    MX_TRY(check_limit("max_memory_bytes", out->max_memory_bytes, (uint64_t)1 << 44, err));
    MX_TRY(check_limit("max_cpu_ms", out->max_cpu_ms, (uint64_t)86400000, err));
    if (out->processes == 0)
        out->processes = mx_cores() < MX_DECODER_MOST ? mx_cores() : MX_DECODER_MOST;
    out->max_bytes = out->max_bytes > 0 ? out->max_bytes : 64 * MIB;
    out->max_side = out->max_side > 0 ? out->max_side : 32768;
    out->max_pixels = out->max_pixels > 0 ? out->max_pixels : 100000000;
    out->max_memory_bytes = out->max_memory_bytes > 0 ? out->max_memory_bytes : 1024 * MIB;
    out->max_cpu_ms = out->max_cpu_ms > 0 ? out->max_cpu_ms : 10000;
    return MERX_OK;
}

static merx_status find_program(merx_decoder *decoder, const char *given, merx_error *err)
{
    if (given == NULL)
        given = secure_getenv("MERX_DECODE");
    if (given == NULL || *given == '\0')
        return mx_helper_find("merx-decode", &mx_white, MERX_LIBEXEC, MERX_INSTALLED_DECODE, decoder->program, err);
    if (*given != '/' || strlen(given) >= PATH_MAX - 16)
        MX_FAIL(err, MERX_E_INVALID, given, "is no absolute path of merx-decode");
    if (!mx_path_is_file(given))
        MX_FAIL(err, MERX_E_NOT_FOUND, given, "is not there (expected the program merx-decode)");
    memcpy(decoder->program, given, strlen(given) + 1);
    return MERX_OK;
}

merx_status merx_decoder_new(const merx_allocator *alloc, const merx_decoder_options *options, merx_decoder **out,
                             merx_error *err)
{
    merx_decoder *decoder = NULL;
    merx_decoder_options filled;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(fill_options(options, &filled, err));
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &decoder, "decoder", err));
    decoder->alloc = alloc;
    decoder->options = filled;
    merx_status status = find_program(decoder, filled.program, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, decoder, 1);
        return status;
    }
    decoder->options.program = NULL;
    pthread_mutex_init(&decoder->lock, NULL);
    *out = decoder;
    return MERX_OK;
}

void merx_decoder_free(merx_decoder *decoder)
{
    if (decoder == NULL)
        return;
    for (int i = 0; i < decoder->options.processes; i++)
        if (decoder->workers[i].running)
            mx_helper_stop(&decoder->workers[i].helper);
    pthread_mutex_destroy(&decoder->lock);
    MX_FREE_ARRAY(decoder->alloc, decoder, 1);
}

uint64_t merx_decoder_restarts(const merx_decoder *decoder)
{
    return decoder->restarts;
}

/* ---- helpers ---- */

double mx_decoder_patience_s(const merx_decoder *decoder)
{
    return 2 + 8 * (double)decoder->options.max_cpu_ms / 1000; /* beyond its own limit, for a machine that is busy */
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

mx_decode_wish mx_decoder_wish(const merx_picture_options *options)
{
    mx_decode_wish wish = {
        .height = (uint32_t)options->height, .width = (uint32_t)options->width, .fit = (uint32_t)options->fit};
    memcpy(wish.background, options->background != NULL ? options->background : mx_white, 3);
    return wish;
}

merx_status mx_decoder_start(const merx_decoder *decoder, const char *program, size_t shared_bytes, mx_helper *out,
                             merx_error *err)
{
    const merx_decoder_options *o = &decoder->options;
    const mx_decode_hello hello = {.magic = MX_DECODE_MAGIC,
                                   .version = MX_DECODE_VERSION,
                                   .memory_bytes = o->max_memory_bytes,
                                   .cpu_ms = o->max_cpu_ms,
                                   .max_side = o->max_side,
                                   .max_pixels = o->max_pixels,
                                   .shared_bytes = shared_bytes};
    mx_decode_welcome welcome = {0};
    size_t got = 0;
    MX_TRY(mx_helper_start(program, shared_bytes, out, err));
    const double begin = now_s();
    bool alive = mx_helper_send(out, &hello, sizeof hello, -1);
    while (alive && got == 0 && now_s() - begin < 60)
        alive = mx_helper_receive(out, &welcome, sizeof welcome, 1000, &got);
    welcome.message[sizeof welcome.message - 1] = '\0';
    merx_status status = MERX_OK;
    if (got != sizeof welcome || welcome.magic != MX_DECODE_MAGIC) {
        mx_helper_stop(out);
        status = mx_error_set(err, MERX_E_IO, program, "did not begin: it %s", out->why);
    } else if (welcome.version != MX_DECODE_VERSION) {
        mx_helper_stop(out);
        status = mx_error_set(err, MERX_E_VERSION, program, "speaks version %u (expected %d): it is of another merx",
                              welcome.version, MX_DECODE_VERSION);
    } else if (welcome.status != MERX_OK) {
        mx_helper_stop(out);
        status = mx_error_set(err, welcome.status <= MERX_E_INTERNAL ? (merx_status)welcome.status : MERX_E_INTERNAL,
                              program, "can't limit itself: %s", welcome.message);
    }
    return status;
}

merx_status mx_decoder_death(const merx_decoder *decoder, mx_helper *helper, const char *where, merx_error *err)
{
    const bool killed = helper->killed;
    mx_helper_stop(helper);
    if (killed)
        MX_FAIL(err, MERX_E_LIMIT, where, "its decoder did not answer for %.0f s and was ended",
                mx_decoder_patience_s(decoder));
    if (helper->signal == SIGPROF) /* base/confine.h */
        MX_FAIL(err, MERX_E_LIMIT, where, "takes more than the %llu ms of processor time allowed",
                (unsigned long long)decoder->options.max_cpu_ms);
    MX_FAIL(err, MERX_E_CORRUPT, where, "its decoder %s", helper->why);
}

/* ---- a call ---- */

typedef struct call {
    merx_decoder *decoder;
    const merx_picture_bytes *in;
    const merx_picture_options *options;
    size_t n, next, finished; /* next: the first that no helper has had */
    merx_picture *out;
    merx_task *task;
    uint64_t in_bytes; /* of the shared block, before the pixels */
    uint64_t shared_bytes;
} call;

static void name_of(const call *c, size_t i, char out[224])
{
    if (c->in[i].name != NULL)
        (void)snprintf(out, 224, "%.223s", c->in[i].name);
    else
        (void)snprintf(out, 224, "picture %zu", i);
}

static uint64_t align(uint64_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

/* Those that can't be sent at all get their error at once. */
static bool refuse(call *c, size_t i)
{
    char name[224];
    const uint64_t most = c->decoder->options.max_bytes;
    if (c->in[i].size > 0 && c->in[i].size <= most)
        return false;
    name_of(c, i, name);
    merx_error *err = &c->out[i].error;
    if (c->in[i].size == 0)
        (void)mx_error_set(err, MERX_E_PARSE, name, "is empty (expected JPEG, PNG or WebP)");
    else
        (void)mx_error_set(err, MERX_E_LIMIT, name, "has %zu bytes; %llu are allowed", c->in[i].size,
                           (unsigned long long)most);
    c->finished++;
    return true;
}

/* The next pictures that go to one helper: few enough that all helpers get some, none too large beside others. */
static size_t take_chunk(call *c, size_t *first)
{
    const uint64_t pixel_bytes =
        c->options->height > 0 ? (uint64_t)c->options->height * c->options->width * 3 : UINT64_MAX;
    size_t share = (c->n - c->next) / (2 * (size_t)c->decoder->options.processes) + 1, count = 0;
    uint64_t bytes = 0, pixels = 0;
    share = share < MX_DECODE_PARTS ? share : MX_DECODE_PARTS;
    while (c->next < c->n && refuse(c, c->next))
        c->next++;
    *first = c->next;
    while (c->next < c->n && count < share) {
        const uint64_t size = align(c->in[c->next].size);
        if (count > 0 && (pixel_bytes > CHUNK_PIXELS_BYTES - pixels || bytes + size > CHUNK_BYTES))
            break;
        if (refuse(c, c->next)) { /* it ends the chunk: a chunk is a run */
            c->next++;
            break;
        }
        bytes += size;
        pixels += pixel_bytes < CHUNK_PIXELS_BYTES ? pixel_bytes : CHUNK_PIXELS_BYTES;
        c->next++;
        count++;
    }
    return count;
}

/* (Re)sends what the worker has not done yet. */
static merx_status send_chunk(call *c, mx_decode_worker *w, merx_error *err)
{
    if (!w->running) {
        MX_TRY(mx_decoder_start(c->decoder, c->decoder->program, c->shared_bytes, &w->helper, err));
        w->running = true;
    }
    mx_decode_request request = {.magic = MX_DECODE_MAGIC, .wish = mx_decoder_wish(c->options)};
    uint64_t offset = 0;
    w->first += w->done;
    w->count -= w->done;
    w->done = 0;
    for (size_t i = 0; i < w->count; i++) {
        const merx_picture_bytes *in = &c->in[w->first + i];
        memcpy(w->helper.shared + offset, in->bytes, in->size);
        request.part[i].offset = offset;
        request.part[i].size = in->size;
        offset += align(in->size);
    }
    request.count = (uint32_t)w->count;
    request.pixels = w->pixels = offset;
    w->busy = true;
    w->heard_s = now_s();
    (void)mx_helper_send(&w->helper, &request, sizeof request, -1); /* if it has ended, receiving says so */
    return MERX_OK;
}

/* A reply is of a process that may lie: every number is checked before it is used. false: it does lie. */
static merx_status take_reply(call *c, mx_decode_worker *w, mx_decode_reply *r, bool *sound, merx_error *err)
{
    const merx_decoder_options *o = &c->decoder->options;
    const bool sized = c->options->height > 0, exact = sized && c->options->fit != MERX_PICTURE_INSIDE;
    const size_t i = w->first + w->done;
    char name[224];
    merx_picture *out = &c->out[i];
    r->message[sizeof r->message - 1] = '\0';
    const bool pixels = r->height > 0;
    *sound = r->magic == MX_DECODE_MAGIC && r->index == w->done && r->status <= MERX_E_INTERNAL &&
             r->format < MERX_PICTURE_FORMATS && r->source_height <= o->max_side && r->source_width <= o->max_side &&
             (pixels || r->status != MERX_OK);
    if (*sound && pixels)
        *sound = r->width > 0 && r->height <= o->max_side && r->width <= o->max_side &&
                 (!exact || (r->height == c->options->height && r->width == c->options->width)) &&
                 (!sized || (r->height <= c->options->height && r->width <= c->options->width)) &&
                 r->offset >= w->pixels && r->offset <= c->shared_bytes &&
                 r->height * r->width * 3 <= c->shared_bytes - r->offset;
    if (!*sound)
        return MERX_OK;
    if (pixels) {
        MX_TRY(mx_picture_make(r->height, r->width, c->decoder->alloc, out, err));
        memcpy(out->pixels, w->helper.shared + r->offset, r->height * r->width * 3);
    }
    out->source_height = r->source_height;
    out->source_width = r->source_width;
    out->format = (merx_picture_format)r->format;
    out->truncated = r->truncated != 0;
    if (r->status != MERX_OK) {
        name_of(c, i, name);
        (void)mx_error_set(&out->error, (merx_status)r->status, name, "%s", r->message);
    }
    w->done++;
    c->finished++;
    w->heard_s = now_s();
    if (w->done == w->count) {
        w->busy = false;
        if (r->offset + r->height * r->width * 3 > KEPT_SHARED_BYTES)
            mx_helper_forget_shared(&w->helper);
    }
    return MERX_OK;
}

/* The helper has ended, lies or hangs: the picture it was at has failed, a new helper gets the rest. */
static merx_status bury(call *c, mx_decode_worker *w, merx_error *err)
{
    char name[224];
    const size_t i = w->first + w->done;
    name_of(c, i, name);
    (void)mx_decoder_death(c->decoder, &w->helper, name, &c->out[i].error);
    w->running = w->busy = false;
    c->decoder->restarts++;
    w->done++;
    c->finished++;
    return w->done < w->count ? send_chunk(c, w, err) : MERX_OK;
}

static merx_status serve_worker(call *c, mx_decode_worker *w, bool readable, merx_error *err)
{
    mx_decode_reply reply;
    size_t got = 0;
    if (!readable) {
        if (now_s() - w->heard_s < mx_decoder_patience_s(c->decoder))
            return MERX_OK;
        mx_helper_kill(&w->helper);
        return bury(c, w, err);
    }
    do {
        if (!mx_helper_receive(&w->helper, &reply, sizeof reply, 0, &got))
            return bury(c, w, err);
        bool sound = true;
        if (got > 0) {
            sound = got == sizeof reply;
            if (sound)
                MX_TRY(take_reply(c, w, &reply, &sound, err));
        }
        if (!sound)
            return bury(c, w, err);
    } while (got > 0 && w->busy);
    return MERX_OK;
}

static merx_status run(call *c, merx_error *err)
{
    const int processes = c->decoder->options.processes;
    struct pollfd waits[MX_DECODER_MOST];
    while (c->finished < c->n) {
        for (int i = 0; i < processes && c->next < c->n; i++) {
            mx_decode_worker *w = &c->decoder->workers[i];
            if (w->busy)
                continue;
            w->done = 0;
            w->count = take_chunk(c, &w->first);
            if (w->count > 0)
                MX_TRY(send_chunk(c, w, err));
        }
        for (int i = 0; i < processes; i++) {
            const mx_decode_worker *w = &c->decoder->workers[i];
            waits[i] = (struct pollfd){.fd = w->busy ? w->helper.socket : -1, .events = POLLIN};
        }
        if (c->finished < c->n)
            (void)poll(waits, (nfds_t)processes, 200);
        for (int i = 0; i < processes; i++)
            if (c->decoder->workers[i].busy)
                MX_TRY(serve_worker(c, &c->decoder->workers[i], waits[i].revents != 0, err));
        if (merx_task_cancelled(c->task))
            MX_FAIL(err, MERX_E_CANCELLED, NULL, "cancelled");
    }
    return MERX_OK;
}

merx_status merx_pictures_decode(merx_decoder *decoder, const merx_picture_bytes *in, size_t n,
                                 const merx_picture_options *options, merx_task *task, merx_picture *out,
                                 merx_error *err)
{
    static const merx_picture_options as_is = {0};
    const merx_decoder_options *o = &decoder->options;
    call c = {
        .decoder = decoder, .in = in, .options = options != NULL ? options : &as_is, .n = n, .out = out, .task = task};
    for (size_t i = 0; i < n; i++)
        out[i] = (merx_picture){.height = 0};
    MX_TRY(mx_picture_check_options(c.options, o->max_side, err));
    const uint64_t largest = o->max_pixels * 3;
    c.in_bytes = (o->max_bytes > CHUNK_BYTES ? align(o->max_bytes) : CHUNK_BYTES) + ALIGN * MX_DECODE_PARTS;
    c.shared_bytes = align(c.in_bytes + (largest > CHUNK_PIXELS_BYTES ? largest : CHUNK_PIXELS_BYTES) + ALIGN);
    if (c.options->height > 0 && (uint64_t)c.options->height * c.options->width > o->max_pixels)
        MX_FAIL(err, MERX_E_LIMIT, "picture", "%zu x %zu pixels are asked; the decoder's limit is %llu",
                c.options->height, c.options->width, (unsigned long long)o->max_pixels);
    pthread_mutex_lock(&decoder->lock);
    const merx_status status = run(&c, err);
    if (status != MERX_OK)
        for (int i = 0; i < o->processes; i++) { /* what is still being decoded is of no use any more */
            mx_decode_worker *w = &decoder->workers[i];
            if (w->running && w->busy) {
                mx_helper_stop(&w->helper);
                w->running = false;
            }
            w->busy = false;
        }
    pthread_mutex_unlock(&decoder->lock);
    if (status != MERX_OK)
        for (size_t i = 0; i < n; i++)
            merx_picture_release(&out[i]);
    return status;
}

merx_status merx_picture_read(merx_decoder *decoder, const char *path, const merx_picture_options *options,
                              merx_picture *out, merx_error *err)
{
    mx_arena arena;
    merx_picture_bytes in;
    *out = (merx_picture){.height = 0};
    mx_arena_init(&arena, decoder->alloc);
    merx_status status = mx_read_picture(path, decoder->options.max_bytes, &arena, &in, err);
    in.name = path;
    if (status == MERX_OK)
        status = merx_pictures_decode(decoder, &in, 1, options, NULL, out, err);
    mx_arena_release(&arena);
    if (status == MERX_OK && out->error.code != MERX_OK) {
        status = mx_error_set(err, out->error.code, out->error.where, "%s", out->error.message);
        merx_picture_release(out);
    }
    return status;
}
