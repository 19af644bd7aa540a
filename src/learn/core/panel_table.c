/*
 * The tables that models see of a panel: what was known about a row `horizon` steps before it.
 *
 * Everything of the target is taken at steps <= step - horizon; of the columns known ahead at steps <= step.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/core/panel.h"

#define ALIKE_WIDTH 0.5

typedef struct panel_making {
    const merx_panel *p;
    const mx_panel_row *rows;
    size_t n;
    merx_dataset *out;
    double *values; /* (n) of one column */
    size_t *seen;   /* (n) one past the last place of the row's series at a step <= step - horizon */
} panel_making;

/* The place in the row's series at a step, given that places from `end` on are later; SIZE_MAX: there is none. */
static size_t place_of(const merx_panel *p, size_t start, size_t end, int64_t step)
{
    while (end > start && p->step[end - 1] > step)
        end--;
    return end > start && p->step[end - 1] == step ? end - 1 : SIZE_MAX;
}

static size_t start_of(const panel_making *m, size_t i)
{
    return m->p->starts[m->p->series[m->rows[i].at]];
}

static int64_t known_step(const panel_making *m, size_t i)
{
    return m->p->step[m->rows[i].at] - m->rows[i].horizon;
}

/* Mean of what is there at places below end with a step above `after`; NaN: nothing. */
static double mean_back(const merx_panel *p, const double *values, size_t start, size_t end, int64_t after)
{
    double sum = 0;
    size_t count = 0;
    for (; end > start && p->step[end - 1] > after; end--)
        if (!isnan(values[end - 1])) {
            sum += values[end - 1];
            count++;
        }
    return count > 0 ? sum / (double)count : NAN;
}

static merx_status add(panel_making *m, merx_error *err, const char *name, const char *what, int number)
{
    char full[256];
    if (number >= 0)
        (void)snprintf(full, sizeof full, "%.200s %s%d", name, what, number);
    else
        (void)snprintf(full, sizeof full, "%.200s%s%s", name, *what ? " " : "", what);
    return merx_dataset_add_numeric(m->out, full, m->values, err);
}

/* A column of the panel's table as it is, rows in the making's order. As levels: numbers that name series. */
static merx_status add_copied(panel_making *m, size_t column, bool levels, merx_error *err)
{
    const merx_panel *p = m->p;
    const mx_column *from = mx_dataset_column(p->table, column);
    mx_column *to;
    bool named = levels && from->type != MERX_COLUMN_CATEGORICAL;
    MX_TRY(mx_dataset_add(m->out, from->name, named ? MERX_COLUMN_CATEGORICAL : from->type, &to, err));
    if (!named) {
        to->levels = from->levels; /* copied below */
        for (size_t i = 0; i < m->n; i++) {
            size_t row = p->order[m->rows[i].at];
            switch (from->type) {
            case MERX_COLUMN_NUMERIC:
                to->as.numeric[i] = from->as.numeric[row];
                break;
            case MERX_COLUMN_CATEGORICAL:
                to->as.codes[i] = from->as.codes[row];
                break;
            case MERX_COLUMN_BOOLEAN:
                to->as.boolean[i] = from->as.boolean[row];
                break;
            default:
                to->as.date_ms[i] = from->as.date_ms[row];
            }
        }
        if (from->type == MERX_COLUMN_CATEGORICAL) {
            to->levels = mx_arena_array(&m->out->arena, from->n_levels + 1, sizeof *to->levels, err);
            if (to->levels == NULL)
                return MERX_E_MEMORY;
            for (size_t k = 0; k < from->n_levels; k++)
                if ((to->levels[k] = mx_arena_strdup(&m->out->arena, from->levels[k], err)) == NULL)
                    return MERX_E_MEMORY;
            to->n_levels = from->n_levels;
        }
        mx_column_count_missing(to, m->n);
        return MERX_OK;
    }
    /* Every row's cell becomes a level; those of the whole table, so that training and future agree. */
    mx_dict *dict = NULL;
    int32_t *codes = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_dict_new(p->alloc, p->rows, &dict, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(p->alloc, p->rows, &codes, "levels", err));
    for (size_t i = 0; i < p->rows; i++) {
        char buffer[40];
        const char *cell = mx_dataset_cell(from, i, buffer);
        codes[i] = -1;
        if (cell[0] != '\0')
            MX_TRY_GOTO(mx_dict_add(dict, mx_str_of(cell), &codes[i], NULL, err));
    }
    to->n_levels = mx_dict_count(dict);
    if ((to->levels = mx_arena_array(&m->out->arena, to->n_levels + 1, sizeof *to->levels, err)) == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t k = 0; k < to->n_levels; k++)
        if ((to->levels[k] = mx_arena_strdup(&m->out->arena, mx_dict_get(dict, (int32_t)k).data, err)) == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
    for (size_t i = 0; i < m->n; i++)
        to->as.codes[i] = codes[p->order[m->rows[i].at]];
    mx_column_count_missing(to, m->n);
out:
    mx_dict_free(dict);
    MX_FREE_ARRAY(p->alloc, codes, p->rows);
    return status;
}

/* How a column known ahead differs from what it was: one row before, in the steps before, at the last step that is known. */
static merx_status add_changes(panel_making *m, size_t k, merx_error *err)
{
    const merx_panel *p = m->p;
    const double *x = p->numbers[k];
    const char *name = mx_dataset_column(p->table, p->known[k])->name;
    for (size_t i = 0; i < m->n; i++) {
        size_t at = m->rows[i].at;
        m->values[i] = at > start_of(m, i) ? x[at] - x[at - 1] : NAN;
    }
    MX_TRY(add(m, err, name, "step", -1));
    for (size_t i = 0; i < m->n; i++) {
        size_t at = m->rows[i].at;
        m->values[i] = x[at] - mean_back(p, x, start_of(m, i), at, p->step[at] - MX_PANEL_WINDOW - 1);
    }
    MX_TRY(add(m, err, name, "rel", -1));
    for (size_t i = 0; i < m->n; i++) {
        size_t then = place_of(p, start_of(m, i), m->seen[i], known_step(m, i));
        m->values[i] = then != SIZE_MAX ? x[m->rows[i].at] - x[then] : NAN;
    }
    return add(m, err, name, "last", -1);
}

/*
 * The target in the series' past steps that were like this one: their mean, weighted by how near their known columns are (a Gaussian kernel over
 * squared distances in standard deviations, half of one wide). What a price cut with an advertisement did the last times is the best guide.
 */
static double mean_alike(const panel_making *m, size_t i)
{
    const merx_panel *p = m->p;
    size_t at = m->rows[i].at, start = start_of(m, i);
    double sum = 0, weights = 0;
    for (size_t then = start; then < m->seen[i]; then++) {
        double distance = 0;
        if (isnan(p->learned[then]))
            continue;
        for (size_t k = 0; k < p->n_known; k++)
            if (p->numbers[k] != NULL && p->scale[k] > 0) {
                double d = (p->numbers[k][at] - p->numbers[k][then]) / p->scale[k];
                distance += isnan(d) ? 1 : d * d;
            }
        double weight = exp(-distance / (2 * ALIKE_WIDTH * ALIKE_WIDTH)) + 1e-6;
        sum += weight * p->learned[then];
        weights += weight;
    }
    return weights > 0 ? sum / weights : NAN;
}

static merx_status add_past(panel_making *m, merx_error *err)
{
    const merx_panel *p = m->p;
    for (size_t i = 0; i < m->n; i++)
        m->values[i] = mean_alike(m, i);
    MX_TRY(add(m, err, p->target_name, "alike", -1));
    for (int lag = 0; lag < p->lags; lag++) {
        for (size_t i = 0; i < m->n; i++) {
            size_t then = place_of(p, start_of(m, i), m->seen[i], known_step(m, i) - lag);
            m->values[i] = then != SIZE_MAX ? p->learned[then] : NAN;
        }
        MX_TRY(lag == 0 ? add(m, err, p->target_name, "last", -1) : add(m, err, p->target_name, "last-", lag));
    }
    for (size_t k = 0; k < MX_PANEL_MEANS; k++) {
        for (size_t i = 0; i < m->n; i++)
            m->values[i] = mean_back(p, p->learned, start_of(m, i), m->seen[i], known_step(m, i) - mx_panel_means[k]);
        MX_TRY(add(m, err, p->target_name, "mean ", mx_panel_means[k]));
    }
    return MERX_OK;
}

static merx_status add_all(panel_making *m, merx_error *err)
{
    const merx_panel *p = m->p;
    for (size_t i = 0; i < m->n; i++) {
        m->seen[i] = m->rows[i].at;
        while (m->seen[i] > start_of(m, i) && p->step[m->seen[i] - 1] > known_step(m, i))
            m->seen[i]--;
    }
    for (size_t k = 0; k < p->n_names; k++)
        MX_TRY(add_copied(m, p->names[k], true, err));
    for (size_t k = 0; k < p->n_known; k++) {
        MX_TRY(add_copied(m, p->known[k], false, err));
        if (p->numbers[k] != NULL)
            MX_TRY(add_changes(m, k, err));
    }
    MX_TRY(add_past(m, err));
    for (size_t i = 0; i < m->n; i++)
        m->values[i] = m->rows[i].horizon;
    if (p->last > p->first)
        MX_TRY(merx_dataset_add_numeric(m->out, "horizon", m->values, err));
    for (size_t i = 0; i < m->n; i++)
        m->values[i] = p->target[m->rows[i].at];
    return merx_dataset_add_numeric(m->out, p->target_name, m->values, err);
}

merx_status mx_panel_table(const merx_panel *panel, const mx_panel_row *rows, size_t n, merx_dataset **out,
                           merx_error *err)
{
    panel_making m = {.p = panel, .rows = rows, .n = n};
    merx_status status;
    *out = NULL;
    MX_TRY_GOTO(merx_dataset_new_table(panel->alloc, n, &m.out, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(panel->alloc, n, &m.values, "a column", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(panel->alloc, n, &m.seen, "places", err));
    MX_TRY_GOTO(add_all(&m, err));
    *out = m.out;
    m.out = NULL;
out:
    merx_dataset_free(m.out);
    MX_FREE_ARRAY(panel->alloc, m.values, n);
    MX_FREE_ARRAY(panel->alloc, m.seen, n);
    return status;
}
