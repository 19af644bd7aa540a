/*
 * Making and forwarding errors. Floor 0.
 *
 *     MX_TRY(step(a, err));                      forwards a failure: returns its status
 *     MX_TRY_GOTO(step(a, err));                 the same, for functions with an `out:` label and `merx_status status`
 *     MX_FAIL(err, MERX_E_SHAPE, "x", "has %zu columns; the model was fitted with %zu", a, b);       returns
 *     MX_FAIL_GOTO(...)                          sets status and goes to out
 */
#ifndef MX_BASE_ERROR_H
#define MX_BASE_ERROR_H

#include <stdarg.h>

#include "merx/status.h"

/*
 * Writes a failure into err unless err is NULL or holds one already; returns code.
 * where may be NULL or "".
 */
merx_status mx_error_set(merx_error *err, merx_status code, const char *where, const char *format, ...)
    MERX_PRINTF(4, 5);
merx_status mx_error_setv(merx_error *err, merx_status code, const char *where, const char *format, va_list arguments)
    MERX_PRINTF(4, 0);

/* For a failed system call: picks E_NO_SPACE, E_PERMISSION, E_NOT_FOUND, E_EXISTS or E_IO by errno and says what the system says. */
merx_status mx_error_errno(merx_error *err, int errno_value, const char *where, const char *doing);

/*
 * A failure is never MERX_OK (an OK given by mistake becomes MERX_E_INTERNAL). Said to the compiler and to static analysis, which then
 * know that after MX_TRY a function's outputs were written.
 */
static inline merx_status mx_failure(merx_status status)
{
    if (status == MERX_OK)
        __builtin_unreachable();
    return status;
}
#define mx_error_set(...) mx_failure(mx_error_set(__VA_ARGS__))
#define mx_error_setv(...) mx_failure(mx_error_setv(__VA_ARGS__))
#define mx_error_errno(...) mx_failure(mx_error_errno(__VA_ARGS__))

#define MX_TRY(expression)                                                                                             \
    do {                                                                                                               \
        merx_status mx_try_status = (expression);                                                                      \
        if (mx_try_status != MERX_OK)                                                                                  \
            return mx_try_status;                                                                                      \
    } while (0)

#define MX_TRY_GOTO(expression)                                                                                        \
    do {                                                                                                               \
        status = (expression);                                                                                         \
        if (status != MERX_OK)                                                                                         \
            goto out;                                                                                                  \
    } while (0)

#define MX_FAIL(err, code, where, ...) return mx_error_set((err), (code), (where), __VA_ARGS__)

#define MX_FAIL_GOTO(err, code, where, ...)                                                                            \
    do {                                                                                                               \
        status = mx_error_set((err), (code), (where), __VA_ARGS__);                                                    \
        goto out;                                                                                                      \
    } while (0)

#endif
