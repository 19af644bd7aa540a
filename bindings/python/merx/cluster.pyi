# Written by bindings/python/make_stubs.py from merx.cluster.

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import ClusterMixin, Estimator, TransformerMixin
from merx._explain import Explanation
from merx._types import Array, MatrixLike, RandomState

__all__ = ["KMeans", "MiniBatchKMeans"]

class KMeans(TransformerMixin, ClusterMixin, Estimator):
    n_clusters: int
    init: Literal["k-means++", "random"] | Callable[..., Any] | Array
    n_init: Literal["auto"] | int
    max_iter: int
    tol: float
    verbose: int
    random_state: RandomState
    copy_x: bool
    algorithm: Literal["elkan", "lloyd"]
    cluster_centers_: NDArray[np.floating[Any]]
    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Literal["k-means++", "random"] | Callable[..., Any] | Array = "k-means++",
        n_init: Literal["auto"] | int = "auto",
        max_iter: int = 300,
        tol: float = 0.0001,
        verbose: int = 0,
        random_state: RandomState = None,
        copy_x: bool = True,
        algorithm: Literal["elkan", "lloyd"] = "lloyd",
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, cluster: int | None = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self: ...
    def fit_transform(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Any: ...  # type: ignore[override]
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def score(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float: ...
    def transform(self, X: MatrixLike) -> Any: ...

class MiniBatchKMeans(TransformerMixin, ClusterMixin, Estimator):
    n_clusters: int
    init: Literal["k-means++", "random"] | Callable[..., Any] | Array
    max_iter: int
    batch_size: int
    verbose: int
    compute_labels: bool
    random_state: RandomState
    tol: float
    max_no_improvement: int | None
    init_size: int | None
    n_init: Literal["auto"] | int
    reassignment_ratio: float
    cluster_centers_: NDArray[np.floating[Any]]
    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int
    n_steps_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Literal["k-means++", "random"] | Callable[..., Any] | Array = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: RandomState = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: Literal["auto"] | int = "auto",
        reassignment_ratio: float = 0.01,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, cluster: int | None = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self: ...
    def fit_transform(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Any: ...  # type: ignore[override]
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def partial_fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def score(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> float: ...
    def transform(self, X: MatrixLike) -> Any: ...
