/*
 * What the server says of itself: answers and routes, from the registry, the table of routes and the store's table of fields.
 */
#include <stdio.h>
#include <string.h>

#include "server/handlers.h"
#include "server/open_options.h"
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
    [MX_ONE_PRODUCT] = {"product", "a product, whole", "application/json"},
    [MX_ONE_CUSTOMER] = {"customer", "a customer's record, whole", "application/json"},
    [MX_REPLY] =
        {"reply",
         "items with scores, fields and reasons; the model's version and the offset of the last event it has seen",
         "application/json"},
    [MX_DESCRIPTIONS] = {"descriptions", "every answer with the options of its question", "application/json"},
    [MX_TAKEN] = {"taken", "what was stored", "application/json"},
    [MX_STATE] = {"state", "what state it is in", "application/json"},
    [MX_STORED] = {"record", "what is known", "application/json"},
    [MX_RECEIPT] = {"receipt", "what was erased, and what each answer's model did", "application/json"},
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

merx_status merx_server_routes_json(char **text, merx_error *err)
{
    json_t *list = json_array();
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *r = mx_route_at(i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s}", "method", r->method, "path",
                                              r->path, "name", r->name, "text", r->text, "role",
                                              r->open ? NULL : merx_role_name(r->role), "takes",
                                              contents[r->takes].name, "gives", contents[r->gives].name));
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

/* What every operation is made from. */
typedef struct api {
    json_t *file;       /* api/schemas.json */
    json_t *components; /* schemas by name */
    json_t *paths;
} api;

static json_t *body_json(const api *a, const mx_route *route, const merx_answer_info *info)
{
    if (route->takes == MX_EVENTS) {
        json_t *json_type =
            json_pack("{s:{s:[o, {s:s, s:o}]}}", "schema", "oneOf", mx_schema_ref(a->components, "event"), "type",
                      "array", "items", mx_schema_ref(a->components, "event"));
        return json_pack("{s:b, s:s, s:{s:o, s:{s:o}}}", "required", 1, "description", contents[route->takes].text,
                         "content", "application/json", json_type, "application/x-ndjson", "schema",
                         mx_schema_ref(a->components, "event"));
    }
    json_t *schema = route->takes == MX_QUESTION && info ? question_schema(info)
                                                         : mx_schema_ref(a->components, contents[route->takes].name);
    return json_pack("{s:b, s:s, s:{s:{s:o}}}", "required", 1, "description", contents[route->takes].text, "content",
                     contents[route->takes].type, "schema", schema);
}

static json_t *replies_json(const api *a, const mx_route *route)
{
    char name[80];
    mx_schema_of_reply(route, contents[route->gives].name, a->file, a->components, name, sizeof name);
    json_t *good = json_pack("{s:s, s:{s:{}}}", "description", contents[route->gives].text, "content",
                             contents[route->gives].type);
    if (*name)
        json_object_set_new(json_object_get(json_object_get(good, "content"), contents[route->gives].type), "schema",
                            mx_schema_ref(a->components, name));
    return json_pack("{s:o, s:{s:s, s:{s:{s:o}}}}", "200", good, "default", "description",
                     "what was wrong, and what would be right", "content", "application/json", "schema",
                     mx_schema_ref(a->components, "error"));
}

/* The parts of a path in braces. */
static void add_path_parameters(json_t *list, const char *path)
{
    for (const char *brace = strchr(path, '{'); brace; brace = strchr(brace + 1, '{')) {
        size_t size = strcspn(brace + 1, "}");
        json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s, s:i}}", "name", brace + 1, size, "in", "path",
                                              "required", 1, "schema", "type", "string", "maxLength", 255));
    }
}

/* Whether a request that got no reply may be sent again without harm: what only reads, replaces or removes, answers, and what is known by an id of its own. */
static bool is_repeatable(const mx_route *route)
{
    char thing[128];
    if (strcmp(route->method, "POST") != 0 || route->takes == MX_QUESTION || route->takes == MX_EVENTS ||
        route->gives == MX_REPLY)
        return true;
    snprintf(thing, sizeof thing, "%s/{id}", route->path); /* many of what PUT makes one by one */
    for (size_t i = 0; mx_route_at(i); i++)
        if (strcmp(mx_route_at(i)->method, "PUT") == 0 && strcmp(mx_route_at(i)->path, thing) == 0)
            return true;
    return false;
}

/* info: the answer of this path; NULL: the path stands for itself. */
static json_t *operation(const api *a, const mx_route *route, const char *path, const merx_answer_info *info)
{
    json_t *id = info ? json_sprintf("%s_%s", route->name, info->name) : json_string(route->name);
    json_t *op = json_pack("{s:o, s:s, s:s, s:o}", "operationId", id, "summary", info ? info->title : route->text,
                           "description", info ? info->text : route->text, "responses", replies_json(a, route));
    json_t *parameters = info && route->takes == MX_NOTHING ? query_parameters(info) : mx_schema_query(route, a->file);
    json_object_set_new(op, "security", route->open ? json_array() : json_pack("[{s:[]}]", "key"));
    if (!route->open)
        json_object_set_new(op, "x-merx-role", json_string(merx_role_name(route->role)));
    if (info)
        json_object_set_new(op, "x-merx-answer", json_string(info->name));
    json_object_set_new(op, "x-merx-repeatable", json_boolean(is_repeatable(route)));
    add_path_parameters(parameters, path);
    if (json_array_size(parameters) > 0)
        json_object_set(op, "parameters", parameters);
    json_decref(parameters);
    if (route->takes != MX_NOTHING)
        json_object_set_new(op, "requestBody", body_json(a, route, info));
    return op;
}

static void add_path(const api *a, const mx_route *route, const char *path, const merx_answer_info *info)
{
    char method[8];
    json_t *item = json_object_get(a->paths, path);
    if (!item) {
        json_object_set_new(a->paths, path, json_object());
        item = json_object_get(a->paths, path);
    }
    size_t n = 0;
    for (; route->method[n] && n < sizeof method - 1; n++)
        method[n] = (char)(route->method[n] - 'A' + 'a');
    method[n] = '\0';
    json_object_set_new(item, method, operation(a, route, path, info));
}

json_t *mx_openapi_description(void)
{
    static const char named[] = "/v1/answers/{name}";
    json_t *file = mx_schemas_read();
    api a = {file, mx_schema_components(file), json_object()};
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *route = mx_route_at(i);
        bool each = strncmp(route->path, named, sizeof named - 1) == 0;
        if (!each)
            add_path(&a, route, route->path, NULL);
        for (size_t k = 0; each && merx_answer_at(k); k++) {
            char path[128];
            snprintf(path, sizeof path, "/v1/answers/%s%s", merx_answer_at(k)->name, route->path + sizeof named - 1);
            add_path(&a, route, path, merx_answer_at(k));
        }
    }
    json_decref(file);
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}, s:o}}", "openapi", "3.1.0", "info", "title",
                     "merx", "version", merx_version(), "description", "AI for online shops: answers with reasons.",
                     "paths", a.paths, "components", "securitySchemes", "key", "type", "http", "scheme", "bearer",
                     "schemas", a.components);
}

merx_status merx_server_openapi_json(char **text, merx_error *err)
{
    return give_json(mx_openapi_description(), text, err);
}
