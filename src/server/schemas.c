/*
 * Completing the OpenAPI description from api/schemas.json and the table of routes.
 */
#include "server/schemas.h"

#include <stdio.h>
#include <string.h>

#include "merx/answer.h"
#include "server/record_json.h"

/* ---- schemas ---- */

/* A record as it is read: what may come as text or number (money, times, texts) is told as text. */
static void make_read(json_t *schema)
{
    const char *name;
    json_t *property;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        if (!json_is_array(json_object_get(property, "type")))
            continue;
        json_object_set_new(property, "type", json_string("string"));
        json_object_del(property, "description");
    }
    json_object_set_new(schema, "required", json_pack("[s]", "id"));
    json_object_del(schema, "additionalProperties");
}

/* Every member is always there: so says "complete" of the file. */
static void require_all(json_t *schema)
{
    const char *name;
    json_t *property;
    json_t *properties = json_object_get(schema, "properties");
    json_t *required = json_array();
    json_object_foreach(properties, name, property)
    {
        json_array_append_new(required, json_string(name));
        require_all(property);
        require_all(json_object_get(property, "items"));
    }
    if (properties)
        json_object_set(schema, "required", required);
    json_decref(required);
}

/* A schema of the file goes before one of the tables; members that only the latter has stay. */
static void add_written(const json_t *file, json_t *components)
{
    const char *name;
    json_t *schema;
    json_object_foreach(json_object_get(file, "schemas"), name, schema)
    {
        json_t *all = json_deep_copy(schema);
        json_t *properties = json_object_get(all, "properties");
        json_object_update_missing(properties, json_object_get(json_object_get(components, name), "properties"));
        json_object_set_new(components, name, all);
    }
}

static void add_components(const json_t *file, json_t *components)
{
    static const mx_record_kind kinds[] = {MX_PRODUCT, MX_CUSTOMER, MX_MESSAGE, MX_REVIEW};
    const char *name;
    json_t *schema;
    add_written(file, components);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char known[64];
        const char *kind = mx_record_kind_name(kinds[i]);
        schema = mx_record_schema(kinds[i]);
        json_object_update(json_object_get(schema, "properties"),
                           json_object_get(json_object_get(file, "known"), kind));
        snprintf(known, sizeof known, "known_%s", kind);
        json_object_set_new(components, known, schema);
    }
    json_object_foreach(components, name, schema)
    {
        if (strncmp(name, "known_", 6) == 0 || strncmp(name, "listed_", 7) == 0)
            make_read(schema);
    }
    const json_t *complete;
    size_t k;
    json_array_foreach(json_object_get(file, "complete"), k, complete)
        require_all(json_object_get(components, json_string_value(complete)));
}

/* What the record of a path is called: "/v1/products/{id}" -> "product". */
static void record_of_path(const char *path, char *name, size_t size)
{
    const char *start = strncmp(path, "/v1/", 4) == 0 ? path + 4 : "s";
    snprintf(name, size, "%.*s", (int)strcspn(start, "/") - 1, start);
}

/* The schema of what a route gives, "" for none: that which the file names for the route, or that of the content's name. */
static void schema_of_reply(const mx_route *route, const json_t *file, const json_t *components, char *name,
                            size_t size)
{
    const char *gives =
        json_string_value(json_object_get(json_object_get(json_object_get(file, "routes"), route->name), "gives"));
    char record[48];
    record_of_path(route->path, record, sizeof record);
    if (!gives && route->gives == MX_STORED)
        snprintf(name, size, "known_%s", record);
    else
        snprintf(name, size, "%s", gives ? gives : mx_content_name(route->gives));
    if (!json_object_get(components, name))
        snprintf(name, size, "%s", "");
}

static void complete_reply(const mx_route *route, const json_t *file, const json_t *components, json_t *operation)
{
    char name[80];
    const char *status, *type;
    json_t *response, *content;
    schema_of_reply(route, file, components, name, sizeof name);
    json_object_foreach(json_object_get(operation, "responses"), status, response)
    {
        json_object_foreach(json_object_get(response, "content"), type, content)
        {
            bool open = route->gives == MX_STORED || !json_object_get(content, "schema");
            if (status[0] == '2' && strcmp(type, "application/json") == 0 && open && *name)
                json_object_set_new(content, "schema",
                                    json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name)));
        }
    }
}

/* ---- operations ---- */

/*
 * What only reads, replaces or removes, answers, events (each has an id of its own), and many of what PUT makes one by one.
 */
static bool is_repeatable(const mx_route *route)
{
    static const char answers[] = "/v1/answers/";
    char thing[128];
    if (strcmp(route->method, "POST") != 0 || route->takes == MX_EVENTS ||
        strncmp(route->path, answers, sizeof answers - 1) == 0)
        return true;
    snprintf(thing, sizeof thing, "%s/{id}", route->path);
    for (size_t i = 0; mx_route_at(i); i++)
        if (strcmp(mx_route_at(i)->method, "PUT") == 0 && strcmp(mx_route_at(i)->path, thing) == 0)
            return true;
    return false;
}

/* The route whose name the operation's id is, or begins with before "_ANSWER". answer: written, NULL for none. */
static const mx_route *route_of(const char *id, const char **answer)
{
    *answer = NULL;
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *route = mx_route_at(i);
        size_t size = strlen(route->name);
        if (strncmp(id, route->name, size) != 0)
            continue;
        if (id[size] == '\0')
            return route;
        for (size_t k = 0; id[size] == '_' && merx_answer_at(k); k++)
            if (strcmp(merx_answer_at(k)->name, id + size + 1) == 0) {
                *answer = merx_answer_at(k)->name;
                return route;
            }
    }
    return NULL;
}

void mx_openapi_complete(json_t *api)
{
    json_t *file = json_loadb((const char *)mx_schemas_file, mx_schemas_file_size, JSON_REJECT_DUPLICATES, NULL);
    json_t *components = json_object_get(json_object_get(api, "components"), "schemas");
    const char *path, *method;
    json_t *item, *operation;

    add_components(file, components);
    json_object_foreach(json_object_get(api, "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            const char *answer;
            const char *id = json_string_value(json_object_get(operation, "operationId"));
            const mx_route *route = id ? route_of(id, &answer) : NULL;
            if (!route)
                continue;
            complete_reply(route, file, components, operation);
            if (answer)
                json_object_set_new(operation, "x-merx-answer", json_string(answer));
            json_object_set_new(operation, "x-merx-repeatable", json_boolean(is_repeatable(route)));
        }
    }
    json_decref(file);
}
