/*
 * Fitting a stream.
 *
 * Pass 1 studies every column (column_study.h), gathers the classes and counts the rows n. The family's passes then get designs of `room`
 * rows, a multiple of 1,024 that depends on the width alone, filled across the borders of the stream's tables: nothing a family sees depends on where
 * those are.
 *
 * Invariants: one table of the stream is held at a time; table_y, table_labels, table_weights belong to it; rows before `at` are given.
 */
#include "learn/core/stream_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/fit_choice.h"

#define BLOCK_BYTES ((size_t)8 << 20)
#define MOST_BLOCK_ROWS ((size_t)1 << 16)

typedef struct schema_column {
    const char *name;
    merx_column_type type;
} schema_column;

typedef struct stream_work {
    mx_design_rows rows; /* first: the family pulls through it */
    const merx_dataset *stream;
    const merx_options *options;
    const merx_fit_columns *columns;
    merx_task *task;
    const merx_allocator *scratch;
    mx_fitted *fitted;
    mx_arena arena; /* of the fit */
    mx_fit_choice choice;
    schema_column *schema; /* (n_columns) of the first table */
    size_t n_columns;
    mx_column_study *studies; /* (choice.n_features) */
    mx_dict *classes;
    bool any_weight;
    uint64_t tables; /* pulled since the last rewind */

    merx_dataset *table; /* NULL: pull the next */
    size_t at, table_rows;
    mx_binding binding;
    double *table_y, *table_weights;
    int32_t *table_labels;

    size_t room, cells; /* rows of a design, and room * width */
    double *x, *y, *weights;
    int32_t *labels;
    uint64_t given;
    size_t fill_at, fill_from; /* of transform_piece */
} stream_work;

static bool regresses(const stream_work *w)
{
    return w->fitted->target_kind == MX_TARGET_VALUE;
}

static void drop_table(stream_work *w)
{
    mx_binding_release(&w->binding);
    MX_FREE_ARRAY(w->scratch, w->table_y, w->table_rows);
    MX_FREE_ARRAY(w->scratch, w->table_weights, w->table_rows);
    MX_FREE_ARRAY(w->scratch, w->table_labels, w->table_rows);
    merx_dataset_free(w->table);
    w->table = NULL;
    w->table_y = w->table_weights = NULL;
    w->table_labels = NULL;
    w->at = w->table_rows = 0;
}

/* A table like the first: as many columns, of the same names and types in the same order. */
static merx_status check_schema(const stream_work *w, const merx_dataset *table, merx_error *err)
{
    char where[64];
    (void)snprintf(where, sizeof where, "stream, block %llu", (unsigned long long)w->tables);
    if (table->shape != MERX_SHAPE_TABLE)
        MX_FAIL(err, MERX_E_SHAPE, where, "it is no table (\"%s\")", merx_dataset_shape_name(table->shape));
    for (size_t j = 0; w->schema != NULL && j < w->n_columns; j++) {
        const schema_column *expected = &w->schema[j];
        const mx_column *column = mx_dataset_column(table, j);
        if (column == NULL || strcmp(column->name, expected->name) != 0)
            MX_FAIL(err, MERX_E_SHAPE, where,
                    "its column %zu is \"%s\" (expected \"%s\": every block has the columns of the first)", j + 1,
                    column != NULL ? column->name : "missing", expected->name);
        if (column->type != expected->type)
            MX_FAIL(err, MERX_E_SHAPE, where, "its column \"%s\" is %s; in the first block it is %s", expected->name,
                    merx_column_type_name(column->type), merx_column_type_name(expected->type));
    }
    if (w->schema != NULL && table->columns.count != w->n_columns)
        MX_FAIL(err, MERX_E_SHAPE, where, "it has %zu columns; the first block has %zu", table->columns.count,
                w->n_columns);
    return MERX_OK;
}

/* The next table that has rows into w->table; NULL at the end. */
static merx_status pull(stream_work *w, merx_error *err)
{
    drop_table(w);
    for (;;) {
        merx_dataset *table = NULL;
        MX_TRY(w->stream->stream.next(w->stream->stream.context, &table, err));
        if (table == NULL)
            return MERX_OK;
        w->tables++;
        merx_status status = check_schema(w, table, err);
        if (status != MERX_OK || table->rows == 0) {
            merx_dataset_free(table);
            MX_TRY(status);
            continue;
        }
        w->table = table;
        w->table_rows = table->rows;
        return MERX_OK;
    }
}

static merx_status rewind_stream(stream_work *w, merx_error *err)
{
    drop_table(w);
    w->tables = w->given = 0;
    return w->stream->stream.rewind(w->stream->stream.context, err);
}

/* ---- the first pass ---- */

static merx_status open_schema(stream_work *w, merx_error *err)
{
    w->n_columns = w->table->columns.count;
    schema_column *schema = mx_arena_array(&w->arena, w->n_columns + 1, sizeof *schema, err);
    if (schema == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < w->n_columns; j++) {
        const mx_column *column = mx_dataset_column(w->table, j);
        schema[j] = (schema_column){mx_arena_strdup(&w->arena, column->name, err), column->type};
        if (schema[j].name == NULL)
            return MERX_E_MEMORY;
    }
    const mx_family *family = w->fitted->family;
    MX_TRY(mx_fit_choose(w->table, family, w->options, w->columns, w->scratch, &w->choice, err));
    MX_TRY(MX_NEW_ARRAY(w->scratch, w->choice.n_features, &w->studies, "columns", err));
    MX_TRY(mx_pipeline_study(w->table, w->choice.features, w->choice.n_features, w->options, MX_PIPELINE_DROP_FIRST,
                             w->fitted->alloc, w->studies, err));
    for (size_t c = 0; c < w->choice.n_features; c++)
        w->studies[c].name = schema[w->choice.features[c]].name;
    mx_fitted *f = w->fitted;
    if (w->choice.has_target) {
        f->target = mx_arena_strdup(&f->arena, w->columns->target, err);
        f->target_type = schema[w->choice.target].type;
        f->target_log = mx_list_has(merx_options_text(w->options, "log_columns"), w->columns->target);
        f->target_kind = (family->info.tags & MERX_CLASSIFIES) != 0 ? MX_TARGET_CLASS : MX_TARGET_VALUE;
        if (f->target == NULL)
            return MERX_E_MEMORY;
        if (f->target_log && f->target_kind == MX_TARGET_CLASS)
            MX_FAIL(err, MERX_E_INVALID, w->stream->name,
                    "log_columns names the target \"%s\", whose values are classes here", f->target);
    }
    if (w->choice.has_weight && (f->weight = mx_arena_strdup(&f->arena, w->columns->weight, err)) == NULL)
        return MERX_E_MEMORY;
    w->schema = schema;
    return mx_dict_new(w->scratch, INT32_MAX, &w->classes, err);
}

static merx_status study_piece(void *context, size_t c, merx_error *err)
{
    stream_work *w = context;
    return mx_column_study_add(&w->studies[c], w->table, mx_dataset_column(w->table, w->choice.features[c]), err);
}

static merx_status study_target(stream_work *w, merx_error *err)
{
    mx_fitted *f = w->fitted;
    if (f->target_kind == MX_TARGET_CLASS) {
        mx_arena arena;
        mx_arena_init(&arena, w->scratch);
        const char **names;
        size_t count;
        merx_status status = mx_target_seen(w->table, w->choice.target, &arena, &names, &count, err);
        for (size_t k = 0; status == MERX_OK && k < count; k++) {
            int32_t code;
            status = mx_dict_add(w->classes, mx_str_of(names[k]), &code, NULL, err);
        }
        mx_arena_release(&arena);
        return status;
    }
    if (!regresses(w))
        return MERX_OK;
    MX_TRY(MX_NEW_ARRAY(w->scratch, w->table_rows, &w->table_y, "target", err));
    MX_TRY(mx_target_values(w->table, w->choice.target, f->target_log, w->table_y, err));
    for (size_t i = 0; i < w->table_rows; i++) {
        double value = f->target_log ? exp(w->table_y[i]) : w->table_y[i];
        f->target_min = !(f->target_min <= value) ? value : f->target_min;
        f->target_max = !(f->target_max >= value) ? value : f->target_max;
    }
    return MERX_OK;
}

static merx_status study_stream(stream_work *w, merx_error *err)
{
    MX_TRY(rewind_stream(w, err));
    for (;;) {
        MX_TRY(pull(w, err));
        if (w->table == NULL)
            break;
        if (w->schema == NULL)
            MX_TRY(open_schema(w, err));
        MX_TRY(mx_parallel(w->task, w->choice.n_features, study_piece, w, err));
        MX_TRY(study_target(w, err));
        if (w->choice.has_weight) {
            MX_TRY(MX_NEW_ARRAY(w->scratch, w->table_rows, &w->table_weights, "weights", err));
            MX_TRY(mx_weight_read(w->table, w->choice.weight, w->table_weights, &w->any_weight, err));
        }
        w->rows.n += w->table_rows;
        MX_TRY(mx_task_step(w->task, w->rows.n, err));
    }
    if (w->rows.n == 0)
        MX_FAIL(err, MERX_E_INVALID, w->stream->name, "there are no rows to learn from");
    if (w->choice.has_weight && !w->any_weight)
        return mx_weight_none(w->stream, w->fitted->weight, err);
    for (size_t c = 0; c < w->choice.n_features; c++)
        MX_TRY(mx_column_study_end(&w->studies[c], true, err));
    return MERX_OK;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_number(const void *a, const void *b)
{
    double x = NAN, y = NAN;
    (void)mx_parse_double(mx_str_of(*(const char *const *)a), &x);
    (void)mx_parse_double(mx_str_of(*(const char *const *)b), &y);
    return (x > y) - (x < y);
}

static merx_status name_classes(stream_work *w, merx_error *err)
{
    mx_fitted *f = w->fitted;
    if (f->target_kind != MX_TARGET_CLASS)
        return MERX_OK;
    f->classes = mx_dict_count(w->classes);
    MX_TRY(mx_target_enough(w->stream, f->target, f->classes, err));
    f->class_names = mx_arena_array(&f->arena, f->classes, sizeof *f->class_names, err);
    if (f->class_names == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < f->classes; k++)
        if ((f->class_names[k] = mx_arena_strdup(&f->arena, mx_dict_get(w->classes, (int32_t)k).data, err)) == NULL)
            return MERX_E_MEMORY;
    qsort(f->class_names, f->classes, sizeof *f->class_names,
          f->target_type == MERX_COLUMN_NUMERIC ? compare_number : compare_text);
    return MERX_OK;
}

/* ---- the rows ---- */

/* Binds the table just pulled and reads its target and weights. */
static merx_status open_table(stream_work *w, merx_error *err)
{
    const mx_fitted *f = w->fitted;
    MX_TRY(mx_pipeline_bind(f->pipeline, w->table, w->scratch, &w->binding, err));
    if (regresses(w)) {
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->table_rows, &w->table_y, "target", err));
        MX_TRY(mx_target_values(w->table, w->choice.target, f->target_log, w->table_y, err));
    } else if (f->target_kind == MX_TARGET_CLASS) {
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->table_rows, &w->table_labels, "labels", err));
        MX_TRY(mx_target_labels(w->table, w->choice.target, f->class_names, f->classes, w->table_labels, err));
    }
    if (w->choice.has_weight) {
        bool any = false;
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->table_rows, &w->table_weights, "weights", err));
        MX_TRY(mx_weight_read(w->table, w->choice.weight, w->table_weights, &any, err));
    }
    return MERX_OK;
}

static merx_status transform_piece(void *context, size_t piece, merx_error *err)
{
    stream_work *w = context;
    size_t begin = piece * MX_ROWS_UNIT, left = w->fill_at - w->fill_from - begin;
    return mx_pipeline_transform(w->fitted->pipeline, &w->binding, w->at + begin,
                                 left < MX_ROWS_UNIT ? left : MX_ROWS_UNIT,
                                 w->x + (w->fill_from + begin) * w->fitted->width, err);
}

/* Copies `count` rows of the table from w->at to row `filled` of the design. */
static merx_status take_rows(stream_work *w, size_t filled, size_t count, merx_error *err)
{
    w->fill_from = filled;
    w->fill_at = filled + count;
    MX_TRY(mx_parallel(w->task, (count + MX_ROWS_UNIT - 1) / MX_ROWS_UNIT, transform_piece, w, err));
    if (w->y != NULL)
        memcpy(w->y + filled, w->table_y + w->at, count * sizeof *w->y);
    if (w->labels != NULL)
        memcpy(w->labels + filled, w->table_labels + w->at, count * sizeof *w->labels);
    if (w->weights != NULL)
        memcpy(w->weights + filled, w->table_weights + w->at, count * sizeof *w->weights);
    w->at += count;
    return MERX_OK;
}

static merx_status changed(const stream_work *w, merx_error *err)
{
    MX_FAIL(err, MERX_E_INVALID, w->stream->name,
            "the stream had %llu rows in its first pass, and now has %s (expected the same rows each time)",
            (unsigned long long)w->rows.n, w->given < w->rows.n ? "fewer" : "more");
}

static merx_status stream_next(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    stream_work *w = (stream_work *)rows;
    size_t filled = 0;
    while (filled < w->room) {
        if (w->table == NULL || w->at == w->table_rows) {
            MX_TRY(pull(w, err));
            if (w->table == NULL)
                break;
            MX_TRY(open_table(w, err));
        }
        size_t left = w->table_rows - w->at, count = left < w->room - filled ? left : w->room - filled;
        MX_TRY(take_rows(w, filled, count, err));
        filled += count;
    }
    w->given += filled;
    if (w->given > rows->n || (filled == 0 && w->given < rows->n))
        return changed(w, err);
    *block = (mx_design){.n = filled,
                         .d = rows->d,
                         .x = w->x,
                         .y = w->y,
                         .labels = w->labels,
                         .classes = rows->classes,
                         .weights = w->weights,
                         .names = rows->names,
                         .outputs = rows->outputs,
                         .units = rows->units};
    return mx_task_step(w->task, w->given, err);
}

static merx_status stream_rewind(mx_design_rows *rows, merx_error *err)
{
    return rewind_stream((stream_work *)rows, err);
}

static merx_status open_rows(stream_work *w, merx_error *err)
{
    mx_fitted *f = w->fitted;
    size_t rows = BLOCK_BYTES / sizeof(double) / f->width / MX_ROWS_UNIT * MX_ROWS_UNIT;
    w->room = rows < MX_ROWS_UNIT ? MX_ROWS_UNIT : rows > MOST_BLOCK_ROWS ? MOST_BLOCK_ROWS : rows;
    if (!mx_mul_size(w->room, f->width, &w->cells))
        MX_FAIL(err, MERX_E_LIMIT, w->stream->name, "%zu columns are too many", f->width);
    w->rows.d = f->width;
    w->rows.classes = f->classes;
    w->rows.weighted = w->choice.has_weight;
    w->rows.names = mx_fitted_names(f);
    w->rows.outputs = f->target_kind == MX_TARGET_CLASS ? f->class_names : &f->target;
    w->rows.units = f->pipeline != NULL ? f->pipeline->units : NULL;
    w->rows.next = stream_next;
    w->rows.rewind = stream_rewind;
    MX_TRY(mx_task_require_memory(w->task, (uint64_t)w->cells * sizeof(double), "a block of the stream", err));
    MX_TRY(mx_alloc_array_raw(w->scratch, w->cells, sizeof *w->x, "a block of the stream", &w->x, err));
    if (regresses(w))
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->room, &w->y, "target", err));
    if (f->target_kind == MX_TARGET_CLASS)
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->room, &w->labels, "labels", err));
    if (w->choice.has_weight)
        MX_TRY(MX_NEW_ARRAY(w->scratch, w->room, &w->weights, "weights", err));
    return MERX_OK;
}

merx_status mx_stream_fit(const merx_dataset *stream, const merx_options *options, const merx_fit_columns *columns,
                          merx_task *task, mx_fitted *fitted, merx_error *err)
{
    stream_work w = {.stream = stream,
                     .options = options,
                     .columns = columns,
                     .task = task,
                     .scratch = merx_task_allocator(task),
                     .fitted = fitted};
    const mx_family *family = fitted->family;
    bool targeted = (family->info.tags & MERX_NEEDS_TARGET) != 0;
    mx_arena_init(&w.arena, w.scratch);
    merx_status status;
    if (strcmp(merx_options_text(options, "impute"), "median") == 0)
        MX_FAIL_GOTO(err, MERX_E_UNSUPPORTED, stream->name,
                     "impute=median needs the whole column at once; a stream is never held (impute=mean works)");
    mx_task_stage(task, "learn the columns", 0, "rows");
    MX_TRY_GOTO(study_stream(&w, err));
    MX_TRY_GOTO(name_classes(&w, err));
    MX_TRY_GOTO(mx_pipeline_from_studies(w.studies, w.choice.n_features, w.rows.n, stream->name, options,
                                         targeted ? MX_PIPELINE_DROP_FIRST : MX_PIPELINE_EVERY_LEVEL, fitted->alloc,
                                         task, &fitted->pipeline, err));
    fitted->shape = MERX_SHAPE_TABLE;
    fitted->width = fitted->pipeline->width;
    fitted->rows = w.rows.n;
    mx_fitted_settle(fitted);
    MX_TRY_GOTO(open_rows(&w, err));
    mx_task_stage(task, "fit", 0, "rows");
    MX_TRY_GOTO(rewind_stream(&w, err));
    MX_TRY_GOTO(family->fit_rows(options, &w.rows, fitted->alloc, task, &fitted->state, err));
    mx_task_done(task);
out:
    drop_table(&w);
    for (size_t c = 0; w.studies != NULL && c < w.choice.n_features; c++)
        mx_column_study_release(&w.studies[c]);
    MX_FREE_ARRAY(w.scratch, w.studies, w.choice.n_features);
    mx_fit_choice_release(&w.choice);
    mx_dict_free(w.classes);
    mx_free_array(w.scratch, w.x, w.cells, sizeof *w.x);
    MX_FREE_ARRAY(w.scratch, w.y, w.room);
    MX_FREE_ARRAY(w.scratch, w.labels, w.room);
    MX_FREE_ARRAY(w.scratch, w.weights, w.room);
    mx_arena_release(&w.arena);
    return status;
}
