/*
 * Asking: the live model of an answer, loaded once, and the reply.
 */
#include "shop/loaded_models.h"

static size_t answers(void)
{
    size_t n = 0;
    while (mx_answer_at(n))
        n++;
    return n;
}

static void unload(merx_shop *shop, size_t i)
{
    struct mx_loaded_model *model = &shop->models[i];
    const mx_answer *answer = mx_answer_at(i);
    if (model->state && answer->unload)
        answer->unload(model->state);
    mx_tensor_file_close(model->file);
    if (model->blob.data)
        mx_blobs_unmap(shop->blobs, &model->blob);
    *model = (struct mx_loaded_model){0};
}

void mx_loaded_models_unload(merx_shop *shop)
{
    for (size_t i = 0; shop->models && i < answers(); i++)
        unload(shop, i);
}

void mx_loaded_models_free(merx_shop *shop)
{
    if (!shop->models)
        return;
    mx_loaded_models_unload(shop);
    MX_FREE_ARRAY(shop->alloc, shop->models, answers());
    shop->models = NULL;
}
