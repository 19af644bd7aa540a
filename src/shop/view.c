/*
 * The keeper of a shop's view.
 *
 * Three locks. `lock` guards which view is the present one, for moments only. `refresh` is held by whoever makes the next view; it is taken without `lock`. `merging` is held by
 * whoever makes a snapshot for answers that need the whole; it is taken before `refresh`. So questions that go by the tail never wait for a merge.
 *
 * generation counts commits of this process; known is the count that the present view has seen.
 */
#include "shop/view.h"

#include <assert.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/system.h"
#include "shop/asking.h"
#include "shop/tail_follow.h"

/*
 * A tail of more rows than this, and than a share of the snapshot's, is merged in the background; one of more than TAIL_MOST times that is not made at all. Of changed things so many are
 * enough: the notes of them reach back MX_CHANGES_KEPT versions.
 */
enum { TAIL_LEAST = 4096, TAIL_SHARE = 100, TAIL_MOST = 4, CHANGES_FEW = 256 };
/* The share of time that merging in the background takes at most: 1 / MERGE_REST. */
enum { MERGE_REST = 10 };

/* The shop's stores, open for reading, as long as anything that came from them is in use. */
typedef struct home {
    atomic_uint references;
    merx_shop *shop;
} home;

struct mx_view_base {
    atomic_uint references;
    home *home;
    mx_snapshot *snapshot;
};
typedef struct mx_view_base view_base;

struct mx_view_keeper {
    char *folder, *records, *blobs; /* records, blobs: NULL: the folder's own */
    atomic_uint_fast64_t generation, known;
    atomic_uint_fast64_t looked_us, used_us; /* when others' commits were looked for, when a question came */
    atomic_bool awake, models_now;           /* models_now: look at the models whenever they were looked at last */
    pthread_mutex_t lock;
    mx_view *view;           /* NULL: none yet */
    pthread_mutex_t refresh; /* of what follows */
    home *home;
    view_base *base;
    mx_tail *tail;
    mx_model_set *models;
    mx_shop_settings settings;
    mx_arena arena;  /* of the settings */
    bool look_again; /* whatever mx_records_changed says */
    bool models_due;
    double models_looked_s;
    atomic_bool wants_merge;
    uint64_t tended;         /* generation at the last tending; of one thread */
    pthread_mutex_t merging; /* of what follows */
    merx_shop *merger;       /* what snapshots are made with */
    double merged_s, merge_took_s;
};

/* ---- what is shared ---- */

static void release_home(home *h)
{
    if (!h || atomic_fetch_sub_explicit(&h->references, 1, memory_order_acq_rel) != 1)
        return;
    merx_shop_close(h->shop);
    MX_FREE_ARRAY(NULL, h, 1);
}

static void release_base(view_base *base)
{
    if (!base || atomic_fetch_sub_explicit(&base->references, 1, memory_order_acq_rel) != 1)
        return;
    mx_snapshot_close(base->snapshot);
    release_home(base->home);
    MX_FREE_ARRAY(NULL, base, 1);
}

void mx_view_release(mx_view *view)
{
    if (!view || atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
        return;
    mx_tail_release(view->tail);
    mx_model_set_release(view->models);
    release_base(view->base);
    MX_FREE_ARRAY(NULL, view, 1);
}

static mx_view *present(mx_view_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    mx_view *view = keeper->view;
    if (view)
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&keeper->lock);
    return view;
}

/* view is taken. */
static void set_present(mx_view_keeper *keeper, mx_view *view)
{
    pthread_mutex_lock(&keeper->lock);
    mx_view *old = keeper->view;
    keeper->view = view;
    pthread_mutex_unlock(&keeper->lock);
    mx_view_release(old);
}

/* ---- life ---- */

static merx_status copy_text(const char *text, char **out, merx_error *err)
{
    *out = NULL;
    if (!text)
        return MERX_OK;
    size_t size = strlen(text) + 1;
    MX_TRY(mx_alloc_array_raw(NULL, size, 1, "name", out, err));
    memcpy(*out, text, size);
    return MERX_OK;
}

static void free_text(char *text)
{
    if (text)
        MX_FREE_ARRAY(NULL, text, strlen(text) + 1);
}

merx_status mx_view_keeper_new(const char *folder, const merx_shop_options *options, mx_view_keeper **out,
                               merx_error *err)
{
    mx_view_keeper *keeper;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &keeper, "keeper of a view", err));
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_mutex_init(&keeper->refresh, NULL);
    pthread_mutex_init(&keeper->merging, NULL);
    mx_arena_init(&keeper->arena, NULL);
    atomic_init(&keeper->generation, 1);
    merx_status status = copy_text(folder, &keeper->folder, err);
    if (status == MERX_OK)
        status = copy_text(options ? options->records : NULL, &keeper->records, err);
    if (status == MERX_OK)
        status = copy_text(options ? options->blobs : NULL, &keeper->blobs, err);
    if (status == MERX_OK)
        *out = keeper;
    else
        mx_view_keeper_free(keeper);
    return status;
}

/* In `refresh`. */
static void let_go(mx_view_keeper *keeper)
{
    set_present(keeper, NULL);
    atomic_store(&keeper->known, 0);
    mx_tail_release(keeper->tail);
    mx_model_set_release(keeper->models);
    release_base(keeper->base);
    release_home(keeper->home);
    mx_arena_release(&keeper->arena);
    mx_arena_init(&keeper->arena, NULL);
    keeper->tail = NULL;
    keeper->models = NULL;
    keeper->base = NULL;
    keeper->home = NULL;
    keeper->look_again = true;
    atomic_store(&keeper->wants_merge, false);
    atomic_store(&keeper->awake, false);
}

void mx_view_keeper_free(mx_view_keeper *keeper)
{
    if (!keeper)
        return;
    let_go(keeper);
    merx_shop_close(keeper->merger);
    mx_arena_release(&keeper->arena);
    free_text(keeper->folder);
    free_text(keeper->records);
    free_text(keeper->blobs);
    pthread_mutex_destroy(&keeper->lock);
    pthread_mutex_destroy(&keeper->refresh);
    pthread_mutex_destroy(&keeper->merging);
    MX_FREE_ARRAY(NULL, keeper, 1);
}

void mx_view_keeper_written(mx_view_keeper *keeper, bool models)
{
    if (models)
        atomic_store(&keeper->models_now, true);
    atomic_fetch_add(&keeper->generation, 1);
}

static merx_status open_shop(const mx_view_keeper *keeper, merx_shop **out, merx_error *err)
{
    merx_shop_options options = {.read_only = true, .records = keeper->records, .blobs = keeper->blobs};
    return merx_shop_open(NULL, keeper->folder, &options, out, err);
}

/* ---- the next view; all of it in `refresh` ---- */

static merx_status come_home(mx_view_keeper *keeper, merx_error *err)
{
    if (keeper->home)
        return MERX_OK;
    home *h;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &h, "shop", err));
    atomic_init(&h->references, 1);
    merx_status status = open_shop(keeper, &h->shop, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(NULL, h, 1);
        return status;
    }
    keeper->home = h;
    atomic_store(&keeper->used_us, (uint64_t)(mx_monotonic_s() * 1e6));
    atomic_store(&keeper->awake, true);
    return MERX_OK;
}

/* Another snapshot (taken, also on failure): what belonged to the old one goes with it. */
static merx_status rest_on(mx_view_keeper *keeper, mx_snapshot *snapshot, merx_error *err)
{
    view_base *base;
    merx_status status = MX_NEW_ARRAY(NULL, 1, &base, "snapshot", err);
    if (status != MERX_OK) {
        mx_snapshot_close(snapshot);
        return status;
    }
    *base = (view_base){.home = keeper->home, .snapshot = snapshot};
    atomic_init(&base->references, 1);
    atomic_fetch_add_explicit(&keeper->home->references, 1, memory_order_relaxed);
    mx_tail_release(keeper->tail);
    keeper->tail = NULL;
    release_base(keeper->base);
    keeper->base = base;
    return MERX_OK;
}

/* A snapshot of everything, with what was there before if it serves. */
static merx_status renew(mx_view_keeper *keeper, merx_error *err)
{
    mx_snapshot *snapshot;
    merx_shop *shop = keeper->home->shop;
    MX_TRY(mx_snapshot_renew(shop->records, shop->blobs, keeper->base ? keeper->base->snapshot : NULL, NULL, NULL,
                             &snapshot, err));
    return rest_on(keeper, snapshot, err);
}

static int64_t tail_limit(const mx_snapshot *s)
{
    return (int64_t)s->events / TAIL_SHARE > TAIL_LEAST ? (int64_t)s->events / TAIL_SHARE : TAIL_LEAST;
}

/* The tail up to what the records have. */
static merx_status follow(mx_view_keeper *keeper, int64_t last_offset, merx_error *err)
{
    int64_t limit = tail_limit(keeper->base->snapshot);
    bool fits;
    MX_TRY(mx_tail_follow(keeper->home->shop->records, keeper->base->snapshot, &keeper->settings, last_offset,
                          TAIL_MOST * limit, &keeper->tail, &fits, err));
    if (!fits)
        return renew(keeper, err);
    const mx_tail *tail = keeper->tail;
    if (tail && ((int64_t)tail->rows > limit || tail->changed.count > CHANGES_FEW))
        atomic_store(&keeper->wants_merge, true);
    return MERX_OK;
}

static merx_status read_things_version(mx_records *records, int64_t *out, merx_error *err)
{
    const char *text;
    mx_arena arena;
    *out = 0;
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_setting(records, MX_SETTING_THINGS, &arena, &text, err);
    if (status == MERX_OK && *text && !mx_parse_int64(mx_str_of(text), out))
        status = mx_error_set(err, MERX_E_CORRUPT, MX_SETTING_THINGS, "\"%.40s\" is not a whole number", text);
    mx_arena_release(&arena);
    return status;
}

static int64_t offset_of(const mx_view_keeper *keeper)
{
    return keeper->tail ? keeper->tail->offset : keeper->base->snapshot->offset;
}

static int64_t things_of(const mx_view_keeper *keeper)
{
    return keeper->tail ? keeper->tail->things_version : mx_snapshot_things_version(keeper->base->snapshot);
}

/* Snapshot and tail as the records are. */
static merx_status follow_records(mx_view_keeper *keeper, merx_error *err)
{
    merx_shop *shop = keeper->home->shop;
    int64_t last_offset, things;
    MX_TRY(read_things_version(shop->records, &things, err));
    MX_TRY(mx_records_last_offset(shop->records, &last_offset, err));
    view_base *base = keeper->base;
    if (!base || keeper->settings.things_version != things) {
        mx_arena_clear(&keeper->arena);
        MX_TRY(mx_shop_settings_read(shop->records, &keeper->arena, &keeper->settings, err));
    }
    bool usable = base && mx_snapshot_leads_to(base->snapshot, keeper->settings.log_version, last_offset) &&
                  !mx_snapshot_is_damaged(base->snapshot);
    if (!usable) {
        if (base) {
            MX_TRY(renew(keeper, err));
        } else {
            mx_snapshot *snapshot;
            MX_TRY(mx_snapshot_open_stored(shop->records, shop->blobs, NULL, &snapshot, err));
            MX_TRY(rest_on(keeper, snapshot, err));
        }
    }
    return follow(keeper, last_offset, err);
}

static merx_status follow_models(mx_view_keeper *keeper, merx_error *err)
{
    double now = mx_monotonic_s();
    mx_model_set *models;
    bool at_once = atomic_exchange(&keeper->models_now, false) || !keeper->models;
    if (!at_once && (!keeper->models_due || now - keeper->models_looked_s < MX_VIEW_MODELS_S))
        return MERX_OK; /* due the next time */
    keeper->models_due = true;
    MX_TRY(
        mx_model_set_read(keeper->home->shop->records, keeper->home->shop->blobs, keeper->models, NULL, &models, err));
    mx_model_set_release(keeper->models);
    keeper->models = models;
    keeper->models_looked_s = now;
    keeper->models_due = false;
    return MERX_OK;
}

static bool is_present(const mx_view *view, const mx_view_keeper *keeper)
{
    return view && view->base == keeper->base && view->tail == keeper->tail && view->models == keeper->models &&
           (size_t)view->rows == (keeper->tail ? keeper->tail->rows : 0) && view->offset == offset_of(keeper) &&
           view->things_version == things_of(keeper);
}

/* What the keeper has now becomes the present view. */
static merx_status show(mx_view_keeper *keeper, merx_error *err)
{
    mx_view *view;
    if (is_present(keeper->view, keeper)) /* only who refreshes changes it */
        return MERX_OK;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &view, "view", err));
    *view = (mx_view){.base = keeper->base,
                      .snapshot = keeper->base->snapshot,
                      .tail = keeper->tail,
                      .rows = keeper->tail ? (int32_t)keeper->tail->rows : 0,
                      .offset = offset_of(keeper),
                      .things_version = things_of(keeper),
                      .models = mx_model_set_take(keeper->models)};
    atomic_init(&view->references, 1);
    atomic_fetch_add_explicit(&view->base->references, 1, memory_order_relaxed);
    if (view->tail)
        atomic_fetch_add_explicit(&view->tail->references, 1, memory_order_relaxed);
    set_present(keeper, view);
    return MERX_OK;
}

/* Whether others may have committed since the last time. */
static merx_status others_wrote(mx_view_keeper *keeper, bool *out, merx_error *err)
{
    MX_TRY(mx_records_changed(keeper->home->shop->records, out, err));
    *out = *out || keeper->look_again;
    keeper->look_again = false;
    return MERX_OK;
}

/* The next view, of one state of the records. */
static merx_status refresh(mx_view_keeper *keeper, merx_error *err)
{
    uint64_t generation = atomic_load(&keeper->generation);
    bool own = atomic_load(&keeper->known) < generation, others = true;
    merx_status status = come_home(keeper, err);
    if (status == MERX_OK)
        status = others_wrote(keeper, &others, err);
    if (status == MERX_OK && others)
        keeper->models_due = true;
    bool damaged = keeper->base && mx_snapshot_is_damaged(keeper->base->snapshot);
    if (status == MERX_OK && (own || others || damaged || keeper->models_due || !keeper->base)) {
        mx_records *records = keeper->home->shop->records;
        status = mx_records_begin(records, err);
        if (status == MERX_OK)
            status = follow_records(keeper, err);
        if (status == MERX_OK)
            status = follow_models(keeper, err);
        mx_records_rollback(records); /* nothing was written */
        if (status == MERX_OK)
            status = show(keeper, err);
    }
    if (status == MERX_OK) {
        atomic_store(&keeper->known, generation);
        atomic_store(&keeper->looked_us, (uint64_t)(mx_monotonic_s() * 1e6));
    } else {
        keeper->look_again = true;
    }
    return status;
}

/* ---- asking for it ---- */

static bool is_fresh(mx_view_keeper *keeper, const mx_view *view)
{
    return view && atomic_load(&keeper->known) >= atomic_load(&keeper->generation) &&
           !mx_snapshot_is_damaged(view->snapshot);
}

/* Whether a snapshot has what a view of that state knows. */
static bool has_all(const mx_snapshot *snapshot, int64_t offset, int64_t things_version)
{
    return snapshot->offset >= offset && mx_snapshot_things_version(snapshot) >= things_version;
}

/* Whether the view has no more than its snapshot. */
static bool is_merged(const mx_view *view)
{
    return has_all(view->snapshot, view->offset, view->things_version);
}

static bool is_whole(const mx_view *view)
{
    return is_merged(view) && mx_snapshot_is_checked(view->snapshot);
}

static merx_status get(mx_view_keeper *keeper, mx_view **out, merx_error *err)
{
    uint64_t now_us = (uint64_t)(mx_monotonic_s() * 1e6);
    atomic_store_explicit(&keeper->used_us, now_us, memory_order_relaxed);
    mx_view *view = present(keeper);
    bool fresh = is_fresh(keeper, view);
    if (fresh && now_us < atomic_load(&keeper->looked_us) + (uint64_t)(MX_VIEW_LOOK_S * 1e6)) {
        *out = view;
        return MERX_OK;
    }
    /* Who only looks for others' commits does not wait for somebody who is at it. */
    if (!fresh)
        pthread_mutex_lock(&keeper->refresh);
    else if (pthread_mutex_trylock(&keeper->refresh) != 0) {
        *out = view;
        return MERX_OK;
    }
    mx_view_release(view);
    merx_status status = MERX_OK;
    /* Who waited may find it done. */
    now_us = (uint64_t)(mx_monotonic_s() * 1e6);
    if (!is_fresh(keeper, keeper->view) || now_us >= atomic_load(&keeper->looked_us) + (uint64_t)(MX_VIEW_LOOK_S * 1e6))
        status = refresh(keeper, err);
    if (status == MERX_OK)
        view = present(keeper);
    pthread_mutex_unlock(&keeper->refresh);
    *out = status == MERX_OK ? view : NULL;
    return status;
}

/* In `merging`: a snapshot that has all of the view's events becomes the one that the next view rests on. */
static merx_status merge(mx_view_keeper *keeper, const mx_view *view, merx_error *err)
{
    mx_snapshot *snapshot;
    double begun = mx_monotonic_s();
    if (!keeper->merger)
        MX_TRY(open_shop(keeper, &keeper->merger, err));
    mx_records *records = keeper->merger->records;
    MX_TRY(mx_records_begin(records, err));
    merx_status status = mx_snapshot_renew(records, keeper->merger->blobs, view->snapshot, NULL, NULL, &snapshot, err);
    mx_records_rollback(records);
    MX_TRY(status);
    keeper->merged_s = mx_monotonic_s();
    keeper->merge_took_s = keeper->merged_s - begun;
    mx_log("view", "merged %zu events in %.3f s", snapshot->events, keeper->merge_took_s);
    pthread_mutex_lock(&keeper->refresh);
    /* The snapshot's blob is unmapped by the handle that views keep. */
    status = come_home(keeper, err);
    bool newer = status == MERX_OK && (!keeper->base || !has_all(keeper->base->snapshot, snapshot->offset,
                                                                 mx_snapshot_things_version(snapshot)));
    if (newer) {
        mx_snapshot_move(snapshot, keeper->home->shop->blobs);
        status = rest_on(keeper, snapshot, err);
    } else {
        mx_snapshot_close(snapshot);
    }
    atomic_store(&keeper->wants_merge, false);
    if (status == MERX_OK) {
        keeper->look_again = true; /* it may be older than what is known: look again */
        status = refresh(keeper, err);
    }
    pthread_mutex_unlock(&keeper->refresh);
    return status;
}

/* The whole as of that state or later. */
static merx_status get_whole(mx_view_keeper *keeper, int64_t offset, int64_t things_version, mx_view **out,
                             merx_error *err)
{
    merx_status status = MERX_OK;
    pthread_mutex_lock(&keeper->merging);
    for (;;) {
        status = get(keeper, out, err);
        if (status != MERX_OK || has_all((*out)->snapshot, offset, things_version) || is_merged(*out))
            break;
        status = merge(keeper, *out, err);
        mx_view_release(*out);
        *out = NULL;
        if (status != MERX_OK)
            break;
    }
    pthread_mutex_unlock(&keeper->merging);
    return status;
}

merx_status mx_view_keeper_get(mx_view_keeper *keeper, bool whole, mx_view **out, merx_error *err)
{
    *out = NULL;
    for (int tries = 0;; tries++) {
        MX_TRY(get(keeper, out, err));
        assert(*out != NULL);
        if (!whole || is_whole(*out))
            return MERX_OK;
        if (!is_merged(*out)) {
            int64_t offset = (*out)->offset, things_version = (*out)->things_version;
            mx_view_release(*out);
            *out = NULL;
            MX_TRY(get_whole(keeper, offset, things_version, out, err));
        }
        merx_error failure = {0};
        merx_status status = mx_snapshot_check((*out)->snapshot, &failure);
        if (status == MERX_OK)
            return MERX_OK;
        mx_view_release(*out);
        *out = NULL;
        /* A damaged file is built anew by the next refresh. */
        if (status != MERX_E_CORRUPT || tries > 0)
            MX_FAIL(err, status, failure.where, "%s", failure.message);
    }
}

bool mx_view_keeper_is_ready(mx_view_keeper *keeper, bool whole)
{
    pthread_mutex_lock(&keeper->lock);
    const mx_view *view = keeper->view;
    bool ready = is_fresh(keeper, view) && (!whole || is_whole(view));
    pthread_mutex_unlock(&keeper->lock);
    return ready;
}

bool mx_view_keeper_is_awake(mx_view_keeper *keeper)
{
    return atomic_load(&keeper->awake);
}

/* ---- answering ---- */

static merx_status model_of(void *context, size_t answer, const mx_ask *ask, const void **state, int64_t *version,
                            merx_error *err)
{
    const mx_view *view = context;
    return mx_model_set_use(view->models, answer, ask->snapshot, state, version, err);
}

/* Which answer, and that the question is one to it. */
static merx_status find_asked(const char *name, const merx_options *question, size_t *index, merx_error *err)
{
    MX_TRY(mx_answer_find(name, index, err));
    if (!question || merx_options_table(question) != mx_answer_at(*index)->info.question)
        MX_FAIL(err, MERX_E_INVALID, name, "the question is of another answer; make it with mx_question_new");
    return MERX_OK;
}

static merx_status ask_view(mx_view *view, const mx_asking *asking, mx_arena *arena, merx_reply *out, merx_error *err)
{
    bool live = mx_answer_at(asking->answer)->live;
    mx_asking from = *asking;

    memset(out, 0, sizeof *out);
    from.seen = live ? mx_view_seen(view) : (mx_seen){.snapshot = view->snapshot};
    from.offset = live ? view->offset : view->snapshot->offset;
    from.model = model_of;
    from.context = view;
    return mx_answer_asked(&from, arena, out, err);
}

static merx_status ask_once(mx_view_keeper *keeper, const mx_asking *asking, mx_arena *arena, merx_reply *out,
                            merx_error *err)
{
    mx_view *view;
    MX_TRY(mx_view_keeper_get(keeper, !mx_answer_at(asking->answer)->live, &view, err));
    merx_status status = ask_view(view, asking, arena, out, err);
    mx_view_release(view);
    return status;
}

merx_status mx_view_keeper_for(mx_view_keeper *keeper, const char *answer, mx_view **out, merx_error *err)
{
    size_t index = 0;
    *out = NULL;
    MX_TRY(mx_answer_find(answer, &index, err));
    return mx_view_keeper_get(keeper, !mx_answer_at(index)->live, out, err);
}

merx_status mx_view_ask(mx_view *view, const char *answer, const merx_options *question, bool why, mx_arena *arena,
                        merx_reply *out, merx_error *err)
{
    mx_asking asking = {.question = question, .why = why};
    MX_TRY(find_asked(answer, question, &asking.answer, err));
    return ask_view(view, &asking, arena, out, err);
}

merx_status mx_view_keeper_ask(mx_view_keeper *keeper, const char *answer, const merx_options *question, bool why,
                               mx_arena *arena, merx_reply *out, merx_error *err)
{
    mx_asking asking = {.question = question, .why = why};
    merx_error failure = {0};

    MX_TRY(find_asked(answer, question, &asking.answer, err));
    merx_status status = ask_once(keeper, &asking, arena, out, &failure);
    if (status == MERX_E_CORRUPT) { /* of the snapshot: it is built anew; of a model: the same again */
        failure = (merx_error){0};
        status = ask_once(keeper, &asking, arena, out, &failure);
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

/* ---- tending ---- */

/* What was written while nobody asked may have grown long. */
static void look_at_tail(mx_view_keeper *keeper)
{
    int64_t last = 0, things = 0;
    pthread_mutex_lock(&keeper->refresh);
    bool known = come_home(keeper, NULL) == MERX_OK &&
                 mx_records_last_offset(keeper->home->shop->records, &last, NULL) == MERX_OK &&
                 read_things_version(keeper->home->shop->records, &things, NULL) == MERX_OK;
    if (known && keeper->base) {
        const mx_snapshot *stored = keeper->base->snapshot;
        if (last - stored->offset > tail_limit(stored) || things - mx_snapshot_things_version(stored) > CHANGES_FEW)
            atomic_store(&keeper->wants_merge, true);
    }
    bool unmade = known && !keeper->base;
    pthread_mutex_unlock(&keeper->refresh);
    mx_view *view;
    if (unmade && get(keeper, &view, NULL) == MERX_OK)
        mx_view_release(view);
}

static void merge_aside(mx_view_keeper *keeper)
{
    pthread_mutex_lock(&keeper->merging);
    mx_view *view = present(keeper);
    if (view && mx_monotonic_s() - keeper->merged_s >= MERGE_REST * keeper->merge_took_s &&
        merge(keeper, view, NULL) != MERX_OK)
        mx_log("view", "%s: a snapshot could not be made; the next question tries again", keeper->folder);
    pthread_mutex_unlock(&keeper->merging);
    mx_view_release(view);
}

static void rest(mx_view_keeper *keeper)
{
    if (pthread_mutex_trylock(&keeper->merging) != 0)
        return;
    if (pthread_mutex_trylock(&keeper->refresh) == 0) {
        let_go(keeper);
        pthread_mutex_unlock(&keeper->refresh);
    }
    merx_shop_close(keeper->merger);
    keeper->merger = NULL;
    pthread_mutex_unlock(&keeper->merging);
}

void mx_view_keeper_tend(mx_view_keeper *keeper, double idle_s)
{
    uint64_t generation = atomic_load(&keeper->generation);
    if (keeper->tended != generation && keeper->tended != 0)
        look_at_tail(keeper);
    keeper->tended = generation;
    if (atomic_load(&keeper->wants_merge)) {
        merge_aside(keeper);
        /* What snapshots and tails of other sizes have left behind would stay with the process: 230 MB where 65 are in use, after 400,000 events. */
        malloc_trim(0);
    }
    if (atomic_load(&keeper->awake) && mx_monotonic_s() - (double)atomic_load(&keeper->used_us) * 1e-6 > idle_s)
        rest(keeper);
}
