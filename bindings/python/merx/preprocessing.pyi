# Written by bindings/python/make_stubs.py from merx.preprocessing.

from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from merx._base import Estimator, TransformerMixin
from merx._types import Array, MatrixLike

__all__ = ["LogTransformer", "MinMaxScaler", "OneHotEncoder", "SimpleImputer", "StandardScaler"]

class LogTransformer(TransformerMixin, Estimator):
    columns: Literal["all", "positive"] | Array
    copy: bool
    columns_: NDArray[Any]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(self, columns: Literal["all", "positive"] | Array = "positive", *, copy: bool = True) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: MatrixLike, y: Any = None) -> Self: ...
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def inverse_transform(self, X: MatrixLike) -> NDArray[Any]: ...
    def transform(self, X: MatrixLike) -> Any: ...

class MinMaxScaler(TransformerMixin, Estimator):
    feature_range: tuple[float, float]
    copy: bool
    clip: bool
    data_min_: NDArray[Any]
    data_max_: NDArray[Any]
    data_range_: NDArray[Any]
    scale_: Any
    min_: NDArray[Any]
    n_samples_seen_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(self, feature_range: tuple[float, float] = (0, 1), *, copy: bool = True, clip: bool = False) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: MatrixLike, y: Any = None) -> Self: ...
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def inverse_transform(self, X: MatrixLike) -> NDArray[Any]: ...
    def partial_fit(self, X: MatrixLike, y: Any = None) -> Self: ...
    def transform(self, X: MatrixLike) -> Any: ...

class OneHotEncoder(TransformerMixin, Estimator):
    categories: Literal["auto"] | Sequence[Any]
    drop: Literal["first", "if_binary"] | Array | None
    sparse_output: bool
    dtype: DTypeLike
    handle_unknown: Literal["error", "ignore", "infrequent_if_exist", "warn"]
    min_frequency: float | None
    max_categories: int | None
    feature_name_combiner: Literal["concat"] | Callable[..., Any]
    categories_: list[NDArray[Any]]
    drop_idx_: NDArray[Any] | None
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        categories: Literal["auto"] | Sequence[Any] = "auto",
        drop: Literal["first", "if_binary"] | Array | None = None,
        sparse_output: bool = True,
        dtype: DTypeLike = ...,
        handle_unknown: Literal["error", "ignore", "infrequent_if_exist", "warn"] = "error",
        min_frequency: float | None = None,
        max_categories: int | None = None,
        feature_name_combiner: Literal["concat"] | Callable[..., Any] = "concat",
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: MatrixLike, y: Any = None) -> Self: ...
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    @property
    def infrequent_categories_(self) -> list[NDArray[Any] | None]: ...
    def inverse_transform(self, X: MatrixLike) -> NDArray[Any]: ...
    def transform(self, X: MatrixLike) -> Any: ...

class SimpleImputer(TransformerMixin, Estimator):
    missing_values: Any
    strategy: Literal["constant", "mean", "median", "most_frequent"] | Callable[..., Any]
    fill_value: Any
    copy: bool
    add_indicator: bool
    keep_empty_features: bool
    statistics_: NDArray[Any]
    indicator_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(
        self,
        *,
        missing_values: Any = ...,
        strategy: Literal["constant", "mean", "median", "most_frequent"] | Callable[..., Any] = "mean",
        fill_value: Any = None,
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
    ) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: MatrixLike, y: Any = None) -> Self: ...
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def inverse_transform(self, X: MatrixLike) -> NDArray[Any]: ...
    def transform(self, X: MatrixLike) -> Any: ...

class StandardScaler(TransformerMixin, Estimator):
    copy: bool
    with_mean: bool
    with_std: bool
    mean_: NDArray[np.float64] | None
    var_: NDArray[np.float64] | None
    scale_: Any
    n_samples_seen_: Any
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    def __init__(self, *, copy: bool = True, with_mean: bool = True, with_std: bool = True) -> None: ...
    def __sklearn_tags__(self) -> Any: ...
    def fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self: ...
    def fit_transform(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Any: ...  # type: ignore[override]
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]: ...
    def inverse_transform(self, X: MatrixLike, copy: bool | None = None) -> NDArray[Any]: ...
    def partial_fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self: ...
    def transform(self, X: MatrixLike, copy: bool | None = None) -> Any: ...
