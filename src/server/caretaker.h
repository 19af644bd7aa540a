/*
 * The caretaker: one thread that looks after all shops between requests: long tails are merged into snapshots, shops that nobody asks anything of are let go of. Floor 7.
 *
 * One shop at a time, so that however many shops grow, one core at most is kept from requests.
 */
#ifndef MX_SERVER_CARETAKER_H
#define MX_SERVER_CARETAKER_H

#include "server/served_shop.h"

typedef struct mx_caretaker mx_caretaker;
/* shops (n): kept. idle_s: after how many seconds without a request a shop is let go of. Owns: mx_caretaker_end. */
merx_status mx_caretaker_start(mx_served_shop *shops, size_t n, double idle_s, mx_caretaker **out,
                               merx_error *err) MERX_MUST_CHECK;
/* Waits for what it is doing. NULL is allowed. */
void mx_caretaker_end(mx_caretaker *caretaker);

#endif
