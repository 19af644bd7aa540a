/*
 * What requests bring and replies hold, as JSON schemas: the components of the OpenAPI description, which the types of the clients come from. Floor 7.
 *
 * Records (events, products ...) come from the store's table of fields; what else there is stands in api/schemas.json, which the build makes part of the program. A content
 * (routes.h) has the schema of its name; without one it is any JSON.
 */
#ifndef MX_SERVER_SCHEMAS_H
#define MX_SERVER_SCHEMAS_H

#include <jansson.h>
#include <stddef.h>

#include "server/routes.h"

/* api/schemas.json, written by the build (cmake/embed_file.cmake). */
extern const unsigned char mx_schemas_file[];
extern const size_t mx_schemas_file_size;

/* The file, parsed. Owns: json_decref. */
json_t *mx_schemas_read(void);
/* Every component by its name. file: of mx_schemas_read. Owns: json_decref. */
json_t *mx_schema_components(const json_t *file);
/*
 * The component of what a route gives, "" when it has none. What is stored (MX_STORED) is what PUT takes on the same path, as it is read: "known_product".
 * content   what the route gives, by name
 * name      (size) written
 */
void mx_schema_of_reply(const mx_route *route, const char *content, const json_t *file, const json_t *components,
                        char *name, size_t size);
/* The query parameters of a route, as OpenAPI has them; an empty list: none. Owns: json_decref. */
json_t *mx_schema_query(const mx_route *route, const json_t *file);
/* {"$ref": ...}; of no component: {}, any JSON. Owns: json_decref. */
json_t *mx_schema_ref(const json_t *components, const char *name);

#endif
