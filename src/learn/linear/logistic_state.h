/*
 * What the family `logistic` keeps of a fit: shared by logistic_family.c, logistic_file.c and logistic_calibration.c. Floor 4.
 */
#ifndef MX_LEARN_LOGISTIC_STATE_H
#define MX_LEARN_LOGISTIC_STATE_H

#include "learn/core/calibrator.h"
#include "learn/linear/logistic.h"

enum {
    MX_LOGISTIC_LOSS,
    MX_LOGISTIC_ITERATIONS,
    MX_LOGISTIC_CONVERGED,
    MX_LOGISTIC_CLASSES,
    MX_LOGISTIC_FIRST_SCALARS, /* what files held at first */
    MX_LOGISTIC_LOG_LOSS = MX_LOGISTIC_FIRST_SCALARS,
    MX_LOGISTIC_NULL_LOSS,
    MX_LOGISTIC_WEIGHT,
    MX_LOGISTIC_PENALISED, /* 1 l2, 2 l1, 3 both */
    MX_LOGISTIC_CALIBRATION,
    MX_LOGISTIC_SCALARS
};

typedef struct mx_logistic_state {
    mx_logistic model;
    double scalars[MX_LOGISTIC_SCALARS];
    /* Calibration, one of each output, as its file holds it too: steps (rows, 2) of calibrator k are rows starts[k] … starts[k + 1]. */
    mx_calibration calibration;
    mx_calibrator *calibrators; /* (outputs) */
    int64_t *starts;            /* (outputs + 1) */
    double *steps;
} mx_logistic_state;

void mx_logistic_state_free(void *state, const merx_allocator *alloc);

/*
 * Learns calibrators from the log-odds that five models give the rows each of them has not seen. Folds are stratified, by row number and the task's seed.
 * Errors: MERX_E_INVALID for a class of one row; those of the fits.
 */
merx_status mx_logistic_calibrate(mx_logistic_state *state, mx_calibration kind, const mx_design *design,
                                  const mx_logistic_options *options, const merx_allocator *alloc, merx_task *task,
                                  merx_error *err) MERX_MUST_CHECK;
/* Logits (outputs) in values (classes) to probabilities, calibrated where there is a calibration. */
void mx_logistic_state_chances(const mx_logistic_state *state, double *values);

merx_status mx_logistic_save(const void *state, mx_tensor_writer *writer, merx_error *err) MERX_MUST_CHECK;
merx_status mx_logistic_load(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                             merx_error *err) MERX_MUST_CHECK;

#endif
