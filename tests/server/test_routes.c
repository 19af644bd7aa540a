/*
 * Routes: which row a path finds, what is decoded, and what a Host header may be.
 */
#include "server/admission.h"
#include "server/http_metrics.h"
#include "support/check.h"

static mx_match find(const char *method, const char *path, const char **name, char *value, char *allow)
{
    const mx_route *route;
    mx_match match = mx_route_find(method, path, &route, value, allow);
    *name = route ? route->name : "";
    return match;
}

static void test_finds(void **state)
{
    static const struct {
        const char *method, *path;
        mx_match match;
        const char *name, *value, *allow;
    } cases[] = {
        {"GET", "/v1/health/live", MX_MATCHED, "live", "", ""},
        {"HEAD", "/v1/health/live", MX_MATCHED, "live", "", ""},
        {"POST", "/v1/health/live", MX_NO_METHOD, "", "", "GET, HEAD"},
        {"GET", "/v1/answers", MX_MATCHED, "listAnswers", "", ""},
        {"GET", "/v1/answers/recommend", MX_MATCHED, "ask", "recommend", ""},
        {"POST", "/v1/answers/recommend", MX_MATCHED, "askPost", "recommend", ""},
        {"GET", "/v1/answers/", MX_NO_PATH, "", "", ""},
        {"GET", "/v1/answers/a/b", MX_NO_PATH, "", "", ""},
        {"GET", "/v1/answers/a%2Fb", MX_MATCHED, "ask", "a/b", ""},
        {"GET", "/v1/customers/%E5%BC%A0%20+", MX_MATCHED, "getCustomer", "张 +", ""},
        {"GET", "/v1/customers/%e5", MX_BAD_PATH, "getCustomer", NULL, ""},
        {"GET", "/v1/customers/%00", MX_BAD_PATH, "getCustomer", NULL, ""},
        {"GET", "/v1/customers/%4", MX_BAD_PATH, "getCustomer", NULL, ""},
        {"GET", "/v1/customers/%4g", MX_BAD_PATH, "getCustomer", NULL, ""},
        {"PATCH", "/v1/customers/x", MX_MATCHED, "patchCustomer", "x", ""},
        {"POST", "/v1/customers/x", MX_NO_METHOD, "", "", "GET, HEAD, PUT, PATCH, DELETE"},
        {"get", "/v1/customers/x", MX_NO_METHOD, "", "", "GET, HEAD, PUT, PATCH, DELETE"},
        {"GET", "/v1/customers/x/export", MX_MATCHED, "exportCustomer", "x", ""},
        {"POST", "/v1/answers/recommend/batch", MX_MATCHED, "askMany", "recommend", ""},
        {"GET", "/v1/answers/recommend/batch", MX_NO_METHOD, "", "", "POST"},
        {"GET", "/v1/products/a%2Fb/picture", MX_MATCHED, "getPicture", "a/b", ""},
        {"GET", "", MX_NO_PATH, "", "", ""},
        {"GET", "/", MX_NO_PATH, "", "", ""},
        {"GET", "*", MX_NO_PATH, "", "", ""},
        {"GET", "//v1/answers", MX_NO_PATH, "", "", ""},
        {"GET", "/v1/answers?x", MX_NO_PATH, "", "", ""},
        {"GET", "/V1/answers", MX_NO_PATH, "", "", ""},
        {"GET", "/metrics", MX_MATCHED, "metrics", "", ""},
        {"GET", "/v1/jobs/0a", MX_MATCHED, "getJob", "0a", ""},
        {"GET", "/v1/jobs/0a/events", MX_MATCHED, "streamJob", "0a", ""},
        {"PUT", "/v1/uploads/a%20b.csv", MX_MATCHED, "putUpload", "a b.csv", ""},
        {"GET", "/v1/models/next/versions/3/file", MX_MATCHED, "getModelFile", "next/versions/3", ""},
        {"GET", "/v1/models/next/versions//file", MX_NO_PATH, "", "", ""},
        {"GET", "/v1/models/next/versions/3", MX_NO_PATH, "", "", ""},
        {"GET", "/v1/events/stream", MX_MATCHED, "streamEvents", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[MX_PATH_VALUE_MAX + 1];
        char allow[64];
        const char *name;
        mx_match match = find(cases[i].method, cases[i].path, &name, value, allow);
        if (match != cases[i].match || strcmp(name, cases[i].name) != 0 || strcmp(allow, cases[i].allow) != 0 ||
            (cases[i].value && strcmp(value, cases[i].value) != 0))
            check_die(__FILE__, __LINE__, "%s %s: match %d, route \"%s\", value \"%s\", allow \"%s\"", cases[i].method,
                      cases[i].path, (int)match, name, value, allow);
    }
}

static void test_long_value(void **state)
{
    char path[32 + MX_PATH_VALUE_MAX + 2] = "/v1/products/";
    char value[MX_PATH_VALUE_MAX + 1];
    char allow[64];
    const char *name;
    (void)state;
    size_t used = strlen(path);
    memset(path + used, 'a', MX_PATH_VALUE_MAX);
    assert_int_equal(find("GET", path, &name, value, allow), MX_MATCHED);
    assert_int_equal(strlen(value), MX_PATH_VALUE_MAX);
    path[used + MX_PATH_VALUE_MAX] = 'a';
    assert_int_equal(find("GET", path, &name, value, allow), MX_BAD_PATH);
}

/* Every route is what the table promises: a role, a handler, a place of its own among the counters, a unique pair of method and path. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *r = mx_route_at(i);
        assert_non_null(r->handle);
        assert_int_equal(mx_route_index(r), i);
        assert_true(i < MX_METRIC_ROUTES - 1);
        assert_true(!r->open || strcmp(r->path, "/v1/health/live") == 0);
        for (size_t k = 0; k < i; k++) {
            assert_false(strcmp(mx_route_at(k)->name, r->name) == 0);
            assert_false(strcmp(mx_route_at(k)->path, r->path) == 0 && strcmp(mx_route_at(k)->method, r->method) == 0);
        }
        /* Who changes a shop is at least a writer, and waits in its line; uploads and jobs are beside the shop's data. */
        if (strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0 || strcmp(r->method, "DELETE") == 0)
            assert_true(r->role >= MERX_ROLE_WRITER &&
                        (r->place == MX_WRITES || (r->place == MX_ASIDE && r->role == MERX_ROLE_ADMIN)));
    }
}

static void test_hosts(void **state)
{
    static const char *const good[] = {"localhost",      "LOCALHOST:7373", "127.0.0.1", "127.0.0.1:80",
                                       "127.1.2.3:7373", "[::1]",          "[::1]:7373"};
    static const char *const bad[] = {
        "",         "evil.example", "127.evil.example", "127.0.0.1.evil.example:80", "localhost.evil", "[::2]",
        "10.0.0.1", "[::1"};
    (void)state;
    assert_true(mx_host_is_loopback(NULL));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!mx_host_is_loopback(good[i]))
            check_die(__FILE__, __LINE__, "\"%s\" is not taken", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mx_host_is_loopback(bad[i]))
            check_die(__FILE__, __LINE__, "\"%s\" is taken", bad[i]);
}

static void test_metrics(void **state)
{
    static mx_metrics metrics;
    mx_text out;
    (void)state;
    mx_metrics_request(&metrics, 0, 200, 0.00005);
    mx_metrics_request(&metrics, 0, 200, 0.003);
    mx_metrics_request(&metrics, 0, 418, 99);
    mx_metrics_events(&metrics, 7, 2);
    mx_text_init(&out, NULL, 1 << 20);
    for (int kind = 0; kind < MX_METRIC_KINDS; kind++)
        mx_metric_samples(&out, (mx_metric)kind, &metrics, "tea");
    check_contains(
        out.data, "merx_http_requests_total{shop=\"tea\",method=\"GET\",route=\"/v1/health/live\",status=\"200\"} 2\n");
    check_contains(out.data, "status=\"500\"} 1\n");
    check_contains(out.data, ",le=\"0.0001\"} 1\n");
    check_contains(out.data, ",le=\"0.005\"} 2\n");
    check_contains(out.data, ",le=\"30\"} 2\n");
    check_contains(out.data, ",le=\"+Inf\"} 3\n");
    check_contains(out.data, "merx_events_accepted_total{shop=\"tea\"} 7\n");
    check_contains(out.data, "merx_events_duplicate_total{shop=\"tea\"} 2\n");
    mx_text_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds), cmocka_unit_test(test_long_value),
                                       cmocka_unit_test(test_table), cmocka_unit_test(test_hosts),
                                       cmocka_unit_test(test_metrics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
