/* Pictures out of any bytes, as merx-decode takes them: sizes within what is asked, or an error that says why. The first byte chooses the size. */
#include "fuzz.h"
#include "media/decode/picture_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mx_decode_limits limits = {.max_side = 2000, .max_pixels = 1 << 18};
    static unsigned char out[(1 << 18) * 3];
    const unsigned choice = size > 0 ? data[size - 1] : 0; /* the first ones are the format's */
    mx_decode_wish wish = {.height = choice % 3 * 17, .width = choice % 3 * 23, .fit = choice / 3 % MERX_PICTURE_FITS};
    mx_decode_reply reply = {.magic = MX_DECODE_MAGIC};
    mx_decode_picture(data, size, &wish, &limits, NULL, out, sizeof out, &reply);
    fuzz_require(reply.status != MERX_OK || (reply.height > 0 && reply.width > 0));
    fuzz_require(reply.status == MERX_OK || reply.message[0] != '\0');
    fuzz_require(reply.height * reply.width <= limits.max_pixels);
    if (reply.height > 0 && wish.height > 0)
        fuzz_require(reply.height <= wish.height && reply.width <= wish.width);
    return 0;
}
