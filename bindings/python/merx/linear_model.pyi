# Written by bindings/python/make_stubs.py from merx.linear_model.

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._base import ClassifierMixin, Estimator, RegressorMixin
from merx._explain import Explanation
from merx._types import Array, MatrixLike, RandomState

__all__ = ["ElasticNet", "Lasso", "LinearRegression", "LogisticRegression", "Ridge"]

class ElasticNet(RegressorMixin, Estimator):
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    precompute: bool | Array
    max_iter: int | None
    copy_X: bool
    tol: float
    warm_start: bool
    positive: bool
    random_state: RandomState
    selection: Literal["cyclic", "random"]
    coef_: NDArray[Any]
    intercept_: Any
    n_iter_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        precompute: bool | Array = False,
        max_iter: int | None = 1000,
        copy_X: bool = True,
        tol: float = 0.0001,
        warm_start: bool = False,
        positive: bool = False,
        random_state: RandomState = None,
        selection: Literal["cyclic", "random"] = "cyclic",
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, target: int = 0) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    @property
    def sparse_coef_(self) -> Any: ...

class Lasso(RegressorMixin, Estimator):
    alpha: float
    fit_intercept: bool
    precompute: bool | Array
    copy_X: bool
    max_iter: int | None
    tol: float
    warm_start: bool
    positive: bool
    random_state: RandomState
    selection: Literal["cyclic", "random"]
    coef_: NDArray[Any]
    intercept_: Any
    n_iter_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    l1_ratio: float
    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        precompute: bool | Array = False,
        copy_X: bool = True,
        max_iter: int | None = 1000,
        tol: float = 0.0001,
        warm_start: bool = False,
        positive: bool = False,
        random_state: RandomState = None,
        selection: Literal["cyclic", "random"] = "cyclic",
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, target: int = 0) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    @property
    def sparse_coef_(self) -> Any: ...

class LinearRegression(RegressorMixin, Estimator):
    fit_intercept: bool
    copy_X: bool
    tol: float
    n_jobs: int | None
    positive: bool
    coef_: NDArray[Any]
    intercept_: Any
    rank_: int
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-06,
        n_jobs: int | None = None,
        positive: bool = False,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, target: int = 0) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...

class LogisticRegression(ClassifierMixin, Estimator):
    penalty: Literal["deprecated", "elasticnet", "l1", "l2"] | None
    C: float
    l1_ratio: float | None
    dual: bool
    tol: float
    fit_intercept: bool
    intercept_scaling: float
    class_weight: Literal["balanced"] | Mapping[Any, float] | None
    random_state: RandomState
    solver: Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"]
    max_iter: int
    verbose: int
    warm_start: bool
    n_jobs: int | None
    classes_: NDArray[Any]
    coef_: NDArray[Any]
    intercept_: Any
    n_iter_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        penalty: Literal["deprecated", "elasticnet", "l1", "l2"] | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float | None = 0.0,
        dual: bool = False,
        tol: float = 0.0001,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        random_state: RandomState = None,
        solver: Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"] = "lbfgs",
        max_iter: int = 100,
        verbose: int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def decision_function(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def densify(self) -> Self: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, output: Any = None) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
    def predict_log_proba(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def predict_proba(self, X: MatrixLike) -> NDArray[np.floating[Any]]: ...
    def sparsify(self) -> Self: ...

class Ridge(RegressorMixin, Estimator):
    alpha: ArrayLike
    fit_intercept: bool
    copy_X: bool
    max_iter: int | None
    tol: float
    solver: Literal["auto", "cholesky", "lbfgs", "lsqr", "sag", "saga", "sparse_cg", "svd"]
    positive: bool
    random_state: RandomState
    coef_: NDArray[Any]
    intercept_: Any
    n_iter_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        alpha: ArrayLike = 1.0,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        max_iter: int | None = None,
        tol: float = 0.0001,
        solver: Literal["auto", "cholesky", "lbfgs", "lsqr", "sag", "saga", "sparse_cg", "svd"] = "auto",
        positive: bool = False,
        random_state: RandomState = None,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def describe(self) -> str: ...
    def explain(self, X: MatrixLike, row: int = 0, target: int = 0) -> Explanation: ...
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self: ...
    def predict(self, X: MatrixLike) -> NDArray[Any]: ...
