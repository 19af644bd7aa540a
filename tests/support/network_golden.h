/*
 * Golden networks (tests/golden/make_network.py, make_network_layers.py): from JSON to a compiled network with given weights, and the numbers that C and Python make
 * alike.
 */
#ifndef TESTS_SUPPORT_NETWORK_GOLDEN_H
#define TESTS_SUPPORT_NETWORK_GOLDEN_H

#include "merx/alloc.h"
#include "merx/network.h"
#include "support/check.h"

/* splitmix64 by place: the upper 24 bits of it. */
CHECK_UNUSED static uint64_t golden_bits(uint64_t stream, uint64_t i)
{
    uint64_t z = ((stream << 32) + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) >> 40;
}

/* In [-1, 1). */
CHECK_UNUSED static float golden_number(uint64_t stream, uint64_t i)
{
    return (float)((int64_t)golden_bits(stream, i) - ((int64_t)1 << 23)) * 0x1p-23f;
}

/* Example r of "generated": its label, and its x (size). */
CHECK_UNUSED static int32_t golden_example(size_t r, size_t size, size_t period, size_t classes, float *x)
{
    size_t label = (size_t)(golden_bits(1, r) % classes);
    for (size_t j = 0; j < size; j++)
        x[j] = golden_number(1000 + r, j) + golden_number(2, label * period + j % period) * 0.5F;
    return (int32_t)label;
}

CHECK_UNUSED static float *golden_floats(const double *values, size_t count)
{
    float *floats = malloc((count > 0 ? count : 1) * sizeof *floats);
    for (size_t i = 0; i < count; i++)
        floats[i] = (float)values[i];
    return floats;
}

CHECK_UNUSED static float *golden_member(json_t *object, const char *key, size_t *count)
{
    size_t n = 0;
    double *values = check_doubles(object, key, &n);
    float *floats = golden_floats(values, n);
    free(values);
    if (count != NULL)
        *count = n;
    return floats;
}

CHECK_UNUSED static void golden_shape(const char *name, const merx_weight *ours, json_t *shape)
{
    bool same = ours->dims.rank == json_array_size(shape);
    for (size_t d = 0; same && d < ours->dims.rank; d++)
        same = (json_int_t)ours->dims.dim[d] == json_integer_value(json_array_get(shape, d));
    if (!same) {
        char *text = json_dumps(shape, 0);
        check_die(__FILE__, __LINE__, "%s: %s has %zu dimensions, the first %zu; Keras %s", name, ours->name,
                  ours->dims.rank, ours->dims.dim[0], text);
    }
}

/* The network of "spec", compiled, with the weights of "weights": given, or made by stream and limit. Free it. */
CHECK_UNUSED static merx_network *golden_network(json_t *c, merx_optimizer optimizer, merx_loss loss, merx_task *task)
{
    merx_error err = {0};
    merx_network *net = NULL;
    char *text = json_dumps(check_member(c, "spec"), 0);
    check_ok(merx_network_from_json(NULL, text, NULL, NULL, &net, &err), err);
    free(text);
    check_ok(merx_network_compile(net, optimizer, loss, task, &err), err);
    json_t *weights = check_member(c, "weights");
    assert_int_equal(merx_network_weights(net), json_array_size(weights));
    for (size_t i = 0; i < json_array_size(weights); i++) {
        json_t *w = json_array_get(weights, i);
        merx_weight ours = merx_network_weight(net, i);
        size_t size = 0;
        float *values = NULL;
        if (json_object_get(w, "values") != NULL) {
            values = golden_member(w, "values", &size);
        } else {
            values = malloc(ours.size * sizeof *values);
            for (; size < ours.size; size++)
                values[size] =
                    golden_number((uint64_t)check_number(w, "stream"), size) * (float)check_number(w, "limit");
        }
        golden_shape(json_string_value(check_member(c, "name")), &ours, check_member(w, "shape"));
        check_ok(merx_network_set_weight(net, i, values, size, &err), err);
        free(values);
    }
    return net;
}

#endif
