/*
 * Every family of models of this build, one line each. Their order is that of lists and of the contract tests. Floor 4.
 */
#include "learn/additive/additive_family.h"
#include "learn/cluster/cluster_family.h"
#include "learn/core/family.h"
#include "learn/factor/factor_family.h"
#include "learn/linear/linear_family.h"
#include "learn/neighbour/neighbour_family.h"
#include "learn/network/network_family.h"

static const mx_family *const families[] = {
    &mx_family_linear,
    &mx_family_ridge,
    &mx_family_elastic_net,
    &mx_family_logistic,
    &mx_family_additive,
    &mx_family_additive_classifier,
    &mx_family_kmeans,
    &mx_family_minibatch_kmeans,
    &mx_family_als,
    &mx_family_ease,
    &mx_family_neighbours,
    &mx_family_nearest,
    &mx_family_nearest_classifier,
    &mx_family_network,
    &mx_family_network_regressor,
};

const mx_family *mx_family_at(size_t i)
{
    return i < sizeof families / sizeof *families ? families[i] : NULL;
}
