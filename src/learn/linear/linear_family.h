/* The families of the linear folder. Floor 4. */
#ifndef MX_LEARN_LINEAR_FAMILY_H
#define MX_LEARN_LINEAR_FAMILY_H

#include "learn/core/family.h"

extern const mx_family mx_family_linear, mx_family_ridge, mx_family_elastic_net, mx_family_logistic;

#endif
