/*
 * Plots: SVG for pages, bars and sparklines for terminals. Floor 2.
 *
 * An SVG is appended to an mx_text as one self-contained <svg> element that scales with its container, takes its colours from CSS variables with defaults
 * (--plot-1 … --plot-6, --plot-ink, --plot-grid, --plot-faint), so that one page can be light and dark, and carries a <title> and <desc> for screen readers. Bytes depend on the arguments alone.
 * Values that are not finite are left out (a gap in a line).
 */
#ifndef MX_PLOT_H
#define MX_PLOT_H

#include "base/str.h"

typedef enum mx_axis_unit {
    MX_AXIS_NUMBER,
    MX_AXIS_SHARE,
    MX_AXIS_DATE /* ms since 1970 */,
    MX_AXIS_MONEY /* prefix is put before */
} mx_axis_unit;

typedef struct mx_axis {
    const char *label; /* "" for none */
    mx_axis_unit unit;
    const char *prefix; /* "£"; NULL: none */
    bool from_zero;
} mx_axis;

typedef struct mx_series {
    const char *name;
    size_t n;
    const double *x, *y;
    const double *low, *high; /* a band around the line; NULL: none */
    bool dashed;
    bool faint; /* a thin line in the ink of the grid, below the others and not in the legend */
    bool dots;  /* a dot on each point */
} mx_series;

typedef struct mx_line_plot {
    const char *title, *text; /* text: what it shows, for those who can't see it */
    mx_axis x, y;
    size_t series;
    const mx_series *one;
    int width, height; /* of the viewBox; 0: 720 x 300 */
} mx_line_plot;
void mx_plot_lines(mx_text *svg, const mx_line_plot *plot);

/* Horizontal bars with their labels and values; whiskers where low and high are given; a tick where a reference value (a baseline) is given. */
typedef struct mx_bar {
    const char *label;
    double value, low, high, reference; /* NaN: none */
    const char *shown;                  /* the value as text; NULL: formatted */
} mx_bar;
typedef struct mx_bar_plot {
    const char *title, *text;
    mx_axis axis;
    size_t bars;
    const mx_bar *bar;
    int width; /* 0: 720; the height follows from the bars */
} mx_bar_plot;
void mx_plot_bars(mx_text *svg, const mx_bar_plot *plot);

/* A table of shares as coloured cells (cohorts): values (rows, columns) row-major, NaN: empty. */
typedef struct mx_heat_plot {
    const char *title, *text;
    size_t rows, columns;
    const char *const *row_names, *const *column_names;
    const double *values;
    mx_axis_unit unit;
} mx_heat_plot;
void mx_plot_heat(mx_text *svg, const mx_heat_plot *plot);

/* Points in a plane, sized and coloured by group (segments as a map). */
typedef struct mx_point {
    double x, y, size; /* size: area, relative to the others */
    int group;         /* colour */
    const char *label; /* NULL: none */
} mx_point;
typedef struct mx_scatter_plot {
    const char *title, *text;
    mx_axis x, y;
    size_t points;
    const mx_point *point;
    int width, height;
} mx_scatter_plot;
void mx_plot_points(mx_text *svg, const mx_scatter_plot *plot);

/* Several finished plots (terminated, as the functions above wrote them; at most 64) as one <svg> in two columns, each under its heading. */
void mx_plot_sheet(mx_text *svg, const char *title, const char *const *headings, const char *const *plots, size_t n);

/* For terminals: a line of eighth blocks, e.g. "▁▂▅█▇", and a bar of `columns` cells filled to value / most. */
void mx_plot_spark(mx_text *text, const double *values, size_t n);
void mx_plot_meter(mx_text *text, double value, double most, int columns);

/* Tick positions: 1, 2, 2.5, 5 times a power of ten; at most `most`; returns how many. */
size_t mx_plot_ticks(double low, double high, size_t most, double *out);
/* A number as an axis shows it: "12k", "1.5M", "25%", "2011-03". out >= 48 bytes. */
void mx_plot_label(double value, const mx_axis *axis, double step, char *out);

#endif
