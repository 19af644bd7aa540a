/*
 * A fit's course as a table and as curves.
 */
#include "learn/network/history.h"

#include <math.h>

#include "io/file.h"
#include "plot/plot.h"

enum { MOST_BYTES = 64 << 20 };

static void put_number(mx_text *text, double v)
{
    char number[32];
    if (isfinite(v))
        mx_text_append(text, number, mx_format_double(v, number));
}

static merx_status write_csv(const merx_history *h, const merx_network *net, const char *path, merx_error *err)
{
    mx_text text;
    mx_text_init(&text, net->alloc, MOST_BYTES);
    const char *metric =
        net->loss == MERX_CATEGORICAL_CROSSENTROPY || net->loss == MERX_BINARY_CROSSENTROPY ? "accuracy" : "mae";
    mx_text_printf(&text, "epoch,loss,%s,val_loss,val_%s,learning_rate,seconds\n", metric, metric);
    for (size_t i = 0; i < h->epochs; i++) {
        const merx_epoch *e = &h->epoch[i];
        const double values[] = {e->loss,          e->metric, e->validation_loss, e->validation_metric,
                                 e->learning_rate, e->seconds};
        mx_text_printf(&text, "%d", e->epoch);
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            mx_text_puts(&text, ",");
            put_number(&text, values[j]);
        }
        mx_text_puts(&text, "\n");
    }
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = mx_write_file(path, text.data, text.size, err);
    mx_text_release(&text);
    return status;
}

static merx_status write_curves(const merx_history *h, const merx_network *net, const char *path, merx_error *err)
{
    enum { CURVES = 4 };
    double *columns;
    size_t n = h->epochs;
    merx_status status;
    mx_text loss, metric, sheet;
    MX_TRY(MX_NEW_ARRAY(net->alloc, (CURVES + 1) * n, &columns, "curves", err));
    mx_text_init(&loss, net->alloc, MOST_BYTES);
    mx_text_init(&metric, net->alloc, MOST_BYTES);
    mx_text_init(&sheet, net->alloc, MOST_BYTES);
    double *x = columns + CURVES * n;
    for (size_t i = 0; i < n; i++) {
        const merx_epoch *e = &h->epoch[i];
        columns[i] = e->loss;
        columns[n + i] = e->validation_loss;
        columns[2 * n + i] = e->metric;
        columns[3 * n + i] = e->validation_metric;
        x[i] = e->epoch;
    }
    size_t series = n > 0 && isfinite(columns[n]) ? 2 : 1;
    const mx_series losses[] = {{.name = "training", .n = n, .x = x, .y = columns, .dots = true},
                                {.name = "validation", .n = n, .x = x, .y = columns + n, .dots = true}};
    const mx_series metrics[] = {{.name = "training", .n = n, .x = x, .y = columns + 2 * n, .dots = true},
                                 {.name = "validation", .n = n, .x = x, .y = columns + 3 * n, .dots = true}};
    mx_plot_lines(&loss, &(mx_line_plot){.title = "Loss",
                                         .text = "Loss after each epoch",
                                         .x = {.label = "epoch"},
                                         .y = {.label = "loss"},
                                         .series = series,
                                         .one = losses});
    mx_plot_lines(&metric, &(mx_line_plot){.title = mx_loss_metric(net->loss),
                                           .text = "Metric after each epoch",
                                           .x = {.label = "epoch"},
                                           .y = {.label = mx_loss_metric(net->loss)},
                                           .series = series,
                                           .one = metrics});
    const char *const headings[] = {"Loss", mx_loss_metric(net->loss)}, *const plots[] = {loss.data, metric.data};
    mx_plot_sheet(&sheet, "Learning curves", headings, plots, 2);
    MX_TRY_GOTO(mx_text_ok(&loss, err));
    MX_TRY_GOTO(mx_text_ok(&metric, err));
    MX_TRY_GOTO(mx_text_ok(&sheet, err));
    MX_TRY_GOTO(mx_write_file(path, sheet.data, sheet.size, err));
out:
    mx_text_release(&loss);
    mx_text_release(&metric);
    mx_text_release(&sheet);
    MX_FREE_ARRAY(net->alloc, columns, (CURVES + 1) * n);
    return status;
}

merx_status mx_history_write(const merx_history *h, const merx_network *net, const char *csv, const char *svg,
                             merx_error *err)
{
    if (csv != NULL)
        MX_TRY(write_csv(h, net, csv, err));
    return svg != NULL ? write_curves(h, net, svg, err) : MERX_OK;
}
