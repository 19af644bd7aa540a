/*
 * Files of Keras 3 (keras_file.h): which of the two it is, told by its bytes.
 */
#include "learn/network/keras_file.h"

#include <string.h>

#include "io/file.h"
#include "io/zip.h"

static const char config_name[] = "config.json", weights_name[] = "model.weights.h5";
#define MOST_CONFIG ((uint64_t)16 << 20)
#define MOST_WEIGHTS ((uint64_t)17 << 30) /* 2^31 numbers in double, and their names */

/* The file, and the members that are read of it. */
typedef struct opened {
    const char *path;
    mx_map map;
    bool archive;
    mx_zip zip;
    mx_zip_member config, weights;
} opened;

static void close_file(opened *f)
{
    mx_zip_member_release(&f->zip, &f->config);
    mx_zip_member_release(&f->zip, &f->weights);
    mx_map_close(&f->map);
}

static merx_status read_member(opened *f, const char *name, uint64_t most, mx_zip_member *out, merx_error *err)
{
    bool found;
    MX_TRY(mx_zip_read(&f->zip, name, most, out, &found, err));
    if (!found)
        MX_FAIL(err, MERX_E_CORRUPT, f->path, "this is no archive of Keras 3: it has no member %s", name);
    return MERX_OK;
}

static merx_status open_file(const char *path, const merx_allocator *alloc, opened *f, merx_error *err)
{
    *f = (opened){.path = path};
    MX_TRY(mx_map_open(path, &f->map, err));
    f->archive = f->map.size >= 2 && memcmp(f->map.data, "PK", 2) == 0;
    if (!f->archive) {
        f->weights = (mx_zip_member){.data = f->map.data, .size = f->map.size};
        return MERX_OK;
    }
    MX_TRY(mx_zip_open(f->map.data, f->map.size, path, alloc, &f->zip, err));
    return read_member(f, weights_name, MOST_WEIGHTS, &f->weights, err);
}

merx_status merx_network_load_keras(merx_network *net, const char *path, merx_error *err)
{
    opened f;
    if (net == NULL)
        MX_FAIL(err, MERX_E_MEMORY, "network", "there is no network (merx_network_new gave NULL)");
    merx_status status = open_file(path, net->alloc, &f, err);
    if (status == MERX_OK)
        status = mx_keras_weights(net, f.weights.data, f.weights.size, path, err);
    close_file(&f);
    return status;
}

/* A small file must not ask for much memory: every number of the network has two bytes at least in it. */
static merx_status check_size(const merx_network *net, const opened *f, merx_error *err)
{
    size_t numbers = 0;
    for (size_t i = 0; i < net->nodes; i++)
        for (size_t j = 0; j < net->node[i].n_weights; j++)
            if (!mx_add_size(numbers, net->node[i].weight[j].size, &numbers))
                numbers = SIZE_MAX;
    if (numbers > f->weights.size / 2)
        MX_FAIL(err, MERX_E_CORRUPT, f->path, "its layers have %zu weights; its %s has %zu bytes", numbers,
                weights_name, f->weights.size);
    return MERX_OK;
}

static merx_status build(const opened *f, const merx_allocator *alloc, merx_network **net, merx_error *err)
{
    merx_optimizer optimizer = MERX_ADAM();
    merx_loss loss = MERX_LOSSES; /* not said */
    merx_error inner = {0};
    MX_TRY(mx_keras_network(alloc, (const char *)f->config.data, f->config.size, f->path, &optimizer, &loss, net, err));
    merx_status status = mx_network_shapes(*net, &inner);
    if (status == MERX_OK)
        MX_TRY(check_size(*net, f, err));
    if (status == MERX_OK && (loss == MERX_LOSSES || mx_loss_fits(*net, loss, NULL) != MERX_OK))
        loss = mx_loss_standard(*net);
    if (status == MERX_OK) {
        (*net)->resumes = true; /* its weights need not be drawn */
        status = merx_network_compile(*net, optimizer, loss, NULL, &inner);
        (*net)->resumes = false;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, f->path, "%s: %.400s", inner.where, inner.message);
    return mx_keras_weights(*net, f->weights.data, f->weights.size, f->path, err);
}

merx_status merx_network_import_keras(const merx_allocator *alloc, const char *path, merx_network **out,
                                      merx_error *err)
{
    opened f;
    merx_network *net = NULL;
    merx_status status;
    *out = NULL;
    MX_TRY_GOTO(open_file(path, alloc, &f, err));
    if (!f.archive)
        MX_FAIL_GOTO(err, MERX_E_UNSUPPORTED, path,
                     "is no .keras archive (weights alone do not say what the layers are: build the network, then "
                     "load them)");
    MX_TRY_GOTO(read_member(&f, config_name, MOST_CONFIG, &f.config, err));
    MX_TRY_GOTO(build(&f, alloc, &net, err));
    *out = net;
    net = NULL;
out:
    merx_network_free(net);
    close_file(&f);
    return status;
}
