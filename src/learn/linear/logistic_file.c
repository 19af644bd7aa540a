/*
 * The file of a logistic model: tensors "logistic.*". What is loaded is checked as if it came from a stranger.
 */
#include <math.h>
#include <string.h>

#include "learn/linear/logistic_state.h"

void mx_logistic_state_free(void *state, const merx_allocator *alloc)
{
    mx_logistic_state *s = state;
    if (s == NULL)
        return;
    size_t q = s->model.outputs;
    for (size_t k = 0; s->calibrators != NULL && k < q; k++)
        mx_calibrator_release(&s->calibrators[k]);
    mx_free_array(alloc, s->calibrators, q, sizeof *s->calibrators);
    if (s->starts != NULL)
        mx_free_array(alloc, s->steps, 2 * (size_t)s->starts[q], sizeof *s->steps);
    mx_free_array(alloc, s->starts, q + 1, sizeof *s->starts);
    mx_logistic_release(&s->model);
    mx_free_array(alloc, s, 1, sizeof *s);
}

merx_status mx_logistic_save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const mx_logistic_state *s = state;
    const mx_logistic *m = &s->model;
    MX_TRY(mx_tensor_writer_matrix(writer, "logistic.coefficients", MX_F64, m->outputs, m->d, m->coefficients, err));
    MX_TRY(mx_tensor_writer_vector(writer, "logistic.intercepts", MX_F64, m->outputs, m->intercepts, err));
    MX_TRY(mx_tensor_writer_vector(writer, "logistic.means", MX_F64, m->d, m->means, err));
    MX_TRY(mx_tensor_writer_matrix(writer, "logistic.standard_errors", MX_F64, m->outputs, m->d + 1, m->standard_errors,
                                   err));
    if (s->calibration != MX_CALIBRATION_NONE) {
        MX_TRY(mx_tensor_writer_vector(writer, "logistic.calibration_starts", MX_I64, m->outputs + 1, s->starts, err));
        MX_TRY(mx_tensor_writer_matrix(writer, "logistic.calibration_steps", MX_F64, (uint64_t)s->starts[m->outputs], 2,
                                       s->steps, err));
    }
    return mx_tensor_writer_vector(writer, "logistic.scalars", MX_F64, MX_LOGISTIC_SCALARS, s->scalars, err);
}

static merx_status copy_tensor(const mx_tensor_file *file, const char *name, const merx_allocator *alloc, int dims,
                               const uint64_t *shape, double **out, merx_error *err)
{
    const mx_tensor *t;
    MX_TRY(mx_tensor_file_get(file, name, MX_F64, dims, shape, &t, err));
    size_t count = dims == 2 ? (size_t)shape[0] * (size_t)shape[1] : (size_t)shape[0];
    if (t->size_bytes != count * sizeof **out)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "tensor \"%s\" does not have the shape of the others",
                name);
    MX_TRY(mx_alloc_array(alloc, count, sizeof **out, name, out, err));
    if (count > 0)
        memcpy(*out, t->data, t->size_bytes);
    return MERX_OK;
}

static merx_status damaged(const mx_tensor_file *file, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the calibration of the logistic model is not one");
}

/* Steps of one calibrator: finite, scores ascending, chances in [0, 1] not descending. */
static bool steps_are_sane(const double *steps, size_t count)
{
    if (count == 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(steps[2 * i]) || !(steps[2 * i + 1] >= 0 && steps[2 * i + 1] <= 1))
            return false;
        if (i > 0 && (!(steps[2 * i] > steps[2 * i - 2]) || !(steps[2 * i + 1] >= steps[2 * i - 1])))
            return false;
    }
    return true;
}

static merx_status load_calibration(const mx_tensor_file *file, const merx_allocator *alloc, mx_logistic_state *s,
                                    mx_calibration kind, merx_error *err)
{
    size_t q = s->model.outputs;
    const int64_t *starts;
    uint64_t count;
    MX_TRY(mx_tensor_file_vector(file, "logistic.calibration_starts", MX_I64, q + 1, &starts, &count, err));
    const mx_tensor *steps;
    MX_TRY(mx_tensor_file_get(file, "logistic.calibration_steps", MX_F64, 2, (uint64_t[]){0, 2}, &steps, err));
    if (starts[0] != 0 || starts[q] < 0 || (uint64_t)starts[q] != steps->shape[0])
        return damaged(file, err);
    for (size_t k = 0; k < q; k++)
        if (starts[k + 1] < starts[k] || starts[k + 1] > starts[q])
            return damaged(file, err);
    MX_TRY(mx_alloc_array(alloc, q + 1, sizeof *s->starts, "calibration", &s->starts, err));
    s->starts[q] = 0;
    MX_TRY(copy_tensor(file, "logistic.calibration_steps", alloc, 2, (uint64_t[]){steps->shape[0], 2}, &s->steps, err));
    memcpy(s->starts, starts, (q + 1) * sizeof *starts);
    MX_TRY(mx_alloc_array(alloc, q, sizeof *s->calibrators, "calibrators", &s->calibrators, err));
    s->calibration = kind;
    for (size_t k = 0; k < q; k++) {
        mx_calibrator *c = &s->calibrators[k];
        const double *from = s->steps + 2 * starts[k];
        size_t n = (size_t)(starts[k + 1] - starts[k]);
        *c = (mx_calibrator){.kind = kind, .a = 1, .alloc = alloc};
        if (kind == MX_CALIBRATION_SIGMOID) {
            if (n != 1 || !isfinite(from[0]) || !isfinite(from[1]))
                return damaged(file, err);
            c->a = from[0];
            c->b = from[1];
            continue;
        }
        if (!steps_are_sane(from, n))
            return damaged(file, err);
        c->room = n;
        MX_TRY(mx_alloc_array(alloc, n, sizeof *c->scores, "steps", &c->scores, err));
        MX_TRY(mx_alloc_array(alloc, n, sizeof *c->chances, "steps", &c->chances, err));
        for (size_t i = 0; i < n; i++) {
            c->scores[i] = from[2 * i];
            c->chances[i] = from[2 * i + 1];
        }
        c->steps = n;
    }
    return MERX_OK;
}

merx_status mx_logistic_load(const mx_tensor_file *file, const merx_allocator *alloc, void **state, merx_error *err)
{
    *state = NULL;
    mx_logistic_state *s = NULL;
    const double *scalars, *means;
    uint64_t count, d, q;
    const mx_tensor *coefficients;
    MX_TRY(mx_tensor_file_vector(file, "logistic.scalars", MX_F64, 0, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "logistic.means", MX_F64, 0, &means, &d, err));
    MX_TRY(mx_tensor_file_get(file, "logistic.coefficients", MX_F64, 2, (uint64_t[]){0, 0}, &coefficients, err));
    q = coefficients->shape[0];
    if (coefficients->shape[1] != d || q == 0 || q == 2 || q > INT32_MAX ||
        (count != MX_LOGISTIC_FIRST_SCALARS && count != MX_LOGISTIC_SCALARS) ||
        scalars[MX_LOGISTIC_CLASSES] != (q == 1 ? 2.0 : (double)q))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "the shapes of the logistic coefficients do not fit each other");
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "logistic model", &s, err));
    mx_logistic *m = &s->model;
    m->alloc = alloc;
    m->d = (size_t)d;
    m->outputs = (size_t)q;
    m->classes = q == 1 ? 2 : (size_t)q;
    for (size_t i = 0; i < MX_LOGISTIC_SCALARS; i++)
        s->scalars[i] = i < count ? scalars[i] : i == MX_LOGISTIC_CALIBRATION || i == MX_LOGISTIC_PENALISED ? 0 : NAN;
    merx_status status;
    MX_TRY_GOTO(copy_tensor(file, "logistic.coefficients", alloc, 2, (uint64_t[]){q, d}, &m->coefficients, err));
    MX_TRY_GOTO(copy_tensor(file, "logistic.intercepts", alloc, 1, (uint64_t[]){q}, &m->intercepts, err));
    MX_TRY_GOTO(copy_tensor(file, "logistic.means", alloc, 1, (uint64_t[]){d}, &m->means, err));
    MX_TRY_GOTO(
        copy_tensor(file, "logistic.standard_errors", alloc, 2, (uint64_t[]){q, d + 1}, &m->standard_errors, err));
    m->loss = s->scalars[MX_LOGISTIC_LOSS];
    m->log_loss = s->scalars[MX_LOGISTIC_LOG_LOSS];
    m->null_loss = s->scalars[MX_LOGISTIC_NULL_LOSS];
    m->weight = s->scalars[MX_LOGISTIC_WEIGHT];
    double iterations = s->scalars[MX_LOGISTIC_ITERATIONS];
    m->iterations = iterations >= 0 && iterations <= INT32_MAX ? (int)iterations : 0;
    m->converged = s->scalars[MX_LOGISTIC_CONVERGED] == 1;
    double kind = s->scalars[MX_LOGISTIC_CALIBRATION];
    if (kind == MX_CALIBRATION_SIGMOID || kind == MX_CALIBRATION_ISOTONIC)
        MX_TRY_GOTO(load_calibration(file, alloc, s, (mx_calibration)kind, err));
    else if (!(kind == MX_CALIBRATION_NONE))
        MX_TRY_GOTO(damaged(file, err));
    *state = s;
    return MERX_OK;
out:
    mx_logistic_state_free(s, alloc);
    return status;
}
