"""How weights begin. Layers' defaults are drawn by merx itself, what is given here by NumPy; both by the model's seed."""
from __future__ import annotations  # np.random is not loaded before something is drawn

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._support import did_you_mean, snake


def _fans(shape: Sequence[int]) -> tuple[int, int]:
    if len(shape) < 1:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class Initializer:
    """Base: a subclass has _draw(rng, shape). `seed` of its own, or (None) the model's."""

    def __init__(self, seed: int | None = None):
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None, *, _rng: np.random.Generator | None = None) -> np.ndarray:
        rng = np.random.default_rng(self.seed) if self.seed is not None or _rng is None else _rng
        return np.asarray(self._draw(rng, tuple(shape)), dtype or np.float32)

    def _draw(self, rng, shape):
        raise NotImplementedError(f"{type(self).__name__} is not an initializer that merx knows how to draw")

    def get_config(self) -> dict:
        """The arguments."""
        return dict(vars(self))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class Zeros(Initializer):
    """0."""

    def __init__(self) -> None:
        super().__init__()

    def _draw(self, rng, shape):
        return np.zeros(shape)


class Ones(Initializer):
    """1."""

    def __init__(self) -> None:
        super().__init__()

    def _draw(self, rng, shape):
        return np.ones(shape)


class Constant(Initializer):
    """One number.

    >>> Constant(3.0)((2,)).tolist()
    [3.0, 3.0]
    """

    def __init__(self, value: float = 0.0):
        super().__init__()
        self.value = value

    def _draw(self, rng, shape):
        return np.full(shape, self.value)


class RandomNormal(Initializer):
    """Normal, mean and standard deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def _draw(self, rng, shape):
        return rng.normal(self.mean, self.stddev, shape)


def _truncated(rng, shape, stddev):
    x = rng.normal(size=shape)
    while (far := np.abs(x) > 2).any():
        x[far] = rng.normal(size=int(far.sum()))
    return x * stddev


class TruncatedNormal(RandomNormal):
    """Normal within two standard deviations."""

    def _draw(self, rng, shape):
        return self.mean + _truncated(rng, shape, self.stddev)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def _draw(self, rng, shape):
        return rng.uniform(self.minval, self.maxval, shape)


class VarianceScaling(Initializer):
    """Variance scale / fan: of fan_in, fan_out or fan_avg; truncated_normal, untruncated_normal or uniform.

    >>> VarianceScaling(2.0, "fan_in", "uniform", seed=1)((4, 2)).shape
    (4, 2)
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: int | None = None):
        super().__init__(seed)
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode!r}. Expected 'fan_in', 'fan_out' or 'fan_avg'")
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(f"Invalid `distribution` argument: {distribution!r}. Expected 'truncated_normal', 'untruncated_normal' or 'uniform'")
        if not scale > 0:
            raise ValueError(f"Argument `scale` must be positive. Received: scale={scale!r}")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def _draw(self, rng, shape):
        into, out = _fans(shape)
        variance = self.scale / max(1.0, {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2}[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "truncated_normal":
            return _truncated(rng, shape, math.sqrt(variance) / 0.87962566103423978)
        return rng.normal(0, math.sqrt(variance), shape)


class _Scaling(VarianceScaling):
    _how: tuple = ()

    def __init__(self, seed: int | None = None):
        super().__init__(*self._how, seed=seed)

    def get_config(self) -> dict:
        return {"seed": self.seed}

    def __repr__(self):
        return f"{type(self).__name__}(seed={self.seed!r})"


class GlorotUniform(_Scaling):
    """Uniform, variance 2 / (fan_in + fan_out). Glorot & Bengio 2010."""

    _how = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaling):
    """Truncated normal, variance 2 / (fan_in + fan_out)."""

    _how = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaling):
    """Uniform, variance 2 / fan_in. He et al. 2015."""

    _how = (2.0, "fan_in", "uniform")


class HeNormal(_Scaling):
    """Truncated normal, variance 2 / fan_in."""

    _how = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaling):
    """Uniform, variance 1 / fan_in."""

    _how = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaling):
    """Truncated normal, variance 1 / fan_in."""

    _how = (1.0, "fan_in", "truncated_normal")


class Orthogonal(Initializer):
    """Rows or columns of a random orthogonal matrix, times gain. Saxe et al. 2014.

    >>> w = Orthogonal(seed=0)((3, 3))
    >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        super().__init__(seed)
        self.gain = gain

    def _draw(self, rng, shape):
        if len(shape) < 2:
            raise ValueError(f"The tensor to initialize must be at least two-dimensional. Received: shape={shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


_CLASSES = (Zeros, Ones, Constant, RandomNormal, TruncatedNormal, RandomUniform, VarianceScaling, GlorotUniform, GlorotNormal, HeUniform,
            HeNormal, LecunUniform, LecunNormal, Orthogonal)
_NAMES = {**{snake(c.__name__): c for c in _CLASSES}, **{c.__name__: c for c in _CLASSES}, "uniform": RandomUniform, "normal": RandomNormal}


def get(identifier: str | Initializer | None) -> Initializer | None:
    """The initializer of a name.

    >>> get("he_normal")
    HeNormal(seed=None)
    """
    if identifier is None or isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if isinstance(identifier, str) and identifier in _NAMES:
        return _NAMES[identifier]()
    raise ValueError(f"Could not interpret initializer identifier: {identifier!r}.{did_you_mean(identifier, [snake(c.__name__) for c in _CLASSES])}")


__all__ = ["Initializer", "Zeros", "Ones", "Constant", "RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling", "GlorotUniform",
           "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal", "Orthogonal", "get"]
