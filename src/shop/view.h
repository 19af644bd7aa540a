/*
 * A shop as it is answered from: one view for all threads of a process, and its keeper, who makes the next one when the shop has changed. Floor 5.
 *
 * A view is a snapshot, the tail of events and changed things behind it, and the live models. It never changes; a question takes a reference, and what a view has goes with its last one.
 *
 * Freshness
 *  1. A question knows everything that this process had committed when it was asked (mx_view_keeper_written was called after the commit).
 *  2. What other processes commit is known within MX_VIEW_LOOK_S; another live model within MX_VIEW_MODELS_S.
 *  3. Only what is committed is in a view.
 *
 * How a view comes about, from the cheapest: the same one (nothing was committed); more rows of the same tail; a new snapshot, merged of the old one and its tail, when an answer
 * needs the whole (mx_answer.live is false), and in the background when the tail has grown (mx_view_keeper_tend); a new snapshot at once, when what has changed can't be said by a tail (settings, an erasure, an import's files, thousands of products in one
 * request). While a
 * snapshot is made, questions that the present view suffices for go on.
 */
#ifndef MX_SHOP_VIEW_H
#define MX_SHOP_VIEW_H

#include "shop/loaded_models.h"
#include "shop/shop_state.h"
#include "shop/tail.h"

#define MX_VIEW_LOOK_S 0.002
#define MX_VIEW_MODELS_S 0.05

typedef struct mx_view {
    atomic_uint references;
    struct mx_view_base *base; /* keeps the snapshot, and the stores it came from */
    mx_snapshot *snapshot;
    mx_tail *tail; /* NULL: none */
    int32_t rows;
    int64_t offset;         /* of the last event that is seen */
    int64_t things_version; /* of the records that are seen */
    mx_model_set *models;
} mx_view;
void mx_view_release(mx_view *view); /* NULL is allowed */
static inline mx_seen mx_view_seen(const mx_view *view)
{
    return (mx_seen){view->snapshot, view->tail, view->rows};
}

typedef struct mx_view_keeper mx_view_keeper;
/* Opens nothing yet. folder, options: copied, those of merx_shop_open; it is opened for reading. Owns: mx_view_keeper_free. */
merx_status mx_view_keeper_new(const char *folder, const merx_shop_options *options, mx_view_keeper **out,
                               merx_error *err) MERX_MUST_CHECK;
/* No thread may use it any more; views that are out stay good. */
void mx_view_keeper_free(mx_view_keeper *keeper);

/* After a commit of this process, before anybody is told of it. models: other models may be live now. Any thread. */
void mx_view_keeper_written(mx_view_keeper *keeper, bool models);
/*
 * The view of now. whole: its snapshot has all events, and was looked through.
 * Cost: a lock where nothing has changed; O(events since) for the tail. Any thread; waits for a new snapshot where one is needed. Owns: mx_view_release.
 */
merx_status mx_view_keeper_get(mx_view_keeper *keeper, bool whole, mx_view **out, merx_error *err) MERX_MUST_CHECK;
/* Whether mx_view_keeper_get gives what is there, without work. */
bool mx_view_keeper_is_ready(mx_view_keeper *keeper, bool whole);

bool mx_view_keeper_is_awake(mx_view_keeper *keeper); /* whether the shop is open: it was asked something of late */

/* The view that questions to this answer are to be asked of. Owns: mx_view_release. */
merx_status mx_view_keeper_for(mx_view_keeper *keeper, const char *answer, mx_view **out,
                               merx_error *err) MERX_MUST_CHECK;
/*
 * A question to the answer that the view was got for: many questions are answered from one state so. The reply lies in the arena and is not released on its own. Any thread.
 */
merx_status mx_view_ask(mx_view *view, const char *answer, const merx_options *question, bool why, mx_arena *arena,
                        merx_reply *out, merx_error *err) MERX_MUST_CHECK;
/* An answer to a question, as merx_shop_ask gives it; the reply lies in the arena. Any thread. */
merx_status mx_view_keeper_ask(mx_view_keeper *keeper, const char *answer, const merx_options *question, bool why,
                               mx_arena *arena, merx_reply *out, merx_error *err) MERX_MUST_CHECK;

/*
 * Now and then, from one thread: merges a tail that has grown into a new snapshot, and lets go of everything when nobody has asked for idle_s seconds. Cost: nothing when there is
 * nothing to do.
 */
void mx_view_keeper_tend(mx_view_keeper *keeper, double idle_s);

#endif
