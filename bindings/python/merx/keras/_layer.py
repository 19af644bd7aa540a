"""The base of all layers, and what a functional model is made of: symbolic tensors.

A layer belongs to one place of one model: it is called once. Its weights lie in the model's network, which is made when they, or a
prediction, are first asked for.
"""
import inspect
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import initializers
from ._support import fixed, refuse, snake

if TYPE_CHECKING:
    from .models import Model

Shape = tuple[int | None, ...]


def example_shape(where: str, value: Any) -> tuple[int, ...]:
    """The shape of one example: numbers of at least 1, at most four."""
    sizes = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    if None in sizes:
        refuse(where, "shape", sizes, "shapes without None: pad sequences to their most steps (Embedding(mask_zero=True) or Masking skip the padding)")
    if not sizes or len(sizes) > 4 or not all(isinstance(s, (int, np.integer)) and s > 0 for s in sizes):
        raise ValueError(f"{where}: the shape of an example is {sizes!r}; expected 1 to 4 positive integers, without the batch")
    return tuple(int(s) for s in sizes)


class KerasTensor:
    """What a layer gives in a functional model: a shape with None for the batch, and where it comes from."""

    dtype = "float32"

    def __init__(self, shape: Shape, layer: "Layer", inputs: Sequence["KerasTensor"] = ()):
        self.shape, self._layer, self._inputs = tuple(shape), layer, list(inputs)

    @property
    def ndim(self) -> int:
        """Dimensions, with the batch."""
        return len(self.shape)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self._layer.name

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __add__(self, other):
        from .layers import Add

        if not isinstance(other, KerasTensor):
            raise NotImplementedError("tensors are added to tensors alone; a number is not supported")
        return Add()([self, other])

    def __array__(self, *args, **kwargs):
        raise ValueError("A KerasTensor is symbolic: it's a placeholder for a shape. It doesn't have any actual numerical value and cannot be converted to a "
                         "NumPy array.")

    def __iter__(self):
        raise TypeError("A KerasTensor is symbolic; it cannot be iterated over")


class Variable:
    """One tensor of a layer's weights. Reading copies it out of the network, assign copies into it."""

    def __init__(self, layer: "Layer", index: int, name: str, shape: tuple[int, ...], trainable: bool):
        self._layer, self._index = layer, index
        self.name, self.shape, self.trainable, self.dtype = name, shape, trainable, "float32"

    @property
    def path(self) -> str:
        """layer/name."""
        return f"{self._layer.name}/{self.name}"

    def numpy(self) -> np.ndarray:
        """A copy."""
        return self._layer.get_weights()[self._index]

    def assign(self, value: Any) -> None:
        """Puts numbers in."""
        values = self._layer.get_weights()
        values[self._index] = value
        self._layer.set_weights(values)

    def __array__(self, dtype=None, copy=None):
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def __repr__(self):
        return f"<Variable path={self.path}, shape={self.shape}, dtype=float32>"


def _remake(cls, config):
    return cls(**config)


class Layer:
    """Base of the layers. All take name, and as a Sequential's first layer input_shape (of an example, without the batch).

    Attributes: name, input, output (symbolic), input_shape, output_shape, weights.
    """

    _word: str | None = None  # the C library's
    _keys: tuple[str, ...] = ()  # attributes that are its options
    _rename: dict[str, str] = {}  # attribute to option, where they differ
    _passes_mask = False
    _joins = False

    def __new__(cls, *args, **kwargs):
        layer = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind(layer, *args, **kwargs).arguments
            bound.update(bound.pop("kwargs", {}))
            layer._arguments = dict(list(bound.items())[1:])
        except TypeError:  # __init__ says what is wrong with them
            layer._arguments = {}
        return layer

    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None, autocast: bool = True,
                 name: str | None = None, **kwargs: Any):
        where = type(self).__name__
        if self._word is None and type(self).__name__ != "InputLayer":
            raise NotImplementedError(f"{where}: layers of one's own are not supported; merx's layers run in C (merx.keras.layers)")
        given = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            given = kwargs.pop("input_dim")
        for key in ("batch_input_shape", "batch_shape"):
            if kwargs.get(key) is not None:
                given = tuple(kwargs[key])[1:]
            kwargs.pop(key, None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {where}: {kwargs}")
        fixed(where, activity_regularizer=(activity_regularizer, None), autocast=(autocast, True), trainable=(bool(trainable), True),
              dtype=(getattr(dtype, "name", dtype) if dtype is not None else "float32", "float32"))
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name!r} (of type {type(name)})")
        self._name, self._named = name if name is not None else snake(where), name is not None
        self._given_shape = example_shape(where, given) if given is not None else None
        self._model: "Model | None" = None
        self._output: KerasTensor | None = None
        self._initializers: dict[str, initializers.Initializer] = {}

    def _begins(self, default, weight: str, value: Any) -> None:
        """Remembers how a weight begins, where that is not as merx draws it."""
        if value != default:
            chosen = initializers.get(value)
            if chosen is not None and value is not None:
                self._initializers[weight] = chosen
            elif value is None:
                raise ValueError(f"{type(self).__name__}: the initializer of {weight} is None")

    # ---- what it is ----

    @property
    def name(self) -> str:
        """Given, or made of the class's name; unique within its model."""
        return self._name

    @property
    def trainable(self) -> bool:
        """True: merx trains all layers."""
        return True

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if not value:
            refuse(f"layer {self.name!r}", "trainable", value, "layers that are all trained")

    @property
    def built(self) -> bool:
        """Whether its shapes are known."""
        return self._output is not None

    @property
    def output(self) -> KerasTensor:
        """Its symbolic output."""
        if self._output is None:
            raise AttributeError(f"Layer {self.name} has never been called and thus has no defined output: its input shape is not known yet")
        return self._output

    @property
    def input(self) -> Any:
        """Its symbolic input, a list where it has several."""
        inputs = self.output._inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output_shape(self) -> Shape:
        """With None for the batch."""
        return self.output.shape

    @property
    def input_shape(self) -> Any:
        """With None for the batch; a list of them where it has several inputs."""
        inputs = self.output._inputs
        return inputs[0].shape if len(inputs) == 1 else [i.shape for i in inputs]

    def get_config(self) -> dict:
        """The arguments that were given, and the name."""
        return {**self._arguments, "name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "Layer":
        """A new layer with the arguments of get_config()."""
        return cls(**config)

    def __reduce__(self):
        return _remake, (type(self), {**self._arguments, **({"name": self._name} if self._named else {})})

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"

    # ---- shapes ----

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape that comes out for one that goes in, both with the batch. ValueError where it can't go in."""
        shapes = [tuple(s) for s in input_shape] if self._joins else [tuple(input_shape)]
        return (shapes[0][0], *self._shape([s[1:] for s in shapes]))

    def _shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Of examples."""
        return shapes[0]

    def _need(self, shape: tuple[int, ...], rank: int) -> None:
        if len(shape) != rank:
            raise ValueError(f'Input 0 of layer "{self.name}" is incompatible with the layer: expected ndim={rank + 1}, found ndim={len(shape) + 1}. '
                             f"Full shape received: {(None, *shape)}")

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> KerasTensor:
        where = f"layer {self.name!r}"
        if args or any(v is not None for v in kwargs.values()):
            refuse(where, "call", (*args, *kwargs), "a call with its inputs alone")
        given = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        for tensor in given:
            if not isinstance(tensor, KerasTensor):
                raise NotImplementedError(f"{where} is called with {type(tensor).__name__}; a layer is called with symbolic tensors (merx.keras.Input), "
                                          "numbers go through a model")
        if self._output is not None:
            raise NotImplementedError(f"{where} is called a second time; layers that are shared between places are not supported")
        if not self._joins and len(given) != 1:
            raise ValueError(f'Layer "{self.name}" expects 1 input(s), but it received {len(given)} input tensors.')
        if self._joins and len(given) < 2:
            raise ValueError(f"A `{type(self).__name__}` layer should be called on a list of at least 2 inputs. Received {len(given)}")
        shapes = [t.shape for t in given]
        self._output = KerasTensor(self.compute_output_shape(shapes if self._joins else shapes[0]), self, given)
        return self._output

    # ---- the C library's words ----

    def _spec(self) -> dict:
        """Its options in the network's JSON."""
        return {"layer": self._word, **{self._rename.get(key, key): getattr(self, key) for key in self._keys}}

    @classmethod
    def _arguments_of(cls, spec: dict) -> dict:
        """Arguments of the class for options of the network's JSON."""
        back = {v: k for k, v in cls._rename.items()}
        return {back.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in spec.items() if k not in ("layer", "inputs")}

    # ---- weights ----

    def _place(self) -> "tuple[Any, int, list]":
        """The network, the number of its first weight, and (name, shape, trainable) of its weights."""
        model = self._model
        if model is None or not model._known():
            return None, 0, []
        net = model._network()
        first, count = model._slots[self]
        return net, first, [(name.split("/", 1)[1], self._outer(shape), trainable) for name, shape, trainable in net.weights()[first:first + count]]

    def _outer(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Keras's shape of a weight, where it is another than the network's (the same numbers in the same order)."""
        return shape

    @property
    def weights(self) -> list[Variable]:
        """Its tensors, in Keras's order."""
        return [Variable(self, i, *w) for i, w in enumerate(self._place()[2])]

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those that the optimizer moves."""
        return [w for w in self.weights if w.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Moving statistics."""
        return [w for w in self.weights if not w.trainable]

    def count_params(self) -> int:
        """How many numbers its weights have."""
        if self._model is None or not self._model._known():
            raise ValueError(f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. "
                             "It is when it is in a model whose input shape is known.")
        return sum(math.prod(shape) for _, shape, _ in self._place()[2])

    def get_weights(self) -> list[np.ndarray]:
        """Copies, in Keras's order: kernel, recurrent kernel, bias; gamma, beta, moving mean, moving variance."""
        net, first, weights = self._place()
        return [net.get_weight(first + i).reshape(shape) for i, (_, shape, _) in enumerate(weights)]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Puts weights in, as get_weights gives them. All of them, or none after an error."""
        net, first, places = self._place()
        if net is None:
            raise ValueError(f"You called `set_weights(weights)` on layer '{self.name}', which is not yet in a model whose input shape is known.")
        if len(weights) != len(places):
            raise ValueError(f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length {len(weights)}, but the layer was "
                             f"expecting {len(places)} weights.")
        arrays = [np.ascontiguousarray(w, dtype=np.float32) for w in weights]
        for array, (name, shape, _) in zip(arrays, places):
            if array.shape != shape:
                raise ValueError(f"Layer {self.name} weight shape {shape} is not compatible with provided weight shape {array.shape} ({name}).")
        for i, array in enumerate(arrays):
            net.set_weight(first + i, array)


class InputLayer(Layer):
    """Where a model begins: Input(shape) as a layer."""

    def __init__(self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
                 batch_shape: Any = None, input_tensor: Any = None, optional: bool = False, name: str | None = None, **kwargs: Any):
        fixed("Input", batch_size=(batch_size, None), sparse=(sparse or None, None), ragged=(ragged or None, None), input_tensor=(input_tensor, None),
              optional=(bool(optional), False))
        if dtype is not None and np.dtype(dtype).kind not in "fiub":
            refuse("Input", "dtype", dtype, "numbers")
        if batch_shape is not None:
            if shape is not None:
                raise ValueError("You cannot pass both `shape` and `batch_shape` at the same time.")
            if batch_shape[0] is not None:
                refuse("Input", "batch_shape", batch_shape, "batches of any size: (None, …)")
            shape = tuple(batch_shape)[1:]
        if shape is None:
            raise ValueError("You must pass a `shape` argument.")
        super().__init__(name=name, **kwargs)
        self._given_shape = example_shape("Input", shape)
        self._output = KerasTensor((None, *self._given_shape), self)

    @property
    def batch_shape(self) -> Shape:
        """With None for the batch."""
        return self.output.shape

    @property
    def input_shape(self) -> Shape:
        """The same."""
        return self.output.shape


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None, batch_shape: Any = None,  # noqa: N802
          name: str | None = None, tensor: Any = None, optional: bool = False) -> KerasTensor:
    """The symbolic input of a model: the shape of one example, without the batch. dtype only says how the numbers will come.

    >>> Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
