/*
 * A fitted network behind the model contract: predictions, reasons, description, file.
 *
 * Reasons. The score is what comes before the softmax or sigmoid: the log-odds of the class (two classes), its logit less the mean of all (more); of a regression the
 * prediction itself. The base is the score of the reference row (the means of training; 0 where an embedding reads the column). From there columns are set to
 * the row's values one after the other, and a column's contribution is the change of the score, so that they telescope: base + sum = score exactly. What depends on
 * two columns together falls to the later one; so it is done twice, from the first column to the last and from the last to the first, and the mean of both is told.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/network/network_family.h"
#include "learn/network/network_file.h"

void mx_network_model_free(void *state, const merx_allocator *alloc)
{
    mx_network_model *s = state;
    if (s == NULL)
        return;
    merx_network_free(s->net);
    MX_FREE_ARRAY(alloc, s->reference, s->inputs);
    MX_FREE_ARRAY(alloc, s, 1);
}

static size_t classes_of(const mx_network_model *s)
{
    return (size_t)s->scalars[MX_NETWORK_OUTPUTS];
}

size_t mx_network_model_outputs(const void *state)
{
    size_t classes = classes_of(state);
    return classes > 0 ? classes : 1;
}

size_t mx_network_model_inputs(const void *state)
{
    return ((const mx_network_model *)state)->inputs;
}

void mx_network_model_row(const mx_design *rows, size_t i, float *out)
{
    if (rows->x_float != NULL) {
        memcpy(out, rows->x_float + i * rows->d, rows->d * sizeof *out);
        return;
    }
    for (size_t j = 0; j < rows->d; j++)
        out[j] = (float)rows->x[i * rows->d + j];
}

merx_status mx_network_model_fits(const merx_network *net, size_t classes, merx_error *err)
{
    const mx_node *out = &net->node[net->nodes - 1];
    char text[96];
    size_t units = mx_output_units(net);
    if (out->out.rank != 1)
        MX_FAIL(err, MERX_E_SHAPE, out->name,
                "its output is %s; expected one row of numbers (flatten, or the last step alone)",
                mx_dims_text(out->out, text));
    if (classes == 0 && units != 1)
        MX_FAIL(err, MERX_E_SHAPE, out->name, "has %zu outputs; a regression needs 1", units);
    if (classes > 0 && units != classes && !(classes == 2 && units == 1))
        MX_FAIL(err, MERX_E_SHAPE, out->name, "has %zu outputs; the target has %zu classes", units, classes);
    return MERX_OK;
}

/* ---- running ---- */

/* Room to run a block of examples, on the calling thread alone. */
typedef struct room {
    const mx_network_model *model;
    mx_plan plan;
    mx_block block;
} room;

static merx_status make_room(const mx_network_model *s, room *r, merx_error *err)
{
    *r = (room){.model = s};
    MX_TRY(mx_plan_make(s->net, MX_BLOCK, MX_PLAN_RUN, &r->plan, err));
    return mx_block_make(s->net, &r->plan, false, &r->block, err);
}

static void release_room(room *r)
{
    mx_block_release(r->model->net, &r->plan, &r->block);
    mx_plan_release(r->model->net, &r->plan);
}

static float *room_input(room *r)
{
    return r->block.floats + r->plan.place[0].y;
}

/* The outputs of the n <= MX_BLOCK rows that stand in the input's place. logits: before softmax or sigmoid. */
static merx_status run_room(room *r, size_t n, bool logits, const float **out, merx_error *err)
{
    const merx_network *net = r->model->net;
    mx_run run = {.net = net, .plan = &r->plan, .batch = n, .logits = logits};
    MX_TRY(mx_inputs_check(net, &(merx_examples){.n = n, .x = room_input(r)}, err));
    mx_forward(&run, &r->block, n, 0, 1, net->nodes);
    *out = r->block.floats + r->plan.place[net->nodes - 1].y;
    return MERX_OK;
}

/* Whether what is run stops before the output's softmax or sigmoid: probabilities are then made of it in double, to the bits that reasons speak of. */
static bool stops_at_logits(const mx_network_model *s)
{
    return s->net->node[s->net->nodes - 1].at_loss;
}

/* Probabilities (classes) or the value, of what came out of run_room. */
static void read_output(const mx_network_model *s, const float *y, double *values, int32_t *label)
{
    size_t classes = classes_of(s), best = 0;
    bool logits = stops_at_logits(s);
    if (classes == 0) {
        values[0] = s->scalars[MX_NETWORK_MEAN] + s->scalars[MX_NETWORK_SCALE] * (double)y[0];
        return;
    }
    if (mx_output_units(s->net) == 1) {
        values[1] = logits ? 1 / (1 + exp(-(double)y[0])) : (double)y[0];
        values[0] = logits ? 1 / (1 + exp((double)y[0])) : 1 - values[1];
    } else {
        double sum = 0, most = -INFINITY;
        for (size_t c = 0; c < classes; c++)
            most = fmax(most, (double)y[c]);
        for (size_t c = 0; c < classes; c++)
            sum += values[c] = logits ? exp((double)y[c] - most) : (double)y[c];
        for (size_t c = 0; c < classes; c++)
            values[c] /= sum;
    }
    for (size_t c = 1; c < classes; c++)
        best = values[c] > values[best] ? c : best;
    if (label != NULL)
        *label = (int32_t)best;
}

merx_status mx_network_model_predict(const void *state, const mx_design *rows, merx_task *task, double *values,
                                     int32_t *labels, merx_error *err)
{
    (void)task;
    const mx_network_model *s = state;
    size_t outputs = mx_network_model_outputs(s), wide = mx_output_units(s->net);
    const float *y;
    room r;
    merx_status status;
    MX_TRY_GOTO(make_room(s, &r, err));
    for (size_t at = 0; at < rows->n; at += MX_BLOCK) {
        size_t n = rows->n - at < MX_BLOCK ? rows->n - at : MX_BLOCK;
        for (size_t i = 0; i < n; i++)
            mx_network_model_row(rows, at + i, room_input(&r) + i * s->inputs);
        MX_TRY_GOTO(run_room(&r, n, stops_at_logits(s), &y, err));
        for (size_t i = 0; i < n; i++)
            read_output(s, y + i * wide, values + (at + i) * outputs, labels != NULL ? labels + at + i : NULL);
    }
    status = MERX_OK;
out:
    release_room(&r);
    return status;
}

/* ---- reasons ---- */

static double score_of(const mx_network_model *s, const float *y, size_t output)
{
    size_t classes = classes_of(s);
    double sum = 0;
    if (classes == 0)
        return s->scalars[MX_NETWORK_MEAN] + s->scalars[MX_NETWORK_SCALE] * (double)y[0];
    if (mx_output_units(s->net) == 1)
        return output == 1 ? (double)y[0] : -(double)y[0];
    if (classes == 2)
        return (double)y[output] - (double)y[1 - output];
    for (size_t c = 0; c < classes; c++)
        sum += (double)y[c];
    return (double)y[output] - sum / (double)classes;
}

/* From the reference to the row, column by column: half of each change is added to contributions. */
static merx_status walk(room *r, const float *row, size_t output, bool backwards, double *contributions, double *base,
                        double *score, merx_error *err)
{
    const mx_network_model *s = r->model;
    size_t d = s->inputs, wide = mx_output_units(s->net), column[MX_BLOCK], done = 0, n = 1;
    const float *y;
    float *x = room_input(r), *now;
    double before = 0;
    MX_TRY(mx_alloc_array_raw(s->net->alloc, d, sizeof *now, "row", &now, err));
    merx_status status;
    memcpy(now, s->reference, d * sizeof *now);
    memcpy(x, now, d * sizeof *now); /* the first of the first block: the reference itself */
    column[0] = d;
    for (bool more = true; more; n = 0) {
        for (; done < d && n < MX_BLOCK; done++) {
            size_t j = backwards ? d - 1 - done : done;
            if (now[j] == row[j])
                continue;
            now[j] = row[j];
            memcpy(x + n * d, now, d * sizeof *now);
            column[n++] = j;
        }
        more = n == MX_BLOCK;
        if (n > 0)
            MX_TRY_GOTO(run_room(r, n, stops_at_logits(s), &y, err));
        for (size_t i = 0; i < n; i++) {
            double value = score_of(s, y + i * wide, output);
            if (column[i] == d)
                *base = value;
            else
                contributions[column[i]] += 0.5 * (value - before);
            before = value;
        }
    }
    *score = before;
    status = MERX_OK;
out:
    MX_FREE_ARRAY(s->net->alloc, now, d);
    return status;
}

merx_status mx_network_model_explain(const void *state, const mx_design *rows, size_t row, size_t output,
                                     double *contributions, double *base, double *score, merx_error *err)
{
    const mx_network_model *s = state;
    float *x = NULL;
    room r;
    merx_status status;
    MX_TRY_GOTO(make_room(s, &r, err));
    MX_TRY_GOTO(mx_alloc_array_raw(s->net->alloc, s->inputs, sizeof *x, "row", &x, err));
    mx_network_model_row(rows, row, x);
    memset(contributions, 0, s->inputs * sizeof *contributions);
    MX_TRY_GOTO(walk(&r, x, output, false, contributions, base, score, err));
    MX_TRY_GOTO(walk(&r, x, output, true, contributions, base, score, err));
out:
    MX_FREE_ARRAY(s->net->alloc, x, s->inputs);
    release_room(&r);
    return status;
}

/* ---- describe ---- */

merx_status mx_network_model_describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    (void)names;
    const mx_network_model *s = state;
    const double *v = s->scalars;
    const char *metric = mx_loss_metric(s->net->loss);
    char *summary;
    MX_TRY(merx_network_summary(s->net, &summary, err));
    mx_text_puts(text, summary);
    merx_text_free(summary);
    mx_text_printf(text, "loss: %s, learning rate %g\n", mx_loss_word(s->net->loss), s->net->optimizer.learning_rate);
    if (v[MX_NETWORK_EPOCHS] == 0)
        mx_text_printf(text, "no epoch, the weights are those of the file it came from: loss %.6g, %s %.6g\n",
                       v[MX_NETWORK_LOSS], metric, v[MX_NETWORK_METRIC]);
    else
        mx_text_printf(text, "%.0f epochs, the weights are those of epoch %.0f: training loss %.6g, %s %.6g\n",
                       v[MX_NETWORK_EPOCHS], v[MX_NETWORK_BEST], v[MX_NETWORK_LOSS], metric, v[MX_NETWORK_METRIC]);
    if (v[MX_NETWORK_HELD_ROWS] > 0)
        mx_text_printf(text, "on %.0f rows held out: loss %.6g, %s %.6g\n", v[MX_NETWORK_HELD_ROWS],
                       v[MX_NETWORK_HELD_LOSS], metric, v[MX_NETWORK_HELD_METRIC]);
    if (classes_of(s) == 0)
        mx_text_printf(text, "losses are of (target - %g) / %g\n", v[MX_NETWORK_MEAN], v[MX_NETWORK_SCALE]);
    return mx_text_ok(text, err);
}

/* ---- files ---- */

merx_status mx_network_model_save(const void *state, mx_tensor_writer *writer, merx_error *err)
{
    const mx_network_model *s = state;
    MX_TRY(mx_network_write(s->net, false, writer, err));
    MX_TRY(mx_tensor_writer_vector(writer, "network.reference", MX_F32, s->inputs, s->reference, err));
    return mx_tensor_writer_vector(writer, "network.scalars", MX_F64, MX_NETWORK_SCALARS, s->scalars, err);
}

merx_status mx_network_model_load(const mx_tensor_file *file, bool classifies, const merx_allocator *alloc,
                                  void **state, merx_error *err)
{
    const double *scalars;
    const float *reference;
    uint64_t count, inputs;
    mx_network_model *s = NULL;
    merx_error inner = {0};
    merx_status status;
    *state = NULL;
    MX_TRY(mx_tensor_file_vector(file, "network.scalars", MX_F64, MX_NETWORK_SCALARS, &scalars, &count, err));
    MX_TRY(mx_tensor_file_vector(file, "network.reference", MX_F32, 0, &reference, &inputs, err));
    double classes = scalars[MX_NETWORK_OUTPUTS];
    bool sane = classes >= 0 && classes <= INT32_MAX && classes == floor(classes) && (classes > 1) == classifies &&
                isfinite(scalars[MX_NETWORK_MEAN]) && isfinite(scalars[MX_NETWORK_SCALE]);
    for (size_t j = 0; sane && j < inputs; j++)
        sane = isfinite(reference[j]);
    if (!sane)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "what stands beside its network is not sane");
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "network", err));
    memcpy(s->scalars, scalars, sizeof s->scalars);
    MX_TRY_GOTO(mx_network_read(file, alloc, &s->net, err));
    status = mx_network_model_fits(s->net, (size_t)classes, &inner);
    if (status != MERX_OK || mx_input_size(s->net) != inputs)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                     "its network does not fit what stands beside it%s%.200s", status != MERX_OK ? ": " : "",
                     inner.message);
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, (size_t)inputs, sizeof *s->reference, "reference", &s->reference, err));
    s->inputs = (size_t)inputs;
    memcpy(s->reference, reference, s->inputs * sizeof *reference);
    *state = s;
    return MERX_OK;
out:
    mx_network_model_free(s, alloc);
    return status;
}
