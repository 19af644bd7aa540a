/*
 * merx version.
 */
#include <stdlib.h>

#include "command.h"

#ifdef MERX_HAVE_SERVER
#include "merx/server.h"
#endif

/* The part of the build that the library knows nothing of. */
static const char *server_of_build(void)
{
#ifdef MERX_HAVE_SERVER
    return merx_server_library();
#else
    return "no (built without libmicrohttpd)";
#endif
}

static int run(cli_arguments *arguments)
{
    size_t size = merx_build_info(NULL, 0) + 1;
    char *text = malloc(size);
    if (!text) {
        fprintf(stderr, "merx: out of memory\n");
        return 1;
    }
    merx_build_info(text, size);
    int code = 0;
    if (cli_has(arguments, "json"))
        code = cli_print_json(json_pack("{s:s, s:s}", "version", merx_version(), "build", text));
    else if (cli_has(arguments, "verbose"))
        printf("%sserver        %s\n", text, server_of_build());
    else
        printf("merx %s\n", merx_version());
    free(text);
    return code;
}

static const cli_flag flags[] = {
    {"verbose", NULL, "also what this build has and which instruction sets this CPU offers"}, {NULL, NULL, NULL}};

const cli_command cmd_version = {
    .name = "version",
    .usage = "[--verbose]",
    .summary = "version; --verbose: parts of this build, libraries, CPU",
    .text = "Prints the version.",
    .examples = "merx version --verbose\n",
    .flags = flags,
    .run = run,
};
