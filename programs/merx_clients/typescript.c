/*
 * The TypeScript client: a type for each component, a class of answers, a class with a method for each operation.
 */
#include <string.h>

#include "api.h"

/* Components whose names browsers have given away. */
static void put_name(FILE *out, const char *component)
{
    if (strcmp(component, "event") == 0)
        fputs("ShopEvent", out);
    else if (strcmp(component, "error") == 0)
        fputs("ErrorReply", out);
    else
        api_put_pascal(out, component);
}

static void put_type(FILE *out, json_t *schema);

static void put_literals(FILE *out, json_t *values)
{
    json_t *value;
    size_t i;
    json_array_foreach(values, i, value) fprintf(out, "%s\"%s\"", i ? " | " : "", json_string_value(value));
}

static void put_object(FILE *out, json_t *schema)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *more = json_object_get(schema, "additionalProperties");
    const char *name, *between = " ";
    json_t *property;

    if (!properties) {
        fputs("Record<string, ", out);
        put_type(out, json_is_object(more) ? more : NULL);
        fputc('>', out);
        return;
    }
    fputc('{', out);
    json_object_foreach(properties, name, property)
    {
        fprintf(out, "%s%s%s: ", between, name, api_is_required(schema, name) ? "" : "?");
        put_type(out, property);
        between = "; ";
    }
    fputs(" }", out);
}

static void put_simple(FILE *out, const char *type, json_t *schema)
{
    if (strcmp(type, "integer") == 0 || strcmp(type, "number") == 0) {
        fputs("number", out);
    } else if (strcmp(type, "array") == 0) {
        fputs("Array<", out);
        put_type(out, json_object_get(schema, "items"));
        fputc('>', out);
    } else if (strcmp(type, "object") == 0) {
        put_object(out, schema);
    } else {
        fputs(type, out); /* string, boolean, null */
    }
}

/* Each word once: integer and number are one. */
static void put_types(FILE *out, json_t *types, json_t *schema)
{
    json_t *type;
    size_t i;
    bool number = false;
    const char *between = "";
    json_array_foreach(types, i, type)
    {
        const char *name = json_string_value(type);
        bool numeric = strcmp(name, "integer") == 0 || strcmp(name, "number") == 0;
        if (numeric && number)
            continue;
        number = number || numeric;
        fputs(between, out);
        put_simple(out, name, schema);
        between = " | ";
    }
}

static void put_type(FILE *out, json_t *schema)
{
    const char *ref = api_ref(schema);
    json_t *type = json_object_get(schema, "type");
    json_t *one;
    size_t i;
    if (ref) {
        put_name(out, ref);
    } else if (api_choices(schema)) {
        json_array_foreach(api_choices(schema), i, one)
        {
            fputs(i ? " | " : "", out);
            put_type(out, one);
        }
    } else if (json_is_string(json_object_get(schema, "const"))) {
        fprintf(out, "\"%s\"", json_string_value(json_object_get(schema, "const")));
    } else if (json_object_get(schema, "enum")) {
        put_literals(out, json_object_get(schema, "enum"));
    } else if (json_is_array(type)) {
        put_types(out, type, schema);
    } else if (json_is_string(type)) {
        put_simple(out, json_string_value(type), schema);
    } else {
        fputs("unknown", out);
    }
}

static void put_comment(FILE *out, const char *indent, const char *text, const char *end)
{
    char prefix[32];
    if (!*text && !*end)
        return;
    fprintf(out, "%s/**\n", indent);
    snprintf(prefix, sizeof prefix, "%s * ", indent);
    api_put_text(out, prefix, text, 150);
    if (*end)
        api_put_text(out, prefix, end, 150);
    fprintf(out, "%s */\n", indent);
}

static void put_members(FILE *out, json_t *properties, json_t *schema)
{
    const char *name;
    json_t *property;
    json_object_foreach(properties, name, property)
    {
        const char *text = json_string_value(json_object_get(property, "description"));
        const char *value = json_string_value(json_object_get(property, "default"));
        if (text) {
            fputs("  /** ", out);
            for (; *text; text++)
                if (text[0] != '*' || text[1] != '/')
                    fputc(*text, out);
            if (value && *value)
                fprintf(out, " Default %s.", value);
            fputs(" */\n", out);
        }
        fprintf(out, "  %s%s: ", name, api_is_required(schema, name) ? "" : "?");
        put_type(out, property);
        fputs(";\n", out);
    }
}

static void put_components(const api_description *api, FILE *out)
{
    const char *name;
    json_t *schema;
    json_object_foreach(api->components, name, schema)
    {
        const char *text = json_string_value(json_object_get(schema, "description"));
        json_t *properties = json_object_get(schema, "properties");
        put_comment(out, "", text ? text : "", "");
        if (!properties) {
            fputs("export type ", out);
            put_name(out, name);
            fputs(" = ", out);
            put_type(out, schema);
            fputs(";\n\n", out);
            continue;
        }
        fputs("export interface ", out);
        put_name(out, name);
        fputs(" {\n", out);
        put_members(out, properties, schema);
        fputs("}\n\n", out);
    }
}

/* ---- methods ---- */

/* "/v1/keys/{id}" -> `/v1/keys/${part(id)}`. */
static void put_path(FILE *out, const char *path)
{
    if (!strchr(path, '{')) {
        fprintf(out, "\"%s\"", path);
        return;
    }
    fputc('`', out);
    for (; *path; path++) {
        if (*path == '{')
            fputs("${part(", out);
        else if (*path == '}')
            fputs(")}", out);
        else
            fputc(*path, out);
    }
    fputc('`', out);
}

static void put_path_arguments(FILE *out, const char *path)
{
    for (const char *brace = strchr(path, '{'); brace; brace = strchr(brace + 1, '{'))
        fprintf(out, "%.*s: string | number, ", (int)strcspn(brace + 1, "}"), brace + 1);
}

static void put_query_type(FILE *out, const api_operation *op)
{
    const char *name, *between = "{ ";
    json_t *schema;
    json_object_foreach(op->query, name, schema)
    {
        json_t *required;
        size_t i;
        bool needed = false;
        json_array_foreach(op->required, i, required) needed = needed || strcmp(json_string_value(required), name) == 0;
        fprintf(out, "%s%s%s: ", between, name, needed ? "" : "?");
        put_type(out, schema);
        between = "; ";
    }
    fputs(" }", out);
}

static void put_query_argument(FILE *out, const api_operation *op)
{
    if (json_object_size(op->query) == 0)
        return;
    fputs("query: ", out);
    put_query_type(out, op);
    fputs(json_array_size(op->required) > 0 ? ", " : " = {}, ", out);
}

static void put_body_type(FILE *out, const api_operation *op)
{
    if (op->takes == API_BYTES)
        fputs("Uploadable", out);
    else if (api_takes_events(op))
        fputs("NewEvent | NewEvent[]", out);
    else
        put_type(out, op->body);
}

static void put_reply_type(FILE *out, const api_operation *op)
{
    switch (op->gives) {
    case API_JSON:
        fputs("Promise<", out);
        put_type(out, op->reply);
        fputc('>', out);
        break;
    case API_TEXT:
        fputs("Promise<string>", out);
        break;
    case API_BYTES:
        fputs("Promise<Response>", out);
        break;
    case API_STREAM:
        fputs("AsyncGenerator<ServerEvent, void, undefined>", out);
        break;
    case API_NOTHING:
        fputs("Promise<void>", out);
        break;
    }
}

static void put_call(FILE *out, const char *target, const api_operation *op, const char *body)
{
    static const char *const functions[] = {"nothing", "json", "text", "bytes", "stream"};
    char method[16];
    size_t n = 0;
    for (; op->method[n] && n < sizeof method - 1; n++)
        method[n] = (char)(op->method[n] - 'a' + 'A');
    method[n] = '\0';
    fprintf(out, "    return %s.%s(\"%s\", ", target, functions[op->gives], method);
    put_path(out, op->path);
    fprintf(out, ", { repeatable: %s", op->repeatable ? "true" : "false");
    if (*body)
        fprintf(out, ", %s", body);
    if (op->takes == API_BYTES)
        fprintf(out, ", type: \"%s\"", op->body_type);
    if (json_object_size(op->query) > 0)
        fputs(", query", out);
    fputs(" }, options);\n  }\n", out);
}

static void put_method(FILE *out, const api_operation *op)
{
    char role[64] = "";
    if (op->role)
        snprintf(role, sizeof role, "Role: %s.", op->role);
    fputc('\n', out);
    put_comment(out, "  ", op->text, role);
    fprintf(out, "  %s(", op->id);
    put_path_arguments(out, op->path);
    if (op->takes != API_NOTHING) {
        fputs("body: ", out);
        put_body_type(out, op);
        fputs(", ", out);
    }
    put_query_argument(out, op);
    fputs("options?: CallOptions): ", out);
    put_reply_type(out, op);
    fputs(" {\n", out);
    put_call(out, "this", op,
             op->takes == API_NOTHING ? ""
             : op->takes == API_BYTES ? "bytes: body"
             : api_takes_events(op)   ? "body: withIds(body)"
                                      : "body");
}

static void put_iterator(const api_description *api, FILE *out, const api_operation *op)
{
    const char *listed = api_listed(op->id);
    fputc('\n', out);
    put_comment(out, "  ", "The same from page to page, one by one, as far as the loop goes on.", "");
    fprintf(out, "  iterate%c%s(", listed[0] >= 'a' && listed[0] <= 'z' ? listed[0] - 'a' + 'A' : listed[0],
            listed + 1);
    put_path_arguments(out, op->path);
    put_query_argument(out, op);
    fputs("options?: CallOptions): AsyncGenerator<", out);
    put_type(out, api_items(api, op));
    fputs(", void, undefined> {\n    return this.pages(", out);
    put_path(out, op->path);
    fputs(", query, options);\n  }\n", out);
}

/* Of an answer: the question's options are one argument. */
static void put_answer(FILE *out, const api_operation *op)
{
    size_t size;
    const char *suffix = api_answer_suffix(op, &size);
    fputc('\n', out);
    put_comment(out, "  ", op->text, "");
    fprintf(out, "  %s%.*s(", op->answer, (int)size, suffix);
    if (size > 0) {
        fputs("body: ", out);
        put_body_type(out, op);
        fputs(", ", out);
    } else {
        fputs("question: ", out);
        api_put_pascal(out, op->answer);
        fputs("Question = {}, ", out);
        if (op->pictures)
            fputs("picture?: Picture, ", out);
    }
    put_query_argument(out, op);
    fputs("options?: CallOptions): ", out);
    put_reply_type(out, op);
    fputs(" {\n", out);
    if (size == 0 && op->pictures)
        fprintf(out, "    if (picture) return this.core.picture(\"%s\", %s, picture, options);\n", op->path,
                json_object_size(op->query) > 0 ? "{ ...question, ...query }" : "question");
    put_call(out, "this.core", op, size > 0 ? "body" : "body: question");
}

static void put_questions(const api_description *api, FILE *out)
{
    size_t size;
    for (size_t i = 0; i < api->n; i++) {
        const api_operation *op = &api->operation[i];
        if (!op->answer || (api_answer_suffix(op, &size), size > 0))
            continue;
        put_comment(out, "", op->summary, "");
        fputs("export interface ", out);
        api_put_pascal(out, op->answer);
        fputs("Question {\n", out);
        put_members(out, json_object_get(op->body, "properties"), op->body);
        fputs("}\n\n", out);
    }
}

bool api_write_typescript(const api_description *api, FILE *out)
{
    bool bytes = false, stream = false, pictures = false;
    for (size_t i = 0; i < api->n; i++) {
        bytes = bytes || api->operation[i].takes == API_BYTES;
        stream = stream || api->operation[i].gives == API_STREAM;
        pictures = pictures || api->operation[i].pictures;
    }
    fputs("// Written by merx_clients from api/openapi.json; not to be changed by hand: tools/make_clients writes it.\n"
          "import { Core, part, withIds } from \"./core.js\";\nimport type { CallOptions",
          out);
    fprintf(out, "%s%s%s } from \"./core.js\";\n\n", pictures ? ", Picture" : "", stream ? ", ServerEvent" : "",
            bytes ? ", Uploadable" : "");
    put_components(api, out);
    put_comment(out, "", "An event to be taken: without an id, the client makes one, so that it may be sent again.",
                "");
    fputs("export type NewEvent = Omit<ShopEvent, \"id\"> & { id?: string };\n\n", out);
    put_questions(api, out);
    put_comment(out, "", "What a shop asks.", "");
    fputs("export class Answers {\n  constructor(private readonly core: Core) {}\n", out);
    for (size_t i = 0; i < api->n; i++)
        if (api->operation[i].answer)
            put_answer(out, &api->operation[i]);
    fputs("}\n\n", out);
    put_comment(out, "", "Every route of merx serve.", "");
    fputs("export class Routes extends Core {\n  readonly answers = new Answers(this);\n", out);
    for (size_t i = 0; i < api->n; i++) {
        if (api->operation[i].answer)
            continue;
        put_method(out, &api->operation[i]);
        if (api->operation[i].paged)
            put_iterator(api, out, &api->operation[i]);
    }
    fputs("}\n", out);
    return !ferror(out);
}
