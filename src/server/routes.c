/*
 * The table of routes, and how a path finds its row.
 */
#include "server/routes.h"

#include <stdio.h>
#include <string.h>

#include "server/handlers.h"
#include "server/http_metrics.h"

static const mx_route routes[] = {
    {"GET", "/v1/health/live", "live", "Whether the process answers.", true, MERX_ROLE_READER, MX_AT_ONCE, MX_NOTHING,
     MX_STATE, mx_handle_live},
    {"GET", "/v1/health/ready", "ready",
     "Whether the key's shop can be asked: its store opens, and the server is not stopping.", false, MERX_ROLE_READER,
     MX_AT_ONCE, MX_NOTHING, MX_STATE, mx_handle_ready},
    {"GET", "/v1/answers", "listAnswers", "Every answer: what it says, what data it needs, the options of a question.",
     false, MERX_ROLE_READER, MX_AT_ONCE, MX_NOTHING, MX_DESCRIPTIONS, mx_handle_answers},
    {"GET", "/v1/answers/{name}", "ask", "One answer; options and why are query parameters.", false, MERX_ROLE_READER,
     MX_ANSWERS, MX_NOTHING, MX_REPLY, mx_handle_ask},
    {"POST", "/v1/answers/{name}", "askPost", "One answer; options and why are members of the body.", false,
     MERX_ROLE_READER, MX_ANSWERS, MX_QUESTION, MX_REPLY, mx_handle_ask},
    {"POST", "/v1/events", "addEvents",
     "Takes events: one, an array, or JSON lines; all of them or none. Durable when answered.", false, MERX_ROLE_WRITER,
     MX_WRITES, MX_EVENTS, MX_TAKEN, mx_handle_events},
    {"POST", "/v1/answers/{name}/batch", "askMany",
     "Many questions to one answer, answered from one state of the shop; each has its reply or its error.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_QUESTIONS, MX_REPLIES, mx_handle_ask_many},
    {"GET", "/v1/events", "listEvents", "Events in the order they were accepted, a page at a time.", false,
     MERX_ROLE_WRITER, MX_ASIDE, MX_NOTHING, MX_PAGE, mx_handle_list},
    {"GET", "/v1/products", "listProducts",
     "Products by id, a page at a time: those of the catalogue, and those that events have shown.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_NOTHING, MX_PAGE, mx_handle_list},
    {"POST", "/v1/products", "addProducts", "Makes or replaces products: one, an array, or JSON lines; all or none.",
     false, MERX_ROLE_WRITER, MX_WRITES, MX_MANY_THINGS, MX_TAKEN, mx_handle_add_things},
    {"GET", "/v1/products/{id}", "getProduct", "A product, as the catalogue has it or events have shown it.", false,
     MERX_ROLE_READER, MX_ANSWERS, MX_NOTHING, MX_STORED, mx_handle_get_product},
    {"PUT", "/v1/products/{id}", "putProduct", "Makes a product or replaces it whole.", false, MERX_ROLE_WRITER,
     MX_WRITES, MX_ONE_THING, MX_TAKEN, mx_handle_put_thing},
    {"PATCH", "/v1/products/{id}", "patchProduct", "Changes some fields of a product's record (JSON merge patch).",
     false, MERX_ROLE_WRITER, MX_WRITES, MX_PATCH, MX_TAKEN, mx_handle_patch_thing},
    {"DELETE", "/v1/products/{id}", "deleteProduct", "Removes a product's record; its events stay.", false,
     MERX_ROLE_WRITER, MX_WRITES, MX_NOTHING, MX_TAKEN, mx_handle_delete_thing},
    {"GET", "/v1/products/{id}/picture", "getPicture", "The first picture of a product, as imported or smaller.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_NOTHING, MX_PICTURE, mx_handle_picture},
    {"GET", "/v1/customers", "listCustomers",
     "Customers by id, a page at a time: those with a record, and those that events name.", false, MERX_ROLE_WRITER,
     MX_ASIDE, MX_NOTHING, MX_PAGE, mx_handle_list},
    {"POST", "/v1/customers", "addCustomers",
     "Makes or replaces customers' records: one, an array, or JSON lines; all or none.", false, MERX_ROLE_WRITER,
     MX_WRITES, MX_MANY_THINGS, MX_TAKEN, mx_handle_add_things},
    {"GET", "/v1/customers/{id}", "getCustomer", "A customer's record, and how many events name him.", false,
     MERX_ROLE_WRITER, MX_ANSWERS, MX_NOTHING, MX_STORED, mx_handle_get_customer},
    {"PUT", "/v1/customers/{id}", "putCustomer", "Makes a customer's record or replaces it whole.", false,
     MERX_ROLE_WRITER, MX_WRITES, MX_ONE_THING, MX_TAKEN, mx_handle_put_thing},
    {"PATCH", "/v1/customers/{id}", "patchCustomer", "Changes some fields of a customer's record (JSON merge patch).",
     false, MERX_ROLE_WRITER, MX_WRITES, MX_PATCH, MX_TAKEN, mx_handle_patch_thing},
    {"DELETE", "/v1/customers/{id}", "eraseCustomer",
     "Erases a customer from rows, snapshots and models, with a receipt.", false, MERX_ROLE_WRITER, MX_WRITES,
     MX_NOTHING, MX_RECEIPT, mx_handle_erase_customer},
    {"GET", "/v1/customers/{id}/export", "exportCustomer",
     "All that is stored of a customer: what erasing him would remove.", false, MERX_ROLE_WRITER, MX_ASIDE, MX_NOTHING,
     MX_EXPORT, mx_handle_export_customer},
    {"GET", "/v1/messages", "listMessages", "Messages by id, a page at a time.", false, MERX_ROLE_WRITER, MX_ASIDE,
     MX_NOTHING, MX_PAGE, mx_handle_list},
    {"POST", "/v1/messages", "addMessages", "Makes or replaces messages: one, an array, or JSON lines; all or none.",
     false, MERX_ROLE_WRITER, MX_WRITES, MX_MANY_THINGS, MX_TAKEN, mx_handle_add_things},
    {"GET", "/v1/messages/{id}", "getMessage", "A message.", false, MERX_ROLE_WRITER, MX_AT_ONCE, MX_NOTHING, MX_STORED,
     mx_handle_get_thing},
    {"PUT", "/v1/messages/{id}", "putMessage", "Makes a message or replaces it whole.", false, MERX_ROLE_WRITER,
     MX_WRITES, MX_ONE_THING, MX_TAKEN, mx_handle_put_thing},
    {"PATCH", "/v1/messages/{id}", "patchMessage", "Changes some fields of a message (JSON merge patch).", false,
     MERX_ROLE_WRITER, MX_WRITES, MX_PATCH, MX_TAKEN, mx_handle_patch_thing},
    {"DELETE", "/v1/messages/{id}", "deleteMessage", "Removes a message.", false, MERX_ROLE_WRITER, MX_WRITES,
     MX_NOTHING, MX_TAKEN, mx_handle_delete_thing},
    {"GET", "/v1/reviews", "listReviews", "Reviews by id, a page at a time.", false, MERX_ROLE_READER, MX_ASIDE,
     MX_NOTHING, MX_PAGE, mx_handle_list},
    {"POST", "/v1/reviews", "addReviews", "Makes or replaces reviews: one, an array, or JSON lines; all or none.",
     false, MERX_ROLE_WRITER, MX_WRITES, MX_MANY_THINGS, MX_TAKEN, mx_handle_add_things},
    {"GET", "/v1/reviews/{id}", "getReview", "A review.", false, MERX_ROLE_READER, MX_AT_ONCE, MX_NOTHING, MX_STORED,
     mx_handle_get_thing},
    {"PUT", "/v1/reviews/{id}", "putReview", "Makes a review or replaces it whole.", false, MERX_ROLE_WRITER, MX_WRITES,
     MX_ONE_THING, MX_TAKEN, mx_handle_put_thing},
    {"PATCH", "/v1/reviews/{id}", "patchReview", "Changes some fields of a review (JSON merge patch).", false,
     MERX_ROLE_WRITER, MX_WRITES, MX_PATCH, MX_TAKEN, mx_handle_patch_thing},
    {"DELETE", "/v1/reviews/{id}", "deleteReview", "Removes a review.", false, MERX_ROLE_WRITER, MX_WRITES, MX_NOTHING,
     MX_TAKEN, mx_handle_delete_thing},
    {"PUT", "/v1/uploads/{name}", "putUpload",
     "Takes a file's bytes, to be imported by a job; in place of an older one of that name.", false, MERX_ROLE_ADMIN,
     MX_ASIDE, MX_FILE, MX_UPLOAD, mx_handle_put_upload},
    {"GET", "/v1/uploads", "listUploads", "The files that were sent and are there still.", false, MERX_ROLE_ADMIN,
     MX_ASIDE, MX_NOTHING, MX_UPLOADS, mx_handle_list_uploads},
    {"DELETE", "/v1/uploads/{name}", "deleteUpload", "Removes an uploaded file.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_TAKEN, mx_handle_delete_upload},
    {"POST", "/v1/jobs", "startJob", "Begins long work: import, train, evaluate, erase, export.", false,
     MERX_ROLE_ADMIN, MX_ASIDE, MX_JOB_ASKED, MX_JOB, mx_handle_start_job},
    {"GET", "/v1/jobs", "listJobs", "The jobs of the shop, newest first.", false, MERX_ROLE_ADMIN, MX_ASIDE, MX_NOTHING,
     MX_JOBS, mx_handle_list_jobs},
    {"GET", "/v1/jobs/{id}", "getJob", "A job: its state, progress, result.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_JOB, mx_handle_get_job},
    {"DELETE", "/v1/jobs/{id}", "cancelJob", "Cancels a job that waits or runs.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_JOB, mx_handle_cancel_job},
    {"GET", "/v1/jobs/{id}/log", "getJobLog", "What a job has said, a line each.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_TEXT_LINES, mx_handle_job_log},
    {"GET", "/v1/jobs/{id}/events", "streamJob",
     "A job as it goes on, as server-sent events: job, log, and end as the last.", false, MERX_ROLE_ADMIN, MX_AT_ONCE,
     MX_NOTHING, MX_JOB_EVENTS, mx_handle_job_events},
    {"GET", "/v1/jobs/{id}/file", "getJobFile", "What an export made, as JSON lines.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_JSON_LINES, mx_handle_job_file},
    {"GET", "/v1/models", "listModels", "Every answer that learns, and which version of its model is live.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_NOTHING, MX_MODELS, mx_handle_models},
    {"GET", "/v1/models/{answer}", "getModel", "The versions of an answer's model with their figures.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_NOTHING, MX_MODEL_VERSIONS, mx_handle_model},
    {"GET", "/v1/models/{answer}/compare", "compareModels", "The figures of two versions side by side.", false,
     MERX_ROLE_READER, MX_ASIDE, MX_NOTHING, MX_COMPARISON, mx_handle_compare},
    {"POST", "/v1/models/{answer}/deploy", "deployModel",
     "Makes a version live; one that did not pass its gate only with force.", false, MERX_ROLE_ADMIN, MX_WRITES,
     MX_DEPLOY, MX_DEPLOYED, mx_handle_deploy},
    {"POST", "/v1/models/{answer}/rollback", "rollbackModel", "Makes the version live that was so before.", false,
     MERX_ROLE_ADMIN, MX_WRITES, MX_EMPTY, MX_DEPLOYED, mx_handle_rollback},
    {"GET", "/v1/models/{answer}/versions/{version}/file", "getModelFile", "The file of a version (safetensors).",
     false, MERX_ROLE_ADMIN, MX_ASIDE, MX_NOTHING, MX_FILE, mx_handle_model_file},
    {"GET", "/v1/keys", "listKeys", "The keys of the shop, without their secrets.", false, MERX_ROLE_ADMIN, MX_ASIDE,
     MX_NOTHING, MX_KEYS, mx_handle_list_keys},
    {"POST", "/v1/keys", "createKey", "Makes a key; it is shown in this reply alone.", false, MERX_ROLE_ADMIN,
     MX_WRITES, MX_KEY_ASKED, MX_KEY, mx_handle_create_key},
    {"DELETE", "/v1/keys/{id}", "revokeKey", "Revokes a key.", false, MERX_ROLE_ADMIN, MX_WRITES, MX_NOTHING,
     MX_REVOKED, mx_handle_revoke_key},
    {"GET", "/v1/settings", "getSettings", "The settings of the server and of the shop.", false, MERX_ROLE_ADMIN,
     MX_ASIDE, MX_NOTHING, MX_SETTINGS, mx_handle_settings},
    {"GET", "/v1/events/stream", "streamEvents", "Events as they are accepted, as server-sent events.", false,
     MERX_ROLE_WRITER, MX_AT_ONCE, MX_NOTHING, MX_EVENT_STREAM, mx_handle_event_stream},
    {"GET", "/v1/openapi.json", "openapi", "This description, as OpenAPI 3.1.", false, MERX_ROLE_READER, MX_AT_ONCE,
     MX_NOTHING, MX_OPENAPI, mx_handle_openapi},
    {"GET", "/metrics", "metrics", "Counters and times of the key's shop, as Prometheus text.", false, MERX_ROLE_ADMIN,
     MX_AT_ONCE, MX_NOTHING, MX_PROMETHEUS, mx_handle_metrics},
};
enum { ROUTES = sizeof routes / sizeof *routes };
_Static_assert((size_t)ROUTES < (size_t)MX_METRIC_ROUTES, "each route is counted, and those that are none");

const mx_route *mx_route_at(size_t i)
{
    return i < ROUTES ? &routes[i] : NULL;
}

size_t mx_route_index(const mx_route *route)
{
    return route ? (size_t)(route - routes) : ROUTES;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool mx_percent_decode(const char *text, size_t length, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    if (n >= size)
        return false;
    out[n] = '\0';
    return mx_utf8_valid((mx_str){out, n}, NULL);
}

/* Whether the path has the pattern's parts; value is the one in braces (from the first to the last of several), still encoded. */
static bool fits(const char *pattern, const char *path, mx_str *value)
{
    *value = (mx_str){"", 0};
    for (;;) {
        size_t a = strcspn(pattern, "/");
        size_t b = strcspn(path, "/");
        if (a > 0 && pattern[0] == '{') {
            if (b == 0)
                return false;
            *value = (mx_str){value->size ? value->data : path, value->size ? (size_t)(path + b - value->data) : b};
        } else if (a != b || memcmp(pattern, path, a) != 0) {
            return false;
        }
        if (pattern[a] != path[b])
            return false;
        if (pattern[a] == '\0')
            return true;
        pattern += a + 1;
        path += b + 1;
    }
}

/* The methods of a path, for the header Allow; false: no route has that path. */
static bool list_methods(const char *path, char *allow)
{
    mx_str part;
    allow[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++)
        if (fits(routes[i].path, path, &part)) {
            size_t used = strlen(allow);
            snprintf(allow + used, 64 - used, "%s%s%s", used ? ", " : "", routes[i].method,
                     strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
        }
    return allow[0] != '\0';
}

mx_match mx_route_find(const char *method, const char *path, const mx_route **route, char *value, char *allow)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    mx_str part;

    *route = NULL;
    value[0] = allow[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++)
        if (strcmp(routes[i].method, wanted) == 0 && fits(routes[i].path, path, &part)) {
            *route = &routes[i];
            return mx_percent_decode(part.data, part.size, value, MX_PATH_VALUE_MAX + 1) ? MX_MATCHED : MX_BAD_PATH;
        }
    return list_methods(path, allow) ? MX_NO_METHOD : MX_NO_PATH;
}
