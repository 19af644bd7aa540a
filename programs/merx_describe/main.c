/*
 * merx_describe FOLDER: writes models.json and answers.json, the descriptions of every model and answer of this build, from the registries, and routes.json and openapi.json, those of the server's
 * routes, from their table. The build runs it; clients, forms and pages are made from what it writes.
 */
#include <jansson.h>
#include <stdio.h>

#include "merx/answer.h"
#include "merx/model.h"
#ifdef MERX_HAVE_SERVER
#include "merx/server.h"
#endif

static json_t *options_json(const merx_option *table)
{
    char *text = NULL;
    json_t *list = merx_options_describe(table, &text, NULL) == MERX_OK ? json_loads(text, 0, NULL) : NULL;
    merx_text_free(text);
    return list;
}

static json_t *tags_json(unsigned tags)
{
    static const struct {
        unsigned tag;
        const char *name;
    } names[] = {
        {MERX_TAKES_TABLE, "takes table"},
        {MERX_TAKES_SPARSE, "takes sparse"},
        {MERX_TAKES_SEQUENCES, "takes sequences"},
        {MERX_TAKES_BATCHES, "takes batches"},
        {MERX_NEEDS_TARGET, "needs target"},
        {MERX_REGRESSES, "regresses"},
        {MERX_CLASSIFIES, "classifies"},
        {MERX_CLUSTERS, "clusters"},
        {MERX_RANKS, "ranks"},
        {MERX_SUPPORTS_WEIGHTS, "supports weights"},
        {MERX_ALLOWS_MISSING, "allows missing"},
        {MERX_INCREMENTAL, "incremental"},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tags & names[i].tag)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

static json_t *models_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; merx_family_at(i); i++) {
        const merx_family_info *info = merx_family_at(i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", info->name, "title",
                                              info->title, "text", info->text, "formula", info->formula, "tags",
                                              tags_json(info->tags), "options", options_json(info->options)));
    }
    return json_pack("{s:s, s:o, s:o}", "version", merx_version(), "models", list, "pipeline",
                     options_json(merx_pipeline_options()));
}

static json_t *answers_json(void)
{
    json_t *list = json_array();
    for (size_t i = 0; merx_answer_at(i); i++) {
        const merx_answer_info *info = merx_answer_at(i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o}", "name", info->name, "title",
                                              info->title, "text", info->text, "needs", info->needs, "learns",
                                              (int)info->learns, "training", options_json(info->training), "question",
                                              options_json(info->question)));
    }
    return json_pack("{s:s, s:o}", "version", merx_version(), "answers", list);
}

static int write_json(const char *folder, const char *name, json_t *value)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    bool fits = length > 0 && (size_t)length < sizeof path;
    bool written = value && fits && json_dump_file(value, path, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0;
    json_decref(value);
    if (!written)
        fprintf(stderr, "merx_describe: can't write %s/%s\n", folder, name);
    return written ? 0 : 1;
}

/* A build without the server has no routes. */
static json_t *server_json(bool openapi)
{
    char *text = NULL;
#ifdef MERX_HAVE_SERVER
    if ((openapi ? merx_server_openapi_json(&text, NULL) : merx_server_routes_json(&text, NULL)) != MERX_OK)
        return NULL;
#endif
    json_t *json = NULL;
    if (text)
        json = json_loads(text, 0, NULL);
    else if (openapi)
        json = json_pack("{s:s, s:{s:s, s:s}, s:{}}", "openapi", "3.1.0", "info", "title", "merx", "version",
                         merx_version(), "paths");
    else
        json = json_pack("{s:s, s:[]}", "version", merx_version(), "routes");
    merx_text_free(text);
    return json;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: merx_describe FOLDER\n");
        return 2;
    }
    int failed = write_json(argv[1], "models.json", models_json());
    failed |= write_json(argv[1], "answers.json", answers_json());
    failed |= write_json(argv[1], "routes.json", server_json(false));
    return write_json(argv[1], "openapi.json", server_json(true)) | failed;
}
