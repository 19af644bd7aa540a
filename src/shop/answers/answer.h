/*
 * The answer contract: six functions in one file per answer. Floor 5. Adding an answer is one file here and one line in src/shop/answers/registry.c.
 *
 * Training reads a snapshot (or its part before a time) and writes tensors and metadata: the model's bytes are a function of the events, the options and the seed alone,
 * so no offset, no clock, no thread count in them. A loaded model names products by id (its own string list) and finds them in the snapshot it is asked on,
 * so that it goes on to work when new products came.
 */
#ifndef MX_SHOP_ANSWER_H
#define MX_SHOP_ANSWER_H

#include "io/tensor_file.h"
#include "merx/answer.h"
#include "numeric/statistics.h"
#include "shop/seen.h"

/*
 * Tensors of a model's file whose name begins so are curves of its training, (n, 2) float64: x (an epoch, say) and y. For people: who loads the model does not look at them.
 */
#define MX_CURVE_PREFIX "curve."

/* What a question is answered from. Any number of threads ask at once: an answer only reads. */
typedef struct mx_ask {
    mx_snapshot *snapshot; /* up to date, but for `tail` */
    const mx_tail *tail;   /* of live answers: events behind the snapshot, `rows` of them (shop/seen.h); NULL: none */
    int32_t rows;
    const void *state; /* from load; NULL when it learns nothing */
    const merx_options *question;
    mx_arena *arena; /* everything in the reply lives here */
    void **left;     /* for explain: what answer found already, in the arena; NULL: explain is not asked */
    merx_task *task;
    /* The live model of another answer, *state NULL when it has none; the function may be NULL: none has. */
    merx_status (*model_of)(void *context, const char *answer, const void **state, merx_error *err);
    void *context;
} mx_ask;

static inline mx_seen mx_ask_seen(const mx_ask *ask)
{
    return (mx_seen){ask->snapshot, ask->tail, ask->rows};
}

/* What the evaluation of an answer is given. */
typedef struct mx_evaluate {
    mx_snapshot *snapshot;       /* the whole */
    int64_t split_ms;            /* train on events before, test from here on */
    const merx_options *options; /* of training */
    const merx_allocator *alloc;
    merx_task *task;
} mx_evaluate;

typedef struct mx_answer {
    uint32_t version; /* of this struct: 1 */
    merx_answer_info info;
    int code_version; /* changes when training would give other bits: makes models retrain */
    bool timeless;    /* its evaluation does not split by time: events are no need of it */
    /*
     * It reads of the shop what shop/seen.h gives, and names that its model has: then events behind the snapshot are seen at once. Else the snapshot is brought up to date first, which
     * costs more with each event the shop has.
     */
    bool live;
    bool of_pictures; /* learnt from pictures of products and their categories alone: nothing else makes it retrain */
    /*
     * A loaded model is shared by all threads and outlives the snapshot it was loaded with: it keeps no numbers of it.
     */
    /* Whether the data suffices: MERX_E_INVALID says in one sentence what is missing. */
    merx_status (*needs)(const mx_snapshot *snapshot, merx_error *err);
    merx_status (*train)(const mx_snapshot *snapshot, const merx_options *options, const merx_allocator *alloc,
                         merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                         merx_error *err); /* arena: lives until the writer is finished */
    merx_status (*load)(const mx_tensor_file *file, const mx_snapshot *snapshot, const merx_allocator *alloc,
                        void **state, merx_error *err);
    void (*unload)(void *state);
    /* Fills reply->items (fields, scores), sentence, notes. */
    merx_status (*answer)(const mx_ask *ask, merx_reply *reply, merx_error *err);
    /* Adds the reasons of each item of that reply. */
    merx_status (*explain)(const mx_ask *ask, merx_reply *reply, merx_error *err);
    /* Trains on the part before split_ms, measures on the rest beside naive baselines, paired intervals, gate. */
    merx_status (*evaluate)(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err);
    /*
     * After the customer is gone from the snapshot: makes the model's new bytes. *exact says that they equal never having seen him; false: they are the old ones with what could be
     * recomputed, and a retrain is needed. `old` is the live model's file. NULL when nothing is learnt.
     */
    merx_status (*forget)(const mx_snapshot *without, const mx_tensor_file *old, const merx_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_tensor_writer *writer, mx_arena *arena,
                          bool *exact, merx_error *err);
} mx_answer;

const mx_answer *mx_answer_at(size_t i); /* NULL past the end */

/*
 * Helpers for building evaluations: one more figure, higher is better, of at most MERX_FIGURES_MAX. add: a value with its interval. add_mean: the mean of values (n), one a unit, with a
 * bootstrap interval over units by the task's seed; beside (n) of the same units: the baseline, and the paired difference; NULL: none.
 */
merx_figure *mx_evaluation_add(merx_evaluation *out, const char *name, const mx_interval *value);
merx_status mx_evaluation_add_mean(merx_evaluation *out, const char *name, const char *baseline, const double *values,
                                   const double *beside, size_t n, merx_task *task, merx_error *err) MERX_MUST_CHECK;

/* Helpers for building replies; arena memory; a failed allocation gives MERX_E_MEMORY. */
merx_status mx_reply_items(merx_reply *reply, size_t n, mx_arena *arena, merx_error *err) MERX_MUST_CHECK;
merx_status mx_item_fields(merx_item *item, size_t n, mx_arena *arena, merx_error *err) MERX_MUST_CHECK;
merx_status mx_item_reasons(merx_item *item, size_t n, mx_arena *arena, merx_error *err) MERX_MUST_CHECK;
merx_status mx_reply_note(merx_reply *reply, mx_arena *arena, merx_error *err, const char *format, ...)
    MERX_PRINTF(4, 5);
/* text: of the arena, or static. */
merx_status mx_reply_add_note(merx_reply *reply, mx_arena *arena, const char *text, merx_error *err) MERX_MUST_CHECK;
void mx_item_sort_reasons(merx_item *item); /* by descending |contribution|, ties by id */

/* Appends what merx_reply_json gives. A reply in full is far below the limit. */
#define MX_REPLY_TEXT_MAX ((size_t)256 << 20)
void mx_reply_write_json(const merx_reply *reply, mx_text *out);

static inline merx_value mx_value_text(const char *text)
{
    return (merx_value){.type = MERX_VALUE_TEXT, .text = text};
}
static inline merx_value mx_value_int(int64_t v)
{
    return (merx_value){.type = MERX_VALUE_INT, .integer = v};
}
static inline merx_value mx_value_real(double v, int decimals)
{
    return (merx_value){.type = MERX_VALUE_REAL, .decimals = decimals, .real = v};
}
static inline merx_value mx_value_share(double v)
{
    return (merx_value){.type = MERX_VALUE_SHARE, .real = v};
}
static inline merx_value mx_value_money(int64_t minor, int decimals)
{
    return (merx_value){.type = MERX_VALUE_MONEY, .decimals = decimals, .integer = minor};
}
static inline merx_value mx_value_date(int64_t ms)
{
    return (merx_value){.type = MERX_VALUE_DATE, .integer = ms};
}

#endif
