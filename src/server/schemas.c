/*
 * Components of the OpenAPI description, and what api/schemas.json says of a route.
 */
#include "server/schemas.h"

#include <stdio.h>
#include <string.h>

#include "server/record_json.h"

json_t *mx_schemas_read(void)
{
    return json_loadb((const char *)mx_schemas_file, mx_schemas_file_size, JSON_REJECT_DUPLICATES, NULL);
}

/* A record as it is read: money and times are texts, ids are said, and more may be known of it. */
static json_t *known_schema(mx_record_kind kind, const json_t *more)
{
    json_t *schema = mx_record_schema(kind);
    json_t *properties = json_object_get(schema, "properties");
    const char *name;
    json_t *property;
    json_object_foreach(properties, name, property)
    {
        if (!json_is_array(json_object_get(property, "type")))
            continue;
        /* Text, or a number that is read as text. */
        json_object_set_new(property, "type", json_string("string"));
        json_object_del(property, "description");
    }
    json_object_update(properties, json_object_get(more, mx_record_kind_name(kind)));
    json_object_set_new(schema, "required", json_pack("[s]", "id"));
    json_object_del(schema, "additionalProperties");
    return schema;
}

json_t *mx_schema_components(const json_t *file)
{
    static const mx_record_kind kinds[] = {MX_EVENT, MX_PRODUCT, MX_CUSTOMER};
    json_t *components = json_copy(json_object_get(file, "schemas"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char known[64];
        snprintf(known, sizeof known, "known_%s", mx_record_kind_name(kinds[i]));
        json_object_set_new(components, mx_record_kind_name(kinds[i]), mx_record_schema(kinds[i]));
        json_object_set_new(components, known, known_schema(kinds[i], json_object_get(file, "known")));
    }
    return components;
}

/* What the record of this path is called: the last part but the id, in the singular: "/v1/products/{id}" -> "product". */
static void record_of_path(const char *path, char *name, size_t size)
{
    const char *brace = strstr(path, "/{id}");
    const char *start = brace;
    while (start && start > path && start[-1] != '/')
        start--;
    size_t length = start ? (size_t)(brace - start) : 0;
    snprintf(name, size, "%.*s", (int)(length > 0 ? length - 1 : 0), start ? start : "");
}

void mx_schema_of_reply(const mx_route *route, const char *content, const json_t *file, const json_t *components,
                        char *name, size_t size)
{
    const json_t *special = json_object_get(json_object_get(file, "routes"), route->name);
    const char *gives = json_string_value(json_object_get(special, "gives"));
    char record[48];
    record_of_path(route->path, record, sizeof record);
    if (!gives && route->gives == MX_STORED)
        snprintf(name, size, "known_%s", record);
    else
        snprintf(name, size, "%s", gives ? gives : content);
    if (!json_object_get(components, name))
        snprintf(name, size, "%s", "");
}

json_t *mx_schema_query(const mx_route *route, const json_t *file)
{
    const json_t *names = json_object_get(json_object_get(json_object_get(file, "routes"), route->name), "query");
    json_t *list = json_array();
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        json_t *schema = json_copy(json_object_get(json_object_get(file, "parameters"), json_string_value(name)));
        json_t *text = json_incref(json_object_get(schema, "description"));
        json_object_del(schema, "description");
        json_array_append_new(list, json_pack("{s:O, s:s, s:o*, s:o}", "name", name, "in", "query", "description", text,
                                              "schema", schema));
    }
    return list;
}

json_t *mx_schema_ref(const json_t *components, const char *name)
{
    json_t *path = json_object_get(components, name) ? json_sprintf("#/components/schemas/%s", name) : NULL;
    return path ? json_pack("{s:o}", "$ref", path) : json_object();
}
