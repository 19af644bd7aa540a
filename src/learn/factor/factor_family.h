/* The families of the factor folder. Floor 4. */
#ifndef MX_LEARN_FACTOR_FAMILY_H
#define MX_LEARN_FACTOR_FAMILY_H

#include "learn/core/family.h"

extern const mx_family mx_family_als, mx_family_ease, mx_family_neighbours;

#endif
