/*
 * Model files: a tensor file whose metadata say what the model is, and whose tensors are the pipeline's ("pipeline.*"), the names of
 * classes ("classes") and the family's own.
 *
 * Metadata: kind "merx model", model_format, family, merx_version, shape, width, rows, seed, target, target_kind, target_type,
 * target_log, target_min, target_max, weight, options (JSON), data (JSON: what each column held), metrics (JSON), notes.
 * No clock time, no host: bytes depend on data, options and seed alone.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/model_state.h"

static const char *const kinds[] = {"none", "value", "class"};

static merx_status meta_number(mx_tensor_writer *writer, const char *key, uint64_t value, merx_error *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return mx_tensor_writer_meta(writer, key, text, err);
}

static merx_status meta_real(mx_tensor_writer *writer, const char *key, double value, merx_error *err)
{
    char text[32];
    (void)mx_format_double(value, text);
    return mx_tensor_writer_meta(writer, key, text, err);
}

/* A number as JSON; null when it is none. */
static void json_number(mx_text *text, double value)
{
    char number[32];
    (void)mx_format_double(value, number);
    mx_text_puts(text, isfinite(value) ? number : "null");
}

static void json_word(mx_text *text, const char *word)
{
    mx_text_puts(text, "\"");
    mx_text_json(text, mx_str_of(word));
    mx_text_puts(text, "\"");
}

/* {"carat": {"type": "numeric", "min": 0.2, "max": 5.01, "missing": 0}, …} */
static void data_json(const mx_pipeline *p, mx_text *text)
{
    mx_text_puts(text, "{");
    for (size_t s = 0; p != NULL && s < p->n_sources; s++) {
        const mx_source_column *source = &p->sources[s];
        mx_text_puts(text, s > 0 ? ", " : "");
        json_word(text, source->name);
        mx_text_printf(text, ": {\"type\": \"%s\"", merx_column_type_name(source->type));
        if (source->type == MERX_COLUMN_CATEGORICAL) {
            mx_text_puts(text, ", \"levels\": [");
            for (size_t k = 0; k < source->n_levels; k++) {
                mx_text_puts(text, k > 0 ? ", " : "");
                json_word(text, mx_dict_get(source->levels, (int32_t)k).data);
            }
            mx_text_puts(text, "]");
        } else if (source->type == MERX_COLUMN_DATE) {
            char low[40], high[40];
            (void)mx_format_date((int64_t)source->min, true, low);
            (void)mx_format_date((int64_t)source->max, true, high);
            mx_text_printf(text, ", \"min\": \"%s\", \"max\": \"%s\"", low, high);
        } else {
            mx_text_puts(text, ", \"min\": ");
            json_number(text, source->min);
            mx_text_puts(text, ", \"max\": ");
            json_number(text, source->max);
        }
        mx_text_printf(text, ", \"missing\": %llu}", (unsigned long long)source->missing);
    }
    mx_text_puts(text, "}");
}

static void metrics_json(const merx_metrics *metrics, mx_text *text)
{
    mx_text_printf(text, "{\"rows\": %zu, \"metrics\": [", metrics->rows);
    for (size_t i = 0; i < metrics->count; i++) {
        const merx_metric *m = &metrics->metric[i];
        mx_text_puts(text, i > 0 ? ", {\"name\": " : "{\"name\": ");
        json_word(text, m->name);
        mx_text_puts(text, ", \"value\": ");
        json_number(text, m->value);
        mx_text_puts(text, ", \"low\": ");
        json_number(text, m->low);
        mx_text_puts(text, ", \"high\": ");
        json_number(text, m->high);
        mx_text_printf(text, ", \"higher_is_better\": %s}", m->higher_is_better ? "true" : "false");
    }
    mx_text_puts(text, "]}");
}

static merx_status write_metadata(const mx_fitted *f, mx_tensor_writer *writer, merx_error *err)
{
    mx_text text;
    mx_text_init(&text, f->alloc, (size_t)1 << 28);
    merx_status status;
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "kind", "merx model", err));
    MX_TRY_GOTO(meta_number(writer, "model_format", MX_MODEL_FORMAT, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "family", f->family->info.name, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "merx_version", merx_version(), err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "shape", merx_dataset_shape_name(f->shape), err));
    MX_TRY_GOTO(meta_number(writer, "width", f->width, err));
    MX_TRY_GOTO(meta_number(writer, "rows", f->rows, err));
    MX_TRY_GOTO(meta_number(writer, "seed", f->seed, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "target_kind", kinds[f->target_kind], err));
    if (f->target != NULL) {
        MX_TRY_GOTO(mx_tensor_writer_meta(writer, "target", f->target, err));
        MX_TRY_GOTO(mx_tensor_writer_meta(writer, "target_type", merx_column_type_name(f->target_type), err));
        MX_TRY_GOTO(mx_tensor_writer_meta(writer, "target_log", f->target_log ? "true" : "false", err));
    }
    if (f->target_kind == MX_TARGET_VALUE) {
        MX_TRY_GOTO(meta_real(writer, "target_min", f->target_min, err));
        MX_TRY_GOTO(meta_real(writer, "target_max", f->target_max, err));
        if (f->target_limit)
            MX_TRY_GOTO(mx_tensor_writer_meta(writer, "target_limit", "true", err));
    }
    if (f->weight != NULL)
        MX_TRY_GOTO(mx_tensor_writer_meta(writer, "weight", f->weight, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "options", f->options, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "notes", f->notes, err));
    data_json(f->pipeline, &text);
    MX_TRY_GOTO(mx_text_ok(&text, err));
    MX_TRY_GOTO(mx_tensor_writer_meta(writer, "data", text.data, err));
    if (f->metrics.count > 0) {
        mx_text_clear(&text);
        metrics_json(&f->metrics, &text);
        MX_TRY_GOTO(mx_text_ok(&text, err));
        MX_TRY_GOTO(mx_tensor_writer_meta(writer, "metrics", text.data, err));
    }
out:
    mx_text_release(&text);
    return status;
}

static merx_status write_names(const mx_fitted *f, const char *tensor, const char *const *names, size_t count,
                               mx_tensor_writer *writer, merx_error *err)
{
    mx_str *strings = NULL;
    if (names == NULL || count == 0)
        return MERX_OK;
    MX_TRY(MX_NEW_ARRAY(f->alloc, count, &strings, tensor, err));
    for (size_t k = 0; k < count; k++)
        strings[k] = mx_str_of(names[k]);
    merx_status status = mx_tensor_writer_strings(writer, tensor, strings, count, err);
    MX_FREE_ARRAY(f->alloc, strings, count);
    return status;
}

/* Everything of the fitted model, ready to be written. The writer borrows the model's numbers. */
static merx_status fill_writer(const merx_model *model, mx_tensor_writer **out, merx_error *err)
{
    *out = NULL;
    MX_TRY(mx_model_require_fitted(model, err));
    const mx_fitted *f = model->fitted;
    mx_tensor_writer *writer = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_tensor_writer_new(model->alloc, &writer, err));
    MX_TRY_GOTO(write_metadata(f, writer, err));
    if (f->pipeline != NULL)
        MX_TRY_GOTO(mx_pipeline_save(f->pipeline, writer, err));
    MX_TRY_GOTO(write_names(f, "classes", f->class_names, f->classes, writer, err));
    MX_TRY_GOTO(write_names(f, "features", f->features, f->width, writer, err));
    MX_TRY_GOTO(model->family->save(f->state, writer, err));
    *out = writer;
    writer = NULL;
out:
    mx_tensor_writer_free(writer);
    return status;
}

merx_status merx_model_save(const merx_model *model, const char *path, merx_error *err)
{
    mx_tensor_writer *writer;
    MX_TRY(fill_writer(model, &writer, err));
    merx_status status = mx_tensor_writer_save(writer, path, err);
    mx_tensor_writer_free(writer);
    return status;
}

merx_status merx_model_to_bytes(const merx_model *model, void **bytes, size_t *size, merx_error *err)
{
    mx_tensor_writer *writer;
    unsigned char *data = NULL, *copy = NULL;
    size_t count = 0;
    *bytes = NULL;
    *size = 0;
    MX_TRY(fill_writer(model, &writer, err));
    merx_status status;
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, &data, &count, err));
    /* Out of the model's allocator, so that the bytes outlive it. */
    MX_TRY_GOTO(mx_alloc_array_raw(merx_allocator_default(), count, 1, "bytes of the model", &copy, err));
    memcpy(copy, data, count);
    *bytes = copy;
    *size = count;
out:
    mx_free_array(model->alloc, data, count, 1);
    mx_tensor_writer_free(writer);
    return status;
}

void merx_bytes_free(void *bytes, size_t size)
{
    mx_free_array(merx_allocator_default(), bytes, size, 1);
}

merx_status merx_model_each_tensor(const merx_model *model,
                                   merx_status (*take)(void *context, const merx_tensor *tensor, merx_error *err),
                                   void *context, merx_error *err)
{
    mx_tensor_writer *writer;
    merx_status status = MERX_OK;
    MX_TRY(fill_writer(model, &writer, err));
    for (size_t i = 0; i < mx_tensor_writer_pieces(writer); i++) {
        const mx_tensor *piece = mx_tensor_writer_piece(writer, i);
        if (piece == NULL)
            continue;
        merx_tensor tensor = {.name = piece->name,
                              .dtype = mx_dtype_name(piece->dtype),
                              .dims = (size_t)piece->dims,
                              .data = piece->data,
                              .size_bytes = piece->size_bytes};
        for (int k = 0; k < piece->dims; k++)
            tensor.shape[k] = (size_t)piece->shape[k];
        MX_TRY_GOTO(take(context, &tensor, err));
    }
out:
    mx_tensor_writer_free(writer);
    return status;
}

/* ---- reading ---- */

static merx_status damaged(const mx_tensor_file *file, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "this is no usable model file: %s", what);
}

static merx_status need_meta(const mx_tensor_file *file, const char *key, const char **out, merx_error *err)
{
    *out = mx_tensor_file_meta(file, key);
    if (*out == NULL)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "this is no usable model file: its metadata have no \"%s\"", key);
    return MERX_OK;
}

static merx_status need_number(const mx_tensor_file *file, const char *key, uint64_t *out, merx_error *err)
{
    const char *text;
    MX_TRY(need_meta(file, key, &text, err));
    uint64_t value = 0;
    for (const char *c = text; *c != '\0'; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *c - '0', &value))
            return damaged(file, "a number in its metadata is none", err);
    *out = value;
    return MERX_OK;
}

static merx_status keep_meta(mx_fitted *f, const mx_tensor_file *file, const char *key, const char **out,
                             merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, key);
    *out = NULL;
    if (text != NULL && (*out = mx_arena_strdup(&f->arena, text, err)) == NULL)
        return MERX_E_MEMORY;
    return MERX_OK;
}

static merx_status check_format(const mx_tensor_file *file, merx_error *err)
{
    const char *kind = mx_tensor_file_meta(file, "kind");
    if (kind != NULL && strcmp(kind, "merx network") == 0)
        MX_FAIL(err, MERX_E_TYPE, mx_tensor_file_name(file),
                "holds a network without columns and classes; merx fit network TABLE --target COLUMN --spec %.100s "
                "--epochs 0 --out FILE makes a model of it",
                mx_tensor_file_name(file));
    if (kind == NULL || strcmp(kind, "merx model") != 0)
        return damaged(file, "it was not written as one", err);
    uint64_t format;
    MX_TRY(need_number(file, "model_format", &format, err));
    if (format > MX_MODEL_FORMAT) {
        const char *version = mx_tensor_file_meta(file, "merx_version");
        MX_FAIL(err, MERX_E_VERSION, mx_tensor_file_name(file),
                "the model was written by merx %s (format %llu); this is merx %s, which reads up to %d",
                version != NULL ? version : "of unknown version", (unsigned long long)format, merx_version(),
                MX_MODEL_FORMAT);
    }
    return MERX_OK;
}

/* The options of the fit become those of the model, so that a refit repeats it. */
static merx_status load_options(merx_model *model, const mx_tensor_file *file, const char *text, merx_error *err)
{
    json_error_t problem;
    json_t *options = json_loads(text, JSON_REJECT_DUPLICATES, &problem), *value;
    const char *name;
    if (!json_is_object(options)) {
        json_decref(options);
        return damaged(file, "its options are no JSON object", err);
    }
    merx_status status = MERX_OK;
    json_object_foreach(options, name, value)
    {
        merx_error inner = {0};
        if (!json_is_string(value))
            status = damaged(file, "an option is no text", err);
        else if ((status = merx_options_set(model->options, name, json_string_value(value), &inner)) == MERX_E_MEMORY)
            (void)mx_error_set(err, status, inner.where, "%s", inner.message);
        else if (status != MERX_OK)
            status = mx_error_set(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the model's option %s: %s", name,
                                  inner.message);
        if (status != MERX_OK)
            break;
    }
    json_decref(options);
    return status;
}

static double real_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static merx_status load_metrics(mx_fitted *f, const mx_tensor_file *file, merx_error *err)
{
    const char *text = mx_tensor_file_meta(file, "metrics");
    if (text == NULL)
        return MERX_OK;
    json_error_t problem;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    const json_t *list = json_object_get(root, "metrics");
    size_t count = json_array_size(list);
    bool good = count <= MERX_METRICS_MAX;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *one = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(one, "name"));
        good = name != NULL && strlen(name) < sizeof f->metric_names[0];
        if (!good)
            break;
        memcpy(f->metric_names[i], name, strlen(name) + 1);
        f->metrics.metric[i] =
            (merx_metric){f->metric_names[i], real_of(one, "value"), real_of(one, "low"), real_of(one, "high"),
                          json_is_true(json_object_get(one, "higher_is_better"))};
    }
    f->metrics.count = good ? count : 0;
    json_int_t rows = json_integer_value(json_object_get(root, "rows"));
    f->metrics.rows = rows > 0 ? (size_t)rows : 0;
    json_decref(root);
    return good ? MERX_OK : damaged(file, "its metrics are damaged", err);
}

static merx_status read_names(mx_fitted *f, const mx_tensor_file *file, const char *tensor, const char ***out,
                              size_t *count, merx_error *err)
{
    mx_str *names;
    MX_TRY(mx_tensor_file_strings(file, tensor, &f->arena, &names, count, err));
    *out = mx_arena_array(&f->arena, *count > 0 ? *count : 1, sizeof **out, err);
    if (*out == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < *count; k++)
        if (((*out)[k] = mx_arena_strndup(&f->arena, names[k].data, names[k].size, err)) == NULL)
            return MERX_E_MEMORY;
    return MERX_OK;
}

static merx_status load_target(mx_fitted *f, const mx_tensor_file *file, merx_error *err)
{
    const char *kind;
    MX_TRY(need_meta(file, "target_kind", &kind, err));
    int k = 0;
    while (k < 3 && strcmp(kind, kinds[k]) != 0)
        k++;
    if (k == 3)
        return damaged(file, "a target of unknown kind", err);
    f->target_kind = (mx_target_kind)k;
    MX_TRY(keep_meta(f, file, "target", &f->target, err));
    MX_TRY(keep_meta(f, file, "weight", &f->weight, err));
    bool classifies = (f->family->info.tags & MERX_CLASSIFIES) != 0,
         needs = (f->family->info.tags & MERX_NEEDS_TARGET) != 0;
    if ((f->target == NULL) != (k == MX_TARGET_NONE) || needs != (f->target != NULL) ||
        classifies != (k == MX_TARGET_CLASS))
        return damaged(file, "a target that does not fit its family", err);
    if (f->target == NULL)
        return MERX_OK;
    const char *type, *log;
    MX_TRY(need_meta(file, "target_type", &type, err));
    MX_TRY(need_meta(file, "target_log", &log, err));
    int t = 0;
    while (t < MERX_COLUMN_TYPES && strcmp(type, merx_column_type_name((merx_column_type)t)) != 0)
        t++;
    if (t == MERX_COLUMN_TYPES)
        return damaged(file, "a target of unknown type", err);
    f->target_type = (merx_column_type)t;
    f->target_log = strcmp(log, "true") == 0 && k == MX_TARGET_VALUE;
    if (k == MX_TARGET_VALUE) {
        const char *low = mx_tensor_file_meta(file, "target_min"), *high = mx_tensor_file_meta(file, "target_max");
        if (low == NULL || high == NULL || !mx_parse_double(mx_str_of(low), &f->target_min) ||
            !mx_parse_double(mx_str_of(high), &f->target_max))
            return damaged(file, "a target without a range", err);
        f->target_limit = mx_tensor_file_meta(file, "target_limit") != NULL;
        if (f->target_limit && !(f->target_min <= f->target_max))
            return damaged(file, "a target without a range", err);
        return MERX_OK;
    }
    MX_TRY(read_names(f, file, "classes", &f->class_names, &f->classes, err));
    return f->classes < 2 ? damaged(file, "fewer than two classes", err) : MERX_OK;
}

static merx_status load_shape(mx_fitted *f, const mx_tensor_file *file, merx_error *err)
{
    static const struct {
        merx_dataset_shape shape;
        unsigned tag;
    } known[] = {{MERX_SHAPE_TABLE, MERX_TAKES_TABLE},
                 {MERX_SHAPE_SPARSE, MERX_TAKES_SPARSE},
                 {MERX_SHAPE_MATRIX, MERX_TAKES_TABLE}};
    const char *shape;
    MX_TRY(need_meta(file, "shape", &shape, err));
    size_t k = 0;
    while (k < sizeof known / sizeof *known && strcmp(shape, merx_dataset_shape_name(known[k].shape)) != 0)
        k++;
    if (k == sizeof known / sizeof *known)
        return damaged(file, "data of unknown shape", err);
    f->shape = known[k].shape;
    if ((f->family->info.tags & known[k].tag) == 0)
        return damaged(file, "data of a shape that its family does not take", err);
    return MERX_OK;
}

/* Names of a matrix's columns: as many as the model is wide. */
static merx_status load_features(mx_fitted *f, const mx_tensor_file *file, merx_error *err)
{
    bool named = f->shape == MERX_SHAPE_MATRIX ||
                 (f->shape == MERX_SHAPE_SPARSE && (f->family->info.tags & MERX_NEEDS_TARGET) != 0);
    size_t count = 0;
    if (!named)
        return MERX_OK;
    MX_TRY(read_names(f, file, "features", &f->features, &count, err));
    return count != f->width ? damaged(file, "parts of different widths", err) : MERX_OK;
}

static merx_status load_fitted(mx_fitted *f, const mx_tensor_file *file, merx_error *err)
{
    uint64_t width;
    MX_TRY(load_shape(f, file, err));
    MX_TRY(need_number(file, "width", &width, err));
    MX_TRY(need_number(file, "rows", &f->rows, err));
    MX_TRY(need_number(file, "seed", &f->seed, err));
    f->width = (size_t)width;
    MX_TRY(load_target(f, file, err));
    MX_TRY(load_metrics(f, file, err));
    MX_TRY(keep_meta(f, file, "options", &f->options, err));
    MX_TRY(keep_meta(f, file, "notes", &f->notes, err));
    if (f->options == NULL || f->notes == NULL)
        return damaged(file, "its metadata have no options or notes", err);
    if (f->shape == MERX_SHAPE_TABLE) {
        MX_TRY(mx_pipeline_load(file, f->alloc, &f->pipeline, err));
        if (f->pipeline->width != f->width)
            return damaged(file, "parts of different widths", err);
    }
    MX_TRY(load_features(f, file, err));
    mx_fitted_settle(f);
    MX_TRY(f->family->load(file, f->alloc, &f->state, err));
    MX_TRY(mx_fitted_name_outputs(f, err));
    if ((f->target_kind == MX_TARGET_CLASS && f->n_outputs != f->classes) ||
        (f->target_kind == MX_TARGET_VALUE && f->n_outputs != 1))
        return damaged(file, "parts with different numbers of outputs", err);
    if (f->family->inputs != NULL && f->family->inputs(f->state) != f->width)
        return damaged(file, "parts of different widths", err);
    return MERX_OK;
}

static merx_status load_model(const mx_tensor_file *file, const merx_allocator *alloc, merx_model **out,
                              merx_error *err)
{
    merx_model *model = NULL;
    const char *family;
    merx_status status;
    MX_TRY_GOTO(check_format(file, err));
    MX_TRY_GOTO(need_meta(file, "family", &family, err));
    if (merx_family_find(family) == NULL)
        MX_FAIL_GOTO(err, MERX_E_UNSUPPORTED, mx_tensor_file_name(file),
                     "the model is of the family \"%.64s\", which this build does not have", family);
    MX_TRY_GOTO(merx_model_new(alloc, family, &model, err));
    MX_TRY_GOTO(mx_fitted_new(alloc, model->family, &model->fitted, err));
    MX_TRY_GOTO(load_fitted(model->fitted, file, err));
    MX_TRY_GOTO(load_options(model, file, model->fitted->options, err));
    *out = model;
    model = NULL;
out:
    merx_model_free(model);
    return status;
}

merx_status merx_model_load(const merx_allocator *alloc, const char *path, merx_model **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_tensor_file *file;
    MX_TRY(mx_tensor_file_open(path, alloc, true, &file, err));
    merx_status status = load_model(file, alloc, out, err);
    mx_tensor_file_close(file);
    return status;
}

merx_status merx_model_from_bytes(const merx_allocator *alloc, const void *bytes, size_t size, merx_model **out,
                                  merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_tensor_file *file;
    MX_TRY(mx_tensor_file_memory(bytes, size, "bytes of a model", alloc, true, &file, err));
    merx_status status = load_model(file, alloc, out, err);
    mx_tensor_file_close(file);
    return status;
}
