/*
 * Panels: reading series out of a table; which rows are learnt from.
 */
#include "learn/core/panel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/transform.h"

#define HORIZON_MAX 1000
#define LAGS_MAX 100
#define STEP_MAX ((int64_t)1 << 52)

const int mx_panel_means[MX_PANEL_MEANS] = {4, 12, 26, 52};

static bool named(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static merx_status check_options(const merx_panel_options *o, merx_error *err)
{
    if (o->n_series == 0 || o->series == NULL)
        MX_FAIL(err, MERX_E_INVALID, "panel", "no column names the series (expected at least one)");
    if (o->time == NULL || o->target == NULL)
        MX_FAIL(err, MERX_E_INVALID, "panel", "no column is named as %s", o->time == NULL ? "time" : "target");
    bool given = o->first != 0 || o->last != 0;
    if (given && !(o->first >= 1 && o->first <= o->last && o->last <= HORIZON_MAX))
        MX_FAIL(err, MERX_E_RANGE, "panel", "horizons %d to %d (expected 1 <= first <= last <= %d)", o->first, o->last,
                HORIZON_MAX);
    if (!(o->lags >= 0 && o->lags <= LAGS_MAX))
        MX_FAIL(err, MERX_E_RANGE, "panel", "%d lags (expected 0 to %d)", o->lags, LAGS_MAX);
    if (!(o->step_days >= 0 && o->step_days <= 3660))
        MX_FAIL(err, MERX_E_RANGE, "panel", "steps of %d days (expected 1 to 3660)", o->step_days);
    return MERX_OK;
}

static merx_status choose_columns(merx_panel *p, const merx_panel_options *o, size_t *time, size_t *target,
                                  merx_error *err)
{
    const merx_dataset *t = p->table;
    size_t at;
    p->names = mx_arena_array(&p->arena, o->n_series, sizeof *p->names, err);
    p->known = mx_arena_array(&p->arena, t->columns.count, sizeof *p->known, err);
    if (p->names == NULL || p->known == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < o->n_series; i++) {
        MX_TRY(mx_dataset_need_column(t, o->series[i], "series", &p->names[i], err));
        if (named(o->series[i], o->series, i))
            MX_FAIL(err, MERX_E_EXISTS, t->name, "series column \"%s\" is named twice", o->series[i]);
    }
    p->n_names = o->n_series;
    if (o->n_features > 0) {
        p->features = mx_arena_array(&p->arena, o->n_features, sizeof *p->features, err);
        if (p->features == NULL)
            return MERX_E_MEMORY;
        for (; p->n_features < o->n_features; p->n_features++)
            if ((p->features[p->n_features] = mx_arena_strdup(&p->arena, o->features[p->n_features], err)) == NULL)
                return MERX_E_MEMORY;
    }
    MX_TRY(mx_dataset_need_column(t, o->time, "time", time, err));
    MX_TRY(mx_dataset_need_column(t, o->target, "target", target, err));
    for (size_t i = 0; i < o->n_ignore; i++)
        MX_TRY(mx_dataset_need_column(t, o->ignore[i], "ignored", &at, err));
    const mx_column *y = mx_dataset_column(t, *target), *when = mx_dataset_column(t, *time);
    if (y->type != MERX_COLUMN_NUMERIC)
        MX_FAIL(err, MERX_E_TYPE, t->name, "the target \"%s\" is %s (expected a numeric column)", y->name,
                merx_column_type_name(y->type));
    if (when->type != MERX_COLUMN_NUMERIC && when->type != MERX_COLUMN_DATE)
        MX_FAIL(err, MERX_E_TYPE, t->name, "the time \"%s\" is %s (expected whole numbers or dates)", when->name,
                merx_column_type_name(when->type));
    if (*time == *target || named(o->time, o->series, o->n_series) || named(o->target, o->series, o->n_series))
        MX_FAIL(err, MERX_E_INVALID, t->name, "a column can play one part: series, time or target");
    p->time_type = when->type;
    for (size_t j = 0; j < t->columns.count; j++) {
        const mx_column *c = mx_dataset_column(t, j);
        if (j != *time && j != *target && c->type != MERX_COLUMN_TEXT && !named(c->name, o->series, o->n_series) &&
            !named(c->name, o->ignore, o->n_ignore))
            p->known[p->n_known++] = j;
    }
    return MERX_OK;
}

static merx_status step_of(const merx_panel *p, const mx_column *time, size_t row, int64_t *step, merx_error *err)
{
    char where[224];
    mx_dataset_where(p->table, row, where);
    if (time->type == MERX_COLUMN_DATE) {
        int64_t ms = time->as.date_ms[row], each = (int64_t)p->step_days * 86400000;
        if (ms == INT64_MIN)
            MX_FAIL(err, MERX_E_INVALID, where, "the time \"%s\" is missing", time->name);
        *step = ms / each - (ms % each < 0);
        return MERX_OK;
    }
    double value = time->as.numeric[row];
    if (!(fabs(value) < (double)STEP_MAX) || value != floor(value)) {
        char text[40];
        const char *cell = mx_dataset_cell(time, row, text);
        MX_FAIL(err, MERX_E_RANGE, where, "the time \"%s\" is %s (expected a whole number)", time->name,
                cell[0] != '\0' ? cell : "missing");
    }
    *step = (int64_t)value;
    return MERX_OK;
}

typedef struct placed_row {
    int32_t series;
    int64_t step;
    size_t row;
} placed_row;

static int compare_placed(const void *a, const void *b)
{
    const placed_row *x = a, *y = b;
    if (x->series != y->series)
        return x->series < y->series ? -1 : 1;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Series get their numbers in order of first sight: the cells of their columns, joined. */
static merx_status place_rows(merx_panel *p, const mx_column *time, placed_row *placed, merx_error *err)
{
    mx_dict *dict = NULL;
    mx_text key;
    merx_status status;
    mx_text_init(&key, p->alloc, (size_t)1 << 20);
    MX_TRY_GOTO(mx_dict_new(p->alloc, p->rows, &dict, err));
    for (size_t i = 0; i < p->rows; i++) {
        mx_text_clear(&key);
        for (size_t k = 0; k < p->n_names; k++) {
            char buffer[40];
            mx_text_puts(&key, mx_dataset_cell(mx_dataset_column(p->table, p->names[k]), i, buffer));
            mx_text_puts(&key, "\x1f");
        }
        MX_TRY_GOTO(mx_text_ok(&key, err));
        placed[i].row = i;
        MX_TRY_GOTO(mx_dict_add(dict, (mx_str){key.data, key.size}, &placed[i].series, NULL, err));
        MX_TRY_GOTO(step_of(p, time, i, &placed[i].step, err));
    }
    p->n_series = mx_dict_count(dict);
out:
    mx_dict_free(dict);
    mx_text_release(&key);
    return status;
}

/* Of the values that are there. */
static double deviation(const double *x, size_t n)
{
    double sum = 0, squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i])) {
            sum += x[i];
            count++;
        }
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i]))
            squares += (x[i] - sum / (double)count) * (x[i] - sum / (double)count);
    return count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
}

static merx_status read_order(merx_panel *p, const placed_row *placed, const mx_column *y, merx_error *err)
{
    p->order = mx_arena_array(&p->arena, p->rows, sizeof *p->order, err);
    p->step = mx_arena_array(&p->arena, p->rows, sizeof *p->step, err);
    p->series = mx_arena_array(&p->arena, p->rows, sizeof *p->series, err);
    p->starts = mx_arena_array(&p->arena, p->n_series + 1, sizeof *p->starts, err);
    p->target = mx_arena_array(&p->arena, p->rows, sizeof *p->target, err);
    p->learned = mx_arena_array(&p->arena, p->rows, sizeof *p->learned, err);
    p->numbers = mx_arena_array(&p->arena, p->n_known + 1, sizeof *p->numbers, err);
    if (!p->order || !p->step || !p->series || !p->starts || !p->target || !p->learned || !p->numbers)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < p->rows; i++) {
        size_t row = placed[i].row;
        char where[224];
        if (i > 0 && placed[i].series == placed[i - 1].series && placed[i].step == placed[i - 1].step) {
            mx_dataset_where(p->table, row, where);
            MX_FAIL(err, MERX_E_EXISTS, where, "the series has two rows of this time");
        }
        p->order[i] = row;
        p->step[i] = placed[i].step;
        p->series[i] = placed[i].series;
        p->starts[(size_t)placed[i].series + 1] = i + 1;
        p->target[i] = p->learned[i] = y->as.numeric[row];
        if (isnan(p->target[i]))
            continue;
        p->last_known = p->step[i] > p->last_known ? p->step[i] : p->last_known;
        if (p->logarithm && !(p->target[i] > 0)) {
            mx_dataset_where(p->table, row, where);
            MX_FAIL(err, MERX_E_NUMERIC, where, "the target \"%s\" is %g, which has no logarithm", y->name,
                    p->target[i]);
        }
        if (p->logarithm)
            p->learned[i] = log(p->target[i]);
    }
    if ((p->scale = mx_arena_array(&p->arena, p->n_known + 1, sizeof *p->scale, err)) == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < p->n_known; k++) {
        const mx_column *c = mx_dataset_column(p->table, p->known[k]);
        if (c->type != MERX_COLUMN_NUMERIC)
            continue;
        if ((p->numbers[k] = mx_arena_array(&p->arena, p->rows, sizeof **p->numbers, err)) == NULL)
            return MERX_E_MEMORY;
        for (size_t i = 0; i < p->rows; i++)
            p->numbers[k][i] = c->as.numeric[p->order[i]];
        p->scale[k] = deviation(p->numbers[k], p->rows);
    }
    return MERX_OK;
}

static merx_status read_groups(merx_panel *p, const char *by, merx_error *err)
{
    mx_dict *dict = NULL;
    size_t at;
    merx_status status;
    p->n_groups = 1;
    if ((p->group = mx_arena_array(&p->arena, p->rows, sizeof *p->group, err)) == NULL)
        return MERX_E_MEMORY;
    if (by == NULL)
        return MERX_OK;
    MX_TRY(mx_dataset_need_column(p->table, by, "grouping", &at, err));
    MX_TRY_GOTO(mx_dict_new(p->alloc, p->rows, &dict, err));
    for (size_t i = 0; i < p->rows; i++) {
        char buffer[40];
        const char *cell = mx_dataset_cell(mx_dataset_column(p->table, at), p->order[i], buffer);
        MX_TRY_GOTO(mx_dict_add(dict, mx_str_of(cell), &p->group[i], NULL, err));
    }
    p->n_groups = mx_dict_count(dict);
out:
    mx_dict_free(dict);
    return status;
}

static merx_status read_series(merx_panel *p, size_t time, size_t target, merx_error *err)
{
    placed_row *placed = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(p->alloc, p->rows, &placed, "rows of the panel", err));
    MX_TRY_GOTO(place_rows(p, mx_dataset_column(p->table, time), placed, err));
    qsort(placed, p->rows, sizeof *placed, compare_placed);
    MX_TRY_GOTO(read_order(p, placed, mx_dataset_column(p->table, target), err));
out:
    MX_FREE_ARRAY(p->alloc, placed, p->rows);
    return status;
}

merx_status merx_panel_new(const merx_allocator *alloc, const merx_dataset *table, const merx_panel_options *options,
                           merx_panel **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(check_options(options, err));
    if (table->shape != MERX_SHAPE_TABLE)
        MX_FAIL(err, MERX_E_SHAPE, table->name, "a panel is made of a table");
    if (table->rows == 0)
        MX_FAIL(err, MERX_E_INVALID, table->name, "there are no rows");
    merx_panel *p = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &p, "a panel", err));
    p->alloc = alloc;
    mx_arena_init(&p->arena, alloc);
    p->table = table;
    p->rows = table->rows;
    p->logarithm = options->logarithm;
    p->first = options->first > 0 ? options->first : 1;
    p->last = options->last > 0 ? options->last : 1;
    p->lags = options->lags > 0 ? options->lags : 4;
    p->step_days = options->step_days > 0 ? options->step_days : 7;
    p->last_known = INT64_MIN;
    size_t time = 0, target = 0;
    merx_status status = choose_columns(p, options, &time, &target, err);
    if (status == MERX_OK)
        status = read_series(p, time, target, err);
    if (status == MERX_OK)
        status = read_groups(p, options->by, err);
    if (status == MERX_OK && (p->target_name = mx_arena_strdup(&p->arena, options->target, err)) == NULL)
        status = MERX_E_MEMORY;
    if (status != MERX_OK) {
        merx_panel_free(p);
        return status;
    }
    *out = p;
    return MERX_OK;
}

void merx_panel_free(merx_panel *panel)
{
    if (panel == NULL)
        return;
    mx_arena_release(&panel->arena);
    MX_FREE_ARRAY(panel->alloc, panel, 1);
}

size_t merx_panel_series(const merx_panel *panel)
{
    return panel->n_series;
}

int64_t merx_panel_last_known(const merx_panel *panel)
{
    return panel->last_known;
}

void merx_panel_step_text(const merx_panel *panel, int64_t step, char *out)
{
    int64_t ms = step * panel->step_days * 86400000;
    mx_column day = {.type = MERX_COLUMN_DATE, .as.date_ms = &ms};
    char buffer[40];
    if (panel->time_type == MERX_COLUMN_DATE)
        (void)snprintf(out, 32, "%.10s", mx_dataset_cell(&day, 0, buffer));
    else
        (void)snprintf(out, 32, "%lld", (long long)step);
}

merx_status mx_panel_rows(const merx_panel *p, int64_t origin, bool future, mx_panel_row **rows, size_t *n,
                          merx_error *err)
{
    int horizons = p->last - p->first + 1;
    *n = 0;
    MX_TRY(MX_NEW_ARRAY(p->alloc, p->rows, rows, "rows of the panel", err));
    for (size_t i = 0; i < p->rows; i++) {
        int64_t ahead = p->step[i] - origin;
        if (future && ahead >= p->first && ahead <= p->last)
            (*rows)[(*n)++] = (mx_panel_row){i, (int)ahead};
        /* Horizons in turns, over the series of a step and over the steps of a series; a row without a past teaches nothing. */
        if (!future && ahead <= 0 && !isnan(p->target[i])) {
            int64_t turn = (p->step[i] % horizons + horizons + p->series[i]) % horizons;
            int horizon = p->first + (int)turn;
            if (p->step[p->starts[p->series[i]]] <= p->step[i] - horizon)
                (*rows)[(*n)++] = (mx_panel_row){i, horizon};
        }
    }
    return MERX_OK;
}

static merx_status make(const merx_panel *panel, int64_t origin, bool future, merx_dataset **out, merx_error *err)
{
    mx_panel_row *rows = NULL;
    size_t n;
    *out = NULL;
    MX_TRY(mx_panel_rows(panel, origin, future, &rows, &n, err));
    merx_status status = mx_panel_table(panel, rows, n, out, err);
    MX_FREE_ARRAY(panel->alloc, rows, panel->rows);
    return status;
}

merx_status merx_panel_training(const merx_panel *panel, int64_t origin, merx_dataset **out, merx_error *err)
{
    return make(panel, origin, false, out, err);
}

merx_status merx_panel_future(const merx_panel *panel, int64_t origin, merx_dataset **out, merx_error *err)
{
    return make(panel, origin, true, out, err);
}
