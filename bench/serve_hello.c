/*
 * The least a libmicrohttpd server can do, with the flags of merx's (src/server/http.c): what the speed of `merx serve` is compared with.
 *
 *   bench_serve_hello [BYTES]     answers every GET with BYTES (13) bytes of text, on a port of 127.0.0.1 that it prints; ends with its standard input
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct hello {
    char *text;
    size_t size;
} hello;

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
    static int seen;
    hello *h = context;
    (void)url, (void)method, (void)version, (void)upload, (void)upload_size;
    if (!*state) { /* the head alone has come */
        *state = &seen;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(h->size, h->text, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

int main(int argc, char **argv)
{
    hello h = {.size = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 13};
    h.text = malloc(h.size + 1);
    if (!h.text)
        return 1;
    memset(h.text, 'h', h.size);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, &h, MHD_OPTION_SOCK_ADDR,
                                                 (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, 1024U,
                                                 MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                                 (size_t)(32 * 1024), MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "bench: the server did not start\n");
        free(h.text);
        return 1;
    }
    printf("127.0.0.1:%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    MHD_stop_daemon(daemon);
    free(h.text);
    return 0;
}
