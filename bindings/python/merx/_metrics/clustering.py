"""Figures of clusterings."""
import numbers

import numpy as np

from merx._base import seed_of
from merx._checks import check_array, check_lengths
from merx._metrics.checks import encoded, target

_BLOCK = 2_000_000  # distances held at a time, 16 MB


def _labels(labels, name):
    kind, array = target(labels, name)
    if array.ndim != 1 or kind == "continuous":
        raise ValueError(f"{name} should be a 1d array of labels, got {kind} of shape {array.shape}")
    return array


def silhouette_samples(X, labels, *, metric="euclidean"):
    """The silhouette of each row, (n) in [-1, 1]: (b - a) / max(a, b), a the mean distance to its own cluster's other rows, b to the nearest other's.

    X (n, d); labels (n), 2 to n - 1 different ones; metric "euclidean". A cluster of one row has 0.
    Cost: O(n² d) time, 16 MB of distances at a time (8 rows of them where rows are very many). Source: Rousseeuw 1987.
    Raises ValueError: lengths, NaN, one label only or as many as rows, another metric.

    >>> silhouette_samples([[0.0], [1.0], [10.0]], ["a", "a", "b"]).round(2)
    array([0.9 , 0.89, 0.  ])
    """
    if metric != "euclidean":
        raise ValueError(f"metric has to be 'euclidean', got {metric!r}")
    X = check_array(X, accept_sparse=True).astype(np.float64, copy=False)
    check_lengths(X=X, labels=labels)
    found, codes = encoded(_labels(labels, "labels"))
    n, k, sizes = len(X), len(found), np.bincount(codes)
    if not 1 < k < n:
        raise ValueError(f"Number of labels is {k}. Valid values are 2 to n_samples - 1 (inclusive)")
    order = np.argsort(codes, kind="stable")
    own = codes[order]
    rows = X[order] - X.mean(axis=0)  # about the middle, where |x|² + |y|² - 2 x y loses the least
    squares = np.einsum("ij,ij->i", rows, rows)
    starts = np.append(0, np.cumsum(sizes)[:-1])
    out = np.empty(n)
    step = max(8, _BLOCK // n)
    for begin in range(0, n, step):
        at = np.arange(begin, min(begin + step, n))
        distances = rows[at] @ rows.T
        distances *= -2
        distances += squares
        distances += squares[at, None]
        np.maximum(distances, 0, out=distances)
        distances[at - begin, at] = 0
        sums = np.add.reduceat(np.sqrt(distances, out=distances), starts, axis=1)
        mine = (at - begin, own[at])
        inner = sums[mine] / np.maximum(sizes[own[at]] - 1, 1)
        sums[mine] = np.inf
        outer = (sums / sizes).min(axis=1)
        most = np.maximum(inner, outer)
        alone = (sizes[own[at]] == 1) | (most == 0)
        out[order[at]] = np.where(alone, 0.0, (outer - inner) / np.where(alone, 1, most))
    return out


def silhouette_score(X, labels, *, metric="euclidean", sample_size=None, random_state=None):
    """The mean silhouette of all rows, in [-1, 1]: near 1 clusters lie apart, near 0 they touch, below 0 rows lie in the wrong one.

    X, labels, metric as silhouette_samples; sample_size: rows drawn, None all; random_state: int, RandomState or None (0).
    Raises ValueError as silhouette_samples does.

    >>> round(silhouette_score([[0.0], [1.0], [10.0], [11.0]], [0, 0, 1, 1]), 3)
    0.9
    """
    if sample_size is not None:
        if not isinstance(sample_size, numbers.Integral) or isinstance(sample_size, bool) or sample_size < 1:
            raise ValueError(f"sample_size has to be an int of 1 or more or None, got {sample_size!r}")
        X = check_array(X, accept_sparse=True)
        check_lengths(X=X, labels=labels)
        random = random_state if isinstance(random_state, np.random.RandomState) else np.random.RandomState(seed_of(random_state))
        drawn = random.permutation(len(X))[:sample_size]
        X, labels = X[drawn], _labels(labels, "labels")[drawn]
    return float(silhouette_samples(X, labels, metric=metric).mean())


def adjusted_rand_score(labels_true, labels_pred):
    """The adjusted Rand index: how far two partitions agree on pairs of rows; 1 is the same partition, 0 is chance, -0.5 the least.

    labels_true, labels_pred (n) of labels, whose names don't matter. Cost: O(n log n). Source: Hubert & Arabie 1985.
    Raises ValueError: unequal lengths, NaN.

    >>> adjusted_rand_score([0, 0, 1, 1], ["b", "b", "a", "a"])
    1.0
    """
    check_lengths(labels_true=labels_true, labels_pred=labels_pred)
    if len(labels_true) == 0:
        return 1.0
    a, b = (encoded(_labels(one, name))[1] for one, name in ((labels_true, "labels_true"), (labels_pred, "labels_pred")))
    # Ordered pairs that are together in both, in the first, in the second. Python's integers do not overflow in the products.
    n = len(a)
    cells = np.unique(a * (int(b.max()) + 1) + b, return_counts=True)[1]
    both, in_a, in_b = (int((sizes.astype(np.int64) ** 2).sum()) for sizes in (cells, np.bincount(a), np.bincount(b)))
    tp, fn, fp = both - n, in_a - both, in_b - both
    tn = n * n - in_a - in_b + both
    if fn == 0 and fp == 0:
        return 1.0
    return 2.0 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn))
