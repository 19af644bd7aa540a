/*
 * Forecasts of a panel: a model fitted to what is known at the origin, and one factor that makes its sums right.
 *
 * A model of logarithms has its errors around the median; exp() of it is too low on average. The factor is found where the model was not fitted: the
 * training rows are held out in turns, in blocks of four steps, and the actual sum is divided by the sum that was forecast.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/core/model_state.h"
#include "learn/core/panel.h"

#define FOLDS 4
#define FOLD_STEPS 4

typedef struct forecasting {
    const merx_panel *panel;
    const merx_model *unfitted;
    merx_task *task;
    const merx_allocator *alloc;
    merx_dataset *training;
    mx_panel_row *rows;
    size_t n;
    size_t *chosen; /* (2 n) */
    double *held;   /* (n) what was forecast of the row when it was held out */
    double *made;   /* (n) of one fold */
} forecasting;

/* A model with the options of the one given, that learns logarithms where the panel asks for them. */
static merx_status new_model(const forecasting *w, merx_model **out, merx_error *err)
{
    const merx_model *like = w->unfitted;
    merx_model *model = NULL;
    mx_text logs;
    merx_status status;
    mx_text_init(&logs, w->alloc, 65536);
    MX_TRY_GOTO(merx_model_new(like->alloc, like->family->info.name, &model, err));
    for (const merx_option *o = like->table; o->name != NULL; o++)
        if (merx_options_is_set(like->options, o->name))
            MX_TRY_GOTO(merx_model_set(model, o->name, merx_options_text(like->options, o->name), err));
    if (w->panel->logarithm) {
        const char *own = merx_options_text(like->options, "log_columns");
        mx_text_printf(&logs, "%s%s%s", own, *own ? "," : "", w->panel->target_name);
        MX_TRY_GOTO(mx_text_ok(&logs, err));
        MX_TRY_GOTO(merx_model_set(model, "log_columns", logs.data, err));
    }
    *out = model;
    model = NULL;
out:
    merx_model_free(model);
    mx_text_release(&logs);
    return status;
}

/*
 * Fits to rows `learn` of the training table and forecasts rows `ask` of another, a model for each group: values (n_ask) written.
 * asked: what the rows of the other table are.
 */
static merx_status fit_group(const forecasting *w, int32_t group, const size_t *learn, size_t n_learn,
                             const merx_dataset *from, const mx_panel_row *asked, const size_t *ask, size_t n_ask,
                             double *values, merx_error *err)
{
    const int32_t *groups = w->panel->group;
    merx_dataset *training = NULL, *rows = NULL;
    merx_model *model = NULL;
    merx_prediction p = {0};
    const merx_fit_columns columns = {
        .target = w->panel->target_name, .features = w->panel->features, .n_features = w->panel->n_features};
    size_t *some = NULL, n = 0, room = n_learn > n_ask ? n_learn : n_ask;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, room, &some, "rows of a group", err));
    for (size_t i = 0; i < n_ask; i++)
        if (groups[asked[ask[i]].at] == group)
            some[n++] = ask[i];
    if (n == 0)
        goto out;
    MX_TRY_GOTO(merx_dataset_take(from, some, n, &rows, err));
    n = 0;
    for (size_t i = 0; i < n_learn; i++)
        if (groups[w->rows[learn[i]].at] == group)
            some[n++] = learn[i];
    MX_TRY_GOTO(merx_dataset_take(w->training, some, n, &training, err));
    MX_TRY_GOTO(new_model(w, &model, err));
    MX_TRY_GOTO(merx_model_fit(model, training, &columns, w->task, err));
    MX_TRY_GOTO(merx_model_predict(model, rows, w->task, &p, err));
    n = 0;
    for (size_t i = 0; i < n_ask; i++)
        if (groups[asked[ask[i]].at] == group)
            values[i] = p.values[n++];
out:
    merx_prediction_release(&p);
    merx_model_free(model);
    merx_dataset_free(training);
    merx_dataset_free(rows);
    MX_FREE_ARRAY(w->alloc, some, room);
    return status;
}

static merx_status fit_and_forecast(const forecasting *w, const size_t *learn, size_t n_learn, const merx_dataset *from,
                                    const mx_panel_row *asked, const size_t *ask, size_t n_ask, double *values,
                                    merx_error *err)
{
    for (size_t g = 0; g < w->panel->n_groups; g++)
        MX_TRY(fit_group(w, (int32_t)g, learn, n_learn, from, asked, ask, n_ask, values, err));
    return MERX_OK;
}

static int fold_of(const forecasting *w, size_t i)
{
    int64_t step = w->panel->step[w->rows[i].at], block = step / FOLD_STEPS - (step % FOLD_STEPS < 0);
    return (int)((block % FOLDS + FOLDS) % FOLDS);
}

static merx_status hold_out(forecasting *w, int fold, merx_error *err)
{
    size_t n_rest = 0, n_held = 0, *held = w->chosen + w->n;
    for (size_t i = 0; i < w->n; i++)
        if (fold_of(w, i) == fold)
            held[n_held++] = i;
        else
            w->chosen[n_rest++] = i;
    if (n_rest == 0 || n_held == 0)
        return MERX_OK;
    MX_TRY(fit_and_forecast(w, w->chosen, n_rest, w->training, w->rows, held, n_held, w->made, err));
    for (size_t i = 0; i < n_held; i++)
        w->held[held[i]] = w->made[i];
    return MERX_OK;
}

static merx_status find_bias(forecasting *w, merx_forecast *out, merx_error *err)
{
    double actual = 0, forecast = 0, error = 0;
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->held, "rows held out", err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->made, "rows held out", err));
    for (size_t i = 0; i < w->n; i++)
        w->held[i] = NAN;
    for (int fold = 0; fold < FOLDS; fold++)
        MX_TRY(hold_out(w, fold, err));
    for (size_t i = 0; i < w->n; i++)
        if (!isnan(w->held[i])) {
            actual += w->panel->target[w->rows[i].at];
            forecast += w->held[i];
        }
    if (!(forecast > 0 && actual > 0))
        return MERX_OK;
    out->bias = actual / forecast;
    for (size_t i = 0; i < w->n; i++)
        if (!isnan(w->held[i]))
            error += fabs(w->panel->target[w->rows[i].at] - out->bias * w->held[i]);
    out->fold_error = error / actual;
    return MERX_OK;
}

static merx_status forecast_rows(forecasting *w, const mx_panel_row *rows, size_t n, const merx_dataset *future,
                                 merx_forecast *out, merx_error *err)
{
    const merx_panel *p = w->panel;
    mx_arena *arena = out->memory;
    size_t *all = NULL;
    merx_status status;
    out->row = mx_arena_array(arena, n, sizeof *out->row, err);
    out->step = mx_arena_array(arena, n, sizeof *out->step, err);
    out->value = mx_arena_array(arena, n, sizeof *out->value, err);
    out->actual = mx_arena_array(arena, n, sizeof *out->actual, err);
    if (!out->row || !out->step || !out->value || !out->actual)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < w->n; i++)
        w->chosen[i] = i;
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, n, &all, "rows to be forecast", err));
    for (size_t i = 0; i < n; i++)
        all[i] = i;
    MX_TRY_GOTO(fit_and_forecast(w, w->chosen, w->n, future, rows, all, n, out->value, err));
    for (size_t i = 0; i < n; i++) {
        out->row[i] = p->order[rows[i].at];
        out->step[i] = p->step[rows[i].at];
        out->value[i] *= out->bias;
        out->actual[i] = p->target[rows[i].at];
    }
    out->rows = n;
out:
    MX_FREE_ARRAY(w->alloc, all, n);
    return status;
}

merx_status merx_panel_forecast(const merx_panel *panel, const merx_model *unfitted, int64_t origin, merx_task *task,
                                merx_forecast *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    if ((unfitted->family->info.tags & MERX_REGRESSES) == 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, unfitted->family->info.name, "%s forecasts no values (expected a regression)",
                unfitted->family->info.name);
    forecasting w = {.panel = panel, .unfitted = unfitted, .task = task, .alloc = merx_task_allocator(task)};
    mx_panel_row *rows = NULL;
    merx_dataset *future = NULL;
    mx_arena *arena = NULL;
    size_t n = 0;
    char text[32];
    merx_status status;
    merx_panel_step_text(panel, origin, text);
    MX_TRY_GOTO(mx_panel_rows(panel, origin, true, &rows, &n, err));
    if (n == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, panel->table->name,
                     "there are no rows %d to %d steps after %s (the columns known ahead stand in them)", panel->first,
                     panel->last, text);
    MX_TRY_GOTO(mx_panel_rows(panel, origin, false, &w.rows, &w.n, err));
    if (w.n == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, panel->table->name, "nothing is known at %s to learn from", text);
    MX_TRY_GOTO(mx_panel_table(panel, w.rows, w.n, &w.training, err));
    MX_TRY_GOTO(mx_panel_table(panel, rows, n, &future, err));
    out->alloc = panel->alloc;
    MX_TRY_GOTO(MX_NEW_ARRAY(panel->alloc, 1, &arena, "the forecast", err));
    mx_arena_init(arena, panel->alloc);
    out->memory = arena;
    out->bias = 1;
    out->fold_error = NAN;
    out->learned = w.n;
    MX_TRY_GOTO(MX_NEW_ARRAY(w.alloc, 2 * w.n, &w.chosen, "rows of the panel", err));
    if (panel->logarithm)
        MX_TRY_GOTO(find_bias(&w, out, err));
    MX_TRY_GOTO(forecast_rows(&w, rows, n, future, out, err));
out:
    MX_FREE_ARRAY(panel->alloc, rows, panel->rows);
    MX_FREE_ARRAY(panel->alloc, w.rows, panel->rows);
    MX_FREE_ARRAY(w.alloc, w.chosen, 2 * w.n);
    MX_FREE_ARRAY(w.alloc, w.made, w.n);
    MX_FREE_ARRAY(w.alloc, w.held, w.n);
    merx_dataset_free(w.training);
    merx_dataset_free(future);
    if (status != MERX_OK)
        merx_forecast_release(out);
    return status;
}

void merx_forecast_release(merx_forecast *forecast)
{
    if (forecast == NULL)
        return;
    mx_arena *arena = forecast->memory;
    if (arena != NULL) {
        mx_arena_release(arena);
        MX_FREE_ARRAY(forecast->alloc, arena, 1);
    }
    memset(forecast, 0, sizeof *forecast);
}
