/*
 * The API as the clients' generators see it: operations out of an OpenAPI description, with what a method needs to know of each.
 *
 * All texts are of the description and live as long as it.
 */
#ifndef MERX_CLIENTS_API_H
#define MERX_CLIENTS_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What a body or a reply is. */
typedef enum api_form {
    API_NOTHING,
    API_JSON,
    API_TEXT,
    API_BYTES,
    API_STREAM, /* server-sent events */
} api_form;

typedef struct api_operation {
    const char *id, *method, *path, *summary, *text;
    const char *role;   /* NULL: without a key */
    const char *answer; /* one of an answer: its name; else NULL */
    bool repeatable;    /* may be sent again when no reply came */
    bool pictures;      /* the body may be a picture instead; the question is then in the query */
    bool paged;         /* the reply is {items, next}, and the query takes "after" */
    json_t *query;      /* {name: schema} */
    json_t *required;   /* [name]: of the query */
    api_form takes, gives;
    json_t *body, *reply; /* schemas; NULL: any JSON */
    const char *body_type;
} api_operation;

#define API_OPERATIONS_MAX 512

typedef struct api_description {
    json_t *json;
    json_t *queries; /* what `query` and `required` point into */
    json_t *components;
    size_t n;
    api_operation operation[API_OPERATIONS_MAX];
} api_description;

/* Reads an OpenAPI 3.1 file. false: what is wrong was printed. Owns: api_release. */
bool api_read(const char *path, api_description *out);
void api_release(api_description *api);

/* "#/components/schemas/NAME" -> NAME; NULL: the schema is none of these. */
const char *api_ref(json_t *schema);
/* The schema itself, through a reference. */
json_t *api_resolve(const api_description *api, json_t *schema);
/* The schemas of which one holds (oneOf, anyOf); NULL: it is not so. */
json_t *api_choices(json_t *schema);
/* The schema of what a listing lists. */
json_t *api_items(const api_description *api, const api_operation *operation);
/* Whether the body is an event, or events: the client makes ids that are missing. */
bool api_takes_events(const api_operation *operation);
/* Whether a property must be there. */
bool api_is_required(json_t *schema, const char *name);

/* "known_product" -> "KnownProduct". */
void api_put_pascal(FILE *out, const char *name);
/* "listProducts" -> "list_products". */
void api_put_snake(FILE *out, const char *name);
/* What a method of an answer is called behind the answer's name: "ask_recommend" -> "", "askBatch_recommend" -> "Batch". size: of the part. */
const char *api_answer_suffix(const api_operation *operation, size_t *size);
/* "listProducts" -> "Products": what is listed; the whole id when it does not begin so. */
const char *api_listed(const char *id);
/*
 * A text in lines of at most `width` bytes, each with a prefix, words kept whole. Quotes that would end a comment or a docstring are taken out.
 */
void api_put_text(FILE *out, const char *prefix, const char *text, size_t width);

/* The generators. false: writing failed. */
bool api_write_typescript(const api_description *api, FILE *out);
bool api_write_python(const api_description *api, FILE *out);

#endif
