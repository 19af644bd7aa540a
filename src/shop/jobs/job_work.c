/*
 * What jobs do: import, train, evaluate, erase. Each opens the shop for itself, says in its log what the command of that name would, and leaves its result.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "io/file.h"
#include "shop/jobs/job_state.h"

enum { REFUSALS_SAID = 100, REFUSALS_KEPT = 20 };

static merx_status open_shop(const mx_job_run *run, bool read_only, merx_shop **out, merx_error *err)
{
    return merx_shop_open(NULL, run->shop->folder, &(merx_shop_options){.read_only = read_only}, out, err);
}

static void written(const mx_job_run *run)
{
    if (run->shop->hooks.written)
        run->shop->hooks.written(run->shop->hooks.context);
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

/* ---- import ---- */

/* A link to an upload in the job's folder: what is sent anew meanwhile changes nothing of this import. */
static merx_status link_upload(const mx_job_run *run, const char *folder, const char *name, merx_error *err)
{
    char from[4096 + 256];
    char to[4096 + 256];
    char relative[256];
    snprintf(from, sizeof from, "%s/uploads/%s", run->shop->folder, name);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    if (!mx_path_is_file(from))
        MX_FAIL(err, MERX_E_NOT_FOUND, "uploads", "the upload \"%s\" is gone by now; send it again", name);
    if (link(from, to) == 0)
        return MERX_OK;
    /* A file system without hard links. */
    snprintf(relative, sizeof relative, "../../../uploads/%s", name);
    if (symlink(relative, to) == 0)
        return MERX_OK;
    return mx_error_errno(err, errno, to, "link to the upload");
}

static merx_status link_uploads(const mx_job_run *run, const char *folder, const char *mapping, merx_error *err)
{
    const json_t *uploads = json_object_get(run->parameters, "uploads");
    MX_TRY(mx_make_folders(folder, err));
    for (size_t i = 0; i < json_array_size(uploads); i++)
        MX_TRY(link_upload(run, folder, json_string_value(json_array_get(uploads, i)), err));
    for (size_t i = 0; *mapping && i < json_array_size(uploads); i++)
        if (strcmp(mapping, json_string_value(json_array_get(uploads, i))) == 0)
            return MERX_OK;
    return *mapping ? link_upload(run, folder, mapping, err) : MERX_OK;
}

static void say_import(mx_job_run *run, const merx_import *import)
{
    for (size_t i = 0; i < import->files; i++) {
        const merx_import_file *f = &import->file[i];
        char extra[120] = "";
        if (f->unchanged) {
            mx_job_say(run, "%s (%s): unchanged, not read again%s%s", f->name, f->preset, f->note ? "; " : "",
                       f->note ? f->note : "");
            continue;
        }
        if (strcmp(f->preset, "ignored") == 0) {
            mx_job_say(run, "%s ignored: %s", f->name, f->note ? f->note : "");
            continue;
        }
        if (f->duplicates)
            snprintf(extra, sizeof extra, ", %" PRIu64 " already there", f->duplicates);
        if (f->refused)
            snprintf(extra + strlen(extra), sizeof extra - strlen(extra), ", %" PRIu64 " refused", f->refused);
        mx_job_say(run, "%s (%s): %" PRIu64 " %s read, %" PRIu64 " new%s%s%s", f->name, f->preset, f->rows,
                   strcmp(f->preset, "pictures") == 0 ? "pictures" : "rows", f->accepted, extra,
                   f->note && *f->note ? "; " : "", f->note ? f->note : "");
    }
    /* Where, which column, and what was expected; never the value, which may be a person's. */
    for (size_t i = 0; i < import->refusals && i < REFUSALS_SAID; i++) {
        const merx_refusal *r = &import->refusal[i];
        const char *column = r->column ? r->column : "";
        if (r->line > 0)
            mx_job_say(run, "%s:%" PRIu64 ":%s%s%s %s", r->file, r->line, *column ? " column \"" : "", column,
                       *column ? "\":" : "", r->message);
        else
            mx_job_say(run, "%s: %s", r->file, r->message);
    }
    if (import->refused > REFUSALS_SAID)
        mx_job_say(run, "all %" PRIu64 " refused rows are listed in refused.csv of the shop's folder", import->refused);
    mx_job_say(run,
               "the shop holds %" PRIu64 " events, %" PRIu64 " customers, %" PRIu64 " products, %" PRIu64 " orders",
               import->events, import->customers, import->products, import->orders);
}

static json_t *import_json(const merx_import *import)
{
    json_t *files = json_array();
    json_t *refusals = json_array();
    for (size_t i = 0; i < import->files; i++) {
        const merx_import_file *f = &import->file[i];
        json_array_append_new(files,
                              json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:b}", "name", f->name, "preset",
                                        f->preset, "note", text_or_null(f->note), "rows", (json_int_t)f->rows,
                                        "accepted", (json_int_t)f->accepted, "duplicates", (json_int_t)f->duplicates,
                                        "refused", (json_int_t)f->refused, "unchanged", (int)f->unchanged));
    }
    for (size_t i = 0; i < import->refusals && i < REFUSALS_KEPT; i++) {
        const merx_refusal *r = &import->refusal[i];
        json_array_append_new(refusals, json_pack("{s:s, s:I, s:o, s:s}", "file", r->file, "line", (json_int_t)r->line,
                                                  "column", text_or_null(r->column), "message", r->message));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:b, s:{s:I, s:I, s:I, s:I}}", "rows", (json_int_t)import->rows,
                     "accepted", (json_int_t)import->accepted, "duplicates", (json_int_t)import->duplicates, "refused",
                     (json_int_t)import->refused, "files", files, "refusals", refusals, "changed", (int)import->changed,
                     "shop", "events", (json_int_t)import->events, "customers", (json_int_t)import->customers,
                     "products", (json_int_t)import->products, "orders", (json_int_t)import->orders);
}

/* Paths of the job's folder are nobody's business: "…/import/orders.csv:7" -> "orders.csv:7". */
static void shorten_where(merx_error *err, const char *folder)
{
    size_t n = strlen(folder);
    if (strncmp(err->where, folder, n) != 0)
        return;
    const char *rest = err->where + n + (err->where[n] == '/');
    memmove(err->where, rest, strlen(rest) + 1);
}

static merx_status import_linked(mx_job_run *run, const char *folder, const merx_options *options, merx_error *err)
{
    const json_t *uploads = json_object_get(run->parameters, "uploads");
    const char *mapping = merx_options_text(options, "mapping");
    char path[4096 + 256];
    char mapping_path[4096 + 256];
    merx_shop *shop = NULL;
    merx_import import = {0};
    merx_error failure = {0};
    merx_import_options import_options = {.replace = merx_options_bool(options, "replace"),
                                          .max_refused = (uint64_t)merx_options_int(options, "max_refused")};

    MX_TRY(link_uploads(run, folder, mapping, err));
    snprintf(mapping_path, sizeof mapping_path, "%s/%s", folder, mapping);
    if (*mapping)
        import_options.mapping = mapping_path;
    /* One file by itself leaves the shop's pictures as they are; a folder says what they are. */
    snprintf(path, sizeof path, "%s%s%s", folder, json_array_size(uploads) == 1 ? "/" : "",
             json_array_size(uploads) == 1 ? json_string_value(json_array_get(uploads, 0)) : "");
    MX_TRY(open_shop(run, false, &shop, err));
    merx_status status = merx_shop_import(shop, path, &import_options, run->task, &import, &failure);
    merx_shop_close(shop);
    written(run); /* files before the one that failed were taken */
    if (status != MERX_OK) {
        shorten_where(&failure, folder);
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    }
    say_import(run, &import);
    json_decref(run->result);
    run->result = import_json(&import);
    merx_import_release(&import);
    return run->result ? MERX_OK : mx_error_set(err, MERX_E_MEMORY, "", "no memory for the result");
}

merx_status mx_job_import(mx_job_run *run, merx_error *err)
{
    char folder[4096];
    merx_options *options = NULL;

    if (!mx_job_path(run->shop, run->entry->id, MX_JOB_IMPORT_FOLDER, folder, sizeof folder))
        MX_FAIL(err, MERX_E_LIMIT, run->shop->folder, "the path of the folder is too long");
    MX_TRY(merx_options_new(NULL, mx_job_import_options, &options, err));
    merx_status status = mx_job_set_options(json_object_get(run->parameters, "options"), options, "options", err);
    if (status == MERX_OK)
        status = import_linked(run, folder, options, err);
    merx_options_free(options);
    mx_job_import_remove(run->shop, run->entry->id);
    return status;
}

/* ---- train, evaluate ---- */

static const char *outcome_word(merx_train_outcome outcome)
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
    return "";
}

/* ": ndcg@20 0.2114 [0.2, 0.22], popularity 0.1"; "" without figures. */
static void figure_text(const merx_evaluation *e, char *out, size_t size)
{
    *out = '\0';
    if (e->figures == 0)
        return;
    const merx_figure *f = &e->figure[0];
    int used = snprintf(out, size, ": %s %.4g [%.4g, %.4g]", f->name, f->value, f->low, f->high);
    if (f->baseline_name[0] && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, ", %s %.4g", f->baseline_name, f->baseline);
}

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* The figure the gate looks at. */
static json_t *main_figure(const merx_evaluation *e)
{
    if (e->figures == 0)
        return json_null();
    const merx_figure *f = &e->figure[0];
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:b}", "name", f->name, "value", real_or_null(f->value), "low",
                     real_or_null(f->low), "high", real_or_null(f->high), "baseline_name", f->baseline_name, "baseline",
                     real_or_null(f->baseline), "higher_is_better", (int)f->higher_is_better);
}

static void say_trained(mx_job_run *run, const merx_trained *t)
{
    char version[60] = "";
    char figure[200];
    figure_text(&t->evaluation, figure, sizeof figure);
    if (t->version > 0)
        snprintf(version, sizeof version, ", version %" PRId64 "%s", t->version, t->live ? " (live)" : " (not live)");
    mx_job_say(run, "%s %s%s%s%s%s", t->answer, outcome_word(t->outcome), version, figure,
               t->note && *t->note ? " - " : "", t->note ? t->note : "");
    if (t->evaluation.gate[0] && !(t->note && *t->note))
        mx_job_say(run, "%s gate %s: %s", t->answer, t->evaluation.gate_passed ? "passed" : "not passed",
                   t->evaluation.gate);
}

static merx_status train_one(mx_job_run *run, merx_shop *shop, const char *answer, const merx_train_options *options,
                             json_t *list, merx_error *err)
{
    merx_training training = {0};
    MX_TRY(merx_shop_train(shop, answer, options, run->task, &training, err));
    written(run);
    for (size_t i = 0; i < training.count; i++) {
        const merx_trained *t = &training.trained[i];
        say_trained(run, t);
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:s, s:o}", "answer", t->answer,
                                              "outcome", outcome_word(t->outcome), "note", text_or_null(t->note),
                                              "version", t->version > 0 ? json_integer(t->version) : json_null(),
                                              "live", (int)t->live, "gate_passed", (int)t->evaluation.gate_passed,
                                              "gate", t->evaluation.gate, "figure", main_figure(&t->evaluation)));
    }
    merx_training_release(&training);
    return MERX_OK;
}

static merx_status train_all(mx_job_run *run, merx_shop *shop, mx_arena *arena, merx_error *err)
{
    const json_t *answers = json_object_get(run->parameters, "answers");
    merx_train_options options = {.force = json_is_true(json_object_get(run->parameters, "force")),
                                  .again = json_is_true(json_object_get(run->parameters, "again"))};
    const char **assignments;
    json_t *list = json_array();

    json_object_set_new(run->result, "answers", list);
    MX_TRY(mx_job_assignments(run->parameters, arena, &assignments, &options.n_options, err));
    options.options = assignments;
    for (size_t i = 0; i < json_array_size(answers); i++) {
        mx_job_part(run, i, json_array_size(answers));
        MX_TRY(train_one(run, shop, json_string_value(json_array_get(answers, i)), &options, list, err));
    }
    return MERX_OK;
}

merx_status mx_job_train(mx_job_run *run, merx_error *err)
{
    merx_shop *shop = NULL;
    mx_arena arena;
    MX_TRY(open_shop(run, false, &shop, err));
    mx_arena_init(&arena, NULL);
    merx_status status = train_all(run, shop, &arena, err);
    mx_arena_release(&arena);
    merx_shop_close(shop);
    return status;
}

json_t *mx_evaluation_to_json(const merx_evaluation *evaluation)
{
    char *text = NULL;
    if (evaluation->figures == 0 && !evaluation->gate[0])
        return json_null();
    json_t *json = merx_evaluation_json(evaluation, &text, NULL) == MERX_OK ? json_loads(text, 0, NULL) : NULL;
    merx_text_free(text);
    return json;
}

static merx_status evaluate_one(mx_job_run *run, merx_shop *shop, const char *answer, json_t *list, merx_error *err)
{
    merx_evaluation e = {0};
    merx_error failure = {0};
    char figure[200];
    merx_status status = merx_shop_evaluate(shop, answer, 0, NULL, run->task, &e, &failure);
    /* Too little data for one answer says nothing of the next. */
    if (status == MERX_E_INVALID || status == MERX_E_RANGE || status == MERX_E_UNSUPPORTED) {
        mx_job_say(run, "%s can't be evaluated: %s", answer, failure.message);
        json_array_append_new(list,
                              json_pack("{s:s, s:n, s:s}", "answer", answer, "evaluation", "note", failure.message));
        return MERX_OK;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    figure_text(&e, figure, sizeof figure);
    mx_job_say(run, "%s evaluated%s; gate %s: %s", answer, figure, e.gate_passed ? "passed" : "not passed", e.gate);
    json_array_append_new(
        list, json_pack("{s:s, s:o, s:n}", "answer", answer, "evaluation", mx_evaluation_to_json(&e), "note"));
    return MERX_OK;
}

merx_status mx_job_evaluate(mx_job_run *run, merx_error *err)
{
    const json_t *answers = json_object_get(run->parameters, "answers");
    merx_shop *shop = NULL;
    json_t *list = json_array();

    json_object_set_new(run->result, "answers", list);
    MX_TRY(open_shop(run, true, &shop, err));
    merx_status status = MERX_OK;
    for (size_t i = 0; status == MERX_OK && i < json_array_size(answers); i++) {
        mx_job_part(run, i, json_array_size(answers));
        status = evaluate_one(run, shop, json_string_value(json_array_get(answers, i)), list, err);
    }
    merx_shop_close(shop);
    return status;
}

/* ---- erase ---- */

/* The receipt without whom it is about: the record stays longer than he does. */
static json_t *receipt_json(const merx_receipt *receipt)
{
    json_t *answers = json_object();
    for (size_t i = 0; i < receipt->answers; i++)
        json_object_set_new(answers, receipt->answer[i].answer, json_string(receipt->answer[i].how));
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "customer", "*", "found", 1, "events",
                     (json_int_t)receipt->events, "orders", (json_int_t)receipt->orders, "messages",
                     (json_int_t)receipt->messages, "reviews", (json_int_t)receipt->reviews, "customers",
                     (json_int_t)receipt->customers, "answers", answers, "seconds", receipt->seconds);
}

static merx_status erase_own(const mx_job_run *run, const char *customer, merx_receipt *out, merx_error *err)
{
    merx_shop *shop = NULL;
    MX_TRY(open_shop(run, false, &shop, err));
    merx_status status = merx_shop_forget(shop, customer, run->task, out, err);
    merx_shop_close(shop);
    written(run); /* also after a failure: rows may be gone already */
    return status;
}

static merx_status erase_one(mx_job_run *run, const char *customer, size_t number, json_t *list, merx_error *err)
{
    const mx_job_hooks *hooks = &run->shop->hooks;
    merx_receipt receipt = {0};
    merx_error failure = {0};
    merx_status status = hooks->erase ? hooks->erase(hooks->context, customer, run->task, &receipt, &failure)
                                      : erase_own(run, customer, &receipt, &failure);
    if (status == MERX_E_NOT_FOUND) {
        mx_job_say(run, "customer %zu of the list: there is none of that id", number);
        json_array_append_new(list, json_pack("{s:s, s:b}", "customer", "*", "found", 0));
        return MERX_OK;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    mx_job_say(run,
               "customer %zu of the list is forgotten (%.2f s): %" PRIu64 " events, %" PRIu64 " orders, %" PRIu64
               " messages, %" PRIu64 " reviews, %" PRIu64 " customer records",
               number, receipt.seconds, receipt.events, receipt.orders, receipt.messages, receipt.reviews,
               receipt.customers);
    json_array_append_new(list, receipt_json(&receipt));
    merx_receipt_release(&receipt);
    return MERX_OK;
}

merx_status mx_job_erase(mx_job_run *run, merx_error *err)
{
    const json_t *customers = json_object_get(run->parameters, "customers");
    size_t n = json_array_size(customers);
    json_t *list = json_array();

    json_object_set_new(run->result, "receipts", list);
    for (size_t i = 0; i < n; i++) {
        mx_job_part(run, i, n);
        mx_task_stage(run->task, "erase", n, "customers");
        MX_TRY(mx_task_step(run->task, i, err));
        MX_TRY(erase_one(run, json_string_value(json_array_get(customers, i)), i + 1, list, err));
    }
    mx_task_done(run->task);
    return MERX_OK;
}
