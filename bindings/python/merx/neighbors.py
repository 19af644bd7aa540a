"""Nearest neighbours with scikit-learn's words: the rows most alike, searched exactly.

    >>> from merx.neighbors import KNeighborsRegressor
    >>> KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [10.0]], [0.0, 2.0, 9.0]).predict([[0.4]])
    array([1.])
"""
from merx._generate import make

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor"]

_RENAME = {"neighbours": "n_neighbors", "votes": "weights", "similarity": "metric"}
_WORDS = {"weights": {"uniform": "equal", "distance": "distance"}}
KNeighborsRegressor = make("nearest", "KNeighborsRegressor", __name__, _RENAME, _WORDS, weights=False)
KNeighborsClassifier = make("nearest_classifier", "KNeighborsClassifier", __name__, _RENAME, _WORDS, weights=False)
