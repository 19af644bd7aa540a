/*
 * OpenAPI of listings, things, batches and pictures: what descriptions.c asks for. Floor 7.
 */
#ifndef MX_SERVER_DESCRIPTIONS_THINGS_H
#define MX_SERVER_DESCRIPTIONS_THINGS_H

#include <jansson.h>

#include "merx/answer.h"
#include "server/routes.h"

/* {"$ref": "#/components/schemas/NAME"} */
json_t *mx_schema_ref(const char *name);

/* Adds the schemas of messages, reviews, pages, patches, exports and batches. */
void mx_things_schemas(json_t *schemas);
/* What the body is called: "product", "products"; NULL: not of a thing. */
const char *mx_things_takes(const mx_route *route);
/* The content of a body, of things, or of a batch (question: the schema of one, taken); NULL: neither. */
json_t *mx_things_body(const mx_route *route, json_t *question);
/* The content of a good reply; NULL: another's to say. */
json_t *mx_things_reply(const mx_route *route);
/* Adds the parameters of the query, and of a picture's question. */
void mx_things_parameters(const mx_route *route, const merx_answer_info *info, json_t *list);
/* Adds the kinds of pictures to the content of a question's body. */
void mx_things_pictures(const merx_answer_info *info, json_t *out);

#endif
