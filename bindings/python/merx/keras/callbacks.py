"""Callbacks, with Keras's names, arguments and moments: around a fit and each of its epochs, around an evaluation, around a prediction.

Batches have no callback: they run in C. A callback that defines one is refused when the fit begins.
"""
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ._support import refuse

_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end", "on_test_batch_begin", "on_test_batch_end",
                "on_predict_batch_begin", "on_predict_batch_end")


class Callback:
    """Base. Override what is wanted; self.model is the model, self.params has verbose, epochs and steps.

    >>> class Stop(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         if logs["loss"] < 0.1:
    ...             self.model.stop_training = True
    """

    def __init__(self) -> None:
        self.params: dict | None = None
        self._model = None

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return getattr(self, "_model", None)

    def __getstate__(self):
        return {**self.__dict__, "_model": None}  # a copy belongs to no model

    def set_params(self, params: dict) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self._model = model

    def on_train_begin(self, logs: Mapping | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Mapping | None = None) -> None:
        """After the last epoch; not after an interrupted or failed fit."""

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        """After an epoch and its validation. logs: loss, metrics, val_…"""

    def on_test_begin(self, logs: Mapping | None = None) -> None:
        """Before an evaluation or a validation."""

    def on_test_end(self, logs: Mapping | None = None) -> None:
        """After it."""

    def on_predict_begin(self, logs: Mapping | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Mapping | None = None) -> None:
        """After it."""


class CallbackList:
    """Several as one; what model.fit makes of its callbacks."""

    def __init__(self, callbacks: Any, model: Any, params: dict, last: list | tuple = ()):
        if callbacks is None:
            callbacks = []
        elif not isinstance(callbacks, (list, tuple)):
            callbacks = callbacks.callbacks if isinstance(callbacks, CallbackList) else [callbacks]
        self.callbacks = [*callbacks, *last]
        for callback in self.callbacks:
            for hook in _BATCH_HOOKS:
                if _overrides(callback, hook):
                    refuse(type(callback).__name__, hook, getattr(callback, hook), "callbacks of epochs, trainings, evaluations and predictions")
            callback.set_model(model)
            callback.set_params(params)

    def call(self, moment: str, *args: Any) -> None:
        """Calls the moment of each that has it."""
        for callback in self.callbacks:
            hook = getattr(callback, moment, None)
            if hook is not None:
                hook(*args)


def _overrides(callback, hook):
    """Whether a class below the base (ours, or Keras's own) defines the hook, or the object has one of its own."""
    if hook in getattr(callback, "__dict__", {}):
        return True
    for cls in type(callback).__mro__:
        if hook in vars(cls):
            return cls.__name__ != "Callback"
    return False


class History(Callback):
    """What fit returns: history (name to one number an epoch) and epoch (their numbers)."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Mapping | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """A callback of functions.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)).on_epoch_end(3, {})
    3
    """

    def __init__(self, on_epoch_begin: Callable | None = None, on_epoch_end: Callable | None = None, on_train_begin: Callable | None = None,
                 on_train_end: Callable | None = None, on_train_batch_begin: Callable | None = None,
                 on_train_batch_end: Callable | None = None, **kwargs: Callable):
        super().__init__()
        given = {"on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
                 "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end, **kwargs}
        for name, function in given.items():
            if function is None:
                continue
            if name in _BATCH_HOOKS:
                refuse("LambdaCallback", name, function, "callbacks of epochs, trainings, evaluations and predictions")
            if not hasattr(Callback, name):
                raise ValueError(f"LambdaCallback: there is no moment {name!r}")
            setattr(self, name, function)


class _Monitor(Callback):
    """Looks at one number of the logs."""

    def __init__(self, monitor, mode, baseline=None, min_delta=0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)

    def _upwards(self):
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        for metric, _, upwards in self.model._metrics:
            if metric == name:
                return upwards
        raise ValueError(f"{type(self).__name__} callback received monitor={self.monitor}, but it isn't known whether that metric should be maximized or "
                         "minimized. Pass `mode='max'` in order to monitor based on the highest metric value, or pass `mode='min'` in order to use the "
                         "lowest value.")

    def _improves(self, value, than):
        if than is None:
            return True
        return value - self.min_delta > than if self._upwards() else value + self.min_delta < than


class EarlyStopping(_Monitor):
    """Ends the fit when the monitored number has not improved for `patience` epochs.

    >>> EarlyStopping(patience=3, restore_best_weights=True).monitor
    'val_loss'
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
                 baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def on_train_begin(self, logs: Mapping | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                          f"Available metrics are: {','.join(logs or {})}", stacklevel=2)
            return
        if epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Writes the model after each epoch, or after each best one. The file is merx's own (.merx), whole or not at all; `{epoch:02d}`,
    `{val_loss:.2f}` … in its name are filled in.

    >>> ModelCheckpoint("best.merx", save_best_only=True).filepath
    'best.merx'
    """

    def __init__(self, filepath: str | os.PathLike, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False,
                 save_weights_only: bool = False, mode: str = "auto", save_freq: str | int = "epoch",
                 initial_value_threshold: float | None = None):
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only = verbose, save_best_only
        if save_weights_only:
            refuse("ModelCheckpoint", "save_weights_only", save_weights_only, "files of whole models; load_weights reads their weights alone")
        if save_freq != "epoch":
            refuse("ModelCheckpoint", "save_freq", save_freq, "save_freq='epoch'")
        if not self.filepath.endswith(".merx"):
            raise ValueError(f"The filepath provided must end in `.merx` (merx writes its own files alone). Received: filepath={self.filepath}")

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        logs = dict(logs or {})
        try:
            path = self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise KeyError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}') from None
        if self.save_best_only:
            value = logs.get(self.monitor)
            if value is None:
                warnings.warn(f"Can save best model only with {self.monitor} available. Available: {', '.join(logs)}", stacklevel=2)
            elif not self._improves(value, self.best):
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            else:
                self.best = value
        if os.path.dirname(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        self.model.save(path)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")


class CSVLogger(Callback):
    """A line an epoch in a file: epoch, then the logs by name."""

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self._keys = None
        self._header = True

    def on_train_begin(self, logs: Mapping | None = None) -> None:
        self._keys = None
        self._header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0)
        if not self.append:
            open(self.filename, "w").close()

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        logs = logs or {}
        if self._keys is None:
            self._keys = sorted(logs)
            if not any(k.startswith("val_") for k in self._keys):
                self._keys += [f"val_{k}" for k in self._keys]
        import csv

        # Opened for each line: an interrupted fit leaves no file open, and all its epochs.
        with open(self.filename, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.sep)
            if self._header:
                writer.writerow(["epoch", *self._keys])
                self._header = False
            writer.writerow([epoch, *(logs.get(k, "NA") for k in self._keys)])


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch: schedule(epoch, learning_rate), or schedule(epoch).

    >>> LearningRateScheduler(lambda epoch, rate: rate * 0.9).verbose
    0
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Mapping | None = None) -> None:
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        except TypeError:
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.float32, np.float64)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` when the monitored number has not improved for `patience` epochs.

    >>> ReduceLROnPlateau(factor=0.5, patience=2).min_lr
    0.0
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
                 min_delta: float = 0.0001, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any):
        if kwargs:
            raise ValueError(f"ReduceLROnPlateau: Argument(s) not recognized: {kwargs}")
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Mapping | None = None) -> None:
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Mapping | None = None) -> None:
        optimizer = self.model.optimizer
        value = (logs or {}).get(self.monitor)
        if logs is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        if value is None:
            warnings.warn(f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                          f"Available metrics are: {','.join(logs or {})}.", stacklevel=2)
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            old = float(optimizer.learning_rate)
            if self.wait >= self.patience and old > self.min_lr:
                optimizer.learning_rate = max(old * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose > 0:
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {float(optimizer.learning_rate)}.")


class TerminateOnNaN(Callback):
    """A loss that is not a number ends the fit quietly. Without this callback it is an error that names step and layer. Either way the
    weights are those of the last good epoch.
    """

    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error


__all__ = ["Callback", "CallbackList", "History", "LambdaCallback", "EarlyStopping", "ModelCheckpoint", "CSVLogger", "LearningRateScheduler",
           "ReduceLROnPlateau", "TerminateOnNaN"]
