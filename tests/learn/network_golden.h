/*
 * Golden networks of Keras (tests/golden/make_network*.py): the numbers both sides make, values compared.
 */
#ifndef TESTS_LEARN_NETWORK_GOLDEN_H
#define TESTS_LEARN_NETWORK_GOLDEN_H

#include "merx/network.h"
#include "support/check.h"

/* splitmix64 of (stream, i), see make_network.py. */
CHECK_UNUSED static uint64_t golden_bits(uint64_t stream, uint64_t i)
{
    uint64_t x = (stream * (UINT64_C(1) << 32) + i + 1) * UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

CHECK_UNUSED static float golden_number(uint64_t stream, uint64_t i)
{
    return (float)((double)(golden_bits(stream, i) >> 40) - 0x1p23) * 0x1p-23F;
}

/* Example r of "generated": its label, and its d inputs. */
CHECK_UNUSED static int32_t golden_example(uint64_t r, size_t d, size_t period, size_t classes, float *x)
{
    size_t label = (size_t)((golden_bits(1, r) >> 40) % classes);
    for (size_t j = 0; j < d; j++)
        x[j] = golden_number(1000 + r, j) + golden_number(2, label * period + j % period) / 2;
    return (int32_t)label;
}

/* free() them. */
CHECK_UNUSED static double *golden_numbers(json_t *numbers, size_t *count)
{
    double *values = NULL;
    size_t room = 0;
    *count = 0;
    check_collect_doubles(numbers, &values, count, &room);
    return values;
}

CHECK_UNUSED static float *golden_floats(json_t *numbers, size_t *count)
{
    double *values = golden_numbers(numbers, count);
    float *out = calloc(*count + 1, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = (float)values[i];
    free(values);
    return out;
}

/* |got - want| <= tolerance x the largest of want. */
CHECK_UNUSED static void golden_close(const char *name, const char *what, const float *got, json_t *numbers, double tolerance)
{
    size_t count;
    double *want = golden_numbers(numbers, &count), largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(want[i]));
    if (!(largest > 0))
        check_die(__FILE__, __LINE__, "%s: %s is nothing but zeros", name, what);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * largest))
            check_die(__FILE__, __LINE__, "%s: %s %zu is %.9g, Keras has %.9g", name, what, i, (double)got[i], want[i]);
    free(want);
}

/* The network of a "spec", with the optimizer given in words (NULL: SGD), its weights set. */
CHECK_UNUSED static merx_network *golden_network(json_t *c, json_t *optimizer, merx_loss loss)
{
    merx_error err = {0};
    merx_network *net;
    merx_optimizer o = MERX_SGD();
    json_t *spec = json_deep_copy(check_member(c, "spec")), *weights = check_member(c, "weights");
    json_object_del(spec, "optimizer");
    if (optimizer != NULL)
        json_object_set(spec, "optimizer", optimizer);
    char *text = json_dumps(spec, 0);
    check_ok(merx_network_from_json(NULL, text, &o, NULL, &net, &err), err);
    check_ok(merx_network_compile(net, o, loss, NULL, &err), err);
    if (json_array_size(weights) != merx_network_weights(net))
        check_die(__FILE__, __LINE__, "%zu weights, Keras has %zu", merx_network_weights(net), json_array_size(weights));
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        json_t *w = json_array_get(weights, i), *stream = json_object_get(w, "stream");
        merx_weight have = merx_network_weight(net, i);
        size_t count = have.size;
        float *values;
        if (stream == NULL) {
            values = golden_floats(check_member(w, "values"), &count);
        } else {
            values = calloc(count, sizeof *values);
            float limit = (float)check_number(w, "limit");
            for (size_t j = 0; j < count; j++)
                values[j] = golden_number((uint64_t)json_integer_value(stream), j) * limit;
        }
        check_ok(merx_network_set_weight(net, i, values, count, &err), err);
        free(values);
    }
    free(text);
    json_decref(spec);
    return net;
}

#endif
