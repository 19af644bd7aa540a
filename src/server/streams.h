/*
 * Server-sent events: replies that go on. One thread fills them all; a connection that waits costs no thread. Floor 7.
 *
 * A stream has a source, which appends what is new when it is asked. It is asked when it was woken, when its time to look has come, and never before the client has taken what was given:
 * who reads slowly gets later states, not a growing heap of old ones. A comment line keeps it alive and shows whether the client is still there. A stream ends when its source does, when
 * its key is no longer one, and when the server stops.
 */
#ifndef MX_SERVER_STREAMS_H
#define MX_SERVER_STREAMS_H

#include "server/request.h"

struct MHD_Connection;
struct mx_connection;

#define MX_STREAM_HEARTBEAT_S 15
#define MX_STREAMS_OF_KEY 16 /* at once; without keys the server's limit alone counts */

typedef enum mx_stream_said {
    MX_STREAM_IDLE,  /* nothing more for now */
    MX_STREAM_MORE,  /* there is more: ask again when this is taken */
    MX_STREAM_ENDED, /* this was the last */
} mx_stream_said;

typedef struct mx_stream_source {
    /* Appends events. On the thread of the streams, without a lock. */
    mx_stream_said (*fill)(void *context, mx_text *out);
    void (*release)(void *context);
    double look_s; /* asked as often without being woken; 0: only when woken */
} mx_stream_source;

typedef struct mx_streams mx_streams;
typedef struct mx_stream mx_stream;

/* max: streams at once. The thread starts with the first. Owns: mx_streams_free. */
merx_status mx_streams_new(struct merx_server *server, size_t max, mx_streams **out, merx_error *err) MERX_MUST_CHECK;
/* Ends every stream with what there is still to say, and takes no more. */
void mx_streams_end(mx_streams *streams);
void mx_streams_free(mx_streams *streams); /* after HTTP has stopped */
/* Sources may have something new. Any thread. */
void mx_streams_wake(mx_streams *streams);

/*
 * Makes the request's reply a stream: of the source (static) with its context (taken, whatever happens). Too many: the reply is a failure.
 */
void mx_stream_reply(mx_request *request, const mx_stream_source *source, void *context);
/* Appends one event: "event: NAME", "data: JSON". value is released. */
void mx_stream_event(mx_text *out, const char *name, json_t *value);

/* ---- for http.c ---- */

/* The stream begins; late may be NULL. */
void mx_stream_begin(mx_stream *stream, struct MHD_Connection *connection, struct mx_connection *late);
/* As libmicrohttpd's callback: bytes copied; suspends the connection when there are none; -1: the end. */
ptrdiff_t mx_stream_read(mx_stream *stream, char *out, size_t size);
/* The client is gone, or the reply was never begun. NULL is allowed. */
void mx_stream_drop(mx_stream *stream);

#endif
