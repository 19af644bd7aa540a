/* The families of the neighbour folder. Floor 4. */
#ifndef MX_LEARN_NEIGHBOUR_FAMILY_H
#define MX_LEARN_NEIGHBOUR_FAMILY_H

#include "learn/core/family.h"

extern const mx_family mx_family_nearest;
extern const mx_family mx_family_nearest_classifier;

#endif
