/*
 * What a server can be told: the table, and the values checked.
 */
#include <stdio.h>
#include <string.h>

#include "base/system.h"
#include "server/server_state.h"

static const merx_option settings_table[] = {
    {"listen", MERX_OPTION_TEXT, 0, 0, "127.0.0.1:7373", NULL,
     "HOST:PORT to listen on, [::1]:PORT for IPv6; port 0 finds a free one; beyond loopback only when a shop has a "
     "key"},
    {"workers", MERX_OPTION_INT, 1, 256, "auto", "auto",
     "network threads, which also give the quick answers; auto: one a core"},
    {"max_body", MERX_OPTION_TEXT, 0, 0, "16M", NULL, "most bytes of one request's body (4K to 1G)"},
    {"max_bodies", MERX_OPTION_TEXT, 0, 0, "256M", NULL,
     "most bytes of all bodies being read at once; more is put off (503)"},
    {"max_header", MERX_OPTION_TEXT, 0, 0, "16K", NULL, "most bytes of one request's line and headers (4K to 1M)"},
    {"max_connections", MERX_OPTION_INT, 4, 100000, "1024", NULL, "connections at once; further ones wait to be taken"},
    {"max_waiting", MERX_OPTION_INT, 1, 10000, "64", NULL,
     "writes of one shop that may wait for each other; more are put off (503)"},
    {"timeout", MERX_OPTION_INT, 1, 3600, "30", NULL,
     "seconds within which a request's head must have come, and its body, and a reply must be taken"},
    {"stop_timeout", MERX_OPTION_INT, 0, 3600, "30", NULL, "seconds that a stop waits for requests that have begun"},
    {"idle", MERX_OPTION_INT, 1, 86400, "60", NULL,
     "seconds without a request after which what a shop holds in memory is let go of"},
    {"rate", MERX_OPTION_REAL, 0, 1e6, "0", NULL, "requests a second of one key, with bursts of as many; 0: no limit"},
    {"cors", MERX_OPTION_TEXT, 0, 0, "", NULL,
     "origins whose pages may read replies, separated by commas (https://shop.example), or *; counts once a shop has a "
     "key"},
    {"tls_cert", MERX_OPTION_TEXT, 0, 0, "", NULL,
     "PEM file of the server's certificate, then those that lead to a known authority; with tls_key: HTTPS instead of "
     "HTTP"},
    {"tls_key", MERX_OPTION_TEXT, 0, 0, "", NULL, "PEM file of the certificate's key, without a password"},
    {"max_upload", MERX_OPTION_TEXT, 0, 0, "1G", NULL, "most bytes of one uploaded file (4K to 1T)"},
    {"max_streams", MERX_OPTION_INT, 1, 10000, "100", NULL,
     "event streams open at once; they count among the connections"},
    {"jobs", MERX_OPTION_INT, 1, 64, "1", NULL, "jobs (import, train …) that run at once, of all shops; others wait"},
    {"job_memory", MERX_OPTION_TEXT, 0, 0, "2G", NULL,
     "most memory one job may take for its work (16M to 1T); more fails with an estimate"},
    {"job_time", MERX_OPTION_INT, 0, 31536000, "21600", NULL, "seconds after which a job is ended; 0: no limit"},
    {"job_threads", MERX_OPTION_INT, 1, 256, "auto", "auto",
     "threads of one job, which step back behind those that answer; auto: half the cores"},
    {"access_log", MERX_OPTION_BOOL, 0, 0, "true", NULL,
     "a JSON line on standard error for each request, without personal data"},
    {NULL, MERX_OPTION_BOOL, 0, 0, NULL, NULL, NULL},
};

const merx_option *merx_server_settings(void)
{
    return settings_table;
}

static merx_status read_bytes(const merx_options *settings, const char *name, uint64_t low, uint64_t high,
                              uint64_t *out, merx_error *err)
{
    merx_error failure = {0};
    const char *text = merx_options_text(settings, name);
    if (merx_parse_bytes(text, out, &failure) != MERX_OK || *out < low || *out > high)
        MX_FAIL(err, MERX_E_RANGE, name, "\"%.40s\" is not a size from %llu to %llu bytes (expected e.g. 16M)", text,
                (unsigned long long)low, (unsigned long long)high);
    return MERX_OK;
}

/* "127.0.0.1:7373", "[::1]:0", ":8080" (every address). */
static merx_status read_listen(const char *text, mx_limits *out, merx_error *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    mx_str host = {text, colon ? (size_t)(colon - text) : 0};
    if (host.size >= 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = (mx_str){host.data + 1, host.size - 2};
    else if (host.size > 0 && memchr(host.data, ':', host.size))
        colon = NULL; /* IPv6 without brackets: which colon is the port's? */
    if (!colon || host.size >= sizeof out->host || !mx_parse_int64(mx_str_of(colon + 1), &port) || port < 0 ||
        port > 65535)
        MX_FAIL(err, MERX_E_INVALID, "listen",
                "\"%.80s\" is not HOST:PORT (expected e.g. 127.0.0.1:7373, [::1]:7373 or :7373)", text);
    snprintf(out->host, sizeof out->host, "%.*s", (int)host.size, host.data);
    snprintf(out->port, sizeof out->port, "%d", (int)port);
    return MERX_OK;
}

merx_status mx_limits_read(const merx_options *settings, mx_limits *out, merx_error *err)
{
    uint64_t header = 0;
    memset(out, 0, sizeof *out);
    MX_TRY(read_listen(merx_options_text(settings, "listen"), out, err));
    MX_TRY(read_bytes(settings, "max_body", 4096, UINT64_C(1) << 30, &out->body_bytes, err));
    MX_TRY(read_bytes(settings, "max_bodies", 4096, UINT64_C(1) << 40, &out->bodies_bytes, err));
    MX_TRY(read_bytes(settings, "max_header", 4096, 1 << 20, &header, err));
    out->header_bytes = (size_t)header;
    if (out->bodies_bytes < out->body_bytes)
        MX_FAIL(err, MERX_E_RANGE, "max_bodies", "is less than max_body: not one such request could be read");
    out->connections = (unsigned)merx_options_int(settings, "max_connections");
    out->waiting = (size_t)merx_options_int(settings, "max_waiting");
    out->timeout_s = (unsigned)merx_options_int(settings, "timeout");
    out->stop_s = (unsigned)merx_options_int(settings, "stop_timeout");
    out->idle_s = (unsigned)merx_options_int(settings, "idle");
    out->rate = merx_options_real(settings, "rate");
    MX_TRY(mx_cors_read(merx_options_text(settings, "cors"), out->cors, err));
    MX_TRY(read_bytes(settings, "max_upload", 4096, UINT64_C(1) << 40, &out->upload_bytes, err));
    MX_TRY(read_bytes(settings, "job_memory", 16 << 20, UINT64_C(1) << 40, &out->job_bytes, err));
    out->streams = (size_t)merx_options_int(settings, "max_streams");
    out->jobs = (int)merx_options_int(settings, "jobs");
    out->job_s = (unsigned)merx_options_int(settings, "job_time");
    bool auto_threads = strcmp(merx_options_text(settings, "job_threads"), "auto") == 0;
    out->job_threads = auto_threads ? (mx_cores() + 1) / 2 : (int)merx_options_int(settings, "job_threads");
    out->access_log = merx_options_bool(settings, "access_log");
    bool word = strcmp(merx_options_text(settings, "workers"), "auto") == 0;
    out->workers = word ? mx_cores() : (int)merx_options_int(settings, "workers");
    if (out->workers > 256)
        out->workers = 256;
    return MERX_OK;
}
