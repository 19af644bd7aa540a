"""Figures of rankings.

ndcg_score takes a score for every item, as scikit-learn has it. recall_at_k, ndcg_at_k and hit_rate_at_k take what a shop shows: a list of items
for each customer, best first, against the items that were right; the definitions are those of the C library's own evaluations.
"""
import numbers

import numpy as np

from merx._checks import check_lengths, is_sparse
from merx._metrics.checks import encoded, mean_of, scores_of, target, weights_of


def _discounts(m, k):
    """1 / log2(place + 1) of places 1 … m, and 0 beyond k."""
    discounts = 1 / np.log2(np.arange(m) + 2)
    if k is not None:
        discounts[k:] = 0
    return discounts


def _gains(y_true, y_score, discounts):
    """Discounted gains by row when rows are ordered by y_score: items of equal scores share the mean of their gains (McSherry & Najork 2008)."""
    n, m = y_true.shape
    order = np.argsort(-y_score, axis=1, kind="stable")
    gains = np.take_along_axis(y_true, order, axis=1).ravel()
    scores = np.take_along_axis(y_score, order, axis=1)
    fresh = np.ones((n, m), dtype=bool)  # where a run of equal scores begins
    fresh[:, 1:] = scores[:, 1:] != scores[:, :-1]
    starts = np.flatnonzero(fresh)
    lengths = np.diff(np.append(starts, n * m))
    shared = np.add.reduceat(gains, starts) / lengths
    return (np.repeat(shared, lengths).reshape(n, m) * discounts).sum(axis=1)


def _check_k(k, allow_none=False):
    if not ((k is None and allow_none) or (isinstance(k, numbers.Integral) and not isinstance(k, bool) and k >= 1)):
        raise ValueError(f"k has to be an int of 1 or more{' or None' if allow_none else ''}, got {k!r}")


def ndcg_score(y_true, y_score, *, k=None, sample_weight=None, ignore_ties=False):
    """Normalised discounted cumulative gain: the gains y_true of items ordered by y_score, each over log2(place + 1), by what the best order gives.

    y_true (n, m) of gains of 0 or more; y_score (n, m); k: places that count, None all; sample_weight (n); ignore_ties: ties fall as the sort
    has them, instead of sharing their mean. A row without gain counts 0.
    Raises ValueError: shapes, NaN, gains below 0, fewer than 2 items.

    >>> round(ndcg_score([[10, 0, 0, 1, 5]], [[0.1, 0.2, 0.3, 4, 70]]), 4)
    0.6957
    """
    _check_k(k, allow_none=True)
    check_lengths(y_true=y_true, y_score=y_score, sample_weight=None if np.isscalar(sample_weight) else sample_weight)
    gains, scores = (scores_of(y, name).astype(np.float64) for y, name in ((y_true, "y_true"), (y_score, "y_score")))
    if gains.min() < 0:
        raise ValueError("ndcg_score should not be used on negative y_true values.")
    if gains.ndim > 1 and gains.shape[1] <= 1:
        raise ValueError(f"Computing NDCG is only meaningful when there is more than 1 document. Got {gains.shape[1]} instead.")
    if gains.ndim == 1:
        allowed = ("multilabel-indicator", "continuous-multioutput", "multiclass-multioutput")
        raise ValueError(f"Only {allowed} formats are supported. Got {target(y_true, 'y_true')[0]} instead")
    if gains.shape != scores.shape:
        raise ValueError(f"y_true and y_score have different shapes, {gains.shape} and {scores.shape}")
    weights = weights_of(sample_weight, len(gains))
    discounts = _discounts(gains.shape[1], k)
    if ignore_ties:
        reached = np.take_along_axis(gains, np.argsort(scores)[:, ::-1], axis=1) @ discounts
    else:
        reached = _gains(gains, scores, discounts)
    best = -np.sort(-gains, axis=1) @ discounts
    return mean_of(np.where(best > 0, reached / np.where(best > 0, best, 1), 0.0), weights)


def _there(items, name):
    """(which are items at all, the items as numbers or text): None, NaN and negative whole numbers fill places where there is none."""
    if items.dtype.kind == "O":
        values = items.tolist()
        there = np.array([value is not None and value == value for value in values], dtype=bool)
        values = [value for value, is_there in zip(values, there) if is_there]
        texts = sum(isinstance(value, str) for value in values)
        if 0 < texts < len(values):
            raise ValueError(f"{name} mixes items as text and as numbers")
        items = np.empty(len(there), dtype=object)
        items[there] = values
        return there, items if texts else np.where(there, items, 0).astype(np.int64 if all(int(v) == v for v in values) else np.float64)
    if items.dtype.kind not in "biufU":
        raise ValueError(f"{name} has items of {items.dtype}; numbers or text are expected")
    return (items >= 0 if items.dtype.kind == "i" else items == items), items


def _flat(lists, name, first=None):
    """(row of each item, place of each item, items, rows) of lists of items: sequences, an array (n, m) or a sparse matrix of what is relevant."""
    if is_sparse(lists):
        lists = lists.tocsr()
        stored = np.asarray(lists.data) != 0
        rows = np.repeat(np.arange(lists.shape[0]), np.diff(lists.indptr))
        return rows[stored], None, np.asarray(lists.indices)[stored], lists.shape[0]
    rows, places, items, n = _flat_lists(lists, name, first)
    there, items = _there(items, name)
    return rows[there], places[there], items[there], n


def _flat_lists(lists, name, first):
    if isinstance(lists, np.ndarray) and lists.ndim == 2:
        shown = lists[:, :first]
        places = np.broadcast_to(np.arange(shown.shape[1]), shown.shape)
        return np.repeat(np.arange(len(shown)), shown.shape[1]), places.ravel(), shown.ravel(), len(shown)
    if isinstance(lists, (str, bytes)) or not hasattr(lists, "__len__"):
        raise ValueError(f"{name} has to be a list of items for each row, got {lists!r}")
    parts = []
    for row, items in enumerate(lists):
        if isinstance(items, (str, bytes)) or not hasattr(items, "__len__"):
            raise ValueError(f"{name} has to be a list of items for each row; row {row} is {items!r}")
        parts.append((list(items) if isinstance(items, (set, frozenset, dict)) else items)[:first])
    lengths = [len(part) for part in parts]
    filled = [np.asarray(part) for part in parts if len(part)]
    kinds = {part.dtype.kind in "OU" for part in filled}
    if len(kinds) > 1:
        filled = [part.astype(object) for part in filled]  # numbers would turn into text unseen
    items = np.concatenate(filled) if filled else np.empty(0, dtype=np.int64)
    starts = np.cumsum([0, *lengths])[:-1]
    return np.repeat(np.arange(len(parts)), lengths), np.arange(len(items)) - np.repeat(starts, lengths), items, len(parts)


def _hits(relevant, ranked, k):
    """(counts (n) of relevant items, rows of hits, places of hits) among the first k of each row; an item counts once, where it first stands."""
    _check_k(k)
    if is_sparse(ranked):
        raise ValueError("ranked has to be lists of items, best first; a sparse matrix has no order")
    rows, _, items, n = _flat(relevant, "relevant")
    shown_rows, places, shown, n_shown = _flat(ranked, "ranked", k)
    if n != n_shown:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {[n, n_shown]}")
    if n < 1:
        raise ValueError("Found empty input array (`relevant` and `ranked`) while a minimum of 1 sample is required.")
    if len(items) and len(shown) and (items.dtype.kind in "OU") != (shown.dtype.kind in "OU"):
        raise ValueError(f"Mix of items as text and as numbers: relevant has {items.dtype}, ranked has {shown.dtype}")
    together = items if not len(shown) else shown if not len(items) else np.concatenate([items, shown])
    codes = encoded(together)[1]
    width = len(codes) + 1
    wanted = np.unique(rows * width + codes[: len(items)])
    # np.unique keeps the first of equal pairs, and a row's places ascend.
    pairs, first = np.unique(shown_rows * width + codes[len(items) :], return_index=True)
    at = first[np.isin(pairs, wanted, assume_unique=True)]
    return np.bincount(wanted // width, minlength=n), shown_rows[at], places[at]


def _mean_of_rows(values, counts, sample_weight):
    """The (weighted) mean over rows that have something relevant."""
    weights = weights_of(sample_weight, len(counts))
    asked = counts > 0
    if not asked.any():
        raise ValueError("No row has a relevant item; at least one is needed.")
    return mean_of(values[asked], None if weights is None else weights[asked])


def recall_at_k(relevant, ranked, *, k=10, sample_weight=None):
    """Recall@k: the share of a row's relevant items that stand among its first k, mean over rows: |relevant ∩ first k| / |relevant|.

    relevant        the items that were right for each row (a customer, a query): sequences or sets of ids, or a sparse matrix (n, items)
                    whose non-zero columns are relevant
    ranked          the items shown, best first: (n, m) or sequences of ids, numbers or text as in `relevant`; negative
                    ints, NaN and None stand for no item
    k               places that count, 1 or more
    sample_weight   (n)
    Rows without a relevant item are left out; an item listed twice counts once, where it first stands.
    Raises ValueError: numbers of rows that differ, numbers beside text, no relevant item at all, k below 1.

    >>> recall_at_k([["shirt", "hat"], ["shoe"]], [["hat", "bag", "shoe"], ["bag", "hat", "shoe"]], k=2)
    0.25
    """
    counts, rows, _ = _hits(relevant, ranked, k)
    return _mean_of_rows(np.bincount(rows, minlength=len(counts)) / np.maximum(counts, 1), counts, sample_weight)


def hit_rate_at_k(relevant, ranked, *, k=10, sample_weight=None):
    """Hit rate@k: the share of rows that have a relevant item among their first k. Arguments as recall_at_k's.

    >>> hit_rate_at_k([["shirt", "hat"], ["shoe"]], [["hat", "bag", "shoe"], ["bag", "hat", "shoe"]], k=2)
    0.5
    """
    counts, rows, _ = _hits(relevant, ranked, k)
    return _mean_of_rows((np.bincount(rows, minlength=len(counts)) > 0).astype(float), counts, sample_weight)


def ndcg_at_k(relevant, ranked, *, k=10, sample_weight=None):
    """NDCG@k: the sum of 1 / log2(place + 1) over relevant items among the first k, divided by what the best order gives; mean over rows.

    The best order has min(k, |relevant|) relevant items in the first places; every relevant item gains 1. Arguments as recall_at_k's.

    >>> round(ndcg_at_k([["shirt", "hat"], ["shoe"]], [["bag", "hat", "shoe"], ["bag", "hat", "shoe"]], k=3), 4)
    0.4434
    """
    counts, rows, places = _hits(relevant, ranked, k)
    # The best is that of k places at most, however many are asked for.
    longest = int(min(k, max(counts.max(), places.max() + 1 if len(places) else 1)))
    discounts = 1 / np.log2(np.arange(longest) + 2)
    best = np.append(0.0, np.cumsum(discounts))[np.minimum(counts, longest)]
    reached = np.bincount(rows, weights=discounts[places], minlength=len(counts))
    return _mean_of_rows(reached / np.where(counts > 0, best, 1), counts, sample_weight)
