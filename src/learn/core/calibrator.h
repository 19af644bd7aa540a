/*
 * Calibration: from a score to the probability that scores like it have had, learnt on rows that the score's model has not seen. Floor 3.
 *
 *   sigmoid    P = 1 / (1 + exp(-(a score + b))), targets drawn in by one row of each kind (Platt 1999; Lin, Lin & Weng 2007). For few rows.
 *   isotonic   the nearest non-decreasing function in weighted least squares (pool adjacent violators), linear between its steps, flat outside
 *              (Zadrozny & Elkan 2002). For a thousand rows and more.
 *
 * As scikit-learn's CalibratedClassifierCV fits them.
 */
#ifndef MX_LEARN_CORE_CALIBRATOR_H
#define MX_LEARN_CORE_CALIBRATOR_H

#include "base/run.h"

typedef enum mx_calibration {
    MX_CALIBRATION_NONE,
    MX_CALIBRATION_SIGMOID,
    MX_CALIBRATION_ISOTONIC,
    MX_CALIBRATIONS
} mx_calibration;

typedef struct mx_calibrator {
    mx_calibration kind;
    double a, b;              /* sigmoid */
    size_t steps;             /* isotonic */
    double *scores, *chances; /* (steps): scores ascend, chances do not descend */
    size_t room;              /* of the arrays */
    const merx_allocator *alloc;
} mx_calibrator;

/*
 * scores (n), labels (n): a row counts as positive when its label is `positive`; weights (n) >= 0, NULL: ones. Rows of weight 0 do not count.
 * Errors: MERX_E_INVALID when no row counts; MERX_E_NUMERIC for a score that is not finite.
 */
merx_status mx_calibrator_fit(mx_calibration kind, const double *scores, const int32_t *labels, int32_t positive,
                              const double *weights, size_t n, const merx_allocator *alloc, mx_calibrator *out,
                              merx_error *err) MERX_MUST_CHECK;
double mx_calibrator_apply(const mx_calibrator *calibrator, double score); /* MX_CALIBRATION_NONE: score */
void mx_calibrator_release(mx_calibrator *calibrator);

#endif
