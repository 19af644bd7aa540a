/*
 * One event out of its JSON text, when it is written the usual way: the quick way beside json_items.h and record_json.h. Floor 7.
 */
#ifndef MX_SERVER_EVENT_JSON_H
#define MX_SERVER_EVENT_JSON_H

#include "server/record_json.h"

/*
 * Reads the object that begins at *at and moves *at behind it; then `out` is what mx_record_from_json would have made of it, with texts that are slices of the
 * input. False: it is not written the usual way (an escape, an unknown or repeated field, a value of another type or out of range, no JSON at all); *at has
 * not moved, and the slow way says what is wrong, if anything is.
 */
bool mx_event_json_read(const char **at, const char *end, const mx_shop_settings *settings, int64_t now_ms,
                        mx_event *out);

#endif
