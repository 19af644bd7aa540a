/*
 * Reasons: why one row got its score, and a description of a model for a person.
 *
 * The family gives one contribution for each design column; those of one source column are added up in slot order. Nothing is
 * rescaled: base + contributions is the family's own score.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/model_state.h"

/* What an explanation owns. */
typedef struct explained {
    mx_arena arena;
} explained;

static int compare_contributions(const void *a, const void *b)
{
    const merx_contribution *x = a, *y = b;
    double p = fabs(x->contribution), q = fabs(y->contribution);
    if (p != q)
        return p > q ? -1 : 1;
    return strcmp(x->name, y->name);
}

static merx_status list_sources(const mx_fitted *fitted, const mx_binding *binding, size_t row, const double *parts,
                                mx_arena *arena, merx_explanation *out, merx_error *err)
{
    const mx_pipeline *p = fitted->pipeline;
    out->contributions = mx_arena_array(arena, p->n_sources, sizeof *out->contributions, err);
    if (out->contributions == NULL)
        return MERX_E_MEMORY;
    for (size_t s = 0; s < p->n_sources; s++) {
        char buffer[40];
        double total = 0;
        for (size_t j = p->sources[s].first; j < p->sources[s].first + p->sources[s].count; j++)
            total += parts[j];
        merx_contribution *c = &out->contributions[out->count++];
        c->name = mx_arena_strdup(arena, p->sources[s].name, err);
        c->value = mx_arena_strdup(arena, mx_dataset_cell(binding->columns[s].column, row, buffer), err);
        c->contribution = total;
        if (c->name == NULL || c->value == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

/* What the family says of two columns together, named and valued by both. cells: values as written, by design column. */
static merx_status list_extra(const mx_fitted *fitted, const double *parts, const char *const *cells, mx_arena *arena,
                              merx_explanation *out, merx_error *err)
{
    const char *const *names = mx_fitted_names(fitted);
    size_t terms = fitted->family->extra_terms(fitted->state);
    merx_contribution *all = mx_arena_array(arena, out->count + terms + 1, sizeof *all, err);
    if (all == NULL)
        return MERX_E_MEMORY;
    if (out->count > 0)
        memcpy(all, out->contributions, out->count * sizeof *all);
    out->contributions = all;
    for (size_t t = 0; t < terms; t++) {
        size_t a, b;
        fitted->family->extra_term(fitted->state, t, &a, &b);
        merx_contribution *c = &all[out->count++];
        c->name = mx_arena_printf(arena, err, "%s x %s", names[a], names[b]);
        c->value = mx_arena_printf(arena, err, "%s, %s", cells[a], cells[b]);
        c->contribution = parts[fitted->width + t];
        if (c->name == NULL || c->value == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

/* Values as written, one for each design column, out of the contributions of columns listed so far. */
static merx_status list_cells(const mx_fitted *fitted, const merx_explanation *listed, mx_arena *arena,
                              const char ***out, merx_error *err)
{
    const mx_pipeline *p = fitted->pipeline;
    *out = mx_arena_array(arena, fitted->width + 1, sizeof **out, err);
    if (*out == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < fitted->width; j++)
        (*out)[j] = listed->contributions[p != NULL ? (size_t)p->slots[j].source : j].value;
    return MERX_OK;
}

/* Rows of a matrix: one for each column. */
static merx_status list_features(const mx_fitted *fitted, const merx_dataset *data, size_t row, const double *parts,
                                 mx_arena *arena, merx_explanation *out, merx_error *err)
{
    const mx_dense *dense = &data->dense;
    out->contributions = mx_arena_array(arena, dense->d, sizeof *out->contributions, err);
    if (out->contributions == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < dense->d; j++) {
        char buffer[32];
        size_t at = row * dense->d + j;
        (void)mx_format_double(dense->x != NULL ? dense->x[at] : (double)dense->x_float[at], buffer);
        merx_contribution *c = &out->contributions[out->count++];
        c->name = mx_arena_strdup(arena, fitted->features[j], err);
        c->value = mx_arena_strdup(arena, buffer, err);
        c->contribution = parts[j];
        if (c->name == NULL || c->value == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

/* Sparse rows: one for each column that is there in the row. */
static merx_status list_entries(const mx_csr *csr, size_t row, const char *const *names, const double *parts,
                                mx_arena *arena, merx_explanation *out, merx_error *err)
{
    size_t begin = (size_t)csr->starts[row], end = (size_t)csr->starts[row + 1];
    out->contributions = mx_arena_array(arena, end - begin + 1, sizeof *out->contributions, err);
    if (out->contributions == NULL)
        return MERX_E_MEMORY;
    for (size_t q = begin; q < end; q++) {
        char buffer[32];
        (void)mx_format_double(csr->values != NULL ? (double)csr->values[q] : 1, buffer);
        merx_contribution *c = &out->contributions[out->count++];
        c->name = names != NULL ? mx_arena_strdup(arena, names[csr->indices[q]], err)
                                : mx_arena_printf(arena, err, "%d", (int)csr->indices[q]);
        c->value = mx_arena_strdup(arena, buffer, err);
        c->contribution = parts[csr->indices[q]];
        if (c->name == NULL || c->value == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

merx_status merx_model_explain(const merx_model *model, const merx_dataset *data, size_t row, int output,
                               merx_explanation *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(mx_model_require_fitted(model, err));
    const mx_fitted *fitted = model->fitted;
    MX_TRY(mx_fitted_check(fitted, data, err));
    if (row >= data->rows)
        MX_FAIL(err, MERX_E_RANGE, data->name, "row %zu is not in [0, %zu)", row, data->rows);
    if (output < -1 || (output >= 0 && (size_t)output >= fitted->n_outputs))
        MX_FAIL(err, MERX_E_RANGE, fitted->family->info.name, "output %d is not in [0, %zu) (-1: the row's own)",
                output, fitted->n_outputs);
    mx_binding binding = {0};
    explained *owned = NULL;
    double *x = NULL, *values = NULL, *parts = NULL;
    bool extra = fitted->family->extra_terms != NULL;
    size_t d = fitted->width, k = fitted->n_outputs,
           terms = d + (extra ? fitted->family->extra_terms(fitted->state) : 0);
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, 1, &owned, "explanation", err));
    mx_arena_init(&owned->arena, model->alloc);
    if (mx_fitted_makes_rows(fitted, data))
        MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, d, &x, "design row", err));
    if (fitted->shape == MERX_SHAPE_TABLE)
        MX_TRY_GOTO(mx_pipeline_bind(fitted->pipeline, data, model->alloc, &binding, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, terms, &parts, "contributions", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, k, &values, "outputs", err));
    mx_design design;
    int32_t label = -1;
    bool labelled = (fitted->family->info.tags & (MERX_CLASSIFIES | MERX_CLUSTERS)) != 0;
    MX_TRY_GOTO(mx_fitted_design(fitted, data, &binding, row, 1, x, &design, err));
    MX_TRY_GOTO(fitted->family->predict(fitted->state, &design, NULL, values, labelled ? &label : NULL, err));
    if (output < 0 && labelled) {
        output = label;
    } else if (output < 0) {
        output = 0;
        for (size_t j = 1; j < k; j++)
            if (values[j] > values[output])
                output = (int)j;
    }
    MX_TRY_GOTO(
        fitted->family->explain(fitted->state, &design, 0, (size_t)output, parts, &out->base, &out->score, err));
    if (!isfinite(out->score))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, data->name,
                     "row %zu: its score is too large for a number (expected values like those fitted)", row + 1);
    out->prediction = fitted->target_kind == MX_TARGET_VALUE ? mx_fitted_value(fitted, values[output]) : values[output];
    out->output = mx_arena_strdup(&owned->arena, fitted->output_names[output], err);
    if (out->output == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    if (fitted->shape == MERX_SHAPE_TABLE)
        MX_TRY_GOTO(list_sources(fitted, &binding, row, parts, &owned->arena, out, err));
    else if (fitted->shape == MERX_SHAPE_MATRIX)
        MX_TRY_GOTO(list_features(fitted, data, row, parts, &owned->arena, out, err));
    else
        MX_TRY_GOTO(list_entries(&data->csr, row, fitted->features, parts, &owned->arena, out, err));
    if (extra && fitted->shape != MERX_SHAPE_SPARSE) {
        const char **cells;
        MX_TRY_GOTO(list_cells(fitted, out, &owned->arena, &cells, err));
        MX_TRY_GOTO(list_extra(fitted, parts, cells, &owned->arena, out, err));
    }
    if (out->count > 0)
        qsort(out->contributions, out->count, sizeof *out->contributions, compare_contributions);
    out->memory = owned;
    out->alloc = model->alloc;
    owned = NULL;
out:
    mx_binding_release(&binding);
    MX_FREE_ARRAY(model->alloc, x, d);
    MX_FREE_ARRAY(model->alloc, parts, terms);
    MX_FREE_ARRAY(model->alloc, values, k);
    if (owned != NULL) {
        mx_arena_release(&owned->arena);
        MX_FREE_ARRAY(model->alloc, owned, 1);
    }
    if (status != MERX_OK)
        memset(out, 0, sizeof *out);
    return status;
}

void merx_explanation_release(merx_explanation *explanation)
{
    if (explanation == NULL || explanation->memory == NULL)
        return;
    explained *owned = explanation->memory;
    mx_arena_release(&owned->arena);
    MX_FREE_ARRAY(explanation->alloc, owned, 1);
    memset(explanation, 0, sizeof *explanation);
}

static void describe_range(const mx_source_column *source, mx_text *text)
{
    char low[40], high[40];
    if (source->type == MERX_COLUMN_CATEGORICAL) {
        mx_text_printf(text, "  %s: %zu levels", source->name, source->n_levels);
    } else if (source->type == MERX_COLUMN_DATE) {
        (void)mx_format_date((int64_t)source->min, false, low);
        (void)mx_format_date((int64_t)source->max, false, high);
        mx_text_printf(text, "  %s: %s to %s", source->name, low, high);
    } else {
        (void)mx_format_double(source->min, low);
        (void)mx_format_double(source->max, high);
        mx_text_printf(text, "  %s: %s to %s%s", source->name, low, high, source->log ? ", logarithm" : "");
    }
    if (source->missing > 0)
        mx_text_printf(text, ", %llu missing", (unsigned long long)source->missing);
    mx_text_puts(text, "\n");
}

/* No rows: what columns, levels and outputs are called. */
static mx_design design_of_names(const mx_fitted *fitted)
{
    mx_design names = {.d = fitted->width, .classes = fitted->classes};
    names.names = mx_fitted_names(fitted);
    names.outputs = fitted->target_kind == MX_TARGET_CLASS ? fitted->class_names : &fitted->target;
    if (fitted->pipeline != NULL) {
        names.units = fitted->pipeline->units;
        names.levels = fitted->pipeline->levels;
        names.level_names = fitted->pipeline->level_names;
    }
    return names;
}

merx_status merx_model_shapes_svg(const merx_model *model, char **svg, merx_error *err)
{
    *svg = NULL;
    MX_TRY(mx_model_require_fitted(model, err));
    const mx_fitted *fitted = model->fitted;
    if (fitted->family->plot == NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, fitted->family->info.name, "%s has no shapes to draw (additive models have)",
                fitted->family->info.name);
    mx_design names = design_of_names(fitted);
    mx_text text;
    mx_text_init(&text, model->alloc, (size_t)1 << 26);
    merx_status status = fitted->family->plot(fitted->state, &names, &text, err);
    if (status == MERX_OK)
        status = mx_text_give(&text, svg, err);
    mx_text_release(&text);
    return status;
}

merx_status merx_model_describe(const merx_model *model, char **text_out, merx_error *err)
{
    *text_out = NULL;
    const merx_family_info *info = &model->family->info;
    const mx_fitted *fitted = model->fitted;
    mx_text text;
    mx_text_init(&text, model->alloc, (size_t)1 << 26);
    mx_text_printf(&text, "%s (%s)\n%s\n", info->title, info->name, info->formula);
    merx_status status = MERX_OK;
    if (fitted == NULL) {
        mx_text_puts(&text, "not fitted\n");
    } else {
        if (fitted->target != NULL)
            mx_text_printf(&text, "target: %s%s\n", fitted->target, fitted->target_log ? ", logarithm" : "");
        if (fitted->target_limit)
            mx_text_printf(&text, "predictions stay within %.6g to %.6g\n", fitted->target_min, fitted->target_max);
        if (fitted->weight != NULL)
            mx_text_printf(&text, "weights: %s\n", fitted->weight);
        mx_text_printf(&text, "rows: %llu, seed: %llu\n", (unsigned long long)fitted->rows,
                       (unsigned long long)fitted->seed);
        if (fitted->pipeline != NULL) {
            mx_text_puts(&text, "columns:\n");
            for (size_t s = 0; s < fitted->pipeline->n_sources; s++)
                describe_range(&fitted->pipeline->sources[s], &text);
        }
        mx_text_puts(&text, fitted->notes);
        mx_design names = design_of_names(fitted);
        status = model->family->describe(fitted->state, &names, &text, err);
        for (size_t i = 0; i < fitted->metrics.count; i++) {
            const merx_metric *m = &fitted->metrics.metric[i];
            mx_text_printf(&text, "%s: %.6g (%.6g to %.6g)\n", m->name, m->value, m->low, m->high);
        }
    }
    if (status == MERX_OK)
        status = mx_text_give(&text, text_out, err);
    mx_text_release(&text);
    return status;
}
