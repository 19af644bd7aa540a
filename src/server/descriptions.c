/*
 * What the server says of itself: answers and routes, from the registry, the table of routes and the store's table of fields.
 */
#include <stdio.h>
#include <string.h>

#include "server/descriptions_things.h"
#include "server/handlers.h"
#include "server/open_options.h"
#include "server/record_json.h"
#include "server/schemas.h"

static json_t *options_json(const merx_option *table)
{
    char *text = NULL;
    json_t *list = merx_options_describe(table, &text, NULL) == MERX_OK ? json_loads(text, 0, NULL) : NULL;
    merx_text_free(text);
    /* In the table's order; what can't be set here is not told of. */
    for (size_t i = json_array_size(list); i-- > 0;)
        if (!mx_option_is_open(&table[i]))
            json_array_remove(list, i);
    return list;
}

json_t *mx_answers_description(void)
{
    json_t *list = json_array();
    for (size_t i = 0; merx_answer_at(i); i++) {
        const merx_answer_info *info = merx_answer_at(i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", info->name, "title",
                                              info->title, "text", info->text, "needs", info->needs, "learns",
                                              (int)info->learns, "question", options_json(info->question)));
    }
    return list;
}

/* ---- contents ---- */

static const struct {
    const char *name, *text, *type; /* type: of the body */
} contents[MX_CONTENTS] = {
    [MX_NOTHING] = {"nothing", "", ""},
    [MX_QUESTION] = {"question", "the options of the answer, and why", "application/json"},
    [MX_EVENTS] = {"events", "an event, an array of events, or JSON lines", "application/json"},
    [MX_QUESTIONS] = {"questions", "a list of at most 1000 questions, and why for all that don't say it",
                      "application/json"},
    [MX_ONE_THING] = {"", "a record, whole", "application/json"},
    [MX_MANY_THINGS] = {"", "one, an array, or JSON lines", "application/json"},
    [MX_PATCH] = {"patch", "the fields to change; null takes one away (RFC 7396)", "application/merge-patch+json"},
    [MX_REPLY] =
        {"reply",
         "items with scores, fields and reasons; the model's version and the offset of the last event it has seen",
         "application/json"},
    [MX_REPLIES] = {"replies", "a reply or an error for each question, in their order", "application/json"},
    [MX_DESCRIPTIONS] = {"descriptions", "every answer with the options of its question", "application/json"},
    [MX_TAKEN] = {"taken", "what was stored", "application/json"},
    [MX_STATE] = {"state", "what state it is in", "application/json"},
    [MX_STORED] = {"record", "what is known", "application/json"},
    [MX_PAGE] = {"page", "items, and next: where the following page begins, null at the end", "application/json"},
    [MX_EXPORT] = {"export", "the customer's record, orders, messages, reviews and events", "application/json"},
    [MX_PICTURE] = {"picture", "a picture: JPEG, PNG or WebP", "image/*"},
    [MX_RECEIPT] = {"receipt", "what was erased, and what each answer's model did", "application/json"},
    [MX_FILE] = {"file", "the bytes of a file", "application/octet-stream"},
    [MX_JOB_ASKED] = {"job_asked", "what is to be done", "application/json"},
    [MX_JOB] = {"job", "a job: its state, progress, result", "application/json"},
    [MX_JOBS] = {"jobs", "jobs, newest first, and where the next page begins", "application/json"},
    [MX_JOB_EVENTS] = {"job_events",
                       "\"job\" (the job) whenever it changes, \"log\" ({time, text}), \"end\" (the job) as the last",
                       "text/event-stream"},
    [MX_TEXT_LINES] = {"lines", "lines of text", "text/plain"},
    [MX_JSON_LINES] = {"json_lines", "{\"kind\", \"record\"}, one a line", "application/x-ndjson"},
    [MX_UPLOAD] = {"upload", "what was stored", "application/json"},
    [MX_UPLOADS] = {"uploads", "the files that are there", "application/json"},
    [MX_MODELS] = {"models", "answers that learn, with their live version", "application/json"},
    [MX_MODEL_VERSIONS] = {"model_versions", "versions with their figures, newest first", "application/json"},
    [MX_COMPARISON] = {"comparison", "figures of two versions, and their difference b - a", "application/json"},
    [MX_DEPLOY] = {"deploy", "the version that is to be live", "application/json"},
    [MX_EMPTY] = {"empty", "an empty object", "application/json"},
    [MX_DEPLOYED] = {"deployed", "which version is live, and which was", "application/json"},
    [MX_KEY_ASKED] = {"key_asked", "role and name of a key", "application/json"},
    [MX_KEY] = {"key", "the key, shown this once", "application/json"},
    [MX_KEYS] = {"keys", "the keys of the shop, without secrets", "application/json"},
    [MX_REVOKED] = {"revoked", "the id of the key that was", "application/json"},
    [MX_SETTINGS] = {"settings", "settings with their defaults and where they came from", "application/json"},
    [MX_EVENT_STREAM] = {"event_stream", "\"events\" ({offset, events}) as they are accepted", "text/event-stream"},
    [MX_OPENAPI] = {"openapi", "an OpenAPI description", "application/json"},
    [MX_PROMETHEUS] = {"metrics", "Prometheus text", "text/plain"},
};

/* value is released; NULL: there was no memory for it. */
static merx_status give_json(json_t *value, char **text, merx_error *err)
{
    mx_text out;
    char *dump = value ? json_dumps(value, JSON_COMPACT) : NULL;
    *text = NULL;
    json_decref(value);
    mx_text_init(&out, NULL, 1u << 24);
    if (dump)
        mx_text_puts(&out, dump);
    merx_status status =
        dump ? mx_text_give(&out, text, err) : mx_error_set(err, MERX_E_MEMORY, "", "no memory for the description");
    free(dump); /* allocated by jansson */
    mx_text_release(&out);
    return status;
}

const char *mx_content_name(mx_content content)
{
    return contents[content].name;
}

merx_status merx_server_routes_json(char **text, merx_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *r = mx_route_at(i);
        const char *takes = mx_things_takes(r);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s}", "method", r->method, "path", r->path, "name",
                            r->name, "text", r->text, "role", r->open ? NULL : merx_role_name(r->role), "takes",
                            takes ? takes : contents[r->takes].name, "gives", contents[r->gives].name));
    }
    json_t *json = json_pack("{s:s, s:o}", "version", merx_version(), "routes", list);
    return give_json(json, text, err);
}

/* ---- OpenAPI ---- */

static json_t *words_json(const char *words)
{
    json_t *list = json_array();
    while (*words) {
        size_t size = strcspn(words, "|");
        json_array_append_new(list, json_stringn(words, size));
        words += size + (words[size] == '|');
    }
    return list;
}

static json_t *ranged(const char *type, const merx_option *option)
{
    return json_pack("{s:s, s:f, s:f}", "type", type, "minimum", option->min, "maximum", option->max);
}

static json_t *option_schema(const merx_option *option)
{
    json_t *schema = NULL;
    switch (option->type) {
    case MERX_OPTION_BOOL:
        schema = json_pack("{s:s}", "type", "boolean");
        break;
    case MERX_OPTION_INT:
        schema = ranged("integer", option);
        break;
    case MERX_OPTION_REAL:
        schema = ranged("number", option);
        break;
    case MERX_OPTION_CHOICE:
        schema = json_pack("{s:s, s:o}", "type", "string", "enum", words_json(option->choices));
        break;
    case MERX_OPTION_TEXT:
        schema = json_pack("{s:s, s:i}", "type", "string", "maxLength", 4096);
        break;
    }
    /* Words taken beside numbers. */
    if (option->choices && option->type != MERX_OPTION_CHOICE)
        schema =
            json_pack("{s:[o, {s:s, s:o}]}", "oneOf", schema, "type", "string", "enum", words_json(option->choices));
    json_object_set_new(schema, "description", json_string(option->text));
    if (option->value)
        json_object_set_new(schema, "default", json_string(option->value));
    return schema;
}

static json_t *why_schema(void)
{
    return json_pack("{s:s, s:b, s:s}", "type", "boolean", "default", 0, "description",
                     "with the reasons: contributions that add up to each score");
}

static json_t *question_schema(const merx_answer_info *info)
{
    json_t *properties = json_object();
    for (const merx_option *o = info->question; o && o->name; o++)
        if (mx_option_is_open(o))
            json_object_set_new(properties, o->name, option_schema(o));
    json_object_set_new(properties, "why", why_schema());
    return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties", properties);
}

static json_t *query_parameters(const merx_answer_info *info)
{
    json_t *list = json_array();
    for (const merx_option *o = info->question; o && o->name; o++)
        if (mx_option_is_open(o))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", o->name, "in", "query", "description",
                                                  o->text, "schema", option_schema(o)));
    json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", "why", "in", "query", "schema", why_schema()));
    return list;
}

static json_t *body_json(const mx_route *route, const merx_answer_info *info)
{
    json_t *json_type = NULL;
    if (route->takes == MX_EVENTS) {
        json_type = json_pack("{s:{s:[o, {s:s, s:o}]}}", "schema", "oneOf", mx_schema_ref("event"), "type", "array",
                              "items", mx_schema_ref("event"));
        return json_pack("{s:b, s:s, s:{s:o, s:{s:o}}}", "required", 1, "description", contents[route->takes].text,
                         "content", "application/json", json_type, "application/x-ndjson", "schema",
                         mx_schema_ref("event"));
    }
    if (route->takes == MX_FILE)
        return json_pack("{s:b, s:s, s:{s:{s:{s:s}}}}", "required", 1, "description", contents[route->takes].text,
                         "content", contents[route->takes].type, "schema", "contentMediaType",
                         contents[route->takes].type);
    json_t *content = mx_things_body(route, info ? question_schema(info) : NULL);
    if (!content) {
        content = json_pack("{s:{s:o}}", "application/json", "schema",
                            info ? question_schema(info) : mx_schema_ref(contents[route->takes].name));
        if (info)
            mx_things_pictures(info, content);
    }
    return json_pack("{s:b, s:s, s:o}", "required", 1, "description", contents[route->takes].text, "content", content);
}

/* What content_schemas.c describes. */
static bool has_schema(mx_content content)
{
    return contents[content].type[0] && strcmp(contents[content].type, "application/json") == 0 &&
           content >= MX_JOB_ASKED && content < MX_OPENAPI;
}

static const char *good_status(const mx_route *route)
{
    bool made = route->gives == MX_UPLOAD || route->gives == MX_KEY;
    bool begun = route->gives == MX_JOB && strcmp(route->method, "GET") != 0;
    return made ? "201" : begun ? "202" : "200";
}

static json_t *replies_json(const mx_route *route)
{
    json_t *good = json_pack("{s:s, s:{s:{}}}", "description", contents[route->gives].text, "content",
                             contents[route->gives].type);
    json_t *content = mx_things_reply(route);
    if (content)
        json_object_set_new(good, "content", content);
    if (route->gives == MX_REPLY || has_schema(route->gives))
        json_object_set_new(json_object_get(json_object_get(good, "content"), "application/json"), "schema",
                            mx_schema_ref(contents[route->gives].name));
    return json_pack("{s:o, s:{s:s, s:{s:{s:o}}}}", good_status(route), good, "default", "description",
                     "what was wrong, and what would be right", "content", "application/json", "schema",
                     mx_schema_ref("error"));
}

/* more is released. */
static void add_all(json_t *list, json_t *more)
{
    json_array_extend(list, more);
    json_decref(more);
}

static json_t *query_parameter(const char *name, const char *type, const char *text, bool required)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:{s:s}}", "name", name, "in", "query", "required", (int)required,
                     "description", text, "schema", "type", type);
}

/* The parts in braces, and what the query of a route may say. */
static json_t *path_parameters(const mx_route *route)
{
    json_t *list = json_array();
    for (const char *at = strchr(route->path, '{'); at; at = strchr(at + 1, '{'))
        json_array_append_new(list, json_pack("{s:o, s:s, s:b, s:{s:s, s:i}}", "name",
                                              json_stringn(at + 1, strcspn(at + 1, "}")), "in", "path", "required", 1,
                                              "schema", "type", "string", "maxLength", 255));
    if (route->gives == MX_JOBS) {
        json_array_append_new(list, query_parameter("limit", "integer", "at most so many: 1 to 1000", false));
        json_array_append_new(list, query_parameter("after", "string", "what \"next\" was", false));
    } else if (route->gives == MX_COMPARISON) {
        json_array_append_new(list, query_parameter("a", "integer", "a version", true));
        json_array_append_new(list, query_parameter("b", "integer", "another", true));
    } else if (route->gives == MX_EVENT_STREAM) {
        json_array_append_new(list,
                              query_parameter("after", "integer", "from this offset on; left out: from now on", false));
    }
    return list;
}

/* info: the answer of this path; NULL: the path stands for itself. */
static json_t *operation(const mx_route *route, const merx_answer_info *info)
{
    json_t *id = info ? json_sprintf("%s_%s", route->name, info->name) : json_string(route->name);
    json_t *op = json_pack("{s:o, s:s, s:s, s:o}", "operationId", id, "summary", info ? info->title : route->text,
                           "description", info ? info->text : route->text, "responses", replies_json(route));
    json_object_set_new(op, "security", route->open ? json_array() : json_pack("[{s:[]}]", "key"));
    if (!route->open)
        json_object_set_new(op, "x-merx-role", json_string(merx_role_name(route->role)));
    json_t *parameters = json_array();
    if (info &&
        (route->takes == MX_NOTHING || (route->takes == MX_QUESTION && mx_option_named(info->question, "picture"))))
        add_all(parameters, query_parameters(info));
    else if (!info)
        add_all(parameters, path_parameters(route));
    mx_things_parameters(route, info, parameters);
    if (json_array_size(parameters) > 0)
        json_object_set(op, "parameters", parameters);
    json_decref(parameters);
    if (route->takes != MX_NOTHING)
        json_object_set_new(op, "requestBody", body_json(route, info));
    return op;
}

static void add_path(json_t *paths, const mx_route *route, const char *path, const merx_answer_info *info)
{
    char method[8];
    json_t *item = json_object_get(paths, path);
    if (!item) {
        json_object_set_new(paths, path, json_object());
        item = json_object_get(paths, path);
    }
    size_t n = 0;
    for (; route->method[n] && n < sizeof method - 1; n++)
        method[n] = (char)(route->method[n] - 'A' + 'a');
    method[n] = '\0';
    json_object_set_new(item, method, operation(route, info));
}

static json_t *schemas(void)
{
    json_t *error =
        json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}", "type", "object", "properties",
                  "code", "type", "string", "message", "type", "string", "where", "type", "string", "hint", "type",
                  "string", "request_id", "type", "string", "errors", "type", "array");
    json_t *reply = json_pack("{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:{s:s}}, s:{s:s}}}",
                              "type", "object", "properties", "answer", "type", "string", "sentence", "type", "string",
                              "score_unit", "type", "string", "model_version", "type", "integer", "data_offset", "type",
                              "integer", "items", "type", "array", "items", "type", "object", "notes", "type", "array");
    json_t *members = json_object_get(reply, "properties");
    json_object_set_new(members, "types",
                        json_pack("{s:s, s:s, s:{s:s, s:[s, s, s, s, s, s]}}", "type", "object", "description",
                                  "what the fields of each name are; an item may have its own", "additionalProperties",
                                  "type", "string", "enum", "text", "int", "real", "share", "money", "date"));
    json_object_set_new(members, "heat_map",
                        json_pack("{s:s, s:{s:{s:s}, s:{s:s}}}", "type", "object", "properties", "type", "type",
                                  "string", "base64", "type", "string"));
    json_t *all = json_pack("{s:o, s:o}", "error", error, "reply", reply);
    mx_things_schemas(all);
    mx_add_content_schemas(all);
    return all;
}

json_t *mx_openapi_description(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *route = mx_route_at(i);
        const char *brace = strstr(route->path, "/answers/{name}");
        brace = brace ? strchr(brace, '{') : NULL;
        if (!brace) {
            add_path(paths, route, route->path, NULL);
            continue;
        }
        for (size_t k = 0; merx_answer_at(k); k++) {
            char path[128];
            snprintf(path, sizeof path, "%.*s%s%s", (int)(brace - route->path), route->path, merx_answer_at(k)->name,
                     brace + strlen("{name}"));
            add_path(paths, route, path, merx_answer_at(k));
        }
    }
    json_t *api = json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}, s:o}}", "openapi", "3.1.0", "info",
                            "title", "merx", "version", merx_version(), "description",
                            "AI for online shops: answers with reasons.", "paths", paths, "components",
                            "securitySchemes", "key", "type", "http", "scheme", "bearer", "schemas", schemas());
    mx_openapi_complete(api);
    return api;
}

merx_status merx_server_openapi_json(char **text, merx_error *err)
{
    return give_json(mx_openapi_description(), text, err);
}
