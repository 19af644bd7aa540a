"""Figures of quality with scikit-learn's names and meanings."""
import numpy as np


def r2_score(y_true, y_pred, *, sample_weight=None):
    """R²: 1 - the squared error over that of the mean; the mean over targets where there are several.

    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    """
    y_true, y_pred = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    y_true, y_pred = y_true.reshape(len(y_true), -1), y_pred.reshape(len(y_pred), -1)
    w = np.ones(len(y_true)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    error = (w[:, None] * (y_true - y_pred) ** 2).sum(axis=0)
    spread = (w[:, None] * (y_true - np.average(y_true, axis=0, weights=w)) ** 2).sum(axis=0)
    scores = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), np.where(error > 0, 0.0, 1.0))
    return float(scores.mean())


def accuracy_score(y_true, y_pred, *, sample_weight=None):
    """The (weighted) share of rows whose class is right.

    >>> accuracy_score(["a", "b"], ["a", "a"])
    0.5
    """
    return float(np.average(np.asarray(y_true) == np.asarray(y_pred), weights=sample_weight))
