/*
 * The models a shop has loaded to answer with: one per answer, loaded at the first question, again when another version is live. Floor 5.
 */
#ifndef MX_SHOP_LOADED_MODELS_H
#define MX_SHOP_LOADED_MODELS_H

#include "shop/shop_state.h"

struct mx_loaded_model {
    int64_t version;      /* 0: none */
    int64_t refused;      /* the live version, when its file does not load and this older one goes on answering */
    unsigned char *bytes; /* of the file, in memory of its own: what happens to the file does not happen to the model */
    size_t size;
    mx_tensor_file *file;
    void *state;
};

void mx_loaded_models_unload(merx_shop *shop);
void mx_loaded_models_free(merx_shop *shop);

#endif
