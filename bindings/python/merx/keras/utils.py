"""set_random_seed, to_categorical, and a little more."""
from typing import Any

import numpy as np

from ._support import set_seed


def set_random_seed(seed: int) -> None:
    """Seeds merx's models made from here on, NumPy's and Python's random numbers.

    The same seed and the same lines give the same bits, on any number of cores.
    """
    set_seed(seed)


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows of float64, as Keras makes them; a last dimension of 1 is dropped.

    >>> to_categorical([0, 2, 1]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    x = np.array(x, dtype="int64")
    shape = x.shape[:-1] if x.ndim > 1 and x.shape[-1] == 1 else x.shape
    x = x.reshape(-1)
    if x.size == 0 and not num_classes:
        raise ValueError("to_categorical: there are no labels and num_classes is not given")
    classes = int(num_classes) if num_classes else int(x.max()) + 1
    if x.size and (x.min() < 0 or x.max() >= classes):
        bad = x[(x < 0) | (x >= classes)][0]
        raise ValueError(f"to_categorical: label {bad} is outside of 0 to {classes - 1} (num_classes={num_classes})")
    rows = np.zeros((x.size, classes))
    rows[np.arange(x.size), x] = 1
    return rows.reshape(*shape, classes)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Rows of length 1.

    >>> normalize(np.array([[3.0, 4.0]])).tolist()
    [[0.6, 0.8]]
    """
    x = np.atleast_1d(np.asarray(x))
    length = np.atleast_1d(np.linalg.norm(x, order, axis))
    length[length == 0] = 1
    return x / np.expand_dims(length, axis)


__all__ = ["set_random_seed", "to_categorical", "normalize"]
