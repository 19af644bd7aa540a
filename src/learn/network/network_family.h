/* The families of the network folder. Floor 4. */
#ifndef MX_LEARN_NETWORK_FAMILY_H
#define MX_LEARN_NETWORK_FAMILY_H

#include "learn/core/family.h"
#include "learn/network/network_state.h"

extern const mx_family mx_family_network, mx_family_network_regressor;

/* What a fit leaves beside the network; tensor "network.scalars". */
enum {
    MX_NETWORK_OUTPUTS, /* classes; 0: a number is predicted */
    MX_NETWORK_MEAN,    /* of the target: the network learns (y - mean) / scale */
    MX_NETWORK_SCALE,
    MX_NETWORK_EPOCHS,
    MX_NETWORK_BEST, /* the epoch whose weights these are */
    MX_NETWORK_LOSS,
    MX_NETWORK_METRIC,
    MX_NETWORK_HELD_LOSS, /* NaN: no rows were held out */
    MX_NETWORK_HELD_METRIC,
    MX_NETWORK_HELD_ROWS,
    MX_NETWORK_SCALARS
};
typedef struct mx_network_model {
    merx_network *net;
    float *reference; /* (inputs) what a row is explained against */
    size_t inputs;
    double scalars[MX_NETWORK_SCALARS];
} mx_network_model;

/* network_model.c: running, explaining, describing and files of a fitted model. */
void mx_network_model_free(void *state, const merx_allocator *alloc);
size_t mx_network_model_outputs(const void *state);
size_t mx_network_model_inputs(const void *state);
merx_status mx_network_model_predict(const void *state, const mx_design *rows, merx_task *task, double *values,
                                     int32_t *labels, merx_error *err) MERX_MUST_CHECK;
merx_status mx_network_model_explain(const void *state, const mx_design *rows, size_t row, size_t output,
                                     double *contributions, double *base, double *score,
                                     merx_error *err) MERX_MUST_CHECK;
merx_status mx_network_model_describe(const void *state, const mx_design *names, mx_text *text,
                                      merx_error *err) MERX_MUST_CHECK;
merx_status mx_network_model_save(const void *state, mx_tensor_writer *writer, merx_error *err) MERX_MUST_CHECK;
merx_status mx_network_model_load(const mx_tensor_file *file, bool classifies, const merx_allocator *alloc,
                                  void **state, merx_error *err) MERX_MUST_CHECK;
/* Whether the network's output is what the family needs: `classes` of them (0: one number). Shapes must be known. */
merx_status mx_network_model_fits(const merx_network *net, size_t classes, merx_error *err) MERX_MUST_CHECK;
/* Row i of the design as floats. */
void mx_network_model_row(const mx_design *rows, size_t i, float *out);

#endif
