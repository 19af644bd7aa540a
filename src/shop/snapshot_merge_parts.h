/*
 * A merge under way, for its three files: places of names and events (snapshot_merge_places.c), what is said of things (snapshot_merge_things.c), the file as a stream
 * (snapshot_merge.c). Floor 5.
 */
#ifndef MX_SHOP_SNAPSHOT_MERGE_PARTS_H
#define MX_SHOP_SNAPSHOT_MERGE_PARTS_H

#include "shop/snapshot_merge.h"

/* Names of one numbering, old ones and new ones, and their places among both. */
typedef struct mx_name_map {
    const mx_str *old, *fresh; /* each ascending */
    size_t old_n, fresh_n, n;  /* n: of both together */
    int32_t *place;            /* (old_n) its place; <= -2: it is gone, and -(place + 2) is that of the next one */
    int32_t *fresh_place;      /* (fresh_n) */
    uint64_t bytes;
    bool same; /* every old name is where it was */
} mx_name_map;

/* A walk over all names in their order. */
typedef struct mx_name_walk {
    const mx_name_map *map;
    size_t i, j;
    int32_t old, fresh; /* of the name it stands at; -1: it is not one of those */
} mx_name_walk;

/* A piece of the file that is made as it is written. */
typedef struct mx_merge_stream {
    mx_merging *m;
    int which;        /* numbering */
    const void *from; /* column of the old snapshot */
    size_t width;     /* bytes of an element */
    size_t old_at, row_at, gone_at;
    mx_name_walk walk;
    const mx_event_index *index;
    const uint32_t *rows; /* of the tail, by group, then place */
    size_t n_rows;
    int32_t total;             /* of starts */
    int32_t list_at, list_end; /* in the old list of the group */
    mx_str text;               /* left of the name that is written */
    int64_t offset;
} mx_merge_stream;

enum { MX_MERGE_STREAMS = 4 + EVENT_NAMES + 2 * NAMES + 4 };

struct mx_merging {
    mx_builder b;
    const mx_snapshot *old;
    int32_t without;
    bool things;
    int64_t unit;
    mx_name_map names[NAMES];
    size_t rows;         /* of the tail */
    mx_event_row *row;   /* (rows) in the snapshot's order, names by place */
    int32_t *before;     /* (rows) how many old events come before it */
    int32_t *row_place;  /* (rows) among all events */
    const int32_t *gone; /* old events that are left out, ascending */
    size_t n_gone;
    int32_t *moved; /* (old events) its place; -1: gone */
    size_t events;
    uint32_t *by_customer, *by_session; /* rows of the tail that have one */
    size_t n_by_customer, n_by_session;
    /* columns of things */
    mx_str *title_text; /* titles on event lines, by place */
    mx_str *title;
    uint8_t *service, *said, *customer_said;
    int32_t *category, *price_event, *country;
    int64_t *price;
    mx_vec counts;            /* mx_title_count */
    int32_t *count_column[3]; /* its columns */
    size_t n_counts;
    mx_tensor_writer *writer;
    mx_merge_stream streams[MX_MERGE_STREAMS];
    size_t n_streams;
};

/* The failure of a damaged column. */
merx_status mx_merging_corrupt(merx_error *err);

void mx_name_walk_begin(mx_name_walk *w, const mx_name_map *map);
/* The next name; false: there is none. */
bool mx_name_walk_next(mx_name_walk *w, mx_str *text);
/* The place of a name of the builder. */
static inline int32_t mx_fresh_place(const mx_merging *m, int which, int32_t code)
{
    return code < 0 ? -1 : m->names[which].fresh_place[m->b.rank[which][code]];
}
/* The part of an old list of events; none: an empty one. */
merx_status mx_merging_old_part(const mx_event_index *index, int32_t group, int32_t *first, int32_t *end,
                                merx_error *err) MERX_MUST_CHECK;

/* In this order, after the builder has taken what is new. */
merx_status mx_merging_place(mx_merging *m, mx_records *records, merx_error *err) MERX_MUST_CHECK;
merx_status mx_merging_describe(mx_merging *m, merx_error *err) MERX_MUST_CHECK;

#endif
