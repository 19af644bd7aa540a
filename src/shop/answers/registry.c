/*
 * The answers of this build, in the order they are trained and shown. Adding an answer is one file in this folder, one declaration and one line here.
 */
#include <string.h>

#include "shop/answers/answer.h"

extern const mx_answer mx_answer_recommend, mx_answer_next, mx_answer_segment, mx_answer_demand, mx_answer_insight,
    mx_answer_similar, mx_answer_classify;

static const mx_answer *const answers[] = {
    &mx_answer_recommend, &mx_answer_next,    &mx_answer_segment,  &mx_answer_demand,
    &mx_answer_insight,   &mx_answer_similar, &mx_answer_classify, NULL, /* the end */
};

const mx_answer *mx_answer_at(size_t i)
{
    return i < sizeof answers / sizeof answers[0] ? answers[i] : NULL;
}

const merx_answer_info *merx_answer_at(size_t i)
{
    const mx_answer *answer = mx_answer_at(i);
    return answer ? &answer->info : NULL;
}

const merx_answer_info *merx_answer_find(const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = 0; answers[i]; i++)
        if (strcmp(answers[i]->info.name, name) == 0)
            return &answers[i]->info;
    return NULL;
}
