/*
 * Panels: many series over time (a product in a store, by week) with columns that are known ahead (prices, promotions, holidays), and forecasts of
 * their next steps by any regression.
 *
 *     merx_panel *panel;
 *     merx_panel_new(NULL, table, &(merx_panel_options){.series = names, .n_series = 2, .time = "week", .target = "units",
 *                                                       .logarithm = true, .first = 2, .last = 3}, &panel, &err);
 *     merx_panel_forecast(panel, model, 135, task, &forecast, &err);       weeks 137 and 138 as seen from the end of week 135
 *
 * A table has one row for each series and step. What is forecast at step t with horizon h sees the target up to step t - h, and the other
 * columns up to step t: they must be known ahead, or be ignored. The model learns from rows made like those to be forecast, so that nothing it
 * learns from is later than what it will have.
 *
 * The rows that a model sees (merx_panel_training, merx_panel_future) have these columns:
 *   the series' columns                  categorical
 *   each known column C                  as in the table
 *   "C step"                             numeric C: less the series' value one row before
 *   "C rel"                              less the mean of the series' rows of the 12 steps before
 *   "C last"                             less the value at step t - h
 *   "T last", "T last-1" …               the target at steps t - h, t - h - 1 … (missing where there is no row); its logarithm when asked for
 *   "T mean 4", "T mean 12" …            the mean of what is there in the 4, 12, 26, 52 steps up to t - h
 *   "T alike"                            the mean of the target in the series' steps up to t - h, weighted by how near their numeric known columns are
 *   "horizon"                            where there are several
 *   T                                    the target, missing where it is unknown
 */
#ifndef MERX_PANEL_H
#define MERX_PANEL_H

#include "merx/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_panel_options {
    const char *const *series; /* columns that name a series together; at least one */
    size_t n_series;
    const char *time; /* whole numbers, or dates */
    int step_days;    /* of dates: days of a step; 0: 7 */
    const char *target;
    bool logarithm; /* the model learns log(target), for effects that multiply; the target must be > 0 */
    const char *
        by; /* a column: one model for each of its values (a brand's own prices act on it in its own way); NULL: one for all */
    const char *const *ignore;
    size_t n_ignore;
    int first, last;             /* horizons in steps, 1 <= first <= last <= 1000; both 0: 1 and 1 */
    int lags;                    /* single past values of the target; 0: 4; at most 100 */
    const char *const *features; /* of the columns a model sees (above), those it learns from; NULL: all */
    size_t n_features;
} merx_panel_options;

typedef struct merx_panel merx_panel;

/*
 * table   kept, must outlive the panel
 * Errors: MERX_E_NOT_FOUND names the nearest column; MERX_E_EXISTS for two rows of one series and step, MERX_E_NUMERIC for a target that has no
 *         logarithm, MERX_E_TYPE, MERX_E_RANGE.
 */
MERX_API merx_status merx_panel_new(const merx_allocator *alloc, const merx_dataset *table,
                                    const merx_panel_options *options, merx_panel **out,
                                    merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_panel_free(merx_panel *panel);
MERX_API size_t merx_panel_series(const merx_panel *panel);      /* how many there are */
MERX_API int64_t merx_panel_last_known(const merx_panel *panel); /* last step with a target; INT64_MIN: none */
/* "135", or the day a step of dates begins: "1992-03-05". out >= 32 bytes. */
MERX_API void merx_panel_step_text(const merx_panel *panel, int64_t step, char *out);

/* Rows to learn from at the end of step `origin`: steps up to it, horizons taken in turns. Returned: free with merx_dataset_free. */
MERX_API merx_status merx_panel_training(const merx_panel *panel, int64_t origin, merx_dataset **out,
                                         merx_error *err) MERX_MUST_CHECK;
/* Rows to be forecast: of the table's rows at steps origin + first … origin + last. */
MERX_API merx_status merx_panel_future(const merx_panel *panel, int64_t origin, merx_dataset **out,
                                       merx_error *err) MERX_MUST_CHECK;

typedef struct merx_forecast {
    size_t rows;
    size_t *row;    /* (rows) of the table */
    int64_t *step;  /* (rows) */
    double *value;  /* (rows) the forecast */
    double *actual; /* (rows) NaN where the table does not know it */
    double bias;    /* what the model's values were multiplied with; 1 without logarithms */
    size_t learned; /* rows learnt from */
    double
        fold_error; /* sum |actual - forecast| / sum |actual| over the held-out folds of the training rows; NaN without logarithms */
    void *memory; /* owned; see merx_forecast_release */
    const merx_allocator *alloc;
} merx_forecast;
/*
 * Fits a model like `unfitted` (its family and options; a regression) to the rows known at `origin` and forecasts.
 *
 * A model of logarithms forecasts medians: sums of its values are too low. So they are multiplied with one factor, the actual sum over the
 * forecast sum on training rows held out in four folds of blocks of four steps. Nothing after `origin` enters.
 * Cost: five fits with logarithms, else one.
 */
MERX_API merx_status merx_panel_forecast(const merx_panel *panel, const merx_model *unfitted, int64_t origin,
                                         merx_task *task, merx_forecast *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_forecast_release(merx_forecast *forecast);

#ifdef __cplusplus
}
#endif
#endif
