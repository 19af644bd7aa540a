/*
 * Telling the service manager (systemd, Type=notify) that the server is ready, and that it stops: a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)), without its
 * library.
 */
#ifndef MERX_SERVICE_NOTIFY_H
#define MERX_SERVICE_NOTIFY_H

#include <stdbool.h>

/*
 * state: lines such as "READY=1\nSTATUS=...". Without NOTIFY_SOCKET nothing is done, and true returned; false: it is named, and could not be told.
 */
bool service_notify(const char *state);

#endif
