/*
 * Schemas from the store's table of fields; the rest by hand.
 */
#include "server/descriptions_things.h"

#include <string.h>

#include "server/open_options.h"
#include "server/record_json.h"
#include "server/things.h"

static const mx_record_kind things[] = {MX_EVENT, MX_PRODUCT, MX_CUSTOMER, MX_MESSAGE, MX_REVIEW};
enum { THINGS = sizeof things / sizeof *things };

json_t *mx_schema_ref(const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", name));
}

static json_t *array_of(json_t *schema)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", schema);
}

/* An object of these members, (name, schema) pairs up to NULL; schemas are taken. */
static json_t *object_of(const char *name, json_t *schema, const char *second, json_t *second_schema)
{
    json_t *properties = json_pack("{s:o}", name, schema);
    if (second)
        json_object_set_new(properties, second, second_schema);
    return json_pack("{s:s, s:o}", "type", "object", "properties", properties);
}

/* What a listing or export tells of a record beside its own fields. */
static json_t *told(mx_record_kind kind)
{
    json_t *schema = mx_record_schema(kind);
    json_t *properties = json_object_get(schema, "properties");
    if (kind == MX_EVENT) {
        json_object_set_new(properties, "offset", json_pack("{s:s}", "type", "integer"));
        json_object_set_new(properties, "source", json_pack("{s:s}", "type", "string"));
        json_object_set_new(properties, "row", json_pack("{s:s}", "type", "integer"));
    }
    if (kind == MX_CUSTOMER)
        json_object_set_new(properties, "events",
                            json_pack("{s:s, s:s}", "type", "integer", "description", "how many name the customer"));
    json_object_del(schema, "required");
    return schema;
}

static void add_page(json_t *schemas, mx_record_kind kind)
{
    const char *name = mx_record_kind_name(kind);
    json_t *next = json_pack("{s:[ss], s:s}", "type", "string", "null", "description",
                             "what \"after\" is for the following page; null: this is the last");
    json_t *listed = json_sprintf("listed_%s", name);
    json_t *page = json_sprintf("%s_page", name);
    json_object_set_new(schemas, json_string_value(listed), told(kind));
    json_object_set_new(schemas, json_string_value(page),
                        object_of("items", array_of(mx_schema_ref(json_string_value(listed))), "next", next));
    json_decref(listed);
    json_decref(page);
}

/* The fields of a kind, each of which may be null, none needed. */
static json_t *patch_schema(mx_record_kind kind)
{
    json_t *schema = mx_record_schema(kind);
    json_t *properties = json_object_get(schema, "properties");
    const char *name;
    json_t *field;
    json_object_foreach(properties, name, field)
    {
        json_t *either = json_pack("{s:[O, {s:s}]}", "anyOf", field, "type", "null");
        json_object_set_new(properties, name, either);
    }
    json_object_del(schema, "required");
    return schema;
}

void mx_things_schemas(json_t *schemas)
{
    for (size_t i = 0; i < THINGS; i++) {
        const char *name = mx_record_kind_name(things[i]);
        json_object_set_new(schemas, name, mx_record_schema(things[i]));
        add_page(schemas, things[i]);
        if (things[i] == MX_EVENT)
            continue;
        json_t *patch = json_sprintf("%s_patch", name);
        json_object_set_new(schemas, json_string_value(patch), patch_schema(things[i]));
        json_decref(patch);
    }
    json_object_set_new(schemas, "order", mx_record_schema(MX_ORDER));
    json_t *export = object_of("customer", mx_schema_ref("customer"), "orders", array_of(mx_schema_ref("order")));
    json_t *properties = json_object_get(export, "properties");
    json_object_set_new(properties, "messages", array_of(mx_schema_ref("message")));
    json_object_set_new(properties, "reviews", array_of(mx_schema_ref("review")));
    json_object_set_new(properties, "events", array_of(mx_schema_ref("listed_event")));
    json_object_set_new(schemas, "export", export);
    json_t *failed = object_of("error", mx_schema_ref("error"), NULL, NULL);
    json_t *either = json_pack("{s:[o, o]}", "anyOf", mx_schema_ref("reply"), failed);
    json_object_set_new(schemas, "replies", object_of("replies", array_of(either), NULL, NULL));
}

const char *mx_things_takes(const mx_route *route)
{
    return route->takes == MX_ONE_THING     ? mx_record_kind_name(mx_route_kind(route))
           : route->takes == MX_MANY_THINGS ? mx_route_things(route)
                                            : NULL;
}

static json_t *content(const char *type, json_t *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

json_t *mx_things_body(const mx_route *route, json_t *question)
{
    const char *kind = mx_record_kind_name(mx_route_kind(route));
    if (route->takes == MX_QUESTIONS) {
        json_t *list = array_of(question);
        json_object_set_new(list, "maxItems", json_integer(1000));
        return content("application/json", object_of("questions", list, "why", json_pack("{s:s}", "type", "boolean")));
    }
    json_decref(question);
    if (route->takes == MX_ONE_THING)
        return content("application/json", mx_schema_ref(kind));
    if (route->takes == MX_MANY_THINGS) {
        json_t *out = content("application/json",
                              json_pack("{s:[o, o]}", "oneOf", mx_schema_ref(kind), array_of(mx_schema_ref(kind))));
        json_object_set_new(out, "application/x-ndjson", json_pack("{s:o}", "schema", mx_schema_ref(kind)));
        return out;
    }
    if (route->takes != MX_PATCH)
        return NULL;
    json_t *name = json_sprintf("%s_patch", kind);
    json_t *out = content("application/merge-patch+json", mx_schema_ref(json_string_value(name)));
    json_object_set_new(out, "application/json", json_pack("{s:o}", "schema", mx_schema_ref(json_string_value(name))));
    json_decref(name);
    return out;
}

static void add_pictures(json_t *out)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        json_object_set_new(out, types[i], json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "format", "binary"));
}

json_t *mx_things_reply(const mx_route *route)
{
    if (route->gives == MX_PAGE) {
        json_t *name = json_sprintf("%s_page", mx_record_kind_name(mx_route_kind(route)));
        json_t *out = content("application/json", mx_schema_ref(json_string_value(name)));
        json_decref(name);
        return out;
    }
    if (route->gives == MX_STORED) {
        mx_record_kind kind = mx_route_kind(route);
        return content("application/json",
                       mx_schema_ref(kind == MX_CUSTOMER ? "listed_customer" : mx_record_kind_name(kind)));
    }
    if (route->gives == MX_EXPORT)
        return content("application/json", mx_schema_ref("export"));
    if (route->gives == MX_REPLIES)
        return content("application/json", mx_schema_ref("replies"));
    if (route->gives != MX_PICTURE)
        return NULL;
    json_t *out = json_object();
    add_pictures(out);
    return out;
}

static void add_parameter(json_t *list, const char *name, const char *text, json_t *schema)
{
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:s, s:o}", "name", name, "in", "query", "description", text, "schema", schema));
}

void mx_things_parameters(const mx_route *route, const merx_answer_info *info, json_t *list)
{
    if (route->gives == MX_PAGE) {
        add_parameter(
            list, "limit", "most items of a page",
            json_pack("{s:s, s:i, s:i, s:i}", "type", "integer", "minimum", 1, "maximum", 1000, "default", 50));
        add_parameter(list, "after", "what \"next\" of the page before was", json_pack("{s:s}", "type", "string"));
        if (mx_route_kind(route) == MX_PRODUCT)
            add_parameter(list, "q", "begins the id, or each word of it a word of the title",
                          json_pack("{s:s}", "type", "string"));
    }
    if (route->gives == MX_PICTURE)
        add_parameter(list, "size", "most pixels a side; without it: the picture as it is",
                      json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 16, "maximum", 2048));
    if (route->gives == MX_REPLY && info && mx_option_named(info->question, "heat_map"))
        add_parameter(list, "heat_map", "with the map of what speaks for the best class, as a PNG file in base64",
                      json_pack("{s:s, s:[s]}", "type", "string", "enum", "inline"));
}

void mx_things_pictures(const merx_answer_info *info, json_t *out)
{
    if (mx_option_named(info->question, "picture"))
        add_pictures(out);
}
