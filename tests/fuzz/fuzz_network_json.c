/* Networks out of JSON of any bytes: an error with words, or a network whose own JSON reads back to the same JSON. */
#include <string.h>

#include "fuzz.h"
#include "learn/network/network_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    merx_error err = {0};
    merx_network *net, *again;
    merx_optimizer optimizer = MERX_ADAM();
    merx_loss loss = MERX_LOSSES;
    char *text = malloc(size + 1), *first, *second;
    fuzz_require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    merx_status status = merx_network_from_json(NULL, text, &optimizer, &loss, &net, &err);
    free(text);
    fuzz_require((status == MERX_OK) == (net != NULL));
    fuzz_require(status == MERX_OK || (err.message[0] != '\0' && err.where[0] != '\0'));
    if (net == NULL)
        return 0;
    fuzz_require(mx_network_shapes(net, &err) == MERX_OK || err.message[0] != '\0');
    fuzz_require(merx_network_to_json(net, &first, &err) == MERX_OK);
    fuzz_require(merx_network_from_json(NULL, first, NULL, NULL, &again, &err) == MERX_OK);
    fuzz_require(merx_network_to_json(again, &second, &err) == MERX_OK);
    fuzz_require(strcmp(first, second) == 0);
    merx_text_free(first);
    merx_text_free(second);
    merx_network_free(net);
    merx_network_free(again);
    return 0;
}
