/*
 * Learning a column's statistics. Moments of blocks are combined by Chan, Golub & LeVeque (1983), eq. 2.1.
 */
#include "learn/core/column_study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/transform.h"

#define MAX_VALUES ((size_t)1 << 40)

merx_status mx_column_study_init(mx_column_study *study, const mx_column *column, const char *name, bool log,
                                 bool keep_values, const merx_allocator *alloc, merx_error *err)
{
    bool words = column->type == MERX_COLUMN_CATEGORICAL;
    *study = (mx_column_study){.name = name,
                               .type = column->type,
                               .log = log,
                               .keep_values = keep_values,
                               .min = NAN,
                               .max = NAN,
                               .alloc = mx_allocator_or_default(alloc)};
    study->values = mx_vec_init(study->alloc, sizeof(double), MAX_VALUES, "column values");
    study->counts = mx_vec_init(study->alloc, sizeof(uint64_t), INT32_MAX, "levels");
    if (words)
        return mx_dict_new(study->alloc, INT32_MAX, &study->levels, err);
    return MX_NEW_ARRAY(study->alloc, MX_STUDY_BLOCK, &study->block, "column values", err);
}

void mx_column_study_release(mx_column_study *study)
{
    if (study->alloc == NULL)
        return;
    mx_dict_free(study->levels);
    mx_vec_release(&study->counts);
    mx_vec_release(&study->values);
    MX_FREE_ARRAY(study->alloc, study->block, MX_STUDY_BLOCK);
    memset(study, 0, sizeof *study);
}

static void close_block(mx_column_study *s)
{
    double n = (double)s->in_block, sum = 0, squares = 0;
    for (size_t i = 0; i < s->in_block; i++)
        sum += s->block[i];
    double mean = sum / n;
    for (size_t i = 0; i < s->in_block; i++)
        squares += (s->block[i] - mean) * (s->block[i] - mean);
    double before = (double)s->present, all = before + n, step = mean - s->mean;
    s->squares += squares + step * step * (before * n / all);
    s->mean += step * (n / all);
    s->present += s->in_block;
    s->in_block = 0;
}

static merx_status add_levels(mx_column_study *s, const merx_dataset *table, const mx_column *column, merx_error *err)
{
    size_t n = column->n_levels;
    int32_t *codes = NULL;
    merx_status status = MERX_OK;
    MX_TRY(MX_NEW_ARRAY(s->alloc, n, &codes, "levels", err));
    for (size_t k = 0; k < n; k++) {
        bool added;
        MX_TRY_GOTO(mx_dict_add(s->levels, mx_str_of(column->levels[k]), &codes[k], &added, err));
        if (added)
            MX_TRY_GOTO(mx_vec_append(&s->counts, &(uint64_t){0}, 1, err));
    }
    uint64_t *counts = s->counts.data;
    for (size_t i = 0; i < table->rows; i++)
        if (column->as.codes[i] >= 0)
            counts[codes[column->as.codes[i]]]++;
        else
            s->missing++;
out:
    MX_FREE_ARRAY(s->alloc, codes, n);
    return status;
}

static merx_status add_value(mx_column_study *s, const merx_dataset *table, size_t row, double raw, merx_error *err)
{
    double value = s->type == MERX_COLUMN_DATE ? raw / MX_YEAR_MS : raw;
    if (s->log) {
        if (!(raw > 0)) {
            char where[224], text[32];
            mx_dataset_where(table, row, where);
            (void)mx_format_double(raw, text);
            MX_FAIL(err, MERX_E_NUMERIC, where,
                    "column \"%s\": %s has no logarithm (log_columns needs numbers above 0)", s->name, text);
        }
        value = log(raw);
    }
    s->min = !(s->min <= raw) ? raw : s->min;
    s->max = !(s->max >= raw) ? raw : s->max;
    s->block[s->in_block++] = value;
    if (s->in_block == MX_STUDY_BLOCK)
        close_block(s);
    if (s->keep_values)
        MX_TRY(mx_vec_append(&s->values, &value, 1, err));
    if (s->type == MERX_COLUMN_DATE) {
        mx_date date;
        mx_date_from_ms((int64_t)raw, &date);
        s->months[date.month]++;
        s->days[mx_weekday((int64_t)raw)]++;
    }
    return MERX_OK;
}

merx_status mx_column_study_add(mx_column_study *study, const merx_dataset *table, const mx_column *column,
                                merx_error *err)
{
    study->rows += table->rows;
    if (study->type == MERX_COLUMN_TEXT)
        return MERX_OK;
    if (study->type == MERX_COLUMN_CATEGORICAL)
        return add_levels(study, table, column, err);
    for (size_t i = 0; i < table->rows; i++) {
        double raw;
        if (mx_column_value(column, i, &raw))
            MX_TRY(add_value(study, table, i, raw, err));
        else
            study->missing++;
    }
    return MERX_OK;
}

typedef struct word_count {
    mx_str word;
    uint64_t count;
} word_count;

static int compare_words(const void *a, const void *b)
{
    return mx_str_compare(((const word_count *)a)->word, ((const word_count *)b)->word);
}

static merx_status sort_levels(mx_column_study *s, merx_error *err)
{
    size_t n = mx_dict_count(s->levels), kept = 0;
    word_count *words = NULL;
    mx_dict *sorted = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(s->alloc, n, &words, "levels", err));
    MX_TRY_GOTO(mx_dict_new(s->alloc, INT32_MAX, &sorted, err));
    uint64_t *counts = s->counts.data;
    for (size_t k = 0; k < n; k++)
        if (counts[k] > 0)
            words[kept++] = (word_count){mx_dict_get(s->levels, (int32_t)k), counts[k]};
    if (kept > 0)
        qsort(words, kept, sizeof *words, compare_words);
    for (size_t k = 0; k < kept; k++) {
        int32_t code;
        MX_TRY_GOTO(mx_dict_add(sorted, words[k].word, &code, NULL, err));
        counts[k] = words[k].count;
    }
    s->counts.count = kept;
    mx_dict *old = s->levels;
    s->levels = sorted;
    sorted = old;
out:
    mx_dict_free(sorted);
    MX_FREE_ARRAY(s->alloc, words, n);
    return status;
}

merx_status mx_column_study_end(mx_column_study *study, bool sorted, merx_error *err)
{
    if (study->in_block > 0)
        close_block(study);
    return study->type == MERX_COLUMN_CATEGORICAL && sorted ? sort_levels(study, err) : MERX_OK;
}
