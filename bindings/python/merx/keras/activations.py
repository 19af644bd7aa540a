"""Activations by name, or as functions of NumPy arrays (for a look at their curves; the layers use merx's own kernels)."""
from collections.abc import Callable
from typing import Any

import numpy as np

from ._support import did_you_mean


def linear(x: Any) -> np.ndarray:
    """x."""
    return np.asarray(x)


def relu(x: Any) -> np.ndarray:
    """max(x, 0).

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return np.maximum(x, 0)


def tanh(x: Any) -> np.ndarray:
    """Hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x: Any) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x)))


def softplus(x: Any) -> np.ndarray:
    """log(1 + exp(x))."""
    return np.logaddexp(x, 0)


def elu(x: Any) -> np.ndarray:
    """x above 0, exp(x) - 1 below."""
    return np.where(np.asarray(x) > 0, x, np.expm1(np.minimum(x, 0)))


def leaky_relu(x: Any) -> np.ndarray:
    """x above 0, 0.2 x below."""
    return np.where(np.asarray(x) > 0, x, 0.2 * np.asarray(x))


def gelu(x: Any) -> np.ndarray:
    """x times the normal distribution function of x, exactly (not by tanh)."""
    from math import erf

    x = np.asarray(x)
    return x * 0.5 * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2)))


def silu(x: Any) -> np.ndarray:
    """x sigmoid(x)."""
    return np.asarray(x) * sigmoid(x)


def hard_sigmoid(x: Any) -> np.ndarray:
    """x / 6 + 1 / 2, cut to [0, 1]."""
    return np.clip(np.asarray(x) / 6 + 0.5, 0, 1)


def exponential(x: Any) -> np.ndarray:
    """exp(x)."""
    return np.exp(x)


def softmax(x: Any) -> np.ndarray:
    """exp(x) over the last dimension, divided by its sum."""
    e = np.exp(np.asarray(x) - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


swish = silu
_FUNCTIONS = {f.__name__: f for f in (linear, relu, tanh, sigmoid, softplus, elu, leaky_relu, gelu, silu, hard_sigmoid, exponential, softmax)}


def get(identifier: str | Callable | None) -> Callable:
    """The function of a name.

    >>> get("relu") is relu
    True
    """
    return _FUNCTIONS[name_of(identifier)]


def name_of(identifier: Any, where: str = "activation") -> str:
    """The C library's word: of None, a name, or a function of this module."""
    if identifier is None:
        return "linear"
    if callable(identifier) and _FUNCTIONS.get(getattr(identifier, "__name__", "")) is identifier:
        return identifier.__name__
    word = {"swish": "silu"}.get(identifier, identifier) if isinstance(identifier, str) else identifier
    if isinstance(word, str) and word in _FUNCTIONS:
        return word
    raise ValueError(f"{where}: Could not interpret activation function identifier: {identifier!r}."
                     f"{did_you_mean(identifier, _FUNCTIONS)} (functions of one's own are not supported)")


__all__ = ["linear", "relu", "tanh", "sigmoid", "softplus", "elu", "leaky_relu", "gelu", "silu", "hard_sigmoid", "exponential", "softmax", "swish", "get"]
