"""compile, fit, evaluate, predict.

Python walks the epochs; each one is a single call of the C library that runs without the interpreter's lock and ends when Ctrl-C is pressed, with
the weights of the last whole epoch. So callbacks may do anything between epochs, and nothing happens in Python within one. Learning rates are worked out
for all steps of an epoch before it begins.
"""
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from . import _data, losses, metrics as metrics_module, optimizers
from ._layer import KerasTensor
from ._progress import Bar, resolve
from ._support import fixed, refuse, whole
from .callbacks import Callback, CallbackList, History, TerminateOnNaN


class Augmentation:
    """Changes of pictures while training, each drawn anew for every example and epoch: model.augmentation = Augmentation(flip=True, shift=2).

    flip        left and right, half of the time
    shift       by up to so many pixels each way, the edge is filled with zeros
    zoom        a random crop of at least (1 - zoom) of each side, resized
    brightness, contrast, colour   by up to so much (in the units of the pixels); colour: each channel by itself
    erase       probability that a rectangle of 2 to 20 % is erased. Zhong et al. 2020
    """

    def __init__(self, flip: bool = False, shift: int = 0, zoom: float = 0.0, brightness: float = 0.0, contrast: float = 0.0, colour: float = 0.0,
                 erase: float = 0.0):
        self.flip, self.shift, self.zoom, self.brightness = bool(flip), int(shift), float(zoom), float(brightness)
        self.contrast, self.colour, self.erase = float(contrast), float(colour), float(erase)

    def _tuple(self):
        return self.flip, self.shift, self.zoom, self.brightness, self.contrast, self.colour, self.erase


class _Lines(Callback):
    """Keras's lines of a fit. Behind the caller's callbacks, so that what they add to the logs is shown."""

    def __init__(self, verbose, epochs):
        super().__init__()
        self.verbose, self.epochs, self.bar = verbose, epochs, None

    def begin(self, epoch, examples, batch):
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.epochs}", flush=True)
        self.bar = Bar(examples, batch, self.verbose)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.end(logs or {})
        self.bar = None

    def broken_off(self):
        if self.bar is not None and self.verbose == 1:
            print(flush=True)


class Trainer:
    """What a model learns by, and how. A part of Model."""

    def _init_trainer(self):
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self.stop_training = False
        self.history: History | None = None
        self.augmentation: Augmentation | None = None
        self._loss: losses.Loss | None = None
        self._metrics: list[tuple[str, str, bool]] = []
        self._compiled = self._prepared = False
        self._busy = threading.Lock()

    @contextmanager
    def _alone(self):
        """One fit at a time: between its epochs too."""
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(f'model "{self.name}" is being trained by another call of fit; wait until it has ended')
        try:
            yield
        finally:
            self._busy.release()

    # ---- compile ----

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None,
                run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: Any = "auto", auto_scale_loss: bool = True) -> None:
        """What the model learns, and by what steps. Weights stay as they are; what an optimizer keeps begins anew.

        optimizer   "adam", "adamw", "sgd", "adagrad", or an object of merx.keras.optimizers
        loss        a name or an object of merx.keras.losses
        metrics     ["accuracy"] behind a cross-entropy, ["mae"] behind the others; "mse" and RootMeanSquaredError() of a model that learns by mse

        steps_per_execution, jit_compile and auto_scale_loss say how Keras computes, not what; they are taken and change nothing.
        Keras's default optimizer, rmsprop, is not there: name one.
        """
        fixed("compile", loss_weights=(loss_weights, None), weighted_metrics=(weighted_metrics or None, None), run_eagerly=(bool(run_eagerly), False))
        if getattr(self, "_base", None) is not None:
            raise NotImplementedError(f'model "{self.name}" shows an inner layer of model "{self._base.name}"; compile and train that one')
        if isinstance(loss, (list, tuple)) and len(loss) == 1:
            loss = loss[0]
        if isinstance(loss, (list, tuple, dict)):
            refuse("compile", "loss", loss, "one loss of one output")
        new_optimizer = optimizers.get(optimizer)
        new_loss = losses.get(loss) if loss is not None else None
        listed = list(metrics) if isinstance(metrics, (list, tuple)) else [] if metrics is None else [metrics]
        if len(listed) == 1 and isinstance(listed[0], (list, tuple)):
            listed = list(listed[0])
        if listed and new_loss is None:
            raise ValueError("compile: there are metrics, but no loss")
        found = [metrics_module._resolve(m, new_loss) for m in listed]
        if self._net_is_built() or self._known():
            self._fits(new_loss, new_optimizer)
        self.optimizer, self.loss, self._loss, self._metrics = new_optimizer, loss, new_loss, found
        self._compiled = True
        self._prepared = self._known() and new_loss is not None

    def _fits(self, loss, optimizer):
        """Tells the network; an error leaves what was compiled before."""
        if loss is not None:
            with self._alone():
                self._network().compile(loss._word, **optimizer._options())

    def _need_loss(self, what: str) -> None:
        if not self._compiled:
            raise ValueError(f"You must call `compile()` before calling `{what}()`.")
        if self._loss is None:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")

    def _ready(self) -> Any:
        """The network, ready to learn or be judged."""
        net = self._network()
        if not self._prepared:
            net.compile(self._loss._word, **self.optimizer._options())
            self._prepared = True
        return net

    @property
    def metrics_names(self) -> list[str]:
        """Names of what evaluate returns."""
        return ["loss", *(name for name, _, _ in self._metrics)]

    def _logs(self, loss: float, metric: float, prefix: str = "") -> dict[str, float]:
        """By name, as Keras orders them."""
        values = {"loss": loss, **{name: metrics_module._value(how, loss, metric) for name, how, _ in self._metrics}}
        return {prefix + name: values[name] for name in sorted(values)}

    def _shown(self):
        """The name of what the C library tells beside the loss while it trains."""
        return next((name for name, how, _ in self._metrics if how == "metric"), None)

    def _weights_for(self, sample_weight, class_weight, y, n):
        weights = _data.weights(sample_weight, class_weight, y, n)
        if weights is not None and any(how != "metric" for _, how, _ in self._metrics):
            refuse("fit", "sample_weight or class_weight", "given", "metrics that don't follow from the (weighted) loss: " + "'mae' or 'accuracy'")
        return weights

    def _examples(self, x, y, sample_weight, class_weight=None, what=""):
        """The arguments of the network's fit and evaluate."""
        x = _data.inputs(self, x, f"{what}x")
        labels, rows = _data.targets(self, y, x, f"{what}y")
        return {"x": x, "labels": labels, "targets": rows, "weights": self._weights_for(sample_weight, class_weight, y, len(x))}

    # ---- fit ----

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: int | str = "auto",
            callbacks: Any = None, validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True,
            class_weight: Mapping[int, float] | None = None, sample_weight: Any = None, initial_epoch: int = 0,
            steps_per_epoch: int | None = None, validation_steps: int | None = None, validation_batch_size: int | None = None,
            validation_freq: int | Sequence[int] = 1) -> History:
        """Trains, and returns the History: .history["loss"], ["accuracy"], ["val_loss"] … with one number an epoch, and .epoch.

        x                 (n, *input): what NumPy converts; float32 and uint8 are taken without a copy. uint8 is seen as 0 … 255
        y                 labels, rows or targets, as the loss takes them
        batch_size        32
        verbose           1 a bar, 2 a line an epoch, 0 nothing; "auto": 1 on a terminal, else 2
        validation_split  the last share of the examples is held out
        validation_data   (x, y) or (x, y, sample_weight)
        validation_batch_size  changes neither results nor memory; taken and not used

        A fit goes on where the one before ended. Ctrl-C raises KeyboardInterrupt, with the weights of the last whole epoch and model.history so far.
        A loss that is not a number raises merx.InputError (a ValueError) that names step and layer, likewise with the last good weights.
        The same bits come out for any number of cores.
        """
        fixed("fit", steps_per_epoch=(steps_per_epoch, None), validation_steps=(validation_steps, None))
        if x is None:
            raise ValueError("fit: x is None")
        epochs, initial_epoch = whole("fit", "epochs", epochs, 0), whole("fit", "initial_epoch", initial_epoch, 0)
        batch = 32 if batch_size is None else whole("fit", "batch_size", batch_size)
        if validation_batch_size is not None:
            whole("fit", "validation_batch_size", validation_batch_size)
        if not isinstance(shuffle, (bool, np.bool_)):
            refuse("fit", "shuffle", shuffle, "True and False")
        verbose = resolve(verbose)
        with self._alone():
            self._need_loss("fit")
            held = self._validation(validation_data) if validation_data is not None else None
            train = self._examples(x, y, sample_weight, class_weight)
            net = self._ready()
            if held is None and validation_split:
                train, held = self._split(train, validation_split, whole_weights=class_weight is None)
            return self._run(net, train, held, batch, epochs, initial_epoch, verbose, callbacks, bool(shuffle), _when(validation_freq))

    def _validation(self, data):
        if not isinstance(data, (list, tuple)) or len(data) not in (2, 3):
            raise ValueError("Data is expected to be in format `(x, y)` or `(x, y, sample_weight)`, found: validation_data of "
                             f"{type(data).__name__}{f' of {len(data)}' if hasattr(data, '__len__') else ''}")
        x, y, *more = data
        return self._examples(x, y, more[0] if more else None, what="validation ")

    def _split(self, train, share, whole_weights):
        n = len(train["x"])
        if not 0 < share < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1, received: {share}")
        at = int(n * (1 - share))
        if at in (0, n):
            raise ValueError(f"Training data contains {n} samples, which is not sufficient to split it into a validation and training set as specified by "
                             f"`validation_split={share}`. Either provide more data, or a different value for the `validation_split` argument.")
        held = {k: None if v is None else v[at:] for k, v in train.items()}
        if not whole_weights:  # weights of classes are of training alone
            held["weights"] = None
        return {k: None if v is None else v[:at] for k, v in train.items()}, held

    def _run(self, net, train, held, batch, epochs, initial_epoch, verbose, callbacks, shuffle, validates):
        n = len(train["x"])
        if n == 0:
            raise ValueError("fit: there are no examples")
        steps = -(-n // min(batch, n))
        lines, history = _Lines(verbose, epochs), History()
        calls = CallbackList(callbacks, self, {"verbose": verbose, "epochs": epochs, "steps": steps}, last=(lines, history))
        self.history, self.stop_training = history, False
        augmentation = self.augmentation._tuple() if self.augmentation is not None else None
        logs: dict[str, float] = {}
        calls.call("on_train_begin", {})
        try:
            for epoch in range(initial_epoch, epochs):
                lines.begin(epoch, n, batch)
                calls.call("on_epoch_begin", epoch, {})
                told = partial(lines.bar.running, metric=self._shown()) if verbose == 1 else None
                try:
                    done = net.fit(**train, batch_size=min(batch, 1 << 20), shuffle=shuffle, rates=self.optimizer._rates(steps),
                                   augmentation=augmentation, progress=told)
                except ValueError as error:
                    if self._numeric(error) and any(isinstance(c, TerminateOnNaN) and not c.raise_error for c in calls.callbacks):
                        print(f"Epoch {epoch + 1}: Invalid loss, terminating training")
                        break
                    raise
                self.optimizer.iterations += steps
                logs = self._logs(*done[0][:2])
                if held is not None and validates(epoch + 1):
                    calls.call("on_test_begin", {})
                    judged = self._logs(*net.evaluate(**held))
                    calls.call("on_test_end", judged)
                    logs |= {f"val_{k}": v for k, v in judged.items()}
                calls.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
        finally:
            lines.broken_off()
        calls.call("on_train_end", logs)
        return history

    def _numeric(self, error):
        """Whether the loss was not a number. What the optimizer keeps may then hold such numbers too, and begins anew."""
        if getattr(error, "code", None) != "MERX_E_NUMERIC":
            return False
        self._network().compile(self._loss._word, **self.optimizer._options())
        return True

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Mapping[int, float] | None = None,
                       return_dict: bool = False) -> Any:
        """One step on these examples as one batch; the loss (and metrics) of this batch before the step."""
        with self._alone():
            self._need_loss("train_on_batch")
            batch = self._examples(x, y, sample_weight, class_weight)
            net = self._ready()
            if len(batch["x"]) == 0:
                raise ValueError("train_on_batch: there are no examples")
            try:
                done = net.fit(**batch, batch_size=len(batch["x"]), shuffle=False, rates=self.optimizer._rates(1))
            except ValueError as error:
                self._numeric(error)
                raise
            self.optimizer.iterations += 1
        return self._returned(done[0][0], done[0][1], return_dict)

    def _returned(self, loss, metric, return_dict):
        logs = self._logs(loss, metric)
        if return_dict:
            return logs
        values = [logs[name] for name in self.metrics_names]
        return values if len(values) > 1 else values[0]

    # ---- evaluate ----

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: int | str = "auto", sample_weight: Any = None,
                 steps: int | None = None, callbacks: Any = None, return_dict: bool = False, **kwargs: Any) -> Any:
        """The loss over all examples, and the metrics: [loss, accuracy], the loss alone without metrics, or a dict.

        batch_size changes neither results nor memory.
        """
        if kwargs:
            raise ValueError(f"Arguments not recognized: {kwargs}")
        fixed("evaluate", steps=(steps, None))
        batch, verbose = 32 if batch_size is None else whole("evaluate", "batch_size", batch_size), resolve(verbose)
        self._need_loss("evaluate")
        if x is None:
            raise ValueError("evaluate: x is None")
        examples = self._examples(x, y, sample_weight)
        net = self._ready()
        calls = CallbackList(callbacks, self, {"verbose": verbose, "epochs": 1, "steps": -(-len(examples["x"]) // batch)})
        bar = Bar(len(examples["x"]), batch, verbose)
        calls.call("on_test_begin", {})
        loss, metric = net.evaluate(**examples)
        logs = self._logs(loss, metric)
        calls.call("on_test_end", logs)
        bar.end(logs)
        return self._returned(loss, metric, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """evaluate, quietly."""
        return self.evaluate(x, y, verbose=0, sample_weight=sample_weight, return_dict=return_dict)

    # ---- predict ----

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", steps: int | None = None, callbacks: Any = None) -> np.ndarray:
        """(n, *output) of float32. Any number of threads may predict at once. batch_size changes neither results nor memory."""
        fixed("predict", steps=(steps, None))
        batch, verbose = 32 if batch_size is None else whole("predict", "batch_size", batch_size), resolve(verbose)
        calls = CallbackList(callbacks, self, {"verbose": verbose}) if callbacks is not None else None
        bar = Bar(len(x) if hasattr(x, "__len__") else 1, batch, verbose) if verbose else None
        if calls is not None:
            calls.call("on_predict_begin", {})
        out = self.predict_on_batch(x)
        if calls is not None:
            calls.call("on_predict_end", {"outputs": out})
        if bar is not None:
            bar.end({})
        return out

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """predict, quietly: for a few examples, again and again."""
        return self._forward(_data.inputs(self, x))

    def __call__(self, x: Any, training: bool | None = None, mask: Any = None) -> np.ndarray:
        """model(x) is predict_on_batch(x): the outputs as an array."""
        if isinstance(x, KerasTensor):
            raise NotImplementedError(f'model "{self.name}" is called with a symbolic tensor; models within models are not supported')
        if training or mask is not None:
            fixed("call", training=(training or None, None), mask=(mask, None))
        return self.predict_on_batch(x)


def _when(freq: Any) -> Callable[[int], bool]:
    """Whether an epoch, from 1, is validated."""
    if isinstance(freq, (list, tuple, set)):
        return set(freq).__contains__
    freq = whole("fit", "validation_freq", freq)
    return lambda epoch: epoch % freq == 0
