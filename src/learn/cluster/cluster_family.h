/* The families of the cluster folder. Floor 4. */
#ifndef MX_LEARN_CLUSTER_FAMILY_H
#define MX_LEARN_CLUSTER_FAMILY_H

#include "learn/core/family.h"

extern const mx_family mx_family_kmeans;
extern const mx_family mx_family_minibatch_kmeans;

#endif
