/*
 * Fitting a table that is never held: a stream of tables. Floor 3.
 */
#ifndef MX_LEARN_CORE_STREAM_FIT_H
#define MX_LEARN_CORE_STREAM_FIT_H

#include "learn/core/model_state.h"

/*
 * Learns columns, target and pipeline in a first pass, then lets the family pull the rows as often as it likes (mx_family.fit_rows). Fills what
 * merx_model_fit fills of `fitted`, whose shape becomes that of a table: such a model predicts tables. The model's bits are those of the same rows
 * fitted in memory, levels being sorted bytewise.
 * Errors: MERX_E_SHAPE for a table that differs from the first in its columns, MERX_E_INVALID when a later pass gives other rows than the first.
 */
merx_status mx_stream_fit(const merx_dataset *stream, const merx_options *options, const merx_fit_columns *columns,
                          merx_task *task, mx_fitted *fitted, merx_error *err) MERX_MUST_CHECK;

#endif
