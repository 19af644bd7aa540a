"""What recommenders share: the best of a row of scores."""
import numpy as np

from . import _merx


def best(scores, n):
    """Ids of the n largest of one row, largest first, ties to the lower id; -inf is never among them."""
    if n < len(scores):
        least = np.partition(scores, len(scores) - n)[len(scores) - n]
        ids = np.flatnonzero(scores >= least)
    else:
        ids = np.arange(len(scores))
    ids = ids[scores[ids] > -np.inf]
    return ids[np.argsort(-scores[ids], kind="stable")][:n]


def count(value, name):
    """A whole number of 1 or more; merx.InputError for all else."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < 1:
        raise _merx.InputError(f"{name} is {value!r}; a whole number of 1 or more is expected")
    return int(value)


def single(ids, scores):
    """The answer to one question: without the places that nothing was left for."""
    there = ids >= 0
    return ids[there], scores[there]
