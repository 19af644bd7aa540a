/*
 * What the OpenAPI description says beyond the tables in C: schemas of replies, and what the clients' generator needs to know of an operation. Floor 7.
 *
 * The schemas stand in api/schemas.json, which the build makes part of the program. A content (routes.h) has the schema of its name; without one it is any JSON.
 */
#ifndef MX_SERVER_SCHEMAS_H
#define MX_SERVER_SCHEMAS_H

#include <jansson.h>
#include <stddef.h>

#include "server/routes.h"

/* api/schemas.json, written by the build (cmake/embed_file.cmake). */
extern const unsigned char mx_schemas_file[];
extern const size_t mx_schemas_file_size;

/* The name of a content, as api/routes.json has it (descriptions.c). */
const char *mx_content_name(mx_content content);

/*
 * Completes a description of every route: the schemas of the file, each with a name; the schema of a reply that has none yet; records as they are read ("known_product");
 * "x-merx-answer", the answer of an operation, and "x-merx-repeatable", whether a request that got no reply may be sent again without harm.
 */
void mx_openapi_complete(json_t *api);

#endif
