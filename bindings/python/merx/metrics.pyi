# Written by bindings/python/make_stubs.py from merx.metrics.

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from merx._types import MatrixLike, RandomState

__all__ = [
    "UndefinedMetricWarning",
    "accuracy_score",
    "adjusted_rand_score",
    "average_precision_score",
    "balanced_accuracy_score",
    "brier_score_loss",
    "confusion_matrix",
    "explained_variance_score",
    "f1_score",
    "hit_rate_at_k",
    "log_loss",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "median_absolute_error",
    "ndcg_at_k",
    "ndcg_score",
    "precision_recall_curve",
    "precision_score",
    "r2_score",
    "recall_at_k",
    "recall_score",
    "roc_auc_score",
    "roc_curve",
    "root_mean_squared_error",
    "silhouette_samples",
    "silhouette_score",
]

class UndefinedMetricWarning(UserWarning): ...

def accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, *, normalize: bool = True, sample_weight: ArrayLike | None = None) -> float: ...

def adjusted_rand_score(labels_true: ArrayLike, labels_pred: ArrayLike) -> float: ...

def average_precision_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    average: Literal["micro", "macro", "weighted", "samples"] | None = "macro",
    pos_label: Any = 1,
    sample_weight: ArrayLike | None = None,
) -> float | Any: ...

def balanced_accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, adjusted: bool = False) -> float: ...

def brier_score_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    pos_label: Any = None,
    labels: ArrayLike | None = None,
    scale_by_half: bool | Literal["auto"] = "auto",
) -> float: ...

def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    normalize: Literal["true", "pred", "all"] | None = None,
) -> NDArray[Any]: ...

def explained_variance_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
    force_finite: bool = True,
) -> float | Any: ...

def f1_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "weighted", "samples"] | None = "binary",
    sample_weight: ArrayLike | None = None,
    zero_division: float | Literal["warn"] = "warn",
) -> float | Any: ...

def hit_rate_at_k(relevant: Any, ranked: Any, *, k: int = 10, sample_weight: ArrayLike | None = None) -> float: ...

def log_loss(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    normalize: bool = True,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
) -> float: ...

def mean_absolute_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
) -> float | Any: ...

def mean_absolute_percentage_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
) -> float | Any: ...

def mean_squared_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
) -> float | Any: ...

def median_absolute_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
    sample_weight: ArrayLike | None = None,
) -> float | Any: ...

def ndcg_at_k(relevant: Any, ranked: Any, *, k: int = 10, sample_weight: ArrayLike | None = None) -> float: ...

def ndcg_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    k: int | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_ties: bool = False,
) -> float: ...

def precision_recall_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    pos_label: Any = None,
    sample_weight: ArrayLike | None = None,
    drop_intermediate: bool = False,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...

def precision_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "weighted", "samples"] | None = "binary",
    sample_weight: ArrayLike | None = None,
    zero_division: float | Literal["warn"] = "warn",
) -> float | Any: ...

def r2_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
    force_finite: bool = True,
) -> float | Any: ...

def recall_at_k(relevant: Any, ranked: Any, *, k: int = 10, sample_weight: ArrayLike | None = None) -> float: ...

def recall_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    pos_label: Any = 1,
    average: Literal["binary", "micro", "macro", "weighted", "samples"] | None = "binary",
    sample_weight: ArrayLike | None = None,
    zero_division: float | Literal["warn"] = "warn",
) -> float | Any: ...

def roc_auc_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    average: Literal["micro", "macro", "weighted", "samples"] | None = "macro",
    sample_weight: ArrayLike | None = None,
    max_fpr: float | None = None,
    multi_class: Literal["raise", "ovr", "ovo"] = "raise",
    labels: ArrayLike | None = None,
) -> float | Any: ...

def roc_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    pos_label: Any = None,
    sample_weight: ArrayLike | None = None,
    drop_intermediate: bool = True,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...

def root_mean_squared_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: ArrayLike | Literal["raw_values", "uniform_average"] = "uniform_average",
) -> float | Any: ...

def silhouette_samples(X: MatrixLike, labels: ArrayLike, *, metric: Literal["euclidean"] = "euclidean") -> NDArray[np.float64]: ...

def silhouette_score(
    X: MatrixLike,
    labels: ArrayLike,
    *,
    metric: Literal["euclidean"] = "euclidean",
    sample_size: int | None = None,
    random_state: RandomState = None,
) -> float: ...
