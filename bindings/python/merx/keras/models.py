"""Sequential and functional models, and their files.

    model = Sequential([Input((28, 28, 1)), Conv2D(32, 3, activation="relu"), MaxPooling2D(), Flatten(), Dense(10, activation="softmax")])
    model = Model(inputs, outputs)

A model is a graph of layers with one input and one output. Its network (C) is made when weights or predictions are first asked for.
"""
import copy
import json
import math
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import layers as layers_module, losses, optimizers
from ._layer import InputLayer, KerasTensor, Layer, Variable
from ._summary import table
from ._support import fixed, next_seed, numbered, refuse, snake
from ._training import Trainer


class _EitherCrossentropy(losses.SparseCategoricalCrossentropy):
    """Out of a file, which does not say whether labels or rows were learnt from: both are taken."""

    _labels = "either"


class Model(Trainer):
    """A functional model: Model(inputs, outputs), of symbolic tensors that layers gave.

    >>> from merx.keras import Input, layers
    >>> inputs = Input((4,))
    >>> model = Model(inputs, layers.Dense(2)(inputs))
    >>> model.output_shape
    (None, 2)

    Outputs of an inner layer of a model: Model(model.inputs, model.get_layer("dense").output) predicts with that model's own weights.
    """

    def __new__(cls, *args, **kwargs):
        if cls is Model:
            return object.__new__(Functional)
        if not issubclass(cls, (Functional, Sequential)):
            raise NotImplementedError(f"{cls.__name__}: models made by subclassing Model are not supported, since merx runs them in C; use Sequential or "
                                      "Model(inputs, outputs)")
        return object.__new__(cls)

    def _init_model(self, name):
        self.name = name if name is not None else numbered(snake(type(self).__name__))
        self._net = None
        self._base: Model | None = None
        self._slots: dict[Layer, tuple[int, int]] = {}
        self._kept: dict[Layer, list] = {}
        self._building = threading.RLock()
        self._seed = next_seed()
        self._init_trainer()

    # ---- the graph ----

    def _known(self) -> bool:
        """Whether the input's shape is known."""
        return True

    def _see(self, shape: tuple[int, ...]) -> None:
        """The shape of a first array."""

    def _order(self) -> list[Layer]:
        """All layers, the input's first, in Keras's order: by the longest way to the output, then as they are met from there."""
        met: dict[Layer, int] = {}
        post: list[Layer] = []
        stack: list[tuple[Layer, int]] = [(self._output_layer(), 0)]
        while stack:
            layer, at = stack.pop()
            if at == 0:
                if layer in met:
                    continue
                met[layer] = len(met)
            before = [t._layer for t in layer.output._inputs]
            if at < len(before):
                stack.append((layer, at + 1))
                if before[at] not in met:
                    stack.append((before[at], 0))
            else:
                post.append(layer)
        depth = dict.fromkeys(post, 0)
        for layer in reversed(post):
            for tensor in layer.output._inputs:
                depth[tensor._layer] = max(depth[tensor._layer], depth[layer] + 1)
        return sorted(post, key=lambda one: (-depth[one], met[one]))

    def _output_layer(self) -> Layer:
        return self.output._layer

    def _makes_mask(self) -> bool:
        return any(isinstance(one, layers_module.Masking) or getattr(one, "mask_zero", False) for one in self._order())

    def _wants_floats(self) -> bool:
        """Whether uint8 won't do: the input's numbers are looked up, or an inner layer is asked for."""
        return self._base is not None or any(isinstance(one, layers_module.Embedding) for one in self._order())

    def _claim(self, order: Sequence[Layer]) -> None:
        """Takes the layers, with names that are unique within the model."""
        taken = {}
        for layer in order:
            if layer._named:
                if layer.name in taken:
                    raise ValueError(f'The name "{layer.name}" is used 2 times in the model. All layer names should be unique.')
                taken[layer.name] = layer
        for layer in order:
            layer._model = self
            if not layer._named and not isinstance(layer, InputLayer):
                word, count = snake(type(layer).__name__), 0
                while taken.get(name := word if count == 0 else f"{word}_{count}", layer) is not layer:
                    count += 1
                layer._name = name
                taken[name] = layer

    # ---- the network ----

    def _net_is_built(self) -> bool:
        return self._net is not None

    def _network(self) -> Any:
        """The C network, made when first asked for."""
        if self._base is not None:
            return self._base._network()
        with self._building:
            if self._net is None:
                self._adopt(self._build())
                self._begin_weights()
                self._prepared = False
            return self._net

    def _build(self):
        from .._merx import Network

        order = self._order()
        if len(order) < 2:
            raise ValueError(f'model "{self.name}" has no layers')
        self._claim(order[1:])
        names = {order[0]: "input", **{one: one.name for one in order[1:]}}
        spec = {"input": list(order[0].output_shape[1:]),
                "layers": [{**one._spec(), "name": one.name, "inputs": [names[t._layer] for t in one.output._inputs]} for one in order[1:]]}
        return Network(json.dumps(spec), seed=self._seed)

    def _adopt(self, net) -> None:
        """The network's weights by layer."""
        places: dict[str, list[int]] = {}
        for i, (name, _, _) in enumerate(net.weights()):
            places.setdefault(name.split("/")[0], []).append(i)
        self._slots = {one: (min(places.get(one.name, [0])), len(places.get(one.name, []))) for one in self._order()}
        self._net = net

    def _begin_weights(self) -> None:
        """Initial weights that are not merx's own, and those of layers that were there before others were added."""
        for number, layer in enumerate(self._order()):
            if layer in self._kept:
                layer.set_weights(self._kept[layer])
            elif layer._initializers:
                values = layer.get_weights()
                for i, (name, shape, _) in enumerate(layer._place()[2]):
                    if name in layer._initializers:
                        values[i] = layer._initializers[name](shape, _rng=np.random.default_rng([self._seed, number, i]))
                layer.set_weights(values)
        self._kept = {}

    def _forward(self, x: np.ndarray) -> np.ndarray:
        return self._network().predict(x)

    # ---- looking inside ----

    @property
    def layers(self) -> list[Layer]:
        """The layers, in Keras's order."""
        return self._order()

    @property
    def input(self) -> KerasTensor:
        """The symbolic input."""
        raise NotImplementedError

    @property
    def output(self) -> KerasTensor:
        """The symbolic output."""
        raise NotImplementedError

    @property
    def inputs(self) -> list[KerasTensor]:
        """[input]."""
        return [self.input]

    @property
    def outputs(self) -> list[KerasTensor]:
        """[output]."""
        return [self.output]

    @property
    def input_shape(self) -> tuple:
        """With None for the batch."""
        return self.input.shape

    @property
    def output_shape(self) -> tuple:
        """With None for the batch."""
        return self.output.shape

    @property
    def built(self) -> bool:
        """Whether shapes are known."""
        return self._known()

    @property
    def trainable(self) -> bool:
        """True: merx trains all layers."""
        return True

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if not value:
            refuse(f"model {self.name!r}", "trainable", value, "layers that are all trained")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or number."""
        if (name is None) == (index is None):
            raise ValueError("Provide either a layer name or layer index, not both and not neither.")
        if index is not None:
            if index >= len(self.layers):
                raise ValueError(f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} layers.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. Existing layers are: {[one.name for one in self.layers]}.")

    @property
    def weights(self) -> list[Variable]:
        """All tensors, in Keras's order."""
        return [w for one in self.layers for w in one.weights]

    @property
    def variables(self) -> list[Variable]:
        """The same."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that the optimizer moves."""
        return [w for w in self.weights if w.trainable]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Moving statistics."""
        return [w for w in self.weights if not w.trainable]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, in Keras's order."""
        return [w for one in self.layers for w in one.get_weights()]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Puts weights in, as get_weights (or Keras's) gives them. All, or none after an error."""
        places = [(one, len(one._place()[2])) for one in self.layers]
        expected = sum(count for _, count in places)
        if len(weights) != expected:
            raise ValueError(f"You called `set_weights(weights)` on model '{self.name}' with a weight list of length {len(weights)}, but the model was "
                             f"expecting {expected} weights.")
        shapes = [(one, shape) for one, _ in places for _, shape, _ in one._place()[2]]
        for i, (one, shape) in enumerate(shapes):
            if np.shape(weights[i]) != shape:
                raise ValueError(f"Layer {one.name} weight shape {shape} is not compatible with provided weight shape {np.shape(weights[i])} (weight {i}).")
        at = 0
        for one, count in places:
            if count:
                one.set_weights(weights[at:at + count])
            at += count

    def count_params(self) -> int:
        """How many numbers all weights have.

        >>> from merx.keras import Input, Sequential, layers
        >>> Sequential([Input((4,)), layers.Dense(2)]).count_params()
        10
        """
        if not self._known():
            raise ValueError(f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build it manually via: "
                             "`layer.build(input_shape)`.")
        return sum(math.prod(w.shape) for w in self.weights)

    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Callable[[str], Any] | None = None,
                expand_nested: bool = False, show_trainable: bool = False, layer_range: Any = None) -> None:
        """Prints the layers with their shapes and weights."""
        fixed("summary", positions=(positions, None), show_trainable=(bool(show_trainable), False), layer_range=(layer_range, None))
        text = table(self, line_length)
        if print_fn is not None:
            print_fn(text)
        else:
            print(text)

    def get_config(self) -> dict:
        """name and layers: their classes, arguments and inputs."""
        return {"name": self.name,
                "layers": [{"class_name": type(one).__name__, "config": one.get_config(),
                            "inputs": [t._layer.name for t in one.output._inputs] if one.built else []} for one in self.layers]}

    def to_json(self, **kwargs: Any) -> str:
        """The network as merx's JSON: what `merx fit network --spec` and model_from_json take."""
        if kwargs:
            refuse("to_json", "kwargs", kwargs, "no arguments")
        self._whole("to_json")
        return self._network().to_json()

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # ---- files ----

    def _whole(self, what):
        if self._base is not None:
            raise NotImplementedError(f'{what}: model "{self.name}" shows an inner layer of model "{self._base.name}"; ask that one')

    def save(self, filepath: str | os.PathLike, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
        """Writes a .merx file: layers, weights, optimizer and its state, so that a fit of what load_model reads goes on. Whole, or not at all.

        A schedule is not kept, its present rate is. Metrics come back as the standard one of the loss.
        """
        fixed("save", zipped=(zipped, None))
        if kwargs:
            raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
        self._whole("save")
        path = os.fspath(filepath)
        if not path.endswith(".merx"):
            raise ValueError(f"Invalid filepath extension for saving: {path!r}. merx writes `.merx` files (and ONNX: model.export({path!r}, "
                             "format='onnx')); Keras's files are read alone.")
        if not overwrite and os.path.exists(path):
            raise FileExistsError(f"{path} is there already, and overwrite=False")
        net = self._ready() if self._compiled and self._loss is not None else self._network()
        if self._compiled and self.optimizer._schedule is not None:
            warnings.warn(f"{path}: the learning rate's schedule is not kept in the file; its present rate is", stacklevel=2)
        net.save(path)

    def save_weights(self, filepath: str | os.PathLike, overwrite: bool = True, max_shard_size: Any = None) -> None:
        """save: the file holds the weights and more; load_weights reads them."""
        fixed("save_weights", max_shard_size=(max_shard_size, None))
        self.save(filepath, overwrite=overwrite)

    def load_weights(self, filepath: str | os.PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Weights of a .merx file, of Keras's `.weights.h5`, or of a `.keras` archive. All, or none after an error."""
        from .._merx import Network

        fixed("load_weights", skip_mismatch=(bool(skip_mismatch), False))
        if kwargs:
            raise ValueError(f"Invalid keyword arguments: {kwargs}")
        self._whole("load_weights")
        path = _there(filepath)
        net = self._network()
        if path.endswith((".h5", ".keras")):
            net.load_keras(path)
            return
        other = Network.load(path)
        ours, theirs = [w[1] for w in net.weights()], [w[1] for w in other.weights()]
        if ours != theirs:
            raise ValueError(f"{path}: the weights in it have the shapes {theirs}; the model's have {ours}")
        for i in range(len(ours)):
            net.set_weight(i, other.get_weight(i))

    def export(self, filepath: str | os.PathLike, format: str = "tf_saved_model", verbose: Any = None, input_signature: Any = None,  # noqa: A002
               **kwargs: Any) -> None:
        """Writes an ONNX file (opset 17): model.export("model.onnx", format="onnx")."""
        fixed("export", format=(format, "onnx"), input_signature=(input_signature, None))
        if kwargs:
            refuse("export", "kwargs", kwargs, "no further arguments")
        self._whole("export")
        self._network().export_onnx(os.fspath(filepath))

    def __copy__(self):
        return copy.deepcopy(self)

    def __reduce__(self):
        self._whole("pickle")
        order = self._order() if self._known() else list(getattr(self, "_layers", []))
        at = {one: i for i, one in enumerate(order)}
        state = {"class": "Sequential" if isinstance(self, Sequential) else "Functional", "name": self.name, "seed": self._seed, "layers": order,
                 "inputs": [[at[t._layer] for t in one.output._inputs] if one.built else [] for one in order],
                 "names": [one.name for one in order], "network": self._net.to_bytes() if self._net is not None else None,
                 "compiled": self._compiled, "prepared": self._prepared, "optimizer": self.optimizer,
                 "iterations": self.optimizer.iterations if self.optimizer is not None else 0, "loss": self.loss, "loss_object": self._loss,
                 "metrics": self._metrics, "augmentation": self.augmentation}
        return _restore, (state,)


class Functional(Model):
    """What Model(inputs, outputs) is."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        if kwargs:
            fixed("Model", trainable=(kwargs.pop("trainable", True), True))
            if kwargs:
                raise ValueError(f"Model: arguments not recognized: {kwargs}")
        self._input, self._output = _one("inputs", inputs), _one("outputs", outputs)
        if not isinstance(self._input._layer, InputLayer):
            raise NotImplementedError("Model: inputs is not what Input() gives; models that begin at an inner layer are not supported")
        self._init_model(name)
        order = self._order()
        others = [one for one in order if isinstance(one, InputLayer) and one is not self._input._layer]
        if others or self._input._layer not in order:
            raise ValueError("`inputs` not connected to `outputs`" if self._input._layer not in order else
                             f"Model: outputs depend on {len(others) + 1} inputs; models of one input and one output are supported")
        owners = {one._model for one in order[1:]}
        if owners == {None} or not owners:
            self._claim(order[1:])
        elif len(owners) == 1 and (owner := owners.pop())._base is None and owner.input is self._input:
            self._base = owner
        else:
            taken = next(one for one in order[1:] if one._model is not None)
            raise NotImplementedError(f"Model: layer {taken.name!r} belongs to model {taken._model.name!r} already; models don't share layers, but for models "
                                      "that show an inner layer's output: Model(model.inputs, model.get_layer(…).output)")

    @property
    def input(self) -> KerasTensor:
        return self._input

    @property
    def output(self) -> KerasTensor:
        return self._output

    def build(self, input_shape: Any = None) -> None:
        """Makes the network."""
        self._network()

    def _forward(self, x):
        if self._base is None:
            return super()._forward(x)
        net = self._base._network()
        number = {name: i for i, (_, name, _, _, _) in enumerate(net.nodes())}[self._output_layer().name]
        return net.predict_node(x, number)


def _one(what, tensors):
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    if isinstance(tensors, (list, tuple)):
        if len(tensors) != 1:
            raise NotImplementedError(f"Model: there are {len(tensors)} {what}; models of one input and one output are supported")
        tensors = tensors[0]
    if not isinstance(tensors, KerasTensor):
        raise ValueError(f"All `{what}` values must be KerasTensors. Received: {what}={tensors!r} of type {type(tensors)}")
    return tensors


class Sequential(Model):
    """Layers one after the other.

    >>> from merx.keras import layers
    >>> model = Sequential()
    >>> model.add(layers.Dense(8, activation="relu", input_shape=(4,)))
    >>> model.add(layers.Dense(3, activation="softmax"))
    >>> model.output_shape
    (None, 3)

    Without an input shape, the first data say it.
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        fixed("Sequential", trainable=(bool(trainable), True))
        self._begin: InputLayer | None = None
        self._layers: list[Layer] = []
        self._init_model(name)
        for layer in layers or []:
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """One more layer at the end. Layers that are there keep their weights."""
        if isinstance(layer, KerasTensor) and isinstance(layer._layer, InputLayer):
            layer = layer._layer
        if isinstance(layer, Model):
            raise NotImplementedError(f"Sequential.add: {layer!r} is a model; models within models are not supported")
        if not isinstance(layer, Layer):
            raise ValueError(f"Only instances of `merx.keras.layers.Layer` can be added to a Sequential model. Received: {layer} (of type {type(layer)})")
        if isinstance(layer, InputLayer):
            if self._begin is not None or self._layers:
                raise ValueError(f"Sequential model '{self.name}' has already been configured to use input shape "
                                 f"{self.input_shape if self._known() else 'of its first layer'}. You cannot add a different Input layer to it.")
            self._begin = layer
            return
        if layer._model is not None or layer._output is not None:
            raise NotImplementedError(f"Sequential.add: layer {layer.name!r} is in a model already; layers that are shared are not supported")
        if layer._named and any(one.name == layer.name and one._named for one in self._layers):
            raise ValueError("All layers added to a Sequential model should have unique names. "
                             f'Name "{layer.name}" is already the name of a layer in this model. Update the `name` argument to pass a unique name.')
        if layer._joins:
            raise ValueError(f"Sequential.add: {type(layer).__name__} joins several tensors; use Model(inputs, outputs)")
        begin = self._begin
        if begin is None and not self._layers and layer._given_shape is not None:
            begin = InputLayer(layer._given_shape)
        if begin is not None:
            layer(self._layers[-1].output if self._layers else begin.output)
        self._begin = begin
        self._change(self._layers + [layer])

    def pop(self, rebuild: bool = True) -> Layer:
        """Takes the last layer off."""
        if not self._layers:
            raise ValueError(f"model {self.name!r} has no layers to take off")
        layer = self._layers[-1]
        self._change(self._layers[:-1])
        layer._model = layer._output = None
        return layer

    def _change(self, layers):
        if self._net is not None:
            self._kept = {one: one.get_weights() for one in self._layers}
            self._net = None
        self._prepared = False
        self._layers = layers
        self._claim(layers)

    def build(self, input_shape: Any = None) -> None:
        """Makes the network; input_shape, with None for the batch, where it is not known yet."""
        if input_shape is not None and not self._known():
            self._see(tuple(input_shape))
        if not self._known():
            raise ValueError(f"Sequential model {self.name!r} has no input shape yet: build((None, …))")
        self._network()

    def _known(self):
        return self._begin is not None and bool(self._layers)

    def _see(self, shape):
        if self._known() or not self._layers:
            if not self._layers:
                raise ValueError(f"Sequential model {self.name!r} has no layers")
            return
        begin = InputLayer(shape[1:])
        tensor = begin.output
        try:
            for layer in self._layers:
                tensor = layer(tensor)
        except Exception:
            for layer in self._layers:
                layer._output = None
            raise
        self._begin = begin

    def _need_shape(self):
        if not self._known():
            raise AttributeError(f"Sequential model '{self.name}' has no defined input shape yet.")

    @property
    def layers(self) -> list[Layer]:
        return list(self._layers)

    @property
    def input(self) -> KerasTensor:
        self._need_shape()
        return self._begin.output

    @property
    def output(self) -> KerasTensor:
        self._need_shape()
        return self._layers[-1].output


# ---- files, copies ----


def _assemble(kind: str, name: str | None, layers: Sequence[Layer], inputs: Sequence[Sequence[int]]) -> Model:
    """A model of layers and, for each, the numbers of those it follows."""
    if kind == "Sequential":
        return Sequential(layers, name=name)
    tensors: list[KerasTensor] = []
    for layer, before in zip(layers, inputs):
        tensors.append(layer.output if isinstance(layer, InputLayer) else layer([tensors[i] for i in before] if layer._joins else tensors[before[0]]))
    return Functional(tensors[0], tensors[-1], name=name)


def _there(filepath: Any) -> str:
    path = os.fspath(filepath)
    if not os.path.exists(path):
        raise FileNotFoundError(f"File not found: filepath={path}. Please ensure the file is an accessible `.merx`, `.keras`, `.weights.h5` or `.onnx` file.")
    return path


def _restore(state: dict) -> Model:
    """The model of __reduce__'s state."""
    from .._merx import Network

    model = _assemble(state["class"], state["name"], state["layers"], state["inputs"])
    model._seed = state["seed"]
    for layer, name in zip(state["layers"], state["names"]):
        layer._name = name
    if state["network"] is not None:
        model._adopt(Network.from_bytes(state["network"]))
    model.optimizer, model.loss, model._loss, model._metrics = state["optimizer"], state["loss"], state["loss_object"], state["metrics"]
    model._compiled, model._prepared, model.augmentation = state["compiled"], state["prepared"], state["augmentation"]
    return model


def _of_network(net: Any, name: str | None, compile: bool) -> Model:  # noqa: A002
    """A model around a network."""
    spec = json.loads(net.to_json())
    nodes = net.nodes()
    layers: list[Layer] = [InputLayer(tuple(spec["input"]))]
    for one, (word, node_name, _, _, _) in zip(spec["layers"], nodes[1:]):
        cls = layers_module._BY_WORD[word]
        layers.append(cls(**{**cls._arguments_of(one), "name": node_name}))
    inputs = [list(node[4]) for node in nodes]
    chain = all(before == [i] for i, before in enumerate(inputs[1:]))
    model = _assemble("Sequential" if chain else "Functional", name, layers, inputs)
    model._adopt(net)
    if compile and "loss" in spec and spec["loss"] in losses._CLASSES:
        options = dict(spec["optimizer"])
        if options.pop("schedule", "constant") != "constant" or options.pop("warmup_epochs", 0):
            warnings.warn("the schedule of the file's learning rate is left out; the rate is constant", stacklevel=3)
        kind = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "adagrad": optimizers.Adagrad}[options.pop("name")]
        known = {"learning_rate": "learning_rate", "momentum": "momentum", "nesterov": "nesterov", "beta_1": "beta_1", "beta_2": "beta_2",
                 "epsilon": "epsilon", "weight_decay": "weight_decay", "clip_norm": "global_clipnorm"}
        model.optimizer = kind(**{known[k]: v for k, v in options.items() if k in known})
        model.loss = spec["loss"]
        model._loss = _EitherCrossentropy() if spec["loss"] == "categorical_crossentropy" else losses.get(spec["loss"])
        accuracy = spec["loss"].endswith("crossentropy")
        model._metrics = [("accuracy" if accuracy else "mae", "metric", accuracy)]
        model._compiled = model._prepared = True
    return model


def load_model(filepath: str | os.PathLike, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Model:  # noqa: A002
    """The model of a `.merx` file, of Keras 3's `.keras` archive, or of an `.onnx` file, ready to predict and to be trained on.

    Nothing in a file is run. A .merx file goes on with what its optimizer kept; the others begin it anew.
    """
    from .._merx import Network

    fixed("load_model", custom_objects=(custom_objects or None, None), safe_mode=(bool(safe_mode), True))
    path = _there(filepath)
    read = Network.import_keras if path.endswith(".keras") else Network.import_onnx if path.endswith(".onnx") else Network.load
    return _of_network(read(path), None, compile)


def save_model(model: Model, filepath: str | os.PathLike, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> None:
    """model.save(filepath)."""
    model.save(filepath, overwrite=overwrite, zipped=zipped, **kwargs)


def model_from_json(json_string: str, custom_objects: Any = None) -> Model:
    """The model of merx's JSON (model.to_json()), with new weights, not compiled.

    >>> model_from_json('{"input": [4], "layers": [{"layer": "dense", "units": 2}]}').output_shape
    (None, 2)
    """
    from .._merx import Network

    fixed("model_from_json", custom_objects=(custom_objects or None, None))
    return _of_network(Network(json_string, seed=next_seed()), None, False)


def clone_model(model: Model, input_tensors: Any = None, clone_function: Any = None, call_function: Any = None, recursive: bool = False,
                **kwargs: Any) -> Model:
    """The same layers with new weights, not compiled."""
    fixed("clone_model", input_tensors=(input_tensors, None), clone_function=(clone_function, None), call_function=(call_function, None))
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    model._whole("clone_model")
    order = model._order() if model._known() else model.layers
    at = {one: i for i, one in enumerate(order)}
    copies = [type(one).from_config({**one._arguments, **({"name": one.name} if one._named else {})}) for one in order]
    return _assemble("Sequential" if isinstance(model, Sequential) else "Functional", None, copies,
                     [[at[t._layer] for t in one.output._inputs] if one.built else [] for one in order])


__all__ = ["Model", "Functional", "Sequential", "load_model", "save_model", "model_from_json", "clone_model"]
