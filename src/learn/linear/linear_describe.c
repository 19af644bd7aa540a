/*
 * A linear regression in words and numbers: the summary that statisticians know.
 */
#include <math.h>
#include <stdio.h>

#include "learn/linear/linear.h"
#include "numeric/statistics.h"

static void describe_quality(const mx_linear *m, mx_text *text)
{
    const mx_linear_quality *q = &m->quality;
    mx_text_printf(text, "R2 %.6g, adjusted %.6g, residual standard deviation %.6g, rank %d of %zu\n", m->r2,
                   m->adjusted_r2, sqrt(m->residual_variance), m->rank, m->d);
    if (isfinite(q->f))
        mx_text_printf(text, "F %.6g on %d and %.6g degrees of freedom, p %.3g\n", q->f, m->rank, q->free_rows, q->f_p);
    if (isfinite(q->log_likelihood))
        mx_text_printf(text, "log-likelihood %.6g, AIC %.6g, BIC %.6g\n", q->log_likelihood, q->aic, q->bic);
    if (m->method >= MX_LINEAR_METHODS)
        return;
    mx_text_printf(text, "solved by %s", mx_linear_method_name(m->method));
    if (m->method == MX_LINEAR_GRADIENTS)
        mx_text_printf(text, ": %.0f iterations, slope %.1f digits below the start", q->iterations, q->digits);
    else if (q->condition > 1)
        mx_text_printf(text, "; condition of the columns at equal spread %s%.3g",
                       m->method == MX_LINEAR_CHOLESKY ? "at most " : "", q->condition);
    mx_text_puts(text, "\n");
    if (m->method == MX_LINEAR_SVD)
        mx_text_puts(
            text, "the columns depend on one another: of all coefficients that fit equally well, those with the least "
                  "sum of squares\n");
}

static void describe_row(const char *name, double b, double error, double width, double free_rows, mx_text *text)
{
    mx_text_printf(text, "%-32s %14.6g", name, b);
    if (isfinite(error))
        mx_text_printf(text, " %14.6g %10.3f %10.3g %14.6g %14.6g", error, b / error,
                       mx_student_t_two_sided(b / error, free_rows), b - width * error, b + width * error);
    mx_text_puts(text, "\n");
}

void mx_linear_describe(const mx_linear *m, const char *const *names, mx_text *text)
{
    double free_rows = m->quality.free_rows > 0 ? m->quality.free_rows : NAN;
    double width = mx_student_t_quantile(0.975, free_rows); /* NaN where nothing is free */
    bool errors = false;
    for (size_t j = 0; j <= m->d; j++)
        errors |= isfinite(m->standard_errors[j]);
    describe_quality(m, text);
    mx_text_printf(text, "%-32s %14s", "column", "coefficient");
    if (errors)
        mx_text_printf(text, " %14s %10s %10s %14s %14s", "standard error", "t", "p", "low 95 %", "high 95 %");
    mx_text_puts(text, "\n");
    describe_row("(intercept)", m->intercept, m->standard_errors[m->d], width, free_rows, text);
    for (size_t j = 0; j < m->d; j++) {
        char number[32];
        (void)snprintf(number, sizeof number, "%zu", j);
        describe_row(names != NULL ? names[j] : number, m->coefficients[j], m->standard_errors[j], width, free_rows,
                     text);
    }
}
