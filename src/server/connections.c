/*
 * A list under a lock, and a thread that looks through it each second. A late connection is shut down, not closed: closing is its owner's, who takes it off the list first, so
 * that the descriptor is never another's.
 */
#include "server/connections.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

struct mx_connections {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool ending;
    uint64_t timeout_ms;
    mx_connection *first;
};

static uint64_t now_ms(void)
{
    return (uint64_t)(mx_monotonic_s() * 1e3);
}

static void shut_late(const mx_connections *c)
{
    uint64_t now = now_ms();
    for (mx_connection *at = c->first; at; at = at->next)
        if (!atomic_load(&at->ours) && now > atomic_load(&at->since_ms) + c->timeout_ms)
            (void)shutdown(at->fd, SHUT_RDWR);
}

static void *run(void *context)
{
    mx_connections *c = context;
    pthread_mutex_lock(&c->lock);
    while (!c->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += 1;
        if (pthread_cond_timedwait(&c->wake, &c->lock, &until) == ETIMEDOUT)
            shut_late(c);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

merx_status mx_connections_new(unsigned timeout_s, mx_connections **out, merx_error *err)
{
    mx_connections *c;
    pthread_condattr_t clock;

    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &c, "connections", err));
    c->timeout_ms = UINT64_C(1000) * timeout_s;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &clock);
    pthread_condattr_destroy(&clock);
    int failed = pthread_create(&c->thread, NULL, run, c);
    if (failed) {
        MX_FREE_ARRAY(NULL, c, 1);
        return mx_error_errno(err, failed, "", "start a thread");
    }
    *out = c;
    return MERX_OK;
}

void mx_connections_free(mx_connections *connections)
{
    if (!connections)
        return;
    pthread_mutex_lock(&connections->lock);
    connections->ending = true;
    pthread_cond_signal(&connections->wake);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->thread, NULL);
    pthread_cond_destroy(&connections->wake);
    pthread_mutex_destroy(&connections->lock);
    MX_FREE_ARRAY(NULL, connections, 1);
}

mx_connection *mx_connection_add(mx_connections *connections, int fd)
{
    mx_connection *connection;
    if (MX_NEW_ARRAY(NULL, 1, &connection, "connection", NULL) != MERX_OK)
        return NULL;
    connection->fd = fd;
    mx_connection_turn(connection, false);
    pthread_mutex_lock(&connections->lock);
    connection->next = connections->first;
    if (connection->next)
        connection->next->previous = connection;
    connections->first = connection;
    pthread_mutex_unlock(&connections->lock);
    return connection;
}

void mx_connection_remove(mx_connections *connections, mx_connection *connection)
{
    if (!connection)
        return;
    pthread_mutex_lock(&connections->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        connections->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&connections->lock);
    MX_FREE_ARRAY(NULL, connection, 1);
}

void mx_connection_turn(mx_connection *connection, bool ours)
{
    if (!connection)
        return;
    atomic_store(&connection->since_ms, now_ms());
    atomic_store(&connection->ours, ours);
}
