/*
 * Status and error: what every merx function that can fail returns.
 *
 * One table holds code, name and text. Numbers are never reused. A caller-owned merx_error is optional, never allocates,
 * and keeps the first failure written to it.
 *
 * Three kinds of failure are kept apart: bad input (a status; it may come over HTTP, so never an abort), the environment
 * (a status; perhaps worth a retry), our bug (assert).
 */
#ifndef MERX_STATUS_H
#define MERX_STATUS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MERX_API __attribute__((visibility("default")))
#define MERX_MUST_CHECK __attribute__((warn_unused_result))
#define MERX_PRINTF(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#else
#define MERX_API
#define MERX_MUST_CHECK
#define MERX_PRINTF(format_index, first_index)
#endif

/* X(number, NAME, "text") */
#define MERX_STATUS_TABLE(X)                                                                                           \
    X(0, OK, "no error")                                                                                               \
    X(1, E_INVALID, "invalid argument")                                                                                \
    X(2, E_SHAPE, "shapes do not fit")                                                                                 \
    X(3, E_TYPE, "wrong type of value")                                                                                \
    X(4, E_RANGE, "value out of range")                                                                                \
    X(5, E_PARSE, "malformed input")                                                                                   \
    X(6, E_NOT_FOUND, "not found")                                                                                     \
    X(7, E_EXISTS, "already there")                                                                                    \
    X(8, E_NOT_FITTED, "model is not fitted")                                                                          \
    X(9, E_UNSUPPORTED, "not supported")                                                                               \
    X(10, E_VERSION, "made by a newer version")                                                                        \
    X(11, E_CORRUPT, "damaged data")                                                                                   \
    X(12, E_NUMERIC, "numeric failure")                                                                                \
    X(13, E_LIMIT, "limit exceeded")                                                                                   \
    X(14, E_MEMORY, "out of memory")                                                                                   \
    X(15, E_IO, "input/output failure")                                                                                \
    X(16, E_NO_SPACE, "no space left")                                                                                 \
    X(17, E_PERMISSION, "permission denied")                                                                           \
    X(18, E_BUSY, "in use by another writer")                                                                          \
    X(19, E_CANCELLED, "cancelled")                                                                                    \
    X(20, E_CHANGED, "input changed")                                                                                  \
    X(21, E_GATE, "not better than its baseline")                                                                      \
    X(22, E_INTERNAL, "internal error")

typedef enum merx_status {
#define MERX_STATUS_ENUM(number, name, text) MERX_##name = number,
    MERX_STATUS_TABLE(MERX_STATUS_ENUM)
#undef MERX_STATUS_ENUM
} merx_status;

/*
 * The first failure of a call. Zero-initialise it (`merx_error err = {0};`) and pass its address; NULL is allowed everywhere.
 * where     file, table or object the message speaks of ("" if none), e.g. "events.csv:1042"
 * message   what was wrong and what would be right, without a trailing newline
 */
typedef struct merx_error {
    merx_status code;
    char where[224];
    char message[512];
} merx_error;

/* Name of a status, e.g. "MERX_E_PARSE"; "MERX_E_UNKNOWN" for a number not in the table. Static storage. */
MERX_API const char *merx_status_name(merx_status status);

/* One-line text of a status, e.g. "malformed input". Static storage. */
MERX_API const char *merx_status_text(merx_status status);

/* Forgets the failure, so that the object can take another. NULL is allowed. */
MERX_API void merx_error_clear(merx_error *err);

/* Version of the library, "major.minor.patch". Static storage. */
MERX_API const char *merx_version(void);

/*
 * A description of this build for a person, several lines: version, compiler, build type, libraries with their versions, optional
 * parts, the CPU's instruction sets and the cap in force.
 * text, size   caller's buffer, written, always terminated when size > 0
 * Returns the length it would need, without the terminator.
 */
MERX_API size_t merx_build_info(char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
