/*
 * Status numbers to names and texts, and the making of errors. An error never allocates; text that does not fit is cut at a whole
 * UTF-8 character.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *merx_status_name(merx_status status)
{
    switch (status) {
#define STATUS_NAME(number, name, text)                                                                                \
    case number:                                                                                                       \
        return "MERX_" #name;
        MERX_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
    }
    return "MERX_E_UNKNOWN";
}

const char *merx_status_text(merx_status status)
{
    switch (status) {
#define STATUS_TEXT(number, name, text)                                                                                \
    case number:                                                                                                       \
        return text;
        MERX_STATUS_TABLE(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

void merx_error_clear(merx_error *err)
{
    if (err != NULL) {
        err->code = MERX_OK;
        err->where[0] = '\0';
        err->message[0] = '\0';
    }
}

const char *merx_version(void)
{
    return MERX_VERSION_STRING;
}

/* After a cut, drops the bytes of a last character that is not whole. */
static void trim_broken_tail(char *text)
{
    size_t size = strlen(text);
    size_t start = size;
    while (start > 0 && size - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (size - (start - 1) < need)
        text[start - 1] = '\0';
}

merx_status(mx_error_setv)(merx_error *err, merx_status code, const char *where, const char *format, va_list arguments)
{
    assert(code != MERX_OK);
    if (code == MERX_OK)
        code = MERX_E_INTERNAL;
    if (err == NULL || err->code != MERX_OK)
        return code;
    err->code = code;
    if (where == NULL)
        where = "";
    size_t where_size = strlen(where);
    if (where_size >= sizeof err->where)
        where_size = sizeof err->where - 1;
    memmove(err->where, where, where_size);
    err->where[where_size] = '\0';
    trim_broken_tail(err->where);
    int length = vsnprintf(err->message, sizeof err->message, format, arguments);
    if (length < 0)
        err->message[0] = '\0';
    else if ((size_t)length >= sizeof err->message)
        trim_broken_tail(err->message);
    return code;
}

merx_status(mx_error_set)(merx_error *err, merx_status code, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    merx_status status = mx_error_setv(err, code, where, format, arguments);
    va_end(arguments);
    return status;
}

static merx_status status_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* RLIMIT_FSIZE */
        return MERX_E_NO_SPACE;
    case EACCES:
    case EPERM:
    case EROFS:
        return MERX_E_PERMISSION;
    case ENOENT:
    case ENOTDIR:
        return MERX_E_NOT_FOUND;
    case EEXIST:
        return MERX_E_EXISTS;
    case ENOMEM:
        return MERX_E_MEMORY;
    default:
        return MERX_E_IO;
    }
}

merx_status(mx_error_errno)(merx_error *err, int errno_value, const char *where, const char *doing)
{
    char buffer[128];
    const char *reason = strerror_r(errno_value, buffer, sizeof buffer);
    return mx_error_set(err, status_of_errno(errno_value), where, "could not %s: %s", doing, reason);
}
