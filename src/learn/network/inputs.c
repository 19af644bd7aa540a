/*
 * Inputs that a layer can't take, found before any work.
 */
#include "learn/network/network_state.h"

#include <math.h>

merx_status mx_inputs_check(const merx_network *net, const merx_examples *examples, merx_error *err)
{
    size_t size = mx_input_size(net);
    for (size_t k = 1; k < net->nodes; k++) {
        const mx_node *node = &net->node[k];
        if (node->kind->id != MERX_LAYER_EMBEDDING || mx_node_source(node, 0) != 0)
            continue;
        int vocabulary = node->layer.embedding.vocabulary;
        if (examples->bytes != NULL)
            MX_FAIL(err, MERX_E_INVALID, node->name, "embedding needs whole numbers (x); bytes are pixels");
        for (size_t i = 0; examples->x != NULL && i < examples->n * size; i++) {
            double v = (double)examples->x[i];
            if (!(v >= 0 && v < vocabulary && v == floor(v)))
                MX_FAIL(err, MERX_E_RANGE, node->name,
                        "example %zu has %g at step %zu; embedding takes whole numbers from 0 to %d", i / size, v,
                        i % size, vocabulary - 1);
        }
    }
    return MERX_OK;
}
