/*
 * Plots for terminals.
 */
#include <math.h>

#include "plot/plot.h"

static const char *const eighths_up[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const eighths_right[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

void mx_plot_spark(mx_text *text, const double *values, size_t n)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    if (low > 0 && low < high / 2)
        low = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            mx_text_puts(text, " ");
            continue;
        }
        double share = high > low ? (values[i] - low) / (high - low) : 0.5;
        int level = (int)(share * 7.999);
        mx_text_puts(text, eighths_up[level < 0 ? 0 : level > 7 ? 7 : level]);
    }
}

void mx_plot_meter(mx_text *text, double value, double most, int columns)
{
    double share = most > 0 && isfinite(value) ? fmin(1, fmax(0, value / most)) : 0;
    int eighths = (int)floor(share * columns * 8 + 0.5);
    int used = 0;
    for (; eighths >= 8; eighths -= 8, used++)
        mx_text_puts(text, "█");
    if (eighths > 0) {
        mx_text_puts(text, eighths_right[eighths]);
        used++;
    }
    for (; used < columns; used++)
        mx_text_puts(text, " ");
}
