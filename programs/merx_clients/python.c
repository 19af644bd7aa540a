/*
 * The Python client: a TypedDict for each component, a class of answers, a class with a method for each operation.
 */
#include <string.h>

#include "api.h"

static void put_type(FILE *out, json_t *schema);

static void put_name(FILE *out, const char *component)
{
    if (strcmp(component, "error") == 0)
        fputs("ErrorReply", out);
    else if (strcmp(component, "event") == 0)
        fputs("ShopEvent", out);
    else
        api_put_pascal(out, component);
}

/* Words of the language get a line below behind them. */
static bool is_keyword(const char *name)
{
    static const char *const words[] = {
        "and",      "as",     "assert",  "async", "await", "break",  "class", "continue", "def",   "del",  "elif",
        "else",     "except", "finally", "for",   "from",  "global", "if",    "import",   "in",    "is",   "lambda",
        "nonlocal", "not",    "or",      "pass",  "raise", "return", "self",  "try",      "while", "with", "yield"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

static const char *underline(const char *name)
{
    return is_keyword(name) ? "_" : "";
}

static void put_simple(FILE *out, const char *type, json_t *schema)
{
    if (strcmp(type, "string") == 0) {
        fputs("str", out);
    } else if (strcmp(type, "integer") == 0) {
        fputs("int", out);
    } else if (strcmp(type, "number") == 0) {
        fputs("float", out);
    } else if (strcmp(type, "boolean") == 0) {
        fputs("bool", out);
    } else if (strcmp(type, "null") == 0) {
        fputs("None", out);
    } else if (strcmp(type, "array") == 0) {
        fputs("list[", out);
        put_type(out, json_object_get(schema, "items"));
        fputc(']', out);
    } else {
        json_t *more = json_object_get(schema, "additionalProperties");
        fputs("dict[str, ", out);
        put_type(out, json_is_object(more) ? more : NULL);
        fputc(']', out);
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
        fprintf(out, "Literal[\"%s\"]", json_string_value(json_object_get(schema, "const")));
    } else if (json_object_get(schema, "enum")) {
        fputs("Literal[", out);
        json_array_foreach(json_object_get(schema, "enum"), i, one)
            fprintf(out, "%s\"%s\"", i ? ", " : "", json_string_value(one));
        fputc(']', out);
    } else if (json_is_array(type)) {
        json_array_foreach(type, i, one)
        {
            fputs(i ? " | " : "", out);
            put_simple(out, json_string_value(one), schema);
        }
    } else if (json_is_string(type)) {
        put_simple(out, json_string_value(type), schema);
    } else {
        fputs("Any", out);
    }
}

static void put_line_comment(FILE *out, json_t *property)
{
    const char *text = json_string_value(json_object_get(property, "description"));
    if (text)
        fprintf(out, "  # %s", text);
    fputc('\n', out);
}

/* Those that must be there, or those that may. */
static size_t put_members(FILE *out, json_t *schema, bool required)
{
    const char *name;
    json_t *property;
    size_t n = 0;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        if (api_is_required(schema, name) != required)
            continue;
        if (out) {
            fprintf(out, "    %s: ", name);
            put_type(out, property);
            put_line_comment(out, property);
        }
        n++;
    }
    return n;
}

/* A TypedDict; where some members must be there and others may, in two classes, which every Python since 3.9 understands. */
static void put_component(FILE *out, const char *name, json_t *schema)
{
    size_t required = put_members(NULL, schema, true);
    size_t optional = put_members(NULL, schema, false);
    const char *text = json_string_value(json_object_get(schema, "description"));
    if (!json_object_get(schema, "properties")) {
        put_name(out, name);
        fputs(" = ", out);
        put_type(out, schema);
        fputs("\n\n\n", out);
        return;
    }
    if (required > 0 && optional > 0) {
        fputs("class _", out);
        put_name(out, name);
        fputs("Needed(TypedDict):\n", out);
        put_members(out, schema, true);
        fputs("\n\n", out);
    }
    fputs("class ", out);
    put_name(out, name);
    if (required > 0 && optional > 0) {
        fputs("(_", out);
        put_name(out, name);
        fputs("Needed, total=False):\n", out);
    } else {
        fputs(required > 0 ? "(TypedDict):\n" : "(TypedDict, total=False):\n", out);
    }
    if (text) {
        fputs("    \"\"\"", out);
        fputs(text, out);
        fputs("\"\"\"\n\n", out);
    }
    put_members(out, schema, required > 0 && optional == 0);
    if (required + optional == 0)
        fputs("    pass\n", out);
    fputs("\n\n", out);
}

/* An event's id may be left out: the client makes one. */
static void put_new_event(FILE *out, json_t *event)
{
    const char *name;
    json_t *property;
    json_t *copy = json_deep_copy(event);
    json_t *required = json_array();
    json_object_foreach(json_object_get(copy, "properties"), name, property)
    {
        if (api_is_required(event, name) && strcmp(name, "id") != 0)
            json_array_append_new(required, json_string(name));
    }
    json_object_set_new(copy, "required", required);
    json_object_set_new(
        copy, "description",
        json_string("An event to be taken: without an id, the client makes one, so that it may be sent again."));
    put_component(out, "new_event", copy);
    json_decref(copy);
}

/* ---- methods ---- */

/* "/v1/keys/{id}" -> f"/v1/keys/{part(id)}". */
static void put_path(FILE *out, const char *path)
{
    fputs(strchr(path, '{') ? "f\"" : "\"", out);
    for (; *path; path++) {
        if (*path == '{')
            fputs("{part(", out);
        else if (*path == '}')
            fputs(")}", out);
        else
            fputc(*path, out);
    }
    fputc('"', out);
}

static void put_path_arguments(FILE *out, const char *path)
{
    for (const char *brace = strchr(path, '{'); brace; brace = strchr(brace + 1, '{'))
        fprintf(out, ", %.*s: str | int", (int)strcspn(brace + 1, "}"), brace + 1);
}

/* Behind those that are there. */
static void put_more_keywords(FILE *out, json_t *properties)
{
    const char *name;
    json_t *schema;
    json_object_foreach(properties, name, schema)
    {
        fprintf(out, ", %s%s: ", name, underline(name));
        put_type(out, schema);
        fputs(" | None = None", out);
    }
}

/* Options as keyword arguments; all may be left out but those in `required`. */
static void put_keywords(FILE *out, json_t *properties, json_t *required)
{
    const char *name;
    json_t *schema;
    if (json_object_size(properties) > 0)
        fputs(", *", out);
    json_object_foreach(properties, name, schema)
    {
        json_t *one;
        size_t i;
        bool needed = false;
        json_array_foreach(required, i, one) needed = needed || strcmp(json_string_value(one), name) == 0;
        fprintf(out, ", %s%s: ", name, underline(name));
        put_type(out, schema);
        fputs(needed ? "" : " | None = None", out);
    }
}

/* {"name": name, ...} of both; more may be NULL. */
static void put_dict(FILE *out, json_t *properties, json_t *more)
{
    const char *name, *between = "";
    json_t *schema;
    fputc('{', out);
    for (int i = 0; i < 2; i++)
        json_object_foreach(i == 0 ? properties : more, name, schema)
        {
            fprintf(out, "%s\"%s\": %s%s", between, name, name, underline(name));
            between = ", ";
        }
    fputc('}', out);
}

static void put_reply_type(FILE *out, const api_operation *op)
{
    static const char *const types[] = {"None", "", "str", "Download", "Iterator[ServerEvent]"};
    if (op->gives == API_JSON)
        put_type(out, op->reply);
    else
        fputs(types[op->gives], out);
}

/* A docstring, the options of a question below it. */
static void put_docstring(FILE *out, const char *text, const char *end, json_t *options)
{
    const char *name;
    json_t *schema;
    fputs("        \"\"\"\n", out);
    api_put_text(out, "        ", text, 150);
    if (*end)
        api_put_text(out, "        ", end, 150);
    if (json_object_size(options) > 0)
        fputc('\n', out);
    json_object_foreach(options, name, schema)
    {
        char line[4096];
        const char *described = json_string_value(json_object_get(schema, "description"));
        const char *value = json_string_value(json_object_get(schema, "default"));
        bool told = value && *value;
        snprintf(line, sizeof line, "%s%s: %s%s%s%s", name, underline(name), described ? described : "",
                 told ? " Default " : "", told ? value : "", told ? "." : "");
        api_put_text(out, "        ", line, 150);
    }
    fputs("        \"\"\"\n", out);
}

static void put_call(FILE *out, const char *target, const api_operation *op)
{
    static const char *const functions[] = {"_nothing", "_json", "_text", "_download", "_stream"};
    char method[16];
    size_t n = 0;
    for (; op->method[n] && n < sizeof method - 1; n++)
        method[n] = (char)(op->method[n] - 'a' + 'A');
    method[n] = '\0';
    fprintf(out, "        return %s.%s(\"%s\", ", target, functions[op->gives], method);
    put_path(out, op->path);
    fprintf(out, ", repeatable=%s", op->repeatable ? "True" : "False");
}

static void put_body_type(FILE *out, const api_operation *op)
{
    if (op->takes == API_BYTES)
        fputs("Uploadable", out);
    else if (api_takes_events(op))
        fputs("NewEvent | list[NewEvent]", out);
    else
        put_type(out, op->body);
}

static void put_method(FILE *out, const api_operation *op)
{
    char role[64] = "";
    if (op->role)
        snprintf(role, sizeof role, "Role: %s.", op->role);
    fputs("\n    def ", out);
    api_put_snake(out, op->id);
    fputs("(self", out);
    put_path_arguments(out, op->path);
    if (op->takes != API_NOTHING) {
        fputs(", body: ", out);
        put_body_type(out, op);
    }
    put_keywords(out, op->query, op->required);
    fputs(") -> ", out);
    put_reply_type(out, op);
    fputs(":\n", out);
    put_docstring(out, op->text, role, op->query);
    put_call(out, "self", op);
    if (op->takes == API_BYTES)
        fprintf(out, ", data=body, content_type=\"%s\"", op->body_type);
    else if (op->takes != API_NOTHING)
        fputs(api_takes_events(op) ? ", body=with_ids(body)" : ", body=body", out);
    if (json_object_size(op->query) > 0) {
        fputs(", query=", out);
        put_dict(out, op->query, NULL);
    }
    fputs(")\n", out);
}

static void put_iterator(const api_description *api, FILE *out, const api_operation *op)
{
    fputs("\n    def iterate_", out);
    api_put_snake(out, api_listed(op->id));
    fputs("(self", out);
    put_path_arguments(out, op->path);
    put_keywords(out, op->query, op->required);
    fputs(") -> Iterator[", out);
    put_type(out, api_items(api, op));
    fputs("]:\n        \"\"\"The same from page to page, one by one, as far as the loop goes on.\"\"\"\n"
          "        return self._pages(",
          out);
    put_path(out, op->path);
    fputs(", query=", out);
    put_dict(out, op->query, NULL);
    fputs(")\n", out);
}

static void put_answer(FILE *out, const api_operation *op)
{
    size_t size;
    const char *suffix = api_answer_suffix(op, &size);
    json_t *options = json_object_get(op->body, "properties");
    fprintf(out, "\n    def %s", op->answer);
    if (size > 0) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)size, suffix);
        fputc('_', out);
        api_put_snake(out, name);
        fputs("(self, body: ", out);
        put_body_type(out, op);
        put_keywords(out, op->query, op->required);
    } else {
        fputs("(self", out);
        if (op->pictures)
            fputs(", picture: Picture | None = None", out);
        put_keywords(out, options, NULL);
        put_more_keywords(out, op->query);
    }
    fputs(") -> ", out);
    put_reply_type(out, op);
    fputs(":\n", out);
    put_docstring(out, op->text, "", size > 0 ? NULL : options);
    if (size == 0 && op->pictures) {
        fprintf(out, "        if picture is not None:\n            return self._core._picture(\"%s\", picture, ",
                op->path);
        put_dict(out, options, op->query);
        fputs(")\n", out);
    }
    put_call(out, "self._core", op);
    if (size > 0) {
        fputs(", body=body", out);
    } else {
        fputs(", body=said(", out);
        put_dict(out, options, NULL);
        fputc(')', out);
        if (json_object_size(op->query) > 0) {
            fputs(", query=", out);
            put_dict(out, op->query, NULL);
        }
    }
    fputs(")\n", out);
}

bool api_write_python(const api_description *api, FILE *out)
{
    const char *name;
    json_t *schema;
    fputs("# Written by merx_clients from api/openapi.json; not to be changed by hand: tools/make_clients writes it.\n"
          "from __future__ import annotations\n\nfrom typing import Any, Iterator, Literal, TypedDict\n\n"
          "from ._core import Core, Download, Picture, Uploadable, part, said, with_ids\n"
          "from ._events import ServerEvent\n\n\n",
          out);
    json_object_foreach(api->components, name, schema)
    {
        put_component(out, name, schema);
        if (strcmp(name, "event") == 0)
            put_new_event(out, schema);
    }
    fputs("class Answers:\n    \"\"\"What a shop asks.\"\"\"\n\n    def __init__(self, core: Core) -> None:\n        "
          "self._core = core\n\n",
          out);
    for (size_t i = 0; i < api->n; i++)
        if (api->operation[i].answer)
            put_answer(out, &api->operation[i]);
    fputs("\nclass Routes(Core):\n    \"\"\"Every route of merx serve.\"\"\"\n\n    @property\n    def answers(self) "
          "-> Answers:\n"
          "        \"\"\"Every answer, with the options of its question.\"\"\"\n        return Answers(self)\n\n",
          out);
    for (size_t i = 0; i < api->n; i++) {
        if (api->operation[i].answer)
            continue;
        put_method(out, &api->operation[i]);
        if (api->operation[i].paged)
            put_iterator(api, out, &api->operation[i]);
    }
    return !ferror(out);
}
