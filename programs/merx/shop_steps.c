/*
 * Import, train and report, as `merx up` and the commands of those names do them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shop_steps.h"

/* ---- import ---- */

static void print_amount(FILE *out, int64_t minor, int decimals)
{
    char text[64];
    merx_value value = {.type = MERX_VALUE_MONEY, .decimals = decimals, .integer = minor};
    merx_value_format(&value, text, sizeof text);
    fputs(text, out);
}

/* ": "value"", short, without what would move the cursor. */
static void print_value(FILE *out, const char *value)
{
    enum { SHOWN = 40 };
    size_t size = strlen(value);
    size_t shown = size < SHOWN ? size : SHOWN;
    while (shown < size && shown > 0 && ((unsigned char)value[shown] & 0xc0) == 0x80)
        shown--;
    fputs(": \"", out);
    for (size_t i = 0; i < shown; i++)
        fputc((unsigned char)value[i] < 0x20 || value[i] == 0x7f ? ' ' : value[i], out);
    fputs(shown < size ? "…\"" : "\"", out);
}

static void print_import(const merx_import *import, const char *folder, FILE *out)
{
    for (size_t i = 0; i < import->files; i++) {
        const merx_import_file *file = &import->file[i];
        fprintf(out, "  %s%s%s ", cli_bold(out), file->name, cli_plain(out));
        if (file->unchanged) {
            fprintf(out, "(%s): unchanged, not read again%s%s\n", file->preset, file->note ? "; " : "",
                    file->note ? file->note : "");
        } else if (strcmp(file->preset, "ignored") == 0) {
            fprintf(out, "ignored: %s\n", file->note ? file->note : "");
        } else {
            fprintf(out, "(%s): %llu %s read, %llu new", file->preset, (unsigned long long)file->rows,
                    strcmp(file->preset, "pictures") == 0 ? "pictures" : "rows", (unsigned long long)file->accepted);
            if (file->duplicates)
                fprintf(out, ", %llu already there", (unsigned long long)file->duplicates);
            if (file->refused)
                fprintf(out, ", %s%llu refused%s", cli_red(out), (unsigned long long)file->refused, cli_plain(out));
            fprintf(out, "%s%s\n", file->note && *file->note ? "; " : "", file->note ? file->note : "");
        }
    }
    enum { SHOWN = 5 };
    for (size_t i = 0; i < import->refusals && i < SHOWN; i++) {
        const merx_refusal *refusal = &import->refusal[i];
        fprintf(out, "    %s", refusal->file);
        if (refusal->line > 0) /* else it is the file itself */
            fprintf(out, ":%llu", (unsigned long long)refusal->line);
        if (refusal->column && *refusal->column)
            fprintf(out, ": column \"%s\"", refusal->column);
        if (refusal->value && *refusal->value)
            print_value(out, refusal->value);
        fprintf(out, ": %s\n", refusal->message);
    }
    if (import->refused > SHOWN)
        fprintf(out, "    all %llu refused rows are listed in %s/refused.csv\n", (unsigned long long)import->refused,
                folder);
    fprintf(out, "  the shop holds %llu events, %llu customers, %llu products, %llu orders; quantity x price sums to ",
            (unsigned long long)import->events, (unsigned long long)import->customers,
            (unsigned long long)import->products, (unsigned long long)import->orders);
    print_amount(out, import->amount_minor, import->decimals);
    fputc('\n', out);
}

static json_t *import_json(const merx_import *import)
{
    json_t *files = json_array();
    for (size_t i = 0; i < import->files; i++) {
        const merx_import_file *file = &import->file[i];
        json_array_append_new(files, json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:b}", "name", file->name, "preset",
                                               file->preset, "note", cli_json_or_null(file->note), "rows",
                                               (json_int_t)file->rows, "accepted", (json_int_t)file->accepted,
                                               "duplicates", (json_int_t)file->duplicates, "refused",
                                               (json_int_t)file->refused, "unchanged", (int)file->unchanged));
    }
    json_t *refusals = json_array();
    for (size_t i = 0; i < import->refusals; i++) {
        const merx_refusal *refusal = &import->refusal[i];
        json_array_append_new(refusals,
                              json_pack("{s:s, s:I, s:o, s:o, s:s}", "file", refusal->file, "line",
                                        (json_int_t)refusal->line, "column", cli_json_or_null(refusal->column), "value",
                                        cli_json_or_null(refusal->value), "message", refusal->message));
    }
    char amount[64];
    merx_value value = {.type = MERX_VALUE_MONEY, .decimals = import->decimals, .integer = import->amount_minor};
    merx_value_format(&value, amount, sizeof amount);
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:s}, s:b}", "files", files, "refusals",
                     refusals, "rows", (json_int_t)import->rows, "accepted", (json_int_t)import->accepted, "duplicates",
                     (json_int_t)import->duplicates, "refused", (json_int_t)import->refused, "shop", "events",
                     (json_int_t)import->events, "customers", (json_int_t)import->customers, "products",
                     (json_int_t)import->products, "orders", (json_int_t)import->orders, "amount", amount, "changed",
                     (int)import->changed);
}

int step_import(const cli_arguments *arguments, merx_shop *shop, const char *path, merx_task *task, FILE *out,
                json_t **json)
{
    merx_import_options options = {.mapping = cli_value(arguments, "mapping"),
                                   .replace = cli_has(arguments, "replace")};
    const char *refused = cli_value(arguments, "max-refused");
    if (refused) {
        char *end;
        errno = 0;
        options.max_refused = strtoull(refused, &end, 10);
        if (*refused < '0' || *refused > '9' || *end || errno)
            return cli_usage_error(arguments->command, "--max-refused is \"%s\": expected a whole number", refused);
    }
    merx_import import = {0};
    merx_error err = {0};
    if (merx_shop_import(shop, path, &options, task, &import, &err) != MERX_OK)
        return cli_fail(&err);
    if (json)
        *json = import_json(&import);
    else
        print_import(&import, merx_shop_folder(shop), out);
    merx_import_release(&import);
    return 0;
}

/* ---- training ---- */

static const char *outcome_words(merx_train_outcome outcome)
{
    switch (outcome) {
    case MERX_TRAINED:
        return "trained";
    case MERX_UNCHANGED:
        return "unchanged";
    case MERX_NOT_BETTER:
        return "not better than its baseline";
    case MERX_NO_DATA:
        return "not enough data";
    case MERX_NOTHING_TO_LEARN:
        return "learns nothing";
    }
    return "?";
}

static void print_trained(const merx_trained *trained, FILE *out)
{
    fprintf(out, "  %s%-10s%s %s", cli_bold(out), trained->answer, cli_plain(out), outcome_words(trained->outcome));
    if (trained->version > 0)
        fprintf(out, ", version %lld%s", (long long)trained->version, trained->live ? " (live)" : " (not live)");
    const merx_evaluation *evaluation = &trained->evaluation;
    if (evaluation->figures > 0) {
        const merx_figure *figure = &evaluation->figure[0];
        fprintf(out, ": %s %.4g [%.4g, %.4g]", figure->name, figure->value, figure->low, figure->high);
        if (figure->baseline_name[0])
            fprintf(out, ", %s %.4g", figure->baseline_name, figure->baseline);
    }
    if (trained->note && trained->note[0])
        fprintf(out, " - %s", trained->note);
    fputc('\n', out);
}

static json_t *training_json(const merx_training *training)
{
    json_t *list = json_array();
    for (size_t i = 0; i < training->count; i++) {
        const merx_trained *trained = &training->trained[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:I, s:b, s:o}", "answer", trained->answer, "outcome",
                                              outcome_words(trained->outcome), "note", cli_json_or_null(trained->note),
                                              "version", (json_int_t)trained->version, "live", (int)trained->live,
                                              "evaluation", cli_evaluation_json(&trained->evaluation)));
    }
    return list;
}

int step_train(const cli_arguments *arguments, merx_shop *shop, const char *answer, merx_task *task, FILE *out,
               json_t **json)
{
    int code = 0;
    /* "--factors 32" belongs to the answer being trained; "--recommend.factors 32" names its own. */
    merx_error err = {0};
    char **settings = calloc((size_t)arguments->n_settings + 1, sizeof *settings);
    if (!settings)
        goto no_memory;
    for (int i = 0; i < arguments->n_settings; i++) {
        const cli_setting *setting = &arguments->settings[i];
        bool named = strchr(setting->name, '.') != NULL;
        if (!named && !answer) {
            code = cli_usage_error(arguments->command, "--%s: which answer's option? Write --ANSWER.%s", setting->name,
                                   setting->name);
            goto out;
        }
        size_t size = strlen(setting->name) + strlen(setting->value) + (answer ? strlen(answer) : 0) + 3;
        char *assignment = malloc(size);
        if (!assignment)
            goto no_memory;
        if (named)
            snprintf(assignment, size, "%s=%s", setting->name, setting->value);
        else
            snprintf(assignment, size, "%s.%s=%s", answer, setting->name, setting->value);
        settings[i] = assignment;
    }
    merx_train_options options = {.force = cli_has(arguments, "force"),
                                  .again = cli_has(arguments, "again"),
                                  .options = (const char *const *)settings,
                                  .n_options = (size_t)arguments->n_settings};
    merx_training training = {0};
    if (merx_shop_train(shop, answer, &options, task, &training, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    if (json)
        *json = training_json(&training);
    else
        for (size_t i = 0; i < training.count; i++)
            print_trained(&training.trained[i], out);
    merx_training_release(&training);
out:
    for (int i = 0; settings && i < arguments->n_settings; i++)
        free(settings[i]);
    free(settings);
    return code;
no_memory:
    err = (merx_error){.code = MERX_E_MEMORY, .message = "no memory for the settings"};
    code = cli_fail(&err);
    goto out;
}

/* ---- report ---- */

int step_report(const cli_arguments *arguments, merx_shop *shop, const char *html, merx_task *task, json_t **json)
{
    const char *language = cli_value(arguments, "language");
    if (language && strcmp(language, "en") != 0 && strcmp(language, "zh") != 0)
        return cli_usage_error(arguments->command, "--language is \"%s\": expected en or zh", language);
    merx_report_options options = {
        .html = html, .language = language, .columns = cli_columns(), .colour = !json && cli_colour(stdout)};
    char *text = NULL;
    merx_error err = {0};
    if (merx_shop_report(shop, &options, task, &text, &err) != MERX_OK)
        return cli_fail(&err);
    if (json) {
        *json = json_pack("{s:s, s:o}", "text", text, "html", cli_json_or_null(html));
        merx_text_free(text);
    } else {
        cli_print_text(text);
    }
    return 0;
}
