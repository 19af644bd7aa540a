/*
 * Choosing the columns of a fit.
 */
#include "learn/core/fit_choice.h"

#include <stdio.h>
#include <string.h>

static bool in_list(const char *name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

merx_status mx_fit_choose(const merx_dataset *data, const mx_family *family, const merx_options *options,
                          const merx_fit_columns *columns, const merx_allocator *alloc, mx_fit_choice *w,
                          merx_error *err)
{
    memset(w, 0, sizeof *w);
    w->alloc = alloc;
    unsigned tags = family->info.tags;
    if (columns->target != NULL) {
        if ((tags & MERX_NEEDS_TARGET) == 0)
            MX_FAIL(err, MERX_E_INVALID, family->info.name, "%s learns no target; \"%s\" was given as one",
                    family->info.name, columns->target);
        MX_TRY(mx_dataset_need_column(data, columns->target, "target", &w->target, err));
        w->has_target = true;
    } else if ((tags & MERX_NEEDS_TARGET) != 0) {
        MX_FAIL(err, MERX_E_INVALID, family->info.name, "%s needs a target: the column to learn", family->info.name);
    }
    if (columns->weight != NULL) {
        if ((tags & MERX_SUPPORTS_WEIGHTS) == 0)
            MX_FAIL(err, MERX_E_UNSUPPORTED, family->info.name, "%s takes no weights; \"%s\" was given as one",
                    family->info.name, columns->weight);
        MX_TRY(mx_dataset_need_column(data, columns->weight, "weight", &w->weight, err));
        w->has_weight = true;
    }
    for (size_t i = 0; i < columns->n_features; i++) {
        size_t at;
        MX_TRY(mx_dataset_need_column(data, columns->features[i], "feature", &at, err));
        if (w->has_target && at == w->target)
            MX_FAIL(err, MERX_E_INVALID, data->name, "column \"%s\" is both the target and a feature",
                    columns->features[i]);
        if (in_list(columns->features[i], columns->features, i))
            MX_FAIL(err, MERX_E_EXISTS, data->name, "feature \"%s\" is named twice", columns->features[i]);
    }
    for (size_t i = 0; i < columns->n_ignore; i++) {
        size_t at;
        MX_TRY(mx_dataset_need_column(data, columns->ignore[i], "ignored", &at, err));
    }
    w->room = data->columns.count;
    MX_TRY(MX_NEW_ARRAY(alloc, w->room, &w->features, "features", err));
    for (size_t j = 0; j < data->columns.count; j++) {
        const char *name = merx_dataset_column_name(data, j);
        if ((w->has_target && j == w->target) || (w->has_weight && j == w->weight) ||
            in_list(name, columns->ignore, columns->n_ignore))
            continue;
        if (data->shape == MERX_SHAPE_TABLE &&
            (columns->features == NULL || in_list(name, columns->features, columns->n_features)))
            w->features[w->n_features++] = j;
    }
    const char *logs = (tags & MERX_TAKES_TABLE) != 0 ? merx_options_text(options, "log_columns") : "";
    for (const char *at = logs; *at != '\0';) {
        size_t size = strcspn(at, ",");
        mx_str one = mx_str_trim((mx_str){at, size});
        char name[256];
        (void)snprintf(name, sizeof name, "%.*s", (int)one.size, one.data);
        size_t found;
        if (one.size > 0)
            MX_TRY(mx_dataset_need_column(data, name, "log_columns", &found, err));
        at += size + (at[size] == ',');
    }
    return MERX_OK;
}

void mx_fit_choice_release(mx_fit_choice *choice)
{
    if (choice->alloc != NULL)
        MX_FREE_ARRAY(choice->alloc, choice->features, choice->room);
    memset(choice, 0, sizeof *choice);
}
