/*
 * The value of a column in a row, shared by learning and applying a pipeline. Floor 3.
 */
#ifndef MX_LEARN_CORE_TRANSFORM_H
#define MX_LEARN_CORE_TRANSFORM_H

#include "learn/core/pipeline.h"

#define MX_YEAR_MS 31557600000.0 /* 365.25 days */

/* A number out of a numeric, boolean or date column (dates in ms); false when missing. */
bool mx_column_value(const mx_column *column, size_t row, double *value);

#endif
