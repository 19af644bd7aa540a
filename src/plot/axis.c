/*
 * Axes: where ticks lie and what they say.
 */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "plot/plot.h"

size_t mx_plot_ticks(double low, double high, size_t most, double *out)
{
    if (!isfinite(low) || !isfinite(high) || !(high > low) || most < 2) {
        if (most > 0 && isfinite(low))
            out[0] = low;
        return most > 0 && isfinite(low);
    }
    static const double nice[] = {1, 2, 2.5, 5, 10};
    double rough = (high - low) / (double)(most - 1);
    double power = pow(10, floor(log10(rough)));
    double step = 0;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++) {
        step = nice[i] * power;
        if (step >= rough * (1 - 1e-12))
            break;
    }
    double first = ceil(low / step - 1e-9) * step;
    size_t n = 0;
    for (; n < most; n++) {
        double tick = first + (double)n * step;
        if (tick > high + step * 1e-9)
            break;
        out[n] = fabs(tick) < step * 1e-9 ? 0 : tick;
    }
    return n;
}

/* A number in at most three digits and a letter. */
static void short_number(double value, double step, char *out, size_t size)
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    double magnitude = fabs(value);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (magnitude >= units[i].unit * 0.9999) {
            double scaled = value / units[i].unit;
            int digits = fabs(step) < units[i].unit && fabs(scaled) < 100 ? 1 : 0;
            snprintf(out, size, "%.*f%s", digits, scaled, units[i].letter);
            return;
        }
    int digits = 0;
    while (digits < 6 && step > 0 && fabs(step * pow(10, digits) - round(step * pow(10, digits))) > 1e-6)
        digits++;
    snprintf(out, size, "%.*f", digits, value);
}

void mx_plot_label(double value, const mx_axis *axis, double step, char *out)
{
    enum { SIZE = 48 };
    if (axis->unit == MX_AXIS_SHARE) {
        snprintf(out, SIZE, "%.*f%%", step > 0 && step < 0.01 ? 1 : 0, value * 100);
    } else if (axis->unit == MX_AXIS_DATE) {
        char day[32];
        mx_format_date((int64_t)value, false, day);
        snprintf(out, SIZE, "%.*s", step >= 27.0 * MX_DAY_MS ? 7 : 10, day);
    } else {
        char number[SIZE - 8];
        short_number(value, step, number, sizeof number);
        const char *prefix = axis->prefix && axis->unit == MX_AXIS_MONEY ? axis->prefix : "";
        if (number[0] == '-')
            snprintf(out, SIZE, "-%.6s%s", prefix, number + 1);
        else
            snprintf(out, SIZE, "%.6s%s", prefix, number);
    }
}
