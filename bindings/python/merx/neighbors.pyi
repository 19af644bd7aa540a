# Written by bindings/python/make_stubs.py from merx.neighbors.

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import ClassifierMixin, Estimator, RegressorMixin
from merx._explain import Explanation
from merx._types import MatrixLike, Path, RandomState

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor"]

class KNeighborsClassifier(ClassifierMixin, Estimator):
    """Nearest neighbours classification. The classes of the rows most alike, by vote. Nothing is fitted: the rows are kept, and searched exactly. Columns should be standardised.

        p_c = (k share_c + smoothing prior_c) / (k + smoothing), share_c of the votes v_i of the k nearest rows

    Parameters
    ----------
    n_neighbors : int
        How many nearest rows are asked.
    weights : {'uniform', 'distance'}
        Whether neighbours count alike, or by 1 / distance.
    metric : {'euclidean', 'cosine'}
        What is near: by distance, or by angle (distance is 1 - cosine then).
    smoothing : float
        As if so many more neighbours had voted as the whole training data would.
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_ · classes_ : (classes)
    """
    n_neighbors: int
    weights: Literal["uniform", "distance"]
    metric: Literal["euclidean", "cosine"]
    smoothing: float
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    classes_: NDArray[Any]
    def __init__(
        self,
        *,
        n_neighbors: int = 10,
        weights: Literal["uniform", "distance"] = "uniform",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        smoothing: float = 1.0,
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def predict_proba(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def save(self, path: Path) -> None: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...

class KNeighborsRegressor(RegressorMixin, Estimator):
    """Nearest neighbours regression. The mean of the rows most alike. Nothing is fitted: the rows are kept, and searched exactly. Columns should be standardised.

        y = sum over the k nearest rows of v_i y_i / sum of v_i, v_i = w_i or w_i / distance

    Parameters
    ----------
    n_neighbors : int
        How many nearest rows are asked.
    weights : {'uniform', 'distance'}
        Whether neighbours count alike, or by 1 / distance.
    metric : {'euclidean', 'cosine'}
        What is near: by distance, or by angle (distance is 1 - cosine then).
    random_state : int, RandomState or None
        Seed; None is 0.

    Attributes
    ----------
    n_features_in_ · feature_names_in_
    """
    n_neighbors: int
    weights: Literal["uniform", "distance"]
    metric: Literal["euclidean", "cosine"]
    random_state: RandomState
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        n_neighbors: int = 10,
        weights: Literal["uniform", "distance"] = "uniform",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def save(self, path: Path) -> None: ...
    def tensors(self) -> dict[str, NDArray[Any]]: ...
