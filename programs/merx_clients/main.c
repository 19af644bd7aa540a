/*
 * merx_clients OPENAPI FOLDER: writes the generated parts of the clients below FOLDER (clients/ of the tree) from the OpenAPI description that merx_describe wrote:
 * typescript/src/generated.ts and python/merx_client/_generated.py. What they rest on (requests, retries, errors, streams) is written by hand beside them.
 */
#include <string.h>

#include "api.h"

static bool write_file(const api_description *api, const char *folder, const char *name,
                       bool (*generate)(const api_description *, FILE *))
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "we") : NULL;
    bool written = file && generate(api, file);
    if (file)
        written = fclose(file) == 0 && written;
    if (!written)
        fprintf(stderr, "merx_clients: can't write %s/%s\n", folder, name);
    return written;
}

int main(int argc, char **argv)
{
    static api_description api;
    if (argc != 3) {
        fprintf(stderr, "usage: merx_clients OPENAPI FOLDER\n");
        return 2;
    }
    bool good = api_read(argv[1], &api);
    good = good && write_file(&api, argv[2], "typescript/src/generated.ts", api_write_typescript);
    good = good && write_file(&api, argv[2], "python/merx_client/_generated.py", api_write_python);
    api_release(&api);
    return good ? 0 : 1;
}
