"""What is told beside the loss: accuracy behind a cross-entropy, mean absolute error behind the others (and what follows from the loss itself)."""
import math
from typing import Any

from . import losses
from ._support import did_you_mean, refuse


class Metric:
    """Base of the metrics: a name for `metrics=[…]`; its values come from fit and evaluate.

    >>> MeanAbsoluteError(name="error").name
    'error'
    """

    _name = ""
    _upwards = False

    def __init__(self, name: str | None = None, dtype: Any = None):
        if dtype not in (None, "float32"):
            refuse(type(self).__name__, "dtype", dtype, "dtype=None")
        self.name = name if name is not None else self._name

    def get_config(self) -> dict:
        """The arguments."""
        return {"name": self.name}


class CategoricalAccuracy(Metric):
    """Share of the examples whose largest output is that of y's row."""

    _name = "categorical_accuracy"
    _upwards = True


class SparseCategoricalAccuracy(Metric):
    """Share of the examples whose largest output is the label's."""

    _name = "sparse_categorical_accuracy"
    _upwards = True


class BinaryAccuracy(Metric):
    """Share of the outputs on the right side of 1 / 2."""

    _name = "binary_accuracy"
    _upwards = True

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(name, dtype)
        if threshold != 0.5:
            refuse("BinaryAccuracy", "threshold", threshold, "threshold=0.5")


class MeanAbsoluteError(Metric):
    """Mean of |y - p|."""

    _name = "mean_absolute_error"


class MeanSquaredError(Metric):
    """Mean of (y - p)^2: of a network that learns by it."""

    _name = "mean_squared_error"


class RootMeanSquaredError(Metric):
    """Its root: of a network that learns by mean_squared_error."""

    _name = "root_mean_squared_error"


_CLASSES = {c._name: c for c in (CategoricalAccuracy, SparseCategoricalAccuracy, BinaryAccuracy, MeanAbsoluteError, MeanSquaredError,
                                 RootMeanSquaredError)}
_SHORT = {"mae": "mean_absolute_error", "MAE": "mean_absolute_error", "mse": "mean_squared_error", "MSE": "mean_squared_error"}


def _resolve(metric: Any, loss: losses.Loss) -> tuple[str, str, bool]:
    """(name in the history, how it comes about: "metric", "loss" or "root", whether more is better)."""
    if isinstance(metric, type) and issubclass(metric, Metric):
        metric = metric()
    kind, name = (type(metric)._name, metric.name) if isinstance(metric, Metric) else (metric, metric)
    kind = _SHORT.get(kind, kind) if isinstance(kind, str) else kind
    by_class = {c.__name__: c._name for c in _CLASSES.values()}
    kind = by_class.get(kind, kind) if isinstance(kind, str) else kind
    word = loss._word
    accuracies = {"categorical_crossentropy": ("sparse_categorical_accuracy",) if loss._labels else ("categorical_accuracy",),
                  "binary_crossentropy": ("binary_accuracy",)}.get(word)
    known = [*(("accuracy", "acc", *accuracies) if accuracies else ("mae", "mean_absolute_error")),
             *(("mse", "mean_squared_error", "root_mean_squared_error") if word == "mean_squared_error" else ())]
    if not isinstance(kind, str):
        refuse("compile", "metrics", metric, f"of a model with loss {loss.name!r}: {', '.join(known)}")
    if kind in known:
        if kind == "mean_squared_error":
            return name, "loss", False
        if kind == "root_mean_squared_error":
            return name, "root", False
        return name, "metric", accuracies is not None
    if kind in ("accuracy", "acc", *_CLASSES):
        refuse("compile", "metrics", name, f"of a model with loss {loss.name!r}: {', '.join(known)}")
    raise ValueError(f"Could not interpret metric identifier: {metric!r}.{did_you_mean(metric, known)}")


def _value(how: str, loss: float, metric: float) -> float:
    return metric if how == "metric" else loss if how == "loss" else math.sqrt(loss)


__all__ = ["Metric", "CategoricalAccuracy", "SparseCategoricalAccuracy", "BinaryAccuracy", "MeanAbsoluteError", "MeanSquaredError",
           "RootMeanSquaredError"]
