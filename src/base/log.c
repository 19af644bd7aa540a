/*
 * The log: one line on stderr, written at once so that lines of several threads don't mix.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/system.h"

static char topics[256];
static char turned_on[64];

static void read_topics(void)
{
    const char *value = getenv("MERX_VERBOSE");
    snprintf(topics, sizeof topics, "%s", value != NULL ? value : "");
}

void mx_log_turn_on(const char *topic)
{
    snprintf(turned_on, sizeof turned_on, "%s", topic);
}

bool mx_log_on(const char *topic)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_topics);
    if (strcmp(topic, turned_on) == 0)
        return true;
    const char *at = topics;
    while (*at != '\0') {
        size_t size = strcspn(at, ",");
        mx_str word = mx_str_trim((mx_str){at, size});
        if (mx_str_equal(word, MX_STR("all")) || mx_str_equal(word, mx_str_of(topic)))
            return true;
        at += size;
        at += *at == ',';
    }
    return false;
}

void mx_log(const char *topic, const char *format, ...)
{
    if (!mx_log_on(topic))
        return;
    char line[1024];
    int start = snprintf(line, sizeof line, "merx %s: ", topic);
    if (start < 0 || (size_t)start > sizeof line - 2)
        return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t size = strlen(line);
    line[size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written; /* a log that can't be written has nowhere to say so */
}
