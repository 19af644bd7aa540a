/*
 * What can be asked of jobs: the table of kinds, and the checks of what a client sends.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/jobs/job_state.h"
#include "shop/jobs/uploads.h"
#include "store/fields.h"

enum { OPTIONS_MAX = 256 };

/* ---- members ---- */

/* Every member of an object is one of names (NULL ends); "kind" aside. */
static merx_status check_members(const json_t *asked, const char *const *names, merx_error *err)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    while (names[n])
        n++;
    json_object_foreach(mx_json_unconst(asked), key, value)
    {
        bool known = strcmp(key, "kind") == 0;
        for (size_t i = 0; i < n; i++)
            known = known || strcmp(key, names[i]) == 0;
        if (known)
            continue;
        char list[200] = "";
        for (size_t i = 0; i < n; i++) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", names[i]);
        }
        const char *nearest = mx_nearest_word(key, names, n);
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "a job of this kind has no \"%.60s\"%s%s%s (it has: %s)", key,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "", list);
    }
    return MERX_OK;
}

/* A list of 1 to max distinct texts; absent: *out NULL. */
static merx_status take_texts(const json_t *asked, const char *name, size_t max, json_t **out, merx_error *err)
{
    json_t *list = json_object_get(asked, name);
    *out = NULL;
    if (!list || json_is_null(list))
        return MERX_OK;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > max)
        MX_FAIL(err, MERX_E_INVALID, name, "is not a list of 1 to %zu texts", max);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !*text || strlen(text) != json_string_length(json_array_get(list, i)))
            MX_FAIL(err, MERX_E_TYPE, name, "holds something that is not a text");
        for (size_t k = 0; k < i; k++)
            if (strcmp(text, json_string_value(json_array_get(list, k))) == 0)
                MX_FAIL(err, MERX_E_EXISTS, name, "names \"%.100s\" twice", text);
    }
    *out = list;
    return MERX_OK;
}

static merx_status take_bool(const json_t *asked, const char *name, json_t *parameters, merx_error *err)
{
    const json_t *value = json_object_get(asked, name);
    if (value && !json_is_null(value) && !json_is_boolean(value))
        MX_FAIL(err, MERX_E_TYPE, name, "is neither true nor false");
    if (json_is_true(value))
        json_object_set_new(parameters, name, json_true());
    return MERX_OK;
}

/* ---- options ---- */

bool mx_job_option_text(const json_t *value, char *number, size_t size, const char **text)
{
    *text = json_string_value(value);
    if (json_is_boolean(value))
        *text = json_is_true(value) ? "true" : "false";
    else if (json_is_integer(value) || json_is_real(value))
        *text = number;
    if (json_is_integer(value))
        snprintf(number, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        mx_format_double(json_real_value(value), number);
    return *text != NULL;
}

merx_status mx_job_set_options(const json_t *values, merx_options *options, const char *where, merx_error *err)
{
    const char *key;
    json_t *value;
    if (values && !json_is_null(values) && !json_is_object(values))
        MX_FAIL(err, MERX_E_TYPE, where, "is not an object of options");
    json_object_foreach(mx_json_unconst(values), key, value)
    {
        merx_error failure = {0};
        char number[40];
        const char *text;
        if (json_is_null(value))
            continue;
        if (!mx_job_option_text(value, number, sizeof number, &text))
            MX_FAIL(err, MERX_E_TYPE, where,
                    "\"%.60s\" is a list or an object (expected text, a number, true or false)", key);
        merx_status status = merx_options_set(options, key, text, &failure);
        if (status != MERX_OK)
            MX_FAIL(err, status, where, "%s", failure.message);
    }
    return MERX_OK;
}

/* ---- import ---- */

const merx_option mx_job_import_options[] = {
    {"mapping", MERX_OPTION_TEXT, 0, 0, NULL, NULL,
     "the upload that says what columns mean; without: shop.json when it is among them, else they are recognised"},
    {"replace", MERX_OPTION_BOOL, 0, 0, "false", NULL,
     "a file whose imported rows were changed replaces what came from it"},
    {"max_refused", MERX_OPTION_INT, 0, 1e12, "0", NULL,
     "stop at a file with more bad rows than this; 0: list them and go on"},
    {NULL, MERX_OPTION_BOOL, 0, 0, NULL, NULL, NULL},
};

static merx_status check_upload(const mx_uploaded *there, size_t n, const char *name, const char *where,
                                merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(there[i].name, name) == 0)
            return MERX_OK;
    MX_FAIL(err, MERX_E_NOT_FOUND, where, "there is no upload \"%.128s\"; PUT /v1/uploads/{name} sends one", name);
}

static merx_status check_uploads(mx_shop_jobs *shop, const json_t *list, const merx_options *options, mx_arena *arena,
                                 json_t *names, merx_error *err)
{
    mx_uploaded *there;
    size_t n;
    MX_TRY(mx_uploads_list(shop->folder, arena, &there, &n, err));
    for (size_t i = 0; i < json_array_size(list); i++)
        MX_TRY(check_upload(there, n, json_string_value(json_array_get(list, i)), "uploads", err));
    if (*merx_options_text(options, "mapping"))
        MX_TRY(check_upload(there, n, merx_options_text(options, "mapping"), "options", err));
    if (list)
        return json_array_extend(names, mx_json_unconst(list)) == 0
                   ? MERX_OK
                   : mx_error_set(err, MERX_E_MEMORY, "", "no memory for a job");
    if (n == 0)
        MX_FAIL(err, MERX_E_NOT_FOUND, "uploads", "there are no uploads; PUT /v1/uploads/{name} sends one");
    for (size_t i = 0; i < n; i++)
        json_array_append_new(names, json_string(there[i].name));
    return MERX_OK;
}

static merx_status check_import(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err)
{
    static const char *const names[] = {"uploads", "options", NULL};
    merx_options *options = NULL;
    json_t *list;
    mx_arena arena;

    MX_TRY(check_members(asked, names, err));
    MX_TRY(take_texts(asked, "uploads", MX_UPLOADS_MAX, &list, err));
    MX_TRY(merx_options_new(NULL, mx_job_import_options, &options, err));
    json_t *chosen = json_array();
    mx_arena_init(&arena, NULL);
    merx_status status = mx_job_set_options(json_object_get(asked, "options"), options, "options", err);
    if (status == MERX_OK)
        status = check_uploads(shop, list, options, &arena, chosen, err);
    if (status == MERX_OK)
        *parameters = json_pack("{s:O, s:O?}", "uploads", chosen, "options", json_object_get(asked, "options"));
    json_decref(chosen);
    mx_arena_release(&arena);
    merx_options_free(options);
    return status;
}

/* ---- answers ---- */

static merx_status find_answer(const char *name, const mx_answer **out, merx_error *err)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mx_answer_at(n); n++) {
        names[n] = mx_answer_at(n)->info.name;
        if (strcmp(names[n], name) == 0) {
            *out = mx_answer_at(n);
            return MERX_OK;
        }
    }
    const char *nearest = mx_nearest_word(name, names, n);
    MX_FAIL(err, MERX_E_NOT_FOUND, "answers", "there is no answer \"%.60s\"%s%s%s", name,
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* The answers that are meant, by name; NULL: all that learn. */
static merx_status check_answers(const json_t *asked, json_t **out, merx_error *err)
{
    json_t *list;
    const mx_answer *answer = NULL;
    MX_TRY(take_texts(asked, "answers", 64, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++) {
        MX_TRY(find_answer(json_string_value(json_array_get(list, i)), &answer, err));
        if (!answer->train)
            MX_FAIL(err, MERX_E_UNSUPPORTED, "answers", "%s learns nothing", answer->info.name);
    }
    *out = json_array();
    for (size_t i = 0; i < json_array_size(list); i++)
        json_array_append(*out, json_array_get(list, i));
    for (size_t i = 0; !list && mx_answer_at(i); i++)
        if (mx_answer_at(i)->train)
            json_array_append_new(*out, json_string(mx_answer_at(i)->info.name));
    return MERX_OK;
}

/* One option of one answer: is it there, and is the value one? */
static merx_status check_option(const char *answer_name, const char *option, const json_t *value, merx_error *err)
{
    const mx_answer *answer = NULL;
    merx_options *options = NULL;
    merx_error failure = {0};
    char number[40];
    const char *text;

    if (find_answer(answer_name, &answer, &failure) != MERX_OK)
        MX_FAIL(err, MERX_E_NOT_FOUND, "options", "%s", failure.message);
    if (!mx_job_option_text(value, number, sizeof number, &text))
        MX_FAIL(err, MERX_E_TYPE, "options",
                "\"%.60s\" is a list or an object (expected text, a number, true or false)", option);
    MX_TRY(merx_options_new(NULL, answer->info.training, &options, err));
    merx_status status = merx_options_set(options, option, text, &failure);
    merx_options_free(options);
    if (status != MERX_OK)
        MX_FAIL(err, status, "options", "%s: %s", answer_name, failure.message);
    return MERX_OK;
}

typedef merx_status (*option_fn)(void *context, const char *answer, const char *option, const json_t *value,
                                 merx_error *err);

/* {"recommend.factors": 32}, {"recommend": {"factors": 32}}, or, when one answer is named, {"factors": 32}. */
static merx_status each_option(const json_t *parameters, option_fn fn, void *context, merx_error *err)
{
    const json_t *options = json_object_get(parameters, "options");
    const json_t *answers = json_object_get(parameters, "answers");
    const char *only = json_array_size(answers) == 1 ? json_string_value(json_array_get(answers, 0)) : NULL;
    const char *key;
    json_t *value;
    if (options && !json_is_null(options) && !json_is_object(options))
        MX_FAIL(err, MERX_E_TYPE, "options", "is not an object of options");
    if (json_object_size(options) > OPTIONS_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "options", "has more than %d members", OPTIONS_MAX);
    json_object_foreach(mx_json_unconst(options), key, value)
    {
        char name[64];
        const char *inner;
        json_t *one;
        const char *dot = strchr(key, '.');
        if (json_is_null(value))
            continue;
        if (json_is_object(value)) {
            json_object_foreach(value, inner, one) if (!json_is_null(one)) MX_TRY(fn(context, key, inner, one, err));
            continue;
        }
        if (!dot && !only)
            MX_FAIL(err, MERX_E_INVALID, "options", "\"%.60s\": of which answer? Write \"ANSWER.%.60s\"", key, key);
        snprintf(name, sizeof name, "%.*s", dot ? (int)(dot - key) : (int)strlen(only), dot ? key : only);
        MX_TRY(fn(context, name, dot ? dot + 1 : key, value, err));
    }
    return MERX_OK;
}

static merx_status only_check(void *context, const char *answer, const char *option, const json_t *value,
                              merx_error *err)
{
    (void)context;
    return check_option(answer, option, value, err);
}

typedef struct assignments {
    mx_arena *arena;
    mx_vec list; /* const char * */
} assignments;

static merx_status assign(void *context, const char *answer, const char *option, const json_t *value, merx_error *err)
{
    assignments *a = context;
    char number[40];
    const char *text;
    if (!mx_job_option_text(value, number, sizeof number, &text))
        MX_FAIL(err, MERX_E_TYPE, "options", "\"%.60s\" is a list or an object", option);
    const char *line = mx_arena_printf(a->arena, err, "%s.%s=%s", answer, option, text);
    return line ? mx_vec_append(&a->list, &line, 1, err) : MERX_E_MEMORY;
}

merx_status mx_job_assignments(const json_t *parameters, mx_arena *arena, const char ***out, size_t *n, merx_error *err)
{
    assignments a = {arena, mx_vec_init(NULL, sizeof(char *), (size_t)OPTIONS_MAX * OPTIONS_MAX, "options")};
    merx_status status = each_option(parameters, assign, &a, err);
    *n = a.list.count;
    *out = mx_arena_array(arena, a.list.count + 1, sizeof **out, status == MERX_OK ? err : NULL);
    if (status == MERX_OK && !*out)
        status = MERX_E_MEMORY;
    if (status == MERX_OK && *n > 0)
        memcpy(*out, a.list.data, *n * sizeof **out);
    mx_vec_release(&a.list);
    return status;
}

static merx_status check_train(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err)
{
    static const char *const names[] = {"answers", "options", "force", "again", NULL};
    json_t *answers = NULL;
    (void)shop;
    MX_TRY(check_members(asked, names, err));
    MX_TRY(check_answers(asked, &answers, err));
    *parameters = json_pack("{s:o, s:O?}", "answers", answers, "options", json_object_get(asked, "options"));
    MX_TRY(take_bool(asked, "force", *parameters, err));
    MX_TRY(take_bool(asked, "again", *parameters, err));
    return each_option(*parameters, only_check, NULL, err);
}

static merx_status check_evaluate(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err)
{
    static const char *const names[] = {"answers", NULL};
    json_t *answers = NULL;
    (void)shop;
    MX_TRY(check_members(asked, names, err));
    MX_TRY(check_answers(asked, &answers, err));
    *parameters = json_pack("{s:o}", "answers", answers);
    return MERX_OK;
}

/* ---- customers ---- */

static merx_status take_customers(const json_t *asked, json_t **out, merx_error *err)
{
    static const char *const names[] = {"customers", NULL};
    MX_TRY(check_members(asked, names, err));
    MX_TRY(take_texts(asked, "customers", MX_JOB_CUSTOMERS_MAX, out, err));
    for (size_t i = 0; i < json_array_size(*out); i++)
        if (json_string_length(json_array_get(*out, i)) > MX_ID_MAX)
            MX_FAIL(err, MERX_E_LIMIT, "customers", "holds an id of more than %d bytes", MX_ID_MAX);
    return MERX_OK;
}

static merx_status check_erase(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err)
{
    json_t *customers;
    (void)shop;
    MX_TRY(take_customers(asked, &customers, err));
    if (!customers)
        MX_FAIL(err, MERX_E_INVALID, "customers", "is missing: whom to erase, a list of 1 to %d ids",
                MX_JOB_CUSTOMERS_MAX);
    *parameters = json_pack("{s:O}", "customers", customers);
    return MERX_OK;
}

static merx_status check_export(mx_shop_jobs *shop, const json_t *asked, json_t **parameters, merx_error *err)
{
    json_t *customers;
    (void)shop;
    MX_TRY(take_customers(asked, &customers, err));
    *parameters = customers ? json_pack("{s:O}", "customers", customers) : json_object();
    return MERX_OK;
}

/* ---- the table ---- */

const mx_job_work mx_job_works[MX_JOB_KINDS] = {
    [MX_JOB_IMPORT] = {"import", true, check_import, mx_job_import},
    [MX_JOB_TRAIN] = {"train", true, check_train, mx_job_train},
    [MX_JOB_EVALUATE] = {"evaluate", false, check_evaluate, mx_job_evaluate},
    [MX_JOB_ERASE] = {"erase", true, check_erase, mx_job_erase},
    [MX_JOB_EXPORT] = {"export", false, check_export, mx_job_export},
};

const char *mx_job_kind_name(mx_job_kind kind)
{
    return mx_job_works[kind].name;
}

const char *mx_job_state_name(mx_job_state state)
{
    static const char *const names[MX_JOB_STATES] = {"waiting", "running",   "done",
                                                     "failed",  "cancelled", "interrupted"};
    return names[state];
}

merx_status mx_job_check(mx_shop_jobs *shop, const json_t *asked, mx_job_kind *kind, json_t **parameters,
                         merx_error *err)
{
    json_t *made = NULL;
    const char *name = json_string_value(json_object_get(asked, "kind"));
    *parameters = NULL;
    if (!json_is_object(asked))
        MX_FAIL(err, MERX_E_TYPE, "", "a job is asked for with an object: {\"kind\": \"train\"}");
    for (int i = 0; name && i < MX_JOB_KINDS; i++) {
        if (strcmp(name, mx_job_works[i].name) != 0)
            continue;
        *kind = (mx_job_kind)i;
        merx_status status = mx_job_works[i].check(shop, asked, &made, err);
        if (status == MERX_OK && !made)
            status = mx_error_set(err, MERX_E_MEMORY, "", "no memory for a job");
        if (status == MERX_OK) {
            *parameters = json_deep_copy(made); /* what was asked is the caller's */
            status = *parameters ? MERX_OK : mx_error_set(err, MERX_E_MEMORY, "", "no memory for a job");
        }
        json_decref(made);
        return status;
    }
    MX_FAIL(err, MERX_E_INVALID, "kind", "%s%.40s%s (expected import, train, evaluate, erase or export)",
            name ? "\"" : "is missing", name ? name : "", name ? "\" is no kind of job" : "");
}
