"""Numbers on their way into the C library: any array that NumPy makes becomes float32 (uint8 stays), C-contiguous, of the shape the model takes.

Keras's own leniency: a last dimension of 1 may be left out or be there too much. Everything else is an error with what was expected and found.
"""
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._support import refuse
from .layers import Embedding, Masking

if TYPE_CHECKING:
    from .models import Model


def numbers(what: str, values: Any) -> np.ndarray:
    """An array of numbers; ValueError for text and the like."""
    if hasattr(values, "__next__") or (callable(values) and not hasattr(values, "__array__")) or type(values).__name__ in ("DataLoader", "PyDataset") or (
            hasattr(values, "__iter__") and not hasattr(values, "__array__") and not hasattr(values, "__len__")):
        raise NotImplementedError(f"{what} is a {type(values).__name__}; arrays in memory are supported, generators and data sets of batches are not")
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} cannot be converted to an array of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{what} has dtype {array.dtype}; numbers are expected")
    return array


def inputs(model: "Model", x: Any, what: str = "x") -> np.ndarray:
    """x as (n, *input): uint8 as it is, all else as float32."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)) and any(hasattr(one, "shape") and len(one.shape) > 1 for one in x):
        if len(x) != 1:
            raise ValueError(f'Model "{model.name}" expects 1 input(s), but it received {len(x)} input tensors.')
        x = x[0]
    array = numbers(what, x)
    if array.ndim == 0:
        raise ValueError(f"{what} is a single number; an array of examples is expected")
    model._see(array.shape)
    wanted = model.input_shape[1:]
    if array.ndim == len(wanted) and wanted[-1] == 1 and array.shape[1:] == wanted[:-1]:
        array = array[..., None]
    elif array.ndim == len(wanted) + 2 and array.shape[-1] == 1 and array.shape[1:-1] == wanted:
        array = array[..., 0]
    if array.shape[1:] != wanted:
        raise ValueError(f'Input 0 of model "{model.name}" is incompatible with it: expected shape={(None, *wanted)}, found shape={array.shape}')
    keeps = array.dtype == np.uint8 and not model._wants_floats()
    return np.ascontiguousarray(array, dtype=np.uint8 if keeps else np.float32)


def same_rows(**arrays: Any) -> None:
    """ValueError unless all that are there have as many rows."""
    sizes = {k: len(v) for k, v in arrays.items() if v is not None}
    if len(set(sizes.values())) > 1:
        lines = "\n".join(f"'{k}' sizes: {n}" for k, n in sizes.items())
        raise ValueError(f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.{lines}")


def targets(model: "Model", y: Any, x: np.ndarray, what: str = "y") -> tuple[np.ndarray | None, np.ndarray | None]:
    """(labels of int32, None) or (None, targets of float32), as the loss takes them."""
    if y is None:
        raise ValueError(f"{what} is None: there is nothing to learn from")
    if isinstance(y, (list, tuple)) and len(y) == 1 and hasattr(y[0], "shape") and len(y[0].shape) > 0:
        y = y[0]
    array, loss = numbers(what, y), model._loss
    if array.ndim == 0:
        raise ValueError(f"{what} is a single number; an array of as many as {what[:-1]}x is expected")
    same_rows(x=x, y=array)
    out = model.output_shape[1:]
    as_labels = loss._labels if loss._labels != "either" else array.shape[1:] != out
    masked = _mask(model, x)
    if as_labels:
        if array.ndim == len(out) + 1 and array.shape[-1] == 1:
            array = array[..., 0]
        if array.shape[1:] != out[:-1]:
            raise ValueError(f"Argument `output` must have rank (ndim) `target.ndim - 1`: labels of shape {(None, *out[:-1])} are expected by "
                             f"{loss.name}, found shape={array.shape}" +
                             ("; rows of shares go with loss='categorical_crossentropy'" if array.shape[1:] == out else ""))
        if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.floor(array)).all()):
            raise ValueError(f"{what} holds numbers that are not whole; {loss.name} takes class numbers from 0 to {out[-1] - 1}")
        if array.size and (array.min() < 0 or array.max() >= out[-1]):
            bad = array[(array < 0) | (array >= out[-1])].flat[0]
            raise ValueError(f"{what} holds label {bad}, which is outside the valid range of [0, {out[-1]}): the model has {out[-1]} classes")
        labels = np.ascontiguousarray(array, dtype=np.int32)
        return (labels if masked is None else np.where(masked, labels, np.int32(-1))), None
    if out[-1] == 1 and array.shape[1:] == out[:-1]:
        array = array[..., None]
    elif len(out) == 1 and out == (1,) and array.ndim == 1:
        array = array[:, None]
    if array.shape[1:] != out:
        hint = ("; class numbers go with loss='sparse_categorical_crossentropy', or through to_categorical"
                if loss._word == "categorical_crossentropy" and array.shape[1:] in (out[:-1], (*out[:-1], 1)) else "")
        raise ValueError(f"Arguments `target` and `output` must have the same shape. Received: target.shape={array.shape}, output.shape={(None, *out)}{hint}")
    if masked is not None:
        refuse("fit", "loss", loss.name, "masked steps of the output (mask_zero, Masking) with sparse_categorical_crossentropy alone")
    array = np.ascontiguousarray(array, dtype=np.float32)
    if loss._word == "categorical_crossentropy":
        sums = array.sum(axis=-1)
        if array.size and not (np.abs(sums - 1) <= 1e-3).all() and np.isfinite(sums).all():
            row = int(np.argmax(np.abs(sums - 1).reshape(len(array), -1).max(axis=-1)))
            raise ValueError(f"row {row} of {what} sums to {float(sums.reshape(len(array), -1)[row].flat[0]):g}; categorical_crossentropy takes rows that sum to 1")
    return None, np.ascontiguousarray(loss._smoothed(array), dtype=np.float32)


def _mask(model, x):
    """(n, steps) of bool where Keras would leave padding out of the loss; None: no mask comes as far as the output."""
    if len(model.output_shape) != 3:
        return None
    layer = model._output_layer()
    while True:
        if isinstance(layer, Masking) or (isinstance(layer, Embedding) and layer.mask_zero):
            break
        if not layer._passes_mask:
            return None
        before = [t._layer for t in layer.output._inputs]
        if len(before) > 1:
            if model._makes_mask():
                refuse("fit", "mask", layer.name, "masks that come to the output through one line of layers")
            return None
        layer = before[0]
        if not layer.output._inputs:
            return None
    if layer.output._inputs[0]._inputs:
        refuse("fit", "mask", layer.name, "masks of the model's input itself")
    return x != 0 if isinstance(layer, Embedding) else (x != np.float32(layer.mask_value)).any(axis=-1)


def weights(sample_weight: Any, class_weight: Any, y: Any, n: int) -> np.ndarray | None:
    """Weights of examples, (n) of float32."""
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        return _of_classes(class_weight, numbers("y", y))
    if sample_weight is None:
        return None
    array = numbers("sample_weight", sample_weight)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise NotImplementedError(f"sample_weight has shape {array.shape}; one weight for each example is supported: ({n},)")
    if len(array) != n:
        raise ValueError("Data cardinality is ambiguous. Make sure all arrays contain the same number of samples."
                         f"'x' sizes: {n}\n'sample_weight' sizes: {len(array)}")
    return np.ascontiguousarray(array, dtype=np.float32)


def _of_classes(class_weight, y):
    if not isinstance(class_weight, dict) or not all(isinstance(k, (int, np.integer)) for k in class_weight):
        raise ValueError(f"class_weight is {class_weight!r}; expected a dict of class numbers to weights: {{0: 1.0, 1: 3.0}}")
    if y.ndim > 2:
        raise ValueError("`class_weight` not supported for 3+ dimensional targets.")
    if y.ndim == 2:
        y = y.argmax(axis=-1) if y.shape[-1] != 1 else y[:, 0]
    y = np.round(y).astype(np.int64)
    out = np.ones(len(y), dtype=np.float32)
    for label, weight in class_weight.items():
        weight = float(weight)
        if not (weight >= 0 and math.isfinite(weight)):
            raise ValueError(f"class_weight: the weight of class {label} is {weight}; expected a number of 0 or more")
        out[y == label] = weight
    return out
