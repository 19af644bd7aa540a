"""Losses, with Keras's arguments. A loss is also a function of (y_true, y_pred) in NumPy: its mean over all examples."""
from typing import Any

import numpy as np

from ._support import did_you_mean, fixed, refuse


class Loss:
    """Base: which of the C library's losses it is, and what its labels look like."""

    _word = ""
    _labels = False  # whole numbers instead of rows
    label_smoothing = 0.0

    def __init__(self, name: str, dtype: Any, **only: tuple):
        fixed(type(self).__name__, dtype=(dtype, None), **only)
        self.name = name

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred, np.float64)
        if not self._labels and y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]
        if not self._labels and y_true.shape != y_pred.shape:
            raise ValueError(f"{self.name}: y_true has shape {y_true.shape}, y_pred {y_pred.shape}; both are expected to be the same")
        loss = self._values(self._smoothed(y_true), y_pred)
        return float(np.mean(loss if sample_weight is None else loss * np.asarray(sample_weight)))

    def _smoothed(self, y):
        return y

    def _values(self, y, p):
        raise NotImplementedError(f"{type(self).__name__} is not one of merx's losses: {', '.join(sorted(set(c.__name__ for c in _CLASSES.values())))}")

    def get_config(self) -> dict:
        """The arguments that are not fixed."""
        return {"name": self.name}


class CategoricalCrossentropy(Loss):
    """-sum_c y_c log p_c of rows of shares (one-hot labels), behind a softmax.

    >>> round(CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]), 4)
    0.6931
    """

    _word = "categorical_crossentropy"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: str = "sum_over_batch_size",
                 name: str = "categorical_crossentropy", dtype: Any = None):
        super().__init__(name, dtype, axis=(axis, -1), reduction=(reduction, "sum_over_batch_size"))
        _behind(self, from_logits, "softmax")
        self.label_smoothing = _share(self, label_smoothing)

    def _smoothed(self, y):
        return y * (1 - self.label_smoothing) + self.label_smoothing / y.shape[-1] if self.label_smoothing else y

    def _values(self, y, p):
        p = np.clip(p / p.sum(axis=-1, keepdims=True), 1e-7, 1 - 1e-7)
        return -(y * np.log(p)).sum(axis=-1)

    def get_config(self) -> dict:
        return {"name": self.name, "label_smoothing": self.label_smoothing}


class SparseCategoricalCrossentropy(Loss):
    """-log p_label of class numbers, behind a softmax.

    >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
    0.6931
    """

    _word = "categorical_crossentropy"
    _labels = True

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None, reduction: str = "sum_over_batch_size", axis: int = -1,
                 name: str = "sparse_categorical_crossentropy", dtype: Any = None):
        super().__init__(name, dtype, axis=(axis, -1), reduction=(reduction, "sum_over_batch_size"), ignore_class=(ignore_class, None))
        _behind(self, from_logits, "softmax")

    def _values(self, y, p):
        p = np.clip(p / p.sum(axis=-1, keepdims=True), 1e-7, 1 - 1e-7)
        return -np.log(np.take_along_axis(p, y.astype(np.int64).reshape(*p.shape[:-1], 1), axis=-1))[..., 0]


class BinaryCrossentropy(Loss):
    """-y log p - (1 - y) log(1 - p), behind a sigmoid.

    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]), 4)
    0.6931
    """

    _word = "binary_crossentropy"

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: str = "sum_over_batch_size",
                 name: str = "binary_crossentropy", dtype: Any = None):
        super().__init__(name, dtype, axis=(axis, -1), reduction=(reduction, "sum_over_batch_size"))
        _behind(self, from_logits, "sigmoid")
        self.label_smoothing = _share(self, label_smoothing)

    def _smoothed(self, y):
        return y * (1 - self.label_smoothing) + 0.5 * self.label_smoothing if self.label_smoothing else y

    def _values(self, y, p):
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(axis=-1)

    def get_config(self) -> dict:
        return {"name": self.name, "label_smoothing": self.label_smoothing}


class MeanSquaredError(Loss):
    """(y - p)^2.

    >>> MeanSquaredError()([[1.0]], [[3.0]])
    4.0
    """

    _word = "mean_squared_error"

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype, reduction=(reduction, "sum_over_batch_size"))

    def _values(self, y, p):
        return ((y - p) ** 2).mean(axis=-1)


class MeanAbsoluteError(Loss):
    """|y - p|.

    >>> MeanAbsoluteError()([[1.0]], [[3.0]])
    2.0
    """

    _word = "mean_absolute_error"

    def __init__(self, reduction: str = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None):
        super().__init__(name, dtype, reduction=(reduction, "sum_over_batch_size"))

    def _values(self, y, p):
        return np.abs(y - p).mean(axis=-1)


class Huber(Loss):
    """(y - p)^2 / 2 within 1, |y - p| - 1 / 2 beyond.

    >>> Huber()([[1.0]], [[3.0]])
    1.5
    """

    _word = "huber"

    def __init__(self, delta: float = 1.0, reduction: str = "sum_over_batch_size", name: str = "huber_loss", dtype: Any = None):
        super().__init__(name, dtype, reduction=(reduction, "sum_over_batch_size"), delta=(float(delta), 1.0))

    def _values(self, y, p):
        e = np.abs(y - p)
        return np.where(e <= 1, e * e / 2, e - 0.5).mean(axis=-1)


def _behind(loss: Loss, from_logits: bool, activation: str) -> None:
    if from_logits:
        refuse(type(loss).__name__, "from_logits", from_logits, f"from_logits=False behind a last layer with activation={activation!r}, "
               "whose gradient is taken from the logits all the same")


def _share(loss: Loss, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{type(loss).__name__}: label_smoothing is {value!r}; expected a number from 0 to 1")
    return float(value)


_CLASSES = {"categorical_crossentropy": CategoricalCrossentropy, "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
            "binary_crossentropy": BinaryCrossentropy, "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError, "MSE": MeanSquaredError,
            "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError, "huber": Huber, "huber_loss": Huber}
_OTHERS = ("mean_absolute_percentage_error", "mape", "mean_squared_logarithmic_error", "msle", "kl_divergence", "kullback_leibler_divergence", "kld",
           "poisson", "cosine_similarity", "hinge", "squared_hinge", "categorical_hinge", "log_cosh", "logcosh", "binary_focal_crossentropy",
           "categorical_focal_crossentropy", "ctc", "dice", "tversky")


def _function(cls: type, name: str):
    def loss(y_true, y_pred):
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred, np.float64)
        return cls()._values(y_true, y_pred)

    loss.__name__ = loss.__qualname__ = name
    loss.__doc__ = f"{cls.__name__} of each example, in NumPy."
    return loss


categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy")
mean_squared_error = _function(MeanSquaredError, "mean_squared_error")
mean_absolute_error = _function(MeanAbsoluteError, "mean_absolute_error")
_FUNCTIONS = {id(f): f.__name__ for f in (categorical_crossentropy, sparse_categorical_crossentropy, binary_crossentropy, mean_squared_error,
                                          mean_absolute_error)}


def get(identifier: Any) -> Loss:
    """The loss of a name, a class, an object or a function of this module.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, type) and identifier in _CLASSES.values():
        return identifier()
    word = _FUNCTIONS.get(id(identifier), identifier)
    by_class = {c.__name__: c for c in _CLASSES.values()}
    if isinstance(word, str) and (word in _CLASSES or word in by_class):
        return (_CLASSES.get(word) or by_class[word])()
    if word in _OTHERS or callable(identifier):
        refuse("compile", "loss", identifier, ", ".join(repr(c) for c in _CLASSES if not c.isupper()))
    raise ValueError(f"Could not interpret loss identifier: {identifier!r}.{did_you_mean(identifier, _CLASSES)}")


__all__ = ["Loss", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "MeanSquaredError", "MeanAbsoluteError", "Huber",
           "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy", "mean_squared_error", "mean_absolute_error", "get"]
