/*
 * Asking, whoever keeps the snapshot and the models: a shop's handle (asking.c) or the keeper of a view (view.h). Floor 5.
 */
#ifndef MX_SHOP_ASKING_H
#define MX_SHOP_ASKING_H

#include "shop/answers/answer.h"

/* The number of an answer. MERX_E_NOT_FOUND names the nearest. */
merx_status mx_answer_find(const char *name, size_t *answer, merx_error *err) MERX_MUST_CHECK;
/* A question to an answer, with its defaults. Owns: merx_options_free. */
merx_status mx_question_new(const char *answer, const merx_allocator *alloc, merx_options **out,
                            merx_error *err) MERX_MUST_CHECK;

typedef struct mx_asking {
    size_t answer;
    const merx_options *question;
    bool why;
    mx_seen seen;
    int64_t offset; /* of the last event that is seen */
    /* The live model of an answer. MERX_E_NOT_FITTED: none. *state must live until the reply is made. */
    merx_status (*model)(void *context, size_t answer, const mx_ask *ask, const void **state, int64_t *version,
                         merx_error *err);
    void *context;
} mx_asking;
/* Fills the reply, all of it in the arena. */
merx_status mx_answer_asked(const mx_asking *asking, mx_arena *arena, merx_reply *out, merx_error *err) MERX_MUST_CHECK;

#endif
