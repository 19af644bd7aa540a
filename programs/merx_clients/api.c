/*
 * Reading the OpenAPI description into operations.
 */
#include "api.h"

#include <ctype.h>
#include <string.h>

static const char components_path[] = "#/components/schemas/";

const char *api_ref(json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    size_t size = sizeof components_path - 1;
    return ref && strncmp(ref, components_path, size) == 0 ? ref + size : NULL;
}

json_t *api_resolve(const api_description *api, json_t *schema)
{
    const char *name = api_ref(schema);
    return name ? json_object_get(api->components, name) : schema;
}

bool api_is_required(json_t *schema, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(schema, "required"), i,
                       one) if (strcmp(json_string_value(one), name) == 0) return true;
    return false;
}

json_t *api_choices(json_t *schema)
{
    json_t *list = json_object_get(schema, "oneOf");
    return list ? list : json_object_get(schema, "anyOf");
}

json_t *api_items(const api_description *api, const api_operation *operation)
{
    json_t *reply = api_resolve(api, operation->reply);
    return json_object_get(json_object_get(json_object_get(reply, "properties"), "items"), "items");
}

bool api_takes_events(const api_operation *operation)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(operation->body, "oneOf"), i, one)
    {
        const char *name = api_ref(one);
        if (name && strcmp(name, "event") == 0)
            return true;
    }
    return false;
}

/* ---- words ---- */

void api_put_pascal(FILE *out, const char *name)
{
    bool start = true;
    for (; *name; name++) {
        if (*name == '_' || *name == '-')
            start = true;
        else
            fputc(start ? toupper((unsigned char)*name) : *name, out);
        if (*name != '_' && *name != '-')
            start = false;
    }
}

void api_put_snake(FILE *out, const char *name)
{
    for (const char *c = name; *c; c++) {
        if (isupper((unsigned char)*c) && c > name && c[-1] != '_')
            fputc('_', out);
        fputc(*c == '-' ? '_' : tolower((unsigned char)*c), out);
    }
}

const char *api_answer_suffix(const api_operation *operation, size_t *size)
{
    const char *id = operation->id;
    *size = strlen(id) - strlen(operation->answer) - 1; /* without _ANSWER */
    if (strncmp(id, "ask", 3) == 0) {
        id += 3;
        *size -= 3;
    }
    if (*size == 4 && strncmp(id, "Post", 4) == 0)
        *size = 0;
    return id;
}

const char *api_listed(const char *id)
{
    return strncmp(id, "list", 4) == 0 && isupper((unsigned char)id[4]) ? id + 4 : id;
}

static void put_word(FILE *out, const char *word, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (word[i] == '*' && i + 1 < size && word[i + 1] == '/')
            continue;
        fputc(word[i] == '"' ? '\'' : word[i] == '\\' ? '/' : word[i], out);
    }
}

void api_put_text(FILE *out, const char *prefix, const char *text, size_t width)
{
    size_t used = 0;
    while (*text) {
        text += strspn(text, " \n\t");
        size_t size = strcspn(text, " \n\t");
        if (size == 0)
            break;
        if (used > 0 && used + 1 + size > width) {
            fputc('\n', out);
            used = 0;
        }
        if (used == 0) {
            fputs(prefix, out);
            used = strlen(prefix);
        } else {
            fputc(' ', out);
            used++;
        }
        put_word(out, text, size);
        used += size;
        text += size;
    }
    if (used > 0)
        fputc('\n', out);
}

/* ---- reading ---- */

static api_form form_of(const char *type)
{
    if (!type)
        return API_NOTHING;
    if (strcmp(type, "application/json") == 0)
        return API_JSON;
    if (strcmp(type, "text/event-stream") == 0)
        return API_STREAM;
    return strncmp(type, "text/", 5) == 0 ? API_TEXT : API_BYTES;
}

/* The first kind of a content {type: {schema}}; JSON goes before others. */
static const char *first_type(json_t *content)
{
    if (json_object_get(content, "application/json"))
        return "application/json";
    return json_object_iter_key(json_object_iter(content));
}

static void read_body(json_t *operation, api_operation *out)
{
    json_t *content = json_object_get(json_object_get(operation, "requestBody"), "content");
    const char *type;
    json_t *value;
    out->body_type = first_type(content);
    out->takes = form_of(out->body_type);
    if (out->body_type)
        out->body = json_object_get(json_object_get(content, out->body_type), "schema");
    if (json_object_size(out->body) == 0)
        out->body = NULL;
    json_object_foreach(content, type, value)
    {
        if (out->takes == API_JSON && strncmp(type, "image/", 6) == 0)
            out->pictures = true;
    }
}

static void read_reply(json_t *operation, api_operation *out)
{
    json_t *responses = json_object_get(operation, "responses");
    const char *status;
    json_t *response;
    json_object_foreach(responses, status, response)
    {
        if (status[0] != '2' || out->gives != API_NOTHING)
            continue;
        json_t *content = json_object_get(response, "content");
        const char *type = first_type(content);
        out->gives = form_of(type);
        if (type)
            out->reply = json_object_get(json_object_get(content, type), "schema");
        if (json_object_size(out->reply) == 0)
            out->reply = NULL;
    }
}

static void read_query(api_description *api, json_t *operation, api_operation *out)
{
    json_t *query = json_object();
    json_t *required = json_array();
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(operation, "parameters"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "name"));
        const char *in = json_string_value(json_object_get(one, "in"));
        if (!name || !in || strcmp(in, "query") != 0)
            continue;
        json_t *schema = json_copy(json_object_get(one, "schema"));
        if (json_object_get(one, "description"))
            json_object_set(schema, "description", json_object_get(one, "description"));
        json_object_set_new(query, name, schema);
        if (json_is_true(json_object_get(one, "required")))
            json_array_append_new(required, json_string(name));
    }
    json_array_append_new(api->queries, query);
    json_array_append_new(api->queries, required);
    out->query = query;
    out->required = required;
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void read_operation(api_description *api, const char *path, const char *method, json_t *operation)
{
    api_operation *out = &api->operation[api->n++];
    *out = (api_operation){.id = text_of(operation, "operationId"),
                           .method = method,
                           .path = path,
                           .summary = text_of(operation, "summary"),
                           .text = text_of(operation, "description"),
                           .role = json_string_value(json_object_get(operation, "x-merx-role")),
                           .answer = json_string_value(json_object_get(operation, "x-merx-answer")),
                           .repeatable = json_is_true(json_object_get(operation, "x-merx-repeatable"))};
    read_body(operation, out);
    read_reply(operation, out);
    read_query(api, operation, out);
    json_t *reply = json_object_get(api_resolve(api, out->reply), "properties");
    json_t *properties = json_object_get(out->body, "properties");
    const char *name;
    void *next;
    json_t *schema;
    /* The options of a question are in the body, and in the query where the body is a picture: they are one argument. */
    json_object_foreach_safe(out->query, next, name, schema)
    {
        if (out->answer && json_object_get(properties, name))
            json_object_del(out->query, name);
    }
    out->paged = json_object_get(reply, "items") && json_object_get(reply, "next") &&
                 json_object_get(out->query, "after") && strcmp(method, "get") == 0;
}

bool api_read(const char *path, api_description *out)
{
    json_error_t error;
    const char *at, *method;
    json_t *item, *operation;

    *out = (api_description){.json = json_load_file(path, JSON_REJECT_DUPLICATES, &error), .queries = json_array()};
    if (!out->json) {
        fprintf(stderr, "merx_clients: %s:%d: %s\n", path, error.line, error.text);
        return false;
    }
    out->components = json_object_get(json_object_get(out->json, "components"), "schemas");
    json_object_foreach(json_object_get(out->json, "paths"), at, item)
    {
        json_object_foreach(item, method, operation)
        {
            json_t *post = json_object_get(item, "post");
            /* An answer is asked by POST, whose options have types; its GET says the same. */
            if (strcmp(method, "get") == 0 && json_object_get(operation, "x-merx-answer") && post)
                continue;
            if (out->n == API_OPERATIONS_MAX) {
                fprintf(stderr, "merx_clients: %s: more than %d operations\n", path, API_OPERATIONS_MAX);
                return false;
            }
            read_operation(out, at, method, operation);
        }
    }
    if (out->n == 0)
        fprintf(stderr, "merx_clients: %s has no routes: a build without the server has none\n", path);
    return out->n > 0;
}

void api_release(api_description *api)
{
    json_decref(api->queries);
    json_decref(api->json);
}
