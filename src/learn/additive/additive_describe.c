/*
 * An additive model for a person: importances and shapes as text, shapes as pictures.
 *
 * Both show bins gathered into runs of about equal mass with their weighted mean: a shape has hundreds of bins.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/additive/additive_family.h"
#include "plot/plot.h"

enum { TEXT_RUNS = 10, GRID_RUNS = 8, MOST_PLOTS = 16, MOST_OUTPUTS = 6, LABEL = 64, CELL_WIDTH = 480 };

/* ---- what terms and bins are called ---- */

static const char *column_name(const mx_design *names, size_t j, char *room)
{
    if (names->names != NULL)
        return names->names[j];
    (void)snprintf(room, LABEL, "x%zu", j);
    return room;
}

static void term_name(const mx_additive *m, const mx_design *names, size_t t, char *out, size_t size)
{
    char a[LABEL], b[LABEL];
    if (t < m->d)
        (void)snprintf(out, size, "%s", column_name(names, t, a));
    else
        (void)snprintf(out, size, "%s x %s", column_name(names, m->pairs[t - m->d].a, a),
                       column_name(names, m->pairs[t - m->d].b, b));
}

static const char *output_name(const mx_additive *m, const mx_design *names, size_t k)
{
    return m->classes == 2 ? names->outputs[1] : names->outputs[k];
}

/* Value bins begin … end - 1 (1 … m) of a column: "(missing)", a level, "0.3 to 0.5", "up to 0.3", "above 5". */
static void bins_name(const mx_additive *m, const mx_design *names, size_t j, size_t begin, size_t end, char *out)
{
    const mx_additive_axis *axis = &m->axes[j];
    if (begin == 0) {
        (void)snprintf(out, LABEL, "(missing)");
    } else if (axis->levels > 0) {
        bool named = names->levels != NULL && names->levels[j] == axis->levels && names->level_names[j] != NULL;
        if (named)
            (void)snprintf(out, LABEL, "%s", names->level_names[j][begin - 1]);
        else
            (void)snprintf(out, LABEL, "level %zu", begin - 1);
    } else {
        const double *cuts = m->cuts + axis->cuts;
        if (begin == 1 && end == axis->bins - 1)
            (void)snprintf(out, LABEL, "any value");
        else if (begin == 1)
            (void)snprintf(out, LABEL, "up to %.4g", cuts[end - 2]);
        else if (end == axis->bins - 1)
            (void)snprintf(out, LABEL, "above %.4g", cuts[begin - 2]);
        else
            (void)snprintf(out, LABEL, "%.4g to %.4g", cuts[begin - 2], cuts[end - 2]);
    }
}

/* Ends of runs: bin 0 alone, then levels one by one or runs of bins with about equal mass; returns how many. */
static size_t make_runs(const mx_additive *m, size_t j, size_t most, size_t *ends)
{
    const mx_additive_axis *axis = &m->axes[j];
    size_t last = axis->bins - 1, count = 0;
    double mass = 0, run = 0;
    ends[count++] = 1;
    for (size_t c = 1; c < last; c++)
        mass += m->masses[axis->first + c];
    for (size_t c = 1; c < last; c++) {
        run += m->masses[axis->first + c];
        size_t left = most - (count - 1);
        bool full = last - 1 <= most || (left > 1 && run >= mass / (double)left);
        if (c + 1 == last || full) {
            ends[count++] = c + 1;
            mass -= run;
            run = 0;
        }
    }
    return count;
}

typedef struct ranked_term {
    double importance;
    size_t term;
} ranked_term;

static int compare_terms(const void *a, const void *b)
{
    const ranked_term *x = a, *y = b;
    if (x->importance != y->importance)
        return x->importance > y->importance ? -1 : 1;
    return x->term < y->term ? -1 : x->term > y->term;
}

static merx_status rank_terms(const mx_additive *m, ranked_term **out, merx_error *err)
{
    size_t n = m->d + m->n_pairs;
    MX_TRY(MX_NEW_ARRAY(m->alloc, n, out, "terms", err));
    for (size_t t = 0; t < n; t++)
        (*out)[t] = (ranked_term){mx_additive_importance(m, t), t};
    qsort(*out, n, sizeof **out, compare_terms);
    return MERX_OK;
}

/* Weighted mean of a shape (and of its deviation) over bins. */
static double mean_of(const mx_additive *m, const double *values, size_t j, size_t begin, size_t end, size_t k)
{
    double sum = 0, mass = 0, plain = 0;
    for (size_t c = m->axes[j].first + begin; c < m->axes[j].first + end; c++) {
        sum += m->masses[c] * values[c * m->outputs + k];
        mass += m->masses[c];
        plain += values[c * m->outputs + k];
    }
    return mass > 0 ? sum / mass : plain / (double)(end - begin);
}

static double mass_of(const mx_additive *m, size_t j, size_t begin, size_t end)
{
    double mass = 0;
    for (size_t c = m->axes[j].first + begin; c < m->axes[j].first + end; c++)
        mass += m->masses[c];
    return mass;
}

/* ---- text ---- */

static merx_status describe_column(const mx_additive *m, const mx_design *names, size_t j, size_t shown, mx_text *text,
                                   merx_error *err)
{
    char name[LABEL];
    size_t room = m->axes[j].levels > TEXT_RUNS ? m->axes[j].levels : TEXT_RUNS, *ends = NULL;
    MX_TRY(MX_NEW_ARRAY(m->alloc, room + 2, &ends, "runs of bins", err));
    size_t count = make_runs(m, j, room, ends);
    mx_text_printf(text, "shape of %s\n", column_name(names, j, name));
    for (size_t r = 0, begin = 0; r < count; begin = ends[r++]) {
        if (begin == 0 && mass_of(m, j, 0, 1) == 0)
            continue;
        bins_name(m, names, j, begin, ends[r], name);
        mx_text_printf(text, "  %-28s", name);
        for (size_t k = 0; k < shown; k++)
            mx_text_printf(text, " %+12.5g (%.2g)", mean_of(m, m->shapes, j, begin, ends[r], k),
                           mean_of(m, m->deviations, j, begin, ends[r], k));
        mx_text_puts(text, "\n");
    }
    MX_FREE_ARRAY(m->alloc, ends, room + 2);
    return MERX_OK;
}

static void describe_fit(const mx_additive *m, mx_text *text)
{
    mx_text_printf(text, "%zu bags, %.0f rounds of columns and %.0f with %zu pairs on average\n", m->bags, m->rounds,
                   m->pair_rounds, m->n_pairs);
    if (!(m->held_rows > 0))
        return;
    if (m->classes > 0)
        mx_text_printf(text, "log loss on held-out rows: %.6g (%.0f rows)\n", m->held_loss, m->held_rows);
    else
        mx_text_printf(text,
                       "%s on held-out rows: %.6g (%.0f rows); of ten of them nine lie between the "
                       "score %+.4g and %+.4g\n",
                       m->poisson ? "mean Poisson deviance over the mean" : "mean squared error", m->held_loss,
                       m->held_rows, m->held_low, m->held_high);
}

merx_status mx_additive_describe(const void *state, const mx_design *names, mx_text *text, merx_error *err)
{
    const mx_additive *m = &((const mx_additive_state *)state)->model;
    size_t terms = m->d + m->n_pairs, shown = m->outputs < MOST_OUTPUTS ? m->outputs : MOST_OUTPUTS;
    ranked_term *ranked = NULL;
    char name[2 * LABEL + 4];
    describe_fit(m, text);
    for (size_t k = 0; k < shown; k++)
        mx_text_printf(text, "base of %s: %.6g\n", output_name(m, names, k), m->intercepts[k]);
    if (shown < m->outputs)
        mx_text_printf(text, "shapes of the first %zu classes are shown\n", shown);
    MX_TRY(rank_terms(m, &ranked, err));
    mx_text_puts(text, "importance: mean size of the contribution\n");
    for (size_t t = 0; t < terms; t++) {
        term_name(m, names, ranked[t].term, name, sizeof name);
        mx_text_printf(text, "  %-40s %12.5g\n", name, ranked[t].importance);
    }
    mx_text_puts(text, "contributions, means over rows (in brackets their standard deviation over the bags)\n");
    merx_status status = MERX_OK;
    for (size_t t = 0; t < terms && status == MERX_OK; t++)
        if (ranked[t].term < m->d)
            status = describe_column(m, names, ranked[t].term, shown, text, err);
    MX_FREE_ARRAY(m->alloc, ranked, terms);
    return status == MERX_OK ? mx_text_ok(text, err) : status;
}

/* ---- pictures ---- */

/* The shape as steps: two points for each bin with rows, at its ends; what reaches to infinity ends at the outermost cuts. */
static merx_status plot_steps(const mx_additive *m, size_t j, size_t k, const char *name, mx_text *svg, merx_error *err)
{
    const mx_additive_axis *axis = &m->axes[j];
    const double *cuts = m->cuts + axis->cuts;
    size_t value_bins = axis->n_cuts + 1, n = 0;
    double *room = NULL;
    MX_TRY(MX_NEW_ARRAY(m->alloc, 8 * value_bins, &room, "shape", err));
    double *x = room, *y = x + 2 * value_bins, *low = y + 2 * value_bins, *high = low + 2 * value_bins;
    double margin = axis->n_cuts > 1 ? (cuts[axis->n_cuts - 1] - cuts[0]) / (double)axis->n_cuts : 1;
    for (size_t c = 0; c < value_bins; c++) {
        double f = m->shapes[(axis->first + 1 + c) * m->outputs + k],
               s = m->deviations[(axis->first + 1 + c) * m->outputs + k];
        double left = c > 0 ? cuts[c - 1] : axis->n_cuts > 0 ? cuts[0] - margin : 0;
        double right = c < axis->n_cuts ? cuts[c] : axis->n_cuts > 0 ? cuts[axis->n_cuts - 1] + margin : 1;
        for (int e = 0; e < 2; e++, n++) {
            x[n] = e == 0 ? left : right;
            y[n] = f;
            low[n] = f - s;
            high[n] = f + s;
        }
    }
    mx_series one = {.name = "", .n = n, .x = x, .y = y, .low = low, .high = high};
    mx_line_plot plot = {
        .title = name, .text = "contribution by value", .series = 1, .one = &one, .width = CELL_WIDTH, .height = 220};
    plot.x.label = name;
    plot.y.label = "contribution";
    mx_plot_lines(svg, &plot);
    MX_FREE_ARRAY(m->alloc, room, 8 * value_bins);
    return MERX_OK;
}

static merx_status plot_levels(const mx_additive *m, const mx_design *names, size_t j, size_t k, const char *name,
                               mx_text *svg, merx_error *err)
{
    const mx_additive_axis *axis = &m->axes[j];
    size_t n = 0, room = axis->levels + 1;
    mx_bar *bars = NULL;
    char(*labels)[LABEL] = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(m->alloc, room, &bars, "levels", err));
    MX_TRY_GOTO(mx_alloc_array(m->alloc, room, sizeof *labels, "levels", &labels, err));
    for (size_t c = 0; c <= axis->levels; c++) {
        if (m->masses[axis->first + c] == 0)
            continue;
        double f = m->shapes[(axis->first + c) * m->outputs + k], s = m->deviations[(axis->first + c) * m->outputs + k];
        bins_name(m, names, j, c, c + 1, labels[n]);
        bars[n] = (mx_bar){.label = labels[n], .value = f, .low = f - s, .high = f + s, .reference = NAN};
        n++;
    }
    mx_bar_plot plot = {.title = name, .text = "contribution by level", .bars = n, .bar = bars, .width = CELL_WIDTH};
    mx_plot_bars(svg, &plot);
out:
    MX_FREE_ARRAY(m->alloc, bars, room);
    mx_free_array(m->alloc, labels, room, sizeof *labels);
    return status;
}

/* The grid, its sides gathered into runs of cells of about equal mass. */
typedef struct side_runs {
    size_t count, ends[GRID_RUNS + 2];
    char names[GRID_RUNS + 2][LABEL];
    const char *labels[GRID_RUNS + 2];
} side_runs;

static void run_side(const mx_additive *m, const mx_design *names, size_t j, side_runs *out)
{
    const mx_additive_axis *axis = &m->axes[j];
    double mass[MX_ADDITIVE_MAX_PAIR_BINS + 2] = {0}, left = 0, run = 0;
    for (size_t c = 0; c < axis->bins; c++)
        mass[m->side_of[axis->first + c]] += m->masses[axis->first + c];
    for (size_t q = 1; q + 1 < axis->side; q++)
        left += mass[q];
    out->count = 0;
    for (size_t q = 1, begin = 1; q + 1 < axis->side; q++) {
        run += mass[q];
        size_t more = GRID_RUNS - out->count;
        if (q + 2 < axis->side && axis->side - 2 > GRID_RUNS && (more == 1 || run < left / (double)more))
            continue;
        size_t first = axis->bins, last = 0;
        for (size_t c = 1; c + 1 < axis->bins; c++)
            if ((size_t)m->side_of[axis->first + c] >= begin && (size_t)m->side_of[axis->first + c] <= q) {
                first = c < first ? c : first;
                last = c > last ? c : last;
            }
        bins_name(m, names, j, first, last + 1, out->names[out->count]);
        out->labels[out->count] = out->names[out->count];
        out->ends[out->count++] = q + 1;
        left -= run;
        run = 0;
        begin = q + 1;
    }
}

static merx_status plot_pair(const mx_additive *m, const mx_design *names, size_t p, size_t k, const char *name,
                             mx_text *svg, merx_error *err)
{
    const mx_additive_pair *pair = &m->pairs[p];
    side_runs *runs = NULL;
    double values[(GRID_RUNS + 2) * (GRID_RUNS + 2)];
    MX_TRY(MX_NEW_ARRAY(m->alloc, 2, &runs, "sides", err));
    side_runs *a = &runs[0], *b = &runs[1];
    run_side(m, names, pair->a, a);
    run_side(m, names, pair->b, b);
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++) {
            double sum = 0, mass = 0;
            for (size_t q = i > 0 ? a->ends[i - 1] : 1; q < a->ends[i]; q++)
                for (size_t r = j > 0 ? b->ends[j - 1] : 1; r < b->ends[j]; r++) {
                    size_t cell = pair->first + q * m->axes[pair->b].side + r;
                    sum += m->pair_masses[cell] * m->pair_values[cell * m->outputs + k];
                    mass += m->pair_masses[cell];
                }
            values[i * b->count + j] = mass > 0 ? sum / mass : NAN;
        }
    /* Columns of the picture are narrow: only where they begin. */
    mx_heat_plot plot = {.title = name,
                         .text = "contribution of two columns together, rows by columns",
                         .rows = a->count,
                         .columns = b->count,
                         .row_names = a->labels,
                         .column_names = b->labels,
                         .values = values};
    for (size_t j = 0; j < b->count; j++) {
        char *to = strstr(b->names[j], " to ");
        if (to != NULL)
            *to = '\0';
    }
    mx_plot_heat(svg, &plot);
    MX_FREE_ARRAY(m->alloc, runs, 2);
    return MERX_OK;
}

merx_status mx_additive_plot(const void *state, const mx_design *names, mx_text *svg, merx_error *err)
{
    const mx_additive *m = &((const mx_additive_state *)state)->model;
    size_t terms = m->d + m->n_pairs, shown = terms < MOST_PLOTS ? terms : MOST_PLOTS,
           k = m->outputs > 1 ? m->outputs - 1 : 0;
    ranked_term *ranked = NULL;
    mx_text plots[MOST_PLOTS];
    char headings[MOST_PLOTS][2 * LABEL + 4], title[160];
    const char *heading[MOST_PLOTS], *drawn[MOST_PLOTS];
    for (size_t i = 0; i < MOST_PLOTS; i++)
        mx_text_init(&plots[i], m->alloc, (size_t)1 << 24);
    merx_status status;
    MX_TRY_GOTO(rank_terms(m, &ranked, err));
    (void)snprintf(title, sizeof title, "What the columns contribute to %s", output_name(m, names, k));
    for (size_t i = 0; i < shown; i++) {
        size_t t = ranked[i].term;
        term_name(m, names, t, headings[i], sizeof headings[i]);
        if (t >= m->d)
            MX_TRY_GOTO(plot_pair(m, names, t - m->d, k, headings[i], &plots[i], err));
        else if (m->axes[t].levels > 0)
            MX_TRY_GOTO(plot_levels(m, names, t, k, headings[i], &plots[i], err));
        else
            MX_TRY_GOTO(plot_steps(m, t, k, headings[i], &plots[i], err));
        MX_TRY_GOTO(mx_text_ok(&plots[i], err));
        heading[i] = headings[i];
        drawn[i] = plots[i].data;
    }
    mx_plot_sheet(svg, title, heading, drawn, shown);
    status = mx_text_ok(svg, err);
out:
    for (size_t i = 0; i < MOST_PLOTS; i++)
        mx_text_release(&plots[i]);
    MX_FREE_ARRAY(m->alloc, ranked, terms);
    return status;
}
