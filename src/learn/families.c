/*
 * Every family of models of this build, one line each. Their order is that of lists and of the contract tests. Floor 4.
 */
#include "learn/core/family.h"

static const mx_family *const families[] = {
    NULL,
};

const mx_family *mx_family_at(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i] : NULL;
}
