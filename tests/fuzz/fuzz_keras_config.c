/* Networks out of a config.json of any bytes: an error with words, or a network that merx's own JSON can say. */
#include <string.h>

#include "fuzz.h"
#include "learn/network/keras_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    merx_error err = {0};
    merx_network *net;
    merx_optimizer optimizer = MERX_ADAM();
    merx_loss loss = MERX_LOSSES;
    char *text;
    merx_status status = mx_keras_network(NULL, (const char *)data, size, "fuzz", &optimizer, &loss, &net, &err);
    fuzz_require((status == MERX_OK) == (net != NULL));
    fuzz_require(status == MERX_OK || (err.message[0] != '\0' && err.where[0] != '\0'));
    if (net == NULL)
        return 0;
    fuzz_require(mx_network_shapes(net, &err) == MERX_OK || err.message[0] != '\0');
    fuzz_require(merx_network_to_json(net, &text, &err) == MERX_OK);
    merx_text_free(text);
    merx_network_free(net);
    return 0;
}
