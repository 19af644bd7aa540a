/*
 * Pictures of importance, dependence and calibration: SVG for pages, lines for terminals.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/core/inspection.h"
#include "plot/plot.h"

#define PICTURE_BYTES ((size_t)16 << 20)
#define BARS_MOST 30
#define CURVES_MOST 60

static merx_status give(mx_text *text, char **out, merx_error *err)
{
    merx_status status = mx_text_ok(text, err);
    if (status == MERX_OK)
        status = mx_text_give(text, out, err);
    mx_text_release(text);
    return status;
}

merx_status merx_importances_svg(const merx_importances *importances, char **svg, merx_error *err)
{
    const merx_importances *m = importances;
    mx_text text;
    mx_bar bars[BARS_MOST];
    char title[128], what[256], shown[BARS_MOST][24];
    size_t n = m->count < BARS_MOST ? m->count : BARS_MOST;
    *svg = NULL;
    mx_text_init(&text, mx_allocator_or_default(m->alloc), PICTURE_BYTES);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(shown[i], sizeof shown[i], "%.3g", m->column[i].value);
        bars[i] = (mx_bar){m->column[i].name, m->column[i].value, m->column[i].low, m->column[i].high, NAN, shown[i]};
    }
    (void)snprintf(title, sizeof title, "Permutation importance: how much worse %s gets", m->metric);
    (void)snprintf(what, sizeof what,
                   "%s is %.4g on %zu rows; each column's values shuffled %zu times, 95 %% interval of the mean",
                   m->metric, m->score, m->rows, m->repeats);
    mx_plot_bars(
        &text,
        &(mx_bar_plot){.title = title, .text = what, .axis = {"", MX_AXIS_NUMBER, NULL, true}, .bars = n, .bar = bars});
    return give(&text, svg, err);
}

static void dependence_bars(const merx_dependence *d, const char *title, const char *what, mx_text *text)
{
    mx_bar bars[BARS_MOST];
    char shown[BARS_MOST][24];
    size_t n = d->points < BARS_MOST ? d->points : BARS_MOST;
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(shown[k], sizeof shown[k], "%.4g", d->average[k]);
        bars[k] = (mx_bar){d->label[k], d->average[k], d->low[k], d->high[k], NAN, shown[k]};
    }
    mx_plot_bars(
        text,
        &(mx_bar_plot){
            .title = title, .text = what, .axis = {d->output, MX_AXIS_NUMBER, NULL, true}, .bars = n, .bar = bars});
}

merx_status merx_dependence_svg(const merx_dependence *dependence, char **svg, merx_error *err)
{
    const merx_dependence *d = dependence;
    mx_text text;
    mx_series series[CURVES_MOST + 1];
    char title[256], what[512];
    size_t n = 0;
    *svg = NULL;
    mx_text_init(&text, mx_allocator_or_default(d->alloc), PICTURE_BYTES);
    (void)snprintf(title, sizeof title, "%.100s when %.100s is set", d->output, d->column);
    (void)snprintf(what, sizeof what,
                   "partial dependence: the average prediction over %zu rows when %.100s is set to each value in all "
                   "of them; around it the middle 80 %% of the rows",
                   d->rows, d->column);
    if (d->type == MERX_COLUMN_CATEGORICAL || d->type == MERX_COLUMN_BOOLEAN) {
        dependence_bars(d, title, what, &text);
        return give(&text, svg, err);
    }
    series[n++] =
        (mx_series){.name = "average", .n = d->points, .x = d->value, .y = d->average, .low = d->low, .high = d->high};
    for (size_t i = 0; i < d->individuals && n <= CURVES_MOST; i++)
        series[n++] =
            (mx_series){.name = "", .n = d->points, .x = d->value, .y = d->individual + i * d->points, .faint = true};
    mx_plot_lines(&text, &(mx_line_plot){
                             .title = title,
                             .text = what,
                             .x = {d->column, d->type == MERX_COLUMN_DATE ? MX_AXIS_DATE : MX_AXIS_NUMBER, NULL, false},
                             .y = {d->output, MX_AXIS_NUMBER, NULL, false},
                             .series = n,
                             .one = series});
    return give(&text, svg, err);
}

static const char *class_named(const merx_calibration *c)
{
    return c->output[0] != '\0' ? c->output : "the most probable class";
}

merx_status merx_calibration_svg(const merx_calibration *calibration, char **svg, merx_error *err)
{
    const merx_calibration *c = calibration;
    static const double ends[] = {0, 1};
    const merx_allocator *alloc = mx_allocator_or_default(c->alloc);
    mx_text text;
    double *points = NULL;
    char title[256], what[512];
    *svg = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 4 * c->bins, &points, "points", err));
    for (size_t b = 0; b < c->bins; b++) {
        points[b] = c->bin[b].predicted;
        points[c->bins + b] = c->bin[b].observed;
        points[2 * c->bins + b] = c->bin[b].low;
        points[3 * c->bins + b] = c->bin[b].high;
    }
    mx_text_init(&text, alloc, PICTURE_BYTES);
    (void)snprintf(title, sizeof title, "Calibration of %.100s: Brier %.4f, expected error %.4f", class_named(c),
                   c->brier.value, c->error.value);
    (void)snprintf(what, sizeof what,
                   "%zu rows in %zu bins by predicted probability: the share that truly was, with its 95 %% interval, "
                   "beside the mean prediction; on the dashed line they agree",
                   c->rows, c->bins);
    mx_series series[] = {
        {.name = "observed",
         .dots = true,
         .n = c->bins,
         .x = points,
         .y = points + c->bins,
         .low = points + 2 * c->bins,
         .high = points + 3 * c->bins},
        {.name = "perfect", .n = 2, .x = ends, .y = ends, .dashed = true},
    };
    mx_plot_lines(&text, &(mx_line_plot){.title = title,
                                         .text = what,
                                         .x = {"predicted probability", MX_AXIS_NUMBER, NULL, true},
                                         .y = {"observed share", MX_AXIS_NUMBER, NULL, true},
                                         .series = 2,
                                         .one = series,
                                         .width = 560,
                                         .height = 420});
    MX_FREE_ARRAY(alloc, points, 4 * c->bins);
    return give(&text, svg, err);
}

/* ---- terminals ---- */

/* A name cut or filled to `columns` cells. */
static void put_name(mx_text *text, const char *name, int columns)
{
    size_t used = mx_utf8_columns(mx_str_of(name));
    mx_text_puts(text, name);
    for (; used < (size_t)columns; used++)
        mx_text_puts(text, " ");
}

static int widest(size_t n, const char *(*name)(const void *, size_t), const void *context, int most)
{
    size_t wide = 4;
    for (size_t i = 0; i < n; i++) {
        size_t columns = mx_utf8_columns(mx_str_of(name(context, i)));
        wide = columns > wide ? columns : wide;
    }
    return wide > (size_t)most ? most : (int)wide;
}

static const char *importance_name(const void *context, size_t i)
{
    return ((const merx_importances *)context)->column[i].name;
}

static const char *point_name(const void *context, size_t i)
{
    return ((const merx_dependence *)context)->label[i];
}

merx_status merx_importances_text(const merx_importances *importances, int columns, char **out, merx_error *err)
{
    const merx_importances *m = importances;
    mx_text text;
    *out = NULL;
    mx_text_init(&text, mx_allocator_or_default(m->alloc), PICTURE_BYTES);
    int name = widest(m->count, importance_name, m, columns / 3), bar = columns - name - 42;
    double most = 0;
    for (size_t i = 0; i < m->count; i++)
        most = fmax(most, m->column[i].value);
    mx_text_printf(
        &text, "%s %.6g on %zu rows; how much worse it gets when a column is shuffled (%zu times, 95 %% interval)\n",
        m->metric, m->score, m->rows, m->repeats);
    for (size_t i = 0; i < m->count; i++) {
        const merx_importance *one = &m->column[i];
        put_name(&text, one->name, name);
        mx_text_printf(&text, " %11.5g  [%.4g, %.4g] ", one->value, one->low, one->high);
        if (bar >= 4)
            mx_plot_meter(&text, one->value, most, bar);
        mx_text_puts(&text, "\n");
    }
    return give(&text, out, err);
}

merx_status merx_dependence_text(const merx_dependence *dependence, int columns, char **out, merx_error *err)
{
    const merx_dependence *d = dependence;
    mx_text text;
    *out = NULL;
    mx_text_init(&text, mx_allocator_or_default(d->alloc), PICTURE_BYTES);
    int name = widest(d->points, point_name, d, columns / 3), bar = columns - name - 42;
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < d->points; k++) {
        low = fmin(low, d->average[k]);
        high = fmax(high, d->average[k]);
    }
    mx_text_printf(&text, "%s when %s is set, average of %zu rows (and the middle 80 %% of them)   ", d->output,
                   d->column, d->rows);
    mx_plot_spark(&text, d->average, d->points);
    mx_text_puts(&text, "\n");
    for (size_t k = 0; k < d->points; k++) {
        put_name(&text, d->label[k], name);
        mx_text_printf(&text, " %11.5g  [%.4g, %.4g] ", d->average[k], d->low[k], d->high[k]);
        if (bar >= 4 && high > low)
            mx_plot_meter(&text, d->average[k] - (low > 0 && low < high / 2 ? 0 : low),
                          high - (low > 0 && low < high / 2 ? 0 : low), bar);
        mx_text_puts(&text, "\n");
    }
    return give(&text, out, err);
}

merx_status merx_calibration_text(const merx_calibration *calibration, int columns, char **out, merx_error *err)
{
    const merx_calibration *c = calibration;
    mx_text text;
    *out = NULL;
    mx_text_init(&text, mx_allocator_or_default(c->alloc), PICTURE_BYTES);
    int bar = columns - 52;
    mx_text_printf(&text, "calibration of %s on %zu rows\n", class_named(c), c->rows);
    mx_text_printf(&text, "  Brier score %.5f [%.5f, %.5f]   expected calibration error %.5f [%.5f, %.5f]\n",
                   c->brier.value, c->brier.low, c->brier.high, c->error.value, c->error.low, c->error.high);
    mx_text_puts(&text, "predicted  observed  95 % interval         rows\n");
    for (size_t b = 0; b < c->bins; b++) {
        const merx_calibration_bin *one = &c->bin[b];
        mx_text_printf(&text, "   %.4f    %.4f  [%.4f, %.4f] %8llu  ", one->predicted, one->observed, one->low,
                       one->high, (unsigned long long)one->rows);
        if (bar >= 4)
            mx_plot_meter(&text, one->observed, 1, bar);
        mx_text_puts(&text, "\n");
    }
    return give(&text, out, err);
}
