/*
 * What the contract tests of models share: data that each family can learn from, on each shape it takes, and comparisons bit by bit.
 */
#ifndef TESTS_MODEL_SUBJECTS_H
#define TESTS_MODEL_SUBJECTS_H

#include "base/random.h"
#include "learn/core/family.h"
#include "merx/model.h"
#include "support/check.h"

typedef struct subject {
    const mx_family *family;
    merx_dataset_shape shape;
} subject;

static char folder[256];

CHECK_UNUSED static bool has_tag(const subject *s, unsigned tag)
{
    return (s->family->info.tags & tag) != 0;
}

CHECK_UNUSED static const char *target_of(const subject *s)
{
    return !has_tag(s, MERX_NEEDS_TARGET) ? NULL : has_tag(s, MERX_CLASSIFIES) ? "kind" : "y";
}

CHECK_UNUSED static merx_status add_table_columns(merx_dataset *t, size_t n, const subject *s, merx_error *err)
{
    static const char *const colours[] = {"red", "green", "blue", "pink", "grey"}, *const kinds[] = {"low", "mid",
                                                                                                     "high"};
    double a[512], b[512], same[512], y[512], weight[512];
    int32_t colour[512], kind[512];
    signed char flag[512];
    int64_t day[512];
    const char *words[512];
    for (size_t i = 0; i < n; i++) {
        mx_random r;
        mx_random_init(&r, 5, i);
        a[i] = mx_random_normal(&r);
        b[i] = exp(mx_random_normal(&r));
        colour[i] = i % 40 == 7   ? 3
                    : i % 40 == 9 ? 4
                                  : (int32_t)(mx_random_below(&r, 10) * mx_random_below(&r, 10) / 28);
        colour[i] = colour[i] > 4 ? 2 : colour[i];
        flag[i] = mx_random_uniform(&r) < 0.3;
        day[i] = INT64_C(1300000000000) + (int64_t)mx_random_below(&r, 800) * 86400000;
        y[i] = 6 + a[i] + 0.5 * b[i] + colour[i] + 2 * flag[i] + 0.5 * mx_random_normal(&r);
        kind[i] = y[i] < 7 ? 0 : y[i] < 8.5 ? 1 : 2;
        weight[i] = 0.5 + mx_random_uniform(&r);
        same[i] = 4;
        words[i] = "some words";
        if (i % 11 == 3)
            b[i] = NAN;
        if (i % 13 == 5)
            colour[i] = -1;
    }
    MX_TRY(merx_dataset_add_numeric(t, "a", a, err));
    MX_TRY(merx_dataset_add_numeric(t, "b", b, err));
    MX_TRY(merx_dataset_add_categorical(t, "colour", colour, colours, 5, err));
    MX_TRY(merx_dataset_add_boolean(t, "flag", flag, err));
    MX_TRY(merx_dataset_add_date(t, "day", day, err));
    MX_TRY(merx_dataset_add_text(t, "words", words, err));
    MX_TRY(merx_dataset_add_numeric(t, "same", same, err));
    if (has_tag(s, MERX_SUPPORTS_WEIGHTS))
        MX_TRY(merx_dataset_add_numeric(t, "weight", weight, err));
    if (has_tag(s, MERX_CLASSIFIES))
        return merx_dataset_add_categorical(t, "kind", kind, kinds, 3, err);
    return has_tag(s, MERX_NEEDS_TARGET) ? merx_dataset_add_numeric(t, "y", y, err) : MERX_OK;
}

/* Targets, weights and groups beside a matrix. */
CHECK_UNUSED static merx_status add_beside(merx_dataset *m, size_t n, const subject *s, merx_error *err)
{
    static const char *const kinds[] = {"low", "mid", "high"}, *const colours[] = {"red", "blue"};
    double y[512], weight[512];
    int32_t kind[512], colour[512];
    signed char flag[512];
    for (size_t i = 0; i < n; i++) {
        mx_random r;
        mx_random_init(&r, 8, i);
        y[i] = (double)(i % 3) + 0.3 * mx_random_normal(&r);
        kind[i] = y[i] < 0.5 ? 0 : y[i] < 1.5 ? 1 : 2;
        weight[i] = 0.5 + mx_random_uniform(&r);
        flag[i] = i % 5 == 0;
        colour[i] = i % 13 == 5 ? -1 : (int32_t)(i % 2);
    }
    if (has_tag(s, MERX_SUPPORTS_WEIGHTS))
        MX_TRY(merx_dataset_add_numeric(m, "weight", weight, err));
    MX_TRY(merx_dataset_add_boolean(m, "flag", flag, err));
    MX_TRY(merx_dataset_add_categorical(m, "colour", colour, colours, 2, err));
    if (has_tag(s, MERX_CLASSIFIES))
        return merx_dataset_add_categorical(m, "kind", kind, kinds, 3, err);
    return has_tag(s, MERX_NEEDS_TARGET) ? merx_dataset_add_numeric(m, "y", y, err) : MERX_OK;
}

/* The matrix lives as long as the test: a view keeps it. */
CHECK_UNUSED static merx_status view_numbers(size_t n, const merx_allocator *alloc, merx_dataset **out, merx_error *err)
{
    enum { COLUMNS = 7 };
    static double x[512 * COLUMNS];
    static const char *const names[COLUMNS] = {"a", "b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < 512 && x[512 * COLUMNS - 1] == 0; i++)
        for (size_t j = 0; j < COLUMNS; j++) {
            mx_random r;
            mx_random_init(&r, 9, i * COLUMNS + j);
            x[i * COLUMNS + j] = mx_random_normal(&r) + (j < 3 ? (double)((i + j) % 3) : 0);
        }
    return merx_dataset_view_matrix(alloc, x, n, COLUMNS, names, out, err);
}

CHECK_UNUSED static merx_status finish(merx_status made, const subject *s, size_t n, merx_dataset **out,
                                       merx_error *err)
{
    MX_TRY(made);
    merx_status status =
        has_tag(s, MERX_NEEDS_TARGET) || s->shape == MERX_SHAPE_MATRIX ? add_beside(*out, n, s, err) : MERX_OK;
    if (status != MERX_OK) {
        merx_dataset_free(*out);
        *out = NULL;
    }
    return status;
}

CHECK_UNUSED static merx_status make_data(const subject *s, size_t n, const merx_allocator *alloc, merx_dataset **out,
                                          merx_error *err)
{
    *out = NULL;
    if (s->shape == MERX_SHAPE_TABLE) {
        merx_dataset *t;
        MX_TRY(merx_dataset_new_table(alloc, n, &t, err));
        merx_status status = add_table_columns(t, n, s, err);
        if (status != MERX_OK)
            merx_dataset_free(t);
        else
            *out = t;
        return status;
    }
    if (s->shape == MERX_SHAPE_MATRIX)
        return finish(view_numbers(n, alloc, out, err), s, n, out, err);
    enum { ITEMS = 30 };
    int64_t starts[513] = {0};
    int32_t indices[512 * ITEMS];
    float values[512 * ITEMS];
    for (size_t i = 0; i < n; i++) {
        starts[i + 1] = starts[i];
        for (int32_t j = 0; j < ITEMS; j++) {
            mx_random r;
            mx_random_init(&r, 6, i * ITEMS + (size_t)j);
            if (mx_random_uniform(&r) < ((i + (size_t)j) % 3 == 0 ? 0.35 : 0.05)) {
                values[starts[i + 1]] = 1 + (float)mx_random_below(&r, 3);
                indices[starts[i + 1]++] = j;
            }
        }
    }
    return finish(merx_dataset_from_csr(alloc, n, ITEMS, starts, indices, values, out, err), s, n, out, err);
}

CHECK_UNUSED static merx_status fit(const subject *s, merx_model *model, const merx_dataset *data, merx_task *task,
                                    merx_error *err)
{
    merx_fit_columns columns = {.target = target_of(s)};
    if ((s->shape != MERX_SHAPE_SPARSE || has_tag(s, MERX_NEEDS_TARGET)) && has_tag(s, MERX_SUPPORTS_WEIGHTS))
        columns.weight = "weight";
    return merx_model_fit(model, data, &columns, task, err);
}

/* A new model of the subject's family; of those that average fits, of two: the same paths in a quarter of the time. */
CHECK_UNUSED static merx_status new_model(const subject *s, const merx_allocator *alloc, merx_model **out,
                                          merx_error *err)
{
    MX_TRY(merx_model_new(alloc, s->family->info.name, out, err));
    for (const merx_option *o = s->family->info.options; o->name != NULL; o++)
        if (strcmp(o->name, "bags") == 0)
            return merx_model_set(*out, "bags", "2", err);
    return MERX_OK;
}

CHECK_UNUSED static void new_fitted(const subject *s, const merx_dataset *data, merx_task *task, merx_model **out)
{
    merx_error err = {0};
    check_ok(new_model(s, NULL, out, &err), err);
    check_ok(fit(s, *out, data, task, &err), err);
}

CHECK_UNUSED static char *saved_bytes(const merx_model *model, size_t *size)
{
    merx_error err = {0};
    char path[300];
    snprintf(path, sizeof path, "%s/bytes.merx", folder);
    check_ok(merx_model_save(model, path, &err), err);
    return check_read_file(path, size);
}

CHECK_UNUSED static void check_same_bytes(const merx_model *got, const merx_model *want, const char *what)
{
    size_t n, m;
    char *a = saved_bytes(got, &n), *b = saved_bytes(want, &m);
    if (n != m || memcmp(a, b, n) != 0)
        check_die(__FILE__, __LINE__, "%s: the model files differ (%zu and %zu bytes)", what, n, m);
    free(a), free(b);
}

CHECK_UNUSED static void check_same_predictions(const merx_prediction *got, const merx_prediction *want,
                                                const char *what)
{
    assert_int_equal(got->rows, want->rows);
    assert_int_equal(got->outputs, want->outputs);
    for (size_t i = 0; i < got->rows * got->outputs; i++)
        if (memcmp(&got->values[i], &want->values[i], sizeof(double)) != 0)
            check_die(__FILE__, __LINE__, "%s: value %zu is %.17g, not %.17g", what, i, got->values[i],
                      want->values[i]);
    assert_true((got->labels == NULL) == (want->labels == NULL));
    if (got->labels != NULL)
        assert_memory_equal(got->labels, want->labels, got->rows * sizeof *got->labels);
    for (size_t k = 0; k < got->outputs; k++)
        assert_string_equal(got->names[k], want->names[k]);
}

CHECK_UNUSED static void each(void (*test)(const subject *))
{
    static const struct {
        merx_dataset_shape shape;
        unsigned tag;
    } shapes[] = {{MERX_SHAPE_TABLE, MERX_TAKES_TABLE},
                  {MERX_SHAPE_SPARSE, MERX_TAKES_SPARSE},
                  {MERX_SHAPE_MATRIX, MERX_TAKES_TABLE}};
    const char *only = getenv("MERX_TEST_FAMILY"); /* while one works on it */
    for (size_t i = 0; mx_family_at(i) != NULL; i++)
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            if ((only == NULL || strcmp(only, mx_family_at(i)->info.name) == 0) &&
                (mx_family_at(i)->info.tags & shapes[k].tag) != 0) {
                subject s = {mx_family_at(i), shapes[k].shape};
                print_message("  %s (%s)\n", s.family->info.name, merx_dataset_shape_name(s.shape));
                test(&s);
            }
}

#define EACH(name)                                                                                                     \
    static void run_##name(void **state)                                                                               \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        each(name);                                                                                                    \
    }

#endif
