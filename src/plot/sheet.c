/*
 * Several plots on one sheet: finished <svg> elements, each under its heading, laid out in columns.
 */
#include <stdio.h>
#include <string.h>

#include "plot/plot.h"

enum { CELL = 480, GAP = 20, HEADING = 26, COLUMNS = 2, MOST = 64 };

static const char style_of_page[] = "width:100%;height:auto;";

/* Width and height of a plot's viewBox. */
static void size_of(const char *plot, int *width, int *height)
{
    const char *box = strstr(plot, "viewBox=\"0 0 ");
    if (box == NULL || sscanf(box + 13, "%d %d", width, height) != 2 || *width <= 0 || *height <= 0)
        *width = *height = 100;
}

void mx_plot_sheet(mx_text *svg, const char *title, const char *const *headings, const char *const *plots, size_t n)
{
    int heights[MOST], rows[MOST] = {0}, total = GAP;
    n = n < MOST ? n : MOST;
    for (size_t i = 0; i < n; i++) {
        int width, height;
        size_of(plots[i], &width, &height);
        heights[i] = (int)((double)CELL * height / width + 0.5);
        size_t row = i / COLUMNS;
        rows[row] = rows[row] < heights[i] ? heights[i] : rows[row];
    }
    for (size_t row = 0; row < (n + COLUMNS - 1) / COLUMNS; row++)
        total += rows[row] + HEADING + GAP;
    int columns = n < COLUMNS ? (int)n : COLUMNS;
    mx_text_printf(svg,
                   "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\" "
                   "style=\"%sfont:12px system-ui,'Noto Sans SC','WenQuanYi Micro Hei',sans-serif;"
                   "fill:var(--plot-ink,#333)\"><title>",
                   columns * (CELL + GAP) + GAP, total, style_of_page);
    mx_text_html(svg, mx_str_of(title));
    mx_text_puts(svg, "</title>\n");
    int y = GAP;
    for (size_t i = 0; i < n; i++) {
        int x = GAP + (int)(i % COLUMNS) * (CELL + GAP);
        mx_text_printf(svg, "<text x=\"%d\" y=\"%d\" style=\"font-weight:600\">", x, y + 14);
        mx_text_html(svg, mx_str_of(headings[i]));
        mx_text_printf(svg, "</text>\n<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", x, y + HEADING, CELL,
                       heights[i]);
        /* The plot without its own "<svg" and without the style that makes it as wide as a page. */
        const char *rest = plots[i] + strlen("<svg"), *style = strstr(rest, style_of_page);
        if (style != NULL) {
            mx_text_append(svg, rest, (size_t)(style - rest));
            rest = style + strlen(style_of_page);
        }
        mx_text_puts(svg, rest);
        if (i % COLUMNS == COLUMNS - 1 || i + 1 == n)
            y += rows[i / COLUMNS] + HEADING + GAP;
    }
    mx_text_puts(svg, "</svg>\n");
}
