# Written by bindings/python/make_stubs.py from merx._base.

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._types import MatrixLike

class ClassifierMixin:
    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...

class ClusterMixin:
    def fit_predict(self, X: MatrixLike, y: Any = None, **kwargs: Any) -> NDArray[np.int32]: ...

class Estimator:
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **params: Any) -> Self: ...

class RegressorMixin:
    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float: ...

class TransformerMixin:
    def fit_transform(self, X: MatrixLike, y: Any = None, **fit_params: Any) -> Any: ...
    def set_output(self, *, transform: Literal["default", "pandas", "polars"] | None = None) -> Self: ...

class InvalidParameterError(ValueError, TypeError): ...
