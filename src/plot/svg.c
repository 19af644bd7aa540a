/*
 * Plots as SVG: see plot.h.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "plot/plot.h"

enum { MAX_TICKS = 12, COLOURS = 6 };

/* Colours that stay apart for colour-blind readers, as defaults of the page's variables. */
static const char *const colours[COLOURS] = {"#2f6fde", "#e0662f", "#1f9d74", "#a24bc4", "#c99a12", "#5b6b80"};

static void put_colour(mx_text *svg, const char *property, size_t i)
{
    mx_text_printf(svg, "%s:var(--plot-%zu,%s)", property, i % COLOURS + 1, colours[i % COLOURS]);
}

static void put_escaped(mx_text *svg, const char *text)
{
    mx_text_html(svg, mx_str_of(text ? text : ""));
}

static void open_svg(mx_text *svg, int width, int height, const char *title, const char *text)
{
    mx_text_printf(svg,
                   "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" "
                   "style=\"width:100%%;height:auto;font:12px "
                   "system-ui,'Noto Sans SC','WenQuanYi Micro Hei',sans-serif;fill:var(--plot-ink,#333)\"><title>",
                   width, height);
    put_escaped(svg, title);
    mx_text_puts(svg, "</title><desc>");
    put_escaped(svg, text);
    mx_text_puts(svg, "</desc>\n");
}

static void put_text(mx_text *svg, double x, double y, const char *anchor, const char *text)
{
    mx_text_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    put_escaped(svg, text);
    mx_text_puts(svg, "</text>\n");
}

static void put_grid(mx_text *svg, double x1, double y1, double x2, double y2)
{
    mx_text_printf(svg, "<path d=\"M%.1f %.1fL%.1f %.1f\" style=\"stroke:var(--plot-grid,#8883);fill:none\"/>\n", x1,
                   y1, x2, y2);
}

/* A linear map from data to the picture. */
typedef struct scale {
    double low, high, from, to;
} scale;

static double place(const scale *s, double value)
{
    return s->high > s->low ? s->from + (value - s->low) / (s->high - s->low) * (s->to - s->from)
                            : (s->from + s->to) / 2;
}

static void widen(double value, double *low, double *high)
{
    if (!isfinite(value))
        return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

/* Sensible limits for data in [low, high]: never empty, from zero when asked. */
static void settle(double *low, double *high, bool from_zero)
{
    if (!(*high >= *low)) {
        *low = 0;
        *high = 1;
    }
    if (from_zero) {
        *low = fmin(0, *low);
        *high = fmax(0, *high);
    }
    if (*high == *low)
        *high = *low + (*low != 0 ? fabs(*low) * 0.1 : 1);
}

/* Month starts between two times, thinned to at most `most`; falls back to numbers' ticks for short spans. */
static size_t date_ticks(double low, double high, size_t most, double *out)
{
    if (high - low < 60.0 * MX_DAY_MS)
        return mx_plot_ticks(low, high, most, out);
    size_t months = (size_t)((high - low) / (30.0 * MX_DAY_MS)) + 1;
    int stride = (int)((months + most - 1) / most);
    size_t n = 0;
    for (int64_t at = mx_floor_month((int64_t)low); n < most && (double)at <= high; at = mx_add_months(at, stride))
        if ((double)at >= low)
            out[n++] = (double)at;
    return n;
}

static size_t axis_ticks(const mx_axis *axis, double low, double high, size_t most, double *out)
{
    return axis->unit == MX_AXIS_DATE ? date_ticks(low, high, most, out) : mx_plot_ticks(low, high, most, out);
}

static void draw_axes(mx_text *svg, const mx_axis *x, const mx_axis *y, const scale *sx, const scale *sy)
{
    double ticks[MAX_TICKS];
    char label[48];
    size_t n = axis_ticks(y, sy->low, sy->high, 6, ticks);
    for (size_t i = 0; i < n; i++) {
        double at = place(sy, ticks[i]);
        put_grid(svg, sx->from, at, sx->to, at);
        mx_plot_label(ticks[i], y, n > 1 ? ticks[1] - ticks[0] : 0, label);
        put_text(svg, sx->from - 8, at + 4, "end", label);
    }
    n = axis_ticks(x, sx->low, sx->high, 8, ticks);
    for (size_t i = 0; i < n; i++) {
        mx_plot_label(ticks[i], x, n > 1 ? ticks[1] - ticks[0] : 0, label);
        double at = place(sx, ticks[i]);
        put_text(svg, at, sy->from + 18, at > sx->to - 20 ? "end" : "middle", label);
    }
    if (x->label && *x->label)
        put_text(svg, (sx->from + sx->to) / 2, sy->from + 36, "middle", x->label);
    if (y->label && *y->label)
        put_text(svg, sx->from - 48, sy->to - 10, "start", y->label);
}

static void draw_band(mx_text *svg, const mx_series *series, const scale *sx, const scale *sy, size_t colour)
{
    bool any = false;
    for (size_t i = 0; i < series->n; i++)
        if (isfinite(series->high[i]) && isfinite(series->low[i])) {
            mx_text_printf(svg, "%s%.1f %.1f", any ? "L" : "<path d=\"M", place(sx, series->x[i]),
                           place(sy, series->high[i]));
            any = true;
        }
    if (!any)
        return;
    for (size_t i = series->n; i-- > 0;)
        if (isfinite(series->high[i]) && isfinite(series->low[i]))
            mx_text_printf(svg, "L%.1f %.1f", place(sx, series->x[i]), place(sy, series->low[i]));
    mx_text_puts(svg, "Z\" style=\"stroke:none;fill-opacity:.15;");
    put_colour(svg, "fill", colour);
    mx_text_puts(svg, "\"/>\n");
}

static void draw_line(mx_text *svg, const mx_series *series, const scale *sx, const scale *sy, size_t colour)
{
    bool pen = false;
    mx_text_puts(svg, "<path d=\"M-9 -9");
    for (size_t i = 0; i < series->n; i++) {
        if (!isfinite(series->y[i]) || !isfinite(series->x[i])) {
            pen = false;
            continue;
        }
        mx_text_printf(svg, "%s%.1f %.1f", pen ? "L" : "M", place(sx, series->x[i]), place(sy, series->y[i]));
        pen = true;
    }
    mx_text_printf(svg, "\" style=\"fill:none;stroke-width:%d;stroke-linejoin:round;%s", series->faint ? 1 : 2,
                   series->dashed ? "stroke-dasharray:5 4;" : "");
    if (series->faint)
        mx_text_puts(svg, "stroke:var(--plot-faint,#8886)");
    else
        put_colour(svg, "stroke", colour);
    mx_text_puts(svg, "\"/>\n");
    for (size_t i = 0; series->dots && i < series->n; i++) {
        if (!isfinite(series->y[i]) || !isfinite(series->x[i]))
            continue;
        mx_text_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" style=\"", place(sx, series->x[i]),
                       place(sy, series->y[i]));
        put_colour(svg, "fill", colour);
        mx_text_puts(svg, "\"/>\n");
    }
}

static void draw_legend(mx_text *svg, const mx_series *series, size_t n, double x, double y)
{
    size_t shown = 0;
    for (size_t i = 0; i < n; i++)
        shown += !series[i].faint;
    for (size_t i = 0; shown > 1 && i < n; i++) {
        if (series[i].faint)
            continue;
        mx_text_printf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"4\" rx=\"2\" style=\"", x, y - 6);
        put_colour(svg, "fill", i);
        mx_text_puts(svg, "\"/>");
        put_text(svg, x + 18, y, "start", series[i].name);
        x += 34 + 7.0 * (double)mx_utf8_columns(mx_str_of(series[i].name));
    }
}

void mx_plot_lines(mx_text *svg, const mx_line_plot *plot)
{
    int width = plot->width > 0 ? plot->width : 720;
    int height = plot->height > 0 ? plot->height : 300;
    double low = INFINITY;
    double high = -INFINITY;
    double left = INFINITY;
    double right = -INFINITY;
    for (size_t s = 0; s < plot->series; s++)
        for (size_t i = 0; i < plot->one[s].n; i++) {
            const mx_series *series = &plot->one[s];
            widen(series->x[i], &left, &right);
            widen(series->y[i], &low, &high);
            if (series->low && series->high) {
                widen(series->low[i], &low, &high);
                widen(series->high[i], &low, &high);
            }
        }
    settle(&low, &high, plot->y.from_zero);
    settle(&left, &right, plot->x.from_zero);
    bool legend = plot->series > 1;
    scale sx = {left, right, 62, width - 14};
    scale sy = {low, high, height - (plot->x.label && *plot->x.label ? 46 : 28),
                legend || (plot->y.label && *plot->y.label) ? 34 : 14};
    open_svg(svg, width, height, plot->title, plot->text);
    draw_axes(svg, &plot->x, &plot->y, &sx, &sy);
    for (size_t s = 0; s < plot->series; s++)
        if (plot->one[s].low && plot->one[s].high)
            draw_band(svg, &plot->one[s], &sx, &sy, s);
    for (int faint = 1; faint >= 0; faint--)
        for (size_t s = 0; s < plot->series; s++)
            if (plot->one[s].faint == faint)
                draw_line(svg, &plot->one[s], &sx, &sy, s);
    double shift = plot->y.label && *plot->y.label ? 30 + 7.0 * (double)mx_utf8_columns(mx_str_of(plot->y.label)) : 0;
    draw_legend(svg, plot->one, plot->series, sx.from - (shift > 0 ? 48 : 0) + shift, 18);
    mx_text_puts(svg, "</svg>\n");
}

/* Width of a letter at 12 px, upper case included; longer labels than this many columns are cut. */
#define LABEL_PX 7.6
enum { MOST_LABEL = 40 };

static void put_cut(mx_text *svg, double x, double y, const char *label)
{
    size_t size = strlen(label);
    size_t keep = size;
    if (mx_utf8_columns((mx_str){label, size}) > MOST_LABEL) {
        keep = 0;
        for (size_t i = 1; i < size; i++)
            if (((unsigned char)label[i] & 0xC0) != 0x80 && mx_utf8_columns((mx_str){label, i}) < MOST_LABEL)
                keep = i;
    }
    mx_text_printf(svg, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", x, y);
    mx_text_html(svg, (mx_str){label, keep});
    mx_text_puts(svg, keep < size ? "…</text>\n" : "</text>\n");
}

void mx_plot_bars(mx_text *svg, const mx_bar_plot *plot)
{
    int width = plot->width > 0 ? plot->width : 720;
    enum { ROW = 26, TOP = 8 };
    size_t longest = 0;
    double low = 0;
    double high = -INFINITY;
    for (size_t i = 0; i < plot->bars; i++) {
        size_t columns = mx_utf8_columns(mx_str_of(plot->bar[i].label));
        longest = columns > longest ? columns : longest;
        widen(plot->bar[i].value, &low, &high);
        widen(plot->bar[i].low, &low, &high);
        widen(plot->bar[i].high, &low, &high);
        widen(plot->bar[i].reference, &low, &high);
    }
    settle(&low, &high, true);
    double label_width = 16 + LABEL_PX * (double)(longest < MOST_LABEL ? longest : MOST_LABEL);
    scale sx = {low, high, label_width, width - 90};
    int height = TOP * 2 + ROW * (int)plot->bars;
    open_svg(svg, width, height, plot->title, plot->text);
    double zero = place(&sx, 0);
    for (size_t i = 0; i < plot->bars; i++) {
        const mx_bar *bar = &plot->bar[i];
        double y = TOP + ROW * (double)i;
        double end = isfinite(bar->value) ? place(&sx, bar->value) : zero;
        put_cut(svg, label_width - 8, y + 17, bar->label);
        mx_text_printf(svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"14\" rx=\"3\" style=\"",
                       fmin(zero, end), y + 5, fmax(1, fabs(end - zero)));
        put_colour(svg, "fill", bar->value < 0 ? 1 : 0);
        mx_text_puts(svg, "\"/>\n");
        double right = fmax(end, zero);
        if (isfinite(bar->low) && isfinite(bar->high) && bar->high > bar->low) {
            double a = place(&sx, bar->low);
            double b = place(&sx, bar->high);
            mx_text_printf(svg,
                           "<path d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\" "
                           "style=\"stroke:var(--plot-ink,#333);stroke-width:1.5;fill:none\"/>\n",
                           a, y + 12, b, a, y + 8, b, y + 8);
            right = fmax(right, b);
        }
        if (isfinite(bar->reference))
            mx_text_printf(svg,
                           "<path d=\"M%.1f %.1fv18\" style=\"stroke:var(--plot-2,%s);stroke-width:2.5;fill:none\"/>\n",
                           place(&sx, bar->reference), y + 3, colours[1]);
        char label[48];
        mx_plot_label(bar->value, &plot->axis, fabs(bar->value) / 100, label);
        put_text(svg, fmin(right + 8, width - 82), y + 17, "start", bar->shown ? bar->shown : label);
    }
    mx_text_puts(svg, "</svg>\n");
}

void mx_plot_heat(mx_text *svg, const mx_heat_plot *plot)
{
    enum { CELL_W = 50, CELL_H = 24, LEFT = 84, TOP = 26 };
    double low = 0;
    double high = -INFINITY;
    for (size_t i = 0; i < plot->rows * plot->columns; i++)
        widen(plot->values[i], &low, &high);
    settle(&low, &high, true);
    open_svg(svg, LEFT + CELL_W * (int)plot->columns + 4, TOP + CELL_H * (int)plot->rows + 4, plot->title, plot->text);
    mx_axis axis = {.unit = plot->unit};
    for (size_t j = 0; j < plot->columns; j++)
        put_text(svg, LEFT + CELL_W * ((double)j + 0.5), TOP - 8, "middle", plot->column_names[j]);
    for (size_t i = 0; i < plot->rows; i++) {
        double y = TOP + CELL_H * (double)i;
        put_text(svg, LEFT - 8, y + 16, "end", plot->row_names[i]);
        for (size_t j = 0; j < plot->columns; j++) {
            double value = plot->values[i * plot->columns + j];
            if (!isfinite(value))
                continue;
            double share = (value - low) / (high - low);
            mx_text_printf(svg,
                           "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"3\" style=\"fill-opacity:%.3f;",
                           LEFT + CELL_W * (double)j + 1, y + 1, CELL_W - 2, CELL_H - 2, 0.06 + 0.8 * share);
            put_colour(svg, "fill", 0);
            char label[48];
            mx_plot_label(value, &axis, 0.01, label);
            mx_text_puts(svg, "\"/>");
            put_text(svg, LEFT + CELL_W * ((double)j + 0.5), y + 16, "middle", label);
        }
    }
    mx_text_puts(svg, "</svg>\n");
}

static double point_radius(const mx_point *point, double largest)
{
    return largest > 0 && point->size > 0 ? 4 + 26 * sqrt(point->size / largest) : 4;
}

/* Labels above their points; one that would lie on an earlier one goes further up. */
static void put_point_labels(mx_text *svg, const mx_scatter_plot *plot, const scale *sx, const scale *sy,
                             double largest)
{
    enum { MOST = 64 };
    struct {
        double left, right, y;
    } placed[MOST];
    size_t n = 0;
    for (size_t i = 0; i < plot->points && n < MOST; i++) {
        const mx_point *point = &plot->point[i];
        if (!point->label || !isfinite(point->x) || !isfinite(point->y))
            continue;
        double half = 3.5 * (double)mx_utf8_columns(mx_str_of(point->label));
        double x = fmax(sx->from + half, fmin(sx->to - half, place(sx, point->x)));
        double y = place(sy, point->y) - point_radius(point, largest) - 5;
        for (size_t j = 0; j < n;) {
            if (x - half < placed[j].right && x + half > placed[j].left && fabs(y - placed[j].y) < 14) {
                y = placed[j].y - 14;
                j = 0;
            } else {
                j++;
            }
        }
        placed[n].left = x - half;
        placed[n].right = x + half;
        placed[n++].y = y;
        put_text(svg, x, y, "middle", point->label);
    }
}

void mx_plot_points(mx_text *svg, const mx_scatter_plot *plot)
{
    int width = plot->width > 0 ? plot->width : 720;
    int height = plot->height > 0 ? plot->height : 360;
    double low = INFINITY;
    double high = -INFINITY;
    double left = INFINITY;
    double right = -INFINITY;
    double largest = 0;
    for (size_t i = 0; i < plot->points; i++) {
        widen(plot->point[i].x, &left, &right);
        widen(plot->point[i].y, &low, &high);
        if (plot->point[i].size > largest)
            largest = plot->point[i].size;
    }
    settle(&low, &high, plot->y.from_zero);
    settle(&left, &right, plot->x.from_zero);
    double pad_x = (right - left) * 0.08;
    double pad_y = (high - low) * 0.12;
    scale sx = {left - pad_x, right + pad_x, 62, width - 14};
    scale sy = {low - pad_y, high + pad_y, height - 46, 34};
    open_svg(svg, width, height, plot->title, plot->text);
    draw_axes(svg, &plot->x, &plot->y, &sx, &sy);
    for (size_t i = 0; i < plot->points; i++) {
        const mx_point *point = &plot->point[i];
        if (!isfinite(point->x) || !isfinite(point->y))
            continue;
        double radius = point_radius(point, largest);
        mx_text_printf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" style=\"fill-opacity:.55;stroke-width:1.5;",
                       place(&sx, point->x), place(&sy, point->y), radius);
        put_colour(svg, "fill", (size_t)point->group);
        mx_text_puts(svg, ";");
        put_colour(svg, "stroke", (size_t)point->group);
        mx_text_puts(svg, "\"/>\n");
    }
    put_point_labels(svg, plot, &sx, &sy, largest);
    mx_text_puts(svg, "</svg>\n");
}
