/*
 * merx serve: shops over HTTP, until SIGTERM or Ctrl-C; SIGHUP renews the certificate.
 *
 * Settings come from flags, then MERX_SERVE_* of the environment, then the file, then the table's defaults; all by the one table of merx_server_settings.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

#ifdef MERX_HAVE_SERVER
#include "merx/server.h"
#include "service_notify.h"

typedef struct serving {
    const cli_arguments *arguments;
    merx_options *settings;
    merx_served *shops;
    size_t n_shops;
    const char **origins; /* where each setting was last set; NULL: nowhere */
    json_t *file;         /* its texts are used until the server has started */
    char *storage;        /* of names given as NAME=FOLDER */
} serving;

/* ---- settings ---- */

static int refuse_file(const char *path, const char *name, const char *what)
{
    merx_error err = {.code = MERX_E_INVALID};
    snprintf(err.where, sizeof err.where, "%s", path);
    snprintf(err.message, sizeof err.message, "\"%.60s\": %.400s", name, what);
    return cli_fail(&err);
}

static void note_origin(serving *s, const char *name, const char *origin)
{
    const merx_option *table = merx_server_settings();
    for (size_t i = 0; table[i].name; i++)
        if (strcmp(table[i].name, name) == 0)
            s->origins[i] = origin;
}

/* A setting of the file: text, a number, true or false. */
static int set_from_file(serving *s, const char *path, const char *name, const json_t *value)
{
    merx_error err = {0};
    char number[64];
    const char *text = json_string_value(value);
    if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else if (json_is_integer(value) || json_is_real(value))
        text = number;
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.15g", json_real_value(value));
    if (!text)
        return refuse_file(path, name, "expected text, a number, true or false");
    if (merx_options_set(s->settings, name, text, &err) != MERX_OK)
        return refuse_file(path, name, err.message);
    note_origin(s, name, "file");
    return 0;
}

static int add_shop(serving *s, const char *name, const char *folder)
{
    s->shops[s->n_shops++] = (merx_served){name, folder};
    return 0;
}

static int shops_of_file(serving *s, const char *path, json_t *shops)
{
    const char *name;
    json_t *folder;
    if (!json_is_object(shops))
        return refuse_file(path, "shops", "expected an object {\"name\": \"folder\"}");
    if (s->arguments->n_positional > 0)
        return 0; /* those of the command line are meant */
    merx_served *list = calloc(json_object_size(shops) + 1, sizeof *list);
    if (!list)
        return cli_fail(&(merx_error){.code = MERX_E_MEMORY});
    free(s->shops);
    s->shops = list;
    json_object_foreach(shops, name, folder)
    {
        if (!json_is_string(folder))
            return refuse_file(path, name, "expected the shop's folder as text");
        add_shop(s, name, json_string_value(folder));
    }
    return 0;
}

static int read_file(serving *s, const char *path)
{
    json_error_t error;
    const char *name;
    json_t *value;
    int code = 0;

    s->file = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(s->file)) {
        merx_error err = {.code = MERX_E_PARSE};
        if (error.line > 0)
            snprintf(err.where, sizeof err.where, "%.200s:%d", path, error.line);
        else
            snprintf(err.where, sizeof err.where, "%.200s", path);
        snprintf(err.message, sizeof err.message, "%.300s",
                 s->file ? "expected a JSON object of settings" : error.text);
        return cli_fail(&err);
    }
    json_object_foreach(s->file, name, value)
    {
        code = strcmp(name, "shops") == 0 ? shops_of_file(s, path, value) : set_from_file(s, path, name, value);
        if (code)
            break;
    }
    return code;
}

static int read_environment(serving *s)
{
    for (const merx_option *option = merx_server_settings(); option->name; option++) {
        char name[64] = "MERX_SERVE_";
        size_t used = strlen(name);
        for (const char *c = option->name; *c && used < sizeof name - 1; c++)
            name[used++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        name[used] = '\0';
        const char *value = getenv(name);
        merx_error err = {0};
        if (value && *value && merx_options_set(s->settings, option->name, value, &err) != MERX_OK)
            return cli_usage_error(s->arguments->command, "%s: %s", name, err.message);
        if (value && *value)
            note_origin(s, option->name, "environment");
    }
    return 0;
}

static int read_settings(serving *s)
{
    merx_error err = {0};
    const char *config = cli_value(s->arguments, "config");
    const char *threads = cli_value(s->arguments, "threads");
    int code = 0;
    if (!config)
        config = getenv("MERX_SERVE_CONFIG");
    size_t n = 0;
    while (merx_server_settings()[n].name)
        n++;
    s->origins = calloc(n + 1, sizeof *s->origins);
    if (!s->origins)
        return cli_fail(&(merx_error){.code = MERX_E_MEMORY});
    if (merx_options_new(NULL, merx_server_settings(), &s->settings, &err) != MERX_OK)
        return cli_fail(&err);
    if (config && *config)
        code = read_file(s, config);
    if (code == 0)
        code = read_environment(s);
    /* --threads, which every command has, says how many cores may be used. */
    if (code == 0 && threads && merx_options_set(s->settings, "workers", threads, &err) != MERX_OK)
        code = cli_usage_error(s->arguments->command, "--threads: %s", err.message);
    if (threads)
        note_origin(s, "workers", "flag");
    for (int i = 0; code == 0 && i < s->arguments->n_settings; i++) {
        note_origin(s, s->arguments->settings[i].name, "flag");
        if (merx_options_set(s->settings, s->arguments->settings[i].name, s->arguments->settings[i].value, &err) !=
            MERX_OK)
            code = cli_usage_failure(s->arguments->command, &err);
    }
    return code;
}

/* ---- shops ---- */

/* "shops/tea.merx/" -> "tea.merx". */
static char *folder_name(const char *folder, char *storage)
{
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && folder[start - 1] != '/')
        start--;
    memcpy(storage, folder + start, end - start);
    storage[end - start] = '\0';
    return storage;
}

static int shops_of_arguments(serving *s)
{
    const cli_arguments *a = s->arguments;
    size_t text = 1;
    for (int i = 0; i < a->n_positional; i++)
        text += strlen(a->positional[i]) + 1;
    s->shops = calloc((size_t)a->n_positional + 1, sizeof *s->shops);
    s->storage = malloc(text);
    if (!s->shops || !s->storage)
        return cli_fail(&(merx_error){.code = MERX_E_MEMORY});
    char *storage = s->storage;
    for (int i = 0; i < a->n_positional; i++) {
        const char *word = a->positional[i];
        const char *equals = strchr(word, '=');
        const char *slash = strchr(word, '/');
        bool named = equals && (!slash || equals < slash);
        if (named) {
            memcpy(storage, word, (size_t)(equals - word));
            storage[equals - word] = '\0';
        } else {
            folder_name(word, storage);
        }
        add_shop(s, storage, named ? equals + 1 : word);
        storage += strlen(storage) + 1;
    }
    return 0;
}

/* ---- serving ---- */

static int announce(const serving *s, const merx_server *server)
{
    bool asks = merx_server_asks_keys(server);
    if (cli_has(s->arguments, "json")) {
        json_t *names = json_array();
        for (size_t i = 0; i < s->n_shops; i++)
            json_array_append_new(names, json_string(s->shops[i].name));
        int code =
            cli_print_json(json_pack("{s:s, s:b, s:b, s:o}", "address", merx_server_address(server), "tls",
                                     (int)merx_server_speaks_tls(server), "asks_keys", (int)asks, "shops", names));
        fflush(stdout);
        return code;
    }
    printf("merx serves %zu shop%s at http%s://%s\n", s->n_shops, s->n_shops == 1 ? "" : "s",
           merx_server_speaks_tls(server) ? "s" : "", merx_server_address(server));
    if (!asks)
        printf("no shop has a key: everything is answered to everybody on this machine, and to nobody else; merx key "
               "create makes "
               "one\n");
    fflush(stdout);
    return 0;
}

/* A descriptor of the terminal that the server was started from; -1: none. */
static int find_terminal(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (isatty(fd))
            return fd;
    return -1;
}

/* What SIGHUP asks for. */
static void renew(merx_server *server)
{
    merx_error err = {0};
    bool renewed = false;
    struct timespec now;
    char reloading[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(reloading, sizeof reloading, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    service_notify(reloading);
    if (merx_server_renew_certificate(server, &renewed, &err) != MERX_OK)
        fprintf(stderr, "merx serve: the certificate stays what it was: %s: %s\n", err.where, err.message);
    else if (!merx_server_speaks_tls(server))
        fprintf(stderr, "merx serve: there is no certificate to read again (tls_cert is not set)\n");
    else
        fprintf(stderr, "merx serve: the certificate was read again: %s\n",
                renewed ? "connections from now on get the new one" : "it is the same");
}

static int serve(serving *s)
{
    merx_server *server = NULL;
    merx_error err = {0};
    sigset_t signals;
    int signal_number = 0;
    int terminal = find_terminal(); /* a terminal that is closed sends SIGHUP too: then it ends */

    /* Before there are threads, which inherit it: the signals are this thread's to wait for. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (merx_server_start(s->settings, s->shops, s->n_shops, &server, &err) != MERX_OK)
        return cli_fail(&err);
    const merx_option *table = merx_server_settings();
    for (size_t i = 0; table[i].name; i++)
        if (s->origins[i])
            merx_server_origin(server, table[i].name, s->origins[i]);
    int code = announce(s, server);
    char ready[256];
    snprintf(ready, sizeof ready, "READY=1\nSTATUS=serves %zu shop%s at http%s://%s", s->n_shops,
             s->n_shops == 1 ? "" : "s", merx_server_speaks_tls(server) ? "s" : "", merx_server_address(server));
    service_notify(ready);
    while (code == 0) {
        if (sigwait(&signals, &signal_number) != 0)
            continue;
        if (signal_number != SIGHUP || (terminal >= 0 && !isatty(terminal)))
            break;
        renew(server);
        service_notify(ready);
    }
    service_notify("STOPPING=1");
    cli_note(s->arguments, "merx serve: stopping; a second signal ends at once");
    /* A second one ends at once: everything stored is safe against that. */
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    if (!merx_server_stop(server))
        cli_note(s->arguments, "merx serve: requests that took longer than stop_timeout were cut off");
    return code;
}

static int run(cli_arguments *arguments)
{
    serving s = {.arguments = arguments};
    if (cli_has(arguments, "max-memory"))
        return cli_usage_error(arguments->command,
                               "--max-memory is of work that ends; the memory of a server is limited by the system "
                               "(systemd: MemoryMax), its requests' bodies by --max_bodies");
    int code = shops_of_arguments(&s);
    if (code == 0)
        code = read_settings(&s);
    if (code == 0 && s.n_shops == 0)
        code = cli_usage_error(arguments->command, "which shop? Give its folder, or \"shops\" in the file of --config");
    if (code == 0)
        code = serve(&s);
    merx_options_free(s.settings);
    json_decref(s.file);
    free(s.shops);
    free(s.storage);
    free(s.origins);
    return code;
}
#else
static int run(cli_arguments *arguments)
{
    (void)arguments;
    return cli_no_server();
}
#endif

int cli_no_server(void)
{
    fprintf(
        stderr,
        "merx: this build has no server: it was built without libmicrohttpd (apt-get install libmicrohttpd-dev, and "
        "build with -DMERX_SERVER=ON)\n");
    return 1;
}

static const cli_flag flags[] = {
    {"config", "FILE",
     "settings from a JSON file {\"listen\": ..., \"shops\": {\"name\": \"folder\"}}; flags and environment go first"},
    {NULL, NULL, NULL},
};

const cli_command cmd_serve = {
    .name = "serve",
    .usage = "SHOP… [--config FILE] [--SETTING VALUE …]",
    .summary = "serve shops over HTTP: answers, live events, keys, metrics",
    .text = "Serves each SHOP (a folder, or NAME=FOLDER) until SIGTERM or Ctrl-C, then finishes what has begun. New "
            "events and newly "
            "trained models count at once.\n"
            "While no shop has a key it listens on loopback alone; from the first key on (merx key create) every "
            "request needs one, "
            "GET /v1/health/live aside.\n"
            "SIGHUP reads tls_cert and tls_key again, for the connections that are taken from then on.\n"
            "Each setting is a flag, a variable of the environment (MERX_SERVE_LISTEN ...) and a member of the file, "
            "in this order.\n"
            "GET /v1/openapi.json describes every route.",
    .examples =
        "merx serve my-shop.merx\nmerx serve tea=shops/tea.merx toys=shops/toys.merx --listen 127.0.0.1:0\n"
        "MERX_SERVE_LISTEN=:8080 merx serve my-shop.merx --rate 100\ncurl http://127.0.0.1:7373/v1/answers/insight\n",
    .flags = flags,
    .max_positional = -1,
    .open = CLI_OPEN_SETTINGS,
#ifdef MERX_HAVE_SERVER
    .settings = merx_server_settings,
#endif
    .run = run,
};
