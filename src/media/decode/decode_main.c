/*
 * merx-decode: decodes pictures for libmerx in a process that can do nothing else (see media/protocol.h, base/confine.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/confine.h"
#include "media/decode/picture_decode.h"
#include "media/decode/serve.h"

/* A leak check would want to stop this process's threads; it ends by being killed. */
MERX_API const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static bool within(uint64_t offset, uint64_t size, uint64_t all)
{
    return offset <= all && size <= all - offset;
}

static bool answer(const mx_served *served, const mx_decode_request *request)
{
    const mx_decode_limits limits = {.max_side = served->hello.max_side, .max_pixels = served->hello.max_pixels};
    const uint64_t all = served->hello.shared_bytes;
    uint64_t pixels = request->pixels;
    for (uint32_t i = 0; i < request->count; i++) {
        const uint64_t offset = request->part[i].offset, size = request->part[i].size;
        mx_decode_reply reply = {.magic = MX_DECODE_MAGIC, .index = i, .offset = pixels};
        if (!within(offset, size, all) || pixels > all)
            return false;
        mx_confine_cpu(served->hello.cpu_ms);
        mx_decode_picture(served->shared + offset, size, &request->wish, &limits, NULL, served->shared + pixels,
                          all - pixels, &reply);
        mx_confine_cpu(0);
        if (!mx_serve_say(&reply, sizeof reply))
            return false;
        pixels += (reply.height * reply.width * 3 + 63) / 64 * 64;
    }
    return true;
}

int main(int argc, char **argv)
{
    mx_served served = {.shared = NULL};
    static mx_decode_request request;
    const int code = mx_serve_begin(argc, argv, "pictures", NULL, &served);
    if (code != 0)
        return code;
    while (mx_serve_hear(&request, sizeof request, NULL)) {
        if (request.magic != MX_DECODE_MAGIC || request.count > MX_DECODE_PARTS || !answer(&served, &request))
            return 3;
    }
    return 0;
}
