/*
 * The inside of a panel: rows sorted by series and step. Floor 3.
 */
#ifndef MX_LEARN_CORE_PANEL_H
#define MX_LEARN_CORE_PANEL_H

#include "learn/core/table.h"
#include "merx/panel.h"

#define MX_PANEL_MEANS 4
#define MX_PANEL_WINDOW 12 /* steps of "C rel" */

struct merx_panel {
    const merx_allocator *alloc;
    mx_arena arena;
    const merx_dataset *table;
    size_t rows, n_series;
    size_t n_names, *names;  /* the series' columns */
    size_t n_known, *known;  /* columns known ahead */
    const char *target_name; /* a copy */
    const char **features;   /* copies; NULL: all */
    size_t n_features;
    size_t n_groups; /* values of the column `by`; 1 without */
    int32_t *group;  /* (rows) in that order */
    merx_column_type time_type;
    bool logarithm;
    int first, last, lags, step_days;
    int64_t last_known;
    size_t *order;    /* (rows) rows of the table by series, then step */
    int64_t *step;    /* (rows) in that order */
    int32_t *series;  /* (rows) in that order */
    size_t *starts;   /* (n_series + 1) into the three */
    double *target;   /* (rows) in that order; NaN: unknown */
    double *learned;  /* (rows) its logarithm when asked for; else the same */
    double **numbers; /* (n_known) numeric columns in that order; NULL for others */
    double *scale;    /* (n_known) their standard deviations over the table */
};

extern const int mx_panel_means[MX_PANEL_MEANS];

/* A row to be learnt from or forecast: a place in the order, and how far ahead it is seen. */
typedef struct mx_panel_row {
    size_t at;
    int horizon;
} mx_panel_row;
/* The rows of training or future. Owned by the caller: MX_FREE_ARRAY of panel->rows. */
merx_status mx_panel_rows(const merx_panel *panel, int64_t origin, bool future, mx_panel_row **rows, size_t *n,
                          merx_error *err) MERX_MUST_CHECK;
merx_status mx_panel_table(const merx_panel *panel, const mx_panel_row *rows, size_t n, merx_dataset **out,
                           merx_error *err) MERX_MUST_CHECK;

#endif
