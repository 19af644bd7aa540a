"""Optimizers: Adam, AdamW, SGD, Adagrad, with Keras 3's arguments and results.

    model.compile(optimizer=Adam(learning_rate=1e-3), loss="mse")
    model.compile(optimizer=SGD(schedules.CosineDecay(0.1, decay_steps=1000), momentum=0.9), loss="mse")
"""
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._support import did_you_mean, fixed, refuse
from . import schedules
from .schedules import LearningRateSchedule


class _Rate(float):
    """A learning rate as Keras gives it: a number that can be assigned to."""

    _of: "Optimizer"

    def assign(self, value: float) -> None:
        self._of.learning_rate = value

    def numpy(self) -> np.float32:
        return np.float32(self)

    def __reduce__(self):
        return float, (float(self),)


class Optimizer:
    """Base of the optimizers: learning_rate (a number, a schedule, or a function without arguments), iterations (steps so far)."""

    _word = ""

    def __init__(self, learning_rate: Any, name: str | None, kwargs: dict, *, weight_decay: float | None = None, global_clipnorm: float | None = None,
                 **only: Any):
        where = type(self).__name__
        if kwargs:
            raise ValueError(f"{where}: Argument(s) not recognized: {kwargs}")
        fixed(where, **only)
        if weight_decay is not None and self._word != "adam":
            refuse(where, "weight_decay", weight_decay, "weight_decay in Adam and AdamW alone")
        for key, value in (("weight_decay", weight_decay), ("global_clipnorm", global_clipnorm)):
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise ValueError(f"{where}: {key} is {value!r}; expected a number of 0 or more")
        self.weight_decay, self.global_clipnorm = weight_decay, global_clipnorm
        self.name = name if name is not None else where.lower()
        self.iterations = 0
        self._schedule: LearningRateSchedule | Callable | None = None
        if isinstance(learning_rate, dict):
            raise TypeError(f"{where}: learning_rate is a dict; expected a number or a schedule")
        if isinstance(learning_rate, LearningRateSchedule) or callable(learning_rate):
            self._schedule = learning_rate
            self._rate = math.nan
        else:
            self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        rate = _Rate(self._rates(1)[0])
        rate._of = self
        return rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule):
            self._schedule = value
            return
        if self._schedule is not None:
            raise TypeError("This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence its "
                            "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the optimizer with "
                            "a float `learning_rate` argument.")
        value = float(value)
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{type(self).__name__}: learning_rate is {value!r}; expected a number of 0 or more")
        self._rate = value

    def _rates(self, steps: int) -> np.ndarray:
        """The rates of the next steps."""
        if self._schedule is None:
            return np.full(steps, self._rate)
        if isinstance(self._schedule, LearningRateSchedule):
            return np.array([float(self._schedule(self.iterations + k)) for k in range(steps)])
        return np.full(steps, float(self._schedule()))

    def _options(self) -> dict:
        """Arguments of _merx.Network.compile. The rate in it is what a file of the network keeps; a fit gives its own for each step."""
        options = {"optimizer": self._word, "learning_rate": min(max(float(self._rates(1)[0]), 1e-12), 1e6)}
        if self.global_clipnorm:
            options["clip_norm"] = float(self.global_clipnorm)
        if self.weight_decay:
            options["weight_decay"] = float(self.weight_decay)
        return options

    def get_config(self) -> dict:
        """The arguments that are not fixed, as numbers."""
        rate = self._schedule if self._schedule is not None else self._rate
        return {"name": self.name, "learning_rate": rate, **{k: v for k, v in vars(self).items() if k not in ("name", "iterations") and k[0] != "_"}}

    @classmethod
    def from_config(cls, config: dict) -> "Optimizer":
        """The optimizer of a get_config()."""
        return cls(**{k: v for k, v in config.items()})


def _above_zero(where: str, **values: float) -> None:
    for name, value in values.items():
        if not 0 < value < 1:
            raise ValueError(f"{where}: {name} is {value!r}; expected a number between 0 and 1")


class Adam(Optimizer):
    """Kingma & Ba 2015.

    >>> Adam(learning_rate=0.01).learning_rate
    0.01

    weight_decay is AdamW's; merx does not decay biases and the weights of normalisation, which Keras does.
    """

    _word = "adam"

    def __init__(self, learning_rate: Any = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-07, amsgrad: bool = False,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, kwargs, weight_decay=weight_decay, global_clipnorm=global_clipnorm, amsgrad=(amsgrad, False),
                         clipnorm=(clipnorm, None), clipvalue=(clipvalue, None), use_ema=(use_ema, False), ema_momentum=(ema_momentum, 0.99),
                         ema_overwrite_frequency=(ema_overwrite_frequency, None), loss_scale_factor=(loss_scale_factor, None),
                         gradient_accumulation_steps=(gradient_accumulation_steps, None))
        _above_zero(type(self).__name__, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)

    def _options(self) -> dict:
        return {**super()._options(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


class AdamW(Adam):
    """Adam with decay of the weights beside the gradient. Loshchilov & Hutter 2019. Biases and the weights of normalisation do not decay.

    >>> AdamW().weight_decay
    0.004
    """

    def __init__(self, learning_rate: Any = 0.001, weight_decay: float | None = 0.004, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float = 1e-07, amsgrad: bool = False, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
                         ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)


class SGD(Optimizer):
    """Gradient descent, with momentum, Nesterov's or plain.

    >>> SGD(0.1, momentum=0.9).get_config()["momentum"]
    0.9
    """

    _word = "sgd"

    def __init__(self, learning_rate: Any = 0.01, momentum: float = 0.0, nesterov: bool = False, weight_decay: float | None = None,
                 clipnorm: float | None = None, clipvalue: float | None = None, global_clipnorm: float | None = None, use_ema: bool = False,
                 ema_momentum: float = 0.99, ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, kwargs, weight_decay=weight_decay, global_clipnorm=global_clipnorm, clipnorm=(clipnorm, None),
                         clipvalue=(clipvalue, None), use_ema=(use_ema, False), ema_momentum=(ema_momentum, 0.99),
                         ema_overwrite_frequency=(ema_overwrite_frequency, None), loss_scale_factor=(loss_scale_factor, None),
                         gradient_accumulation_steps=(gradient_accumulation_steps, None))
        if not 0 <= momentum <= 1:
            raise ValueError("`momentum` must be a float between [0, 1].")
        self.momentum, self.nesterov = float(momentum), bool(nesterov)

    def _options(self) -> dict:
        return {**super()._options(), "momentum": self.momentum, "nesterov": self.nesterov}


class Adagrad(Optimizer):
    """Duchi, Hazan & Singer 2011.

    >>> float(Adagrad().learning_rate)
    0.001
    """

    _word = "adagrad"

    def __init__(self, learning_rate: Any = 0.001, initial_accumulator_value: float = 0.1, epsilon: float = 1e-07,
                 weight_decay: float | None = None, clipnorm: float | None = None, clipvalue: float | None = None,
                 global_clipnorm: float | None = None, use_ema: bool = False, ema_momentum: float = 0.99,
                 ema_overwrite_frequency: int | None = None, loss_scale_factor: float | None = None,
                 gradient_accumulation_steps: int | None = None, name: str | None = None, **kwargs: Any):
        super().__init__(learning_rate, name, kwargs, weight_decay=weight_decay, global_clipnorm=global_clipnorm, clipnorm=(clipnorm, None),
                         initial_accumulator_value=(initial_accumulator_value, 0.1), clipvalue=(clipvalue, None), use_ema=(use_ema, False),
                         ema_momentum=(ema_momentum, 0.99), ema_overwrite_frequency=(ema_overwrite_frequency, None),
                         loss_scale_factor=(loss_scale_factor, None), gradient_accumulation_steps=(gradient_accumulation_steps, None))
        _above_zero("Adagrad", epsilon=epsilon)
        self.epsilon = float(epsilon)

    def _options(self) -> dict:
        return {**super()._options(), "epsilon": self.epsilon}


_CLASSES = {c.__name__.lower(): c for c in (Adam, AdamW, SGD, Adagrad)}
_OTHERS = ("rmsprop", "adadelta", "adamax", "nadam", "ftrl", "lion", "adafactor", "lamb", "muon", "loss_scale_optimizer")


def get(identifier: str | dict | Optimizer | None) -> Optimizer:
    """The optimizer of a name, with its defaults.

    >>> type(get("adam")).__name__
    'Adam'
    """
    if isinstance(identifier, Optimizer):
        return identifier
    word = identifier.lower() if isinstance(identifier, str) else None
    if word in _CLASSES:
        return _CLASSES[word]()
    if word in _OTHERS:
        refuse("compile", "optimizer", identifier, ", ".join(map(repr, _CLASSES)))
    raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}.{did_you_mean(identifier, _CLASSES)}")


__all__ = ["Optimizer", "Adam", "AdamW", "SGD", "Adagrad", "get", "schedules"]
