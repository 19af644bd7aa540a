"""Layers, with Keras 3's arguments and defaults. What merx has not is refused by name when the layer is made.

    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    x = layers.Dense(64, activation="relu")(x)

Every layer takes Keras's whole list of arguments; regularizers, constraints, `channels_first`, dilation and the like only at their
defaults. Shapes are (height, width, channels) and (steps, features).
"""
import math
from typing import Any

from . import activations
from ._layer import Input, InputLayer, Layer
from ._support import fixed, pair, refuse, whole


def _padding(where: str, value: Any) -> str:
    word = value.lower() if isinstance(value, str) else value
    if word not in ("valid", "same"):
        raise ValueError(f"{where}: The `padding` argument must be one of 'valid', 'same'. Received: {value!r}")
    return word


def _windows(layer, shape, window, strides, padding):
    """Heights and widths that a window has places for."""
    out = []
    for size, w, s in zip(shape, window, strides):
        if padding == "valid" and w > size:
            raise ValueError(f"Computed output size would be zero or negative: layer {layer.name!r} has a window of {tuple(window)} over pictures of "
                             f"{tuple(shape[:2])} (padding={padding!r})")
        out.append(-(-size // s) if padding == "same" else (size - w) // s + 1)
    return tuple(out)


def _channels_last(where, data_format):
    if data_format not in (None, "channels_last"):
        refuse(where, "data_format", data_format, "data_format='channels_last'")


class Dense(Layer):
    """f(x W + b) over the last dimension.

    >>> Dense(8, activation="relu").compute_output_shape((None, 4))
    (None, 8)
    """

    _word, _keys, _passes_mask = "dense", ("units", "activation", "use_bias"), True

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: Any = None, lora_alpha: Any = None,
                 quantization_config: Any = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        fixed("Dense", kernel_regularizer=(kernel_regularizer, None), bias_regularizer=(bias_regularizer, None), lora_rank=(lora_rank, None),
              kernel_constraint=(kernel_constraint, None), bias_constraint=(bias_constraint, None), lora_alpha=(lora_alpha, None),
              quantization_config=(quantization_config, None))
        self.units, self.activation, self.use_bias = whole("Dense", "units", units), activations.name_of(activation, "Dense"), bool(use_bias)
        self._begins("glorot_uniform", "kernel", kernel_initializer)
        self._begins("zeros", "bias", bias_initializer)

    def _shape(self, shapes):
        return (*shapes[0][:-1], self.units)


class Conv2D(Layer):
    """Cross-correlation over pictures. Weights (height, width, channels / groups, filters).

    >>> Conv2D(32, (3, 3)).compute_output_shape((None, 28, 28, 1))
    (None, 26, 26, 32)
    """

    _word = "conv2d"
    _keys = ("filters", "kernel_size", "strides", "padding", "groups", "activation", "use_bias")

    def __init__(self, filters: int, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
                 dilation_rate: Any = (1, 1), groups: int = 1, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        _channels_last("Conv2D", data_format)
        fixed("Conv2D", dilation_rate=(pair("Conv2D", "dilation_rate", dilation_rate), (1, 1)), kernel_regularizer=(kernel_regularizer, None),
              bias_regularizer=(bias_regularizer, None), kernel_constraint=(kernel_constraint, None), bias_constraint=(bias_constraint, None))
        self.filters, self.kernel_size = whole("Conv2D", "filters", filters), pair("Conv2D", "kernel_size", kernel_size)
        self.strides, self.padding = pair("Conv2D", "strides", strides), _padding("Conv2D", padding)
        self.groups, self.use_bias = whole("Conv2D", "groups", groups), bool(use_bias)
        self.activation = activations.name_of(activation, "Conv2D")
        self._begins("glorot_uniform", "kernel", kernel_initializer)
        self._begins("zeros", "bias", bias_initializer)

    def _shape(self, shapes):
        self._need(shapes[0], 3)
        if shapes[0][2] % self.groups or self.filters % self.groups:
            raise ValueError(f"The number of input channels must be evenly divisible by the number of groups, and so must the filters. "
                             f"Received groups={self.groups}, but the input has {shapes[0][2]} channels and filters={self.filters}.")
        return (*_windows(self, shapes[0], self.kernel_size, self.strides, self.padding), self.filters)


class DepthwiseConv2D(Layer):
    """A convolution of each channel by itself. Weights (height, width, channels, depth_multiplier).

    >>> DepthwiseConv2D(3, padding="same").compute_output_shape((None, 8, 8, 4))
    (None, 8, 8, 4)
    """

    _word = "conv2d"

    def __init__(self, kernel_size: Any, strides: Any = (1, 1), padding: str = "valid", depth_multiplier: int = 1, data_format: str | None = None,
                 dilation_rate: Any = (1, 1), activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any):
        where = "DepthwiseConv2D"
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        _channels_last(where, data_format)
        fixed(where, dilation_rate=(pair(where, "dilation_rate", dilation_rate), (1, 1)), depthwise_regularizer=(depthwise_regularizer, None),
              bias_regularizer=(bias_regularizer, None), depthwise_constraint=(depthwise_constraint, None), bias_constraint=(bias_constraint, None))
        self.kernel_size, self.strides = pair(where, "kernel_size", kernel_size), pair(where, "strides", strides)
        self.padding, self.depth_multiplier = _padding(where, padding), whole(where, "depth_multiplier", depth_multiplier)
        self.activation, self.use_bias = activations.name_of(activation, where), bool(use_bias)
        # With several outputs a channel the fans are Keras's own, which the network's kernel (height, width, 1, filters) doesn't have.
        self._begins("glorot_uniform" if depth_multiplier == 1 else None, "kernel", depthwise_initializer)
        self._begins("zeros", "bias", bias_initializer)

    def _shape(self, shapes):
        self._need(shapes[0], 3)
        return (*_windows(self, shapes[0], self.kernel_size, self.strides, self.padding), shapes[0][2] * self.depth_multiplier)

    def _spec(self):
        channels = self.input_shape[-1]
        return {"layer": "conv2d", "filters": channels * self.depth_multiplier, "groups": channels, "kernel_size": self.kernel_size,
                "strides": self.strides, "padding": self.padding, "activation": self.activation, "use_bias": self.use_bias}

    def _outer(self, shape):
        return (*shape[:2], shape[3] // self.depth_multiplier, self.depth_multiplier) if len(shape) == 4 else shape


class _Pooling(Layer):
    _keys = ("pool_size", "strides", "padding")

    def __init__(self, pool_size, strides, padding, data_format, name, kwargs):
        where = type(self).__name__
        super().__init__(name=name, **kwargs)
        _channels_last(where, data_format)
        self.pool_size = pair(where, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else pair(where, "strides", strides)
        self.padding = _padding(where, padding)

    def _shape(self, shapes):
        self._need(shapes[0], 3)
        return (*_windows(self, shapes[0], self.pool_size, self.strides, self.padding), shapes[0][2])


class MaxPooling2D(_Pooling):
    """The largest number of each window.

    >>> MaxPooling2D((2, 2)).compute_output_shape((None, 26, 26, 32))
    (None, 13, 13, 32)
    """

    _word = "max_pool2d"

    def __init__(self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: str | None = None,
                 name: str | None = None, **kwargs: Any):
        super().__init__(pool_size, strides, padding, data_format, name, kwargs)


class AveragePooling2D(_Pooling):
    """The mean of each window."""

    _word = "average_pool2d"

    @classmethod
    def _arguments_of(cls, spec):
        return {"pool_size": (2, 2), **super()._arguments_of(spec)}  # the network's default, which Keras's class has not

    def __init__(self, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None, name: str | None = None,
                 **kwargs: Any):
        super().__init__(pool_size, strides, padding, data_format, name, kwargs)


class _GlobalPooling(Layer):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        _channels_last(type(self).__name__, data_format)
        fixed(type(self).__name__, keepdims=(bool(keepdims), False))

    def _shape(self, shapes):
        self._need(shapes[0], 3)
        return shapes[0][2:]


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest number of each channel."""

    _word = "global_max_pool2d"


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel.

    >>> GlobalAveragePooling2D().compute_output_shape((None, 7, 7, 64))
    (None, 64)
    """

    _word = "global_average_pool2d"


class Flatten(Layer):
    """All numbers of an example in one row.

    >>> Flatten().compute_output_shape((None, 13, 13, 32))
    (None, 5408)
    """

    _word = "flatten"

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        _channels_last("Flatten", data_format)

    def _shape(self, shapes):
        return (math.prod(shapes[0]),)


class Reshape(Layer):
    """The same numbers in another shape; one dimension may be -1.

    >>> Reshape((2, -1)).compute_output_shape((None, 6))
    (None, 2, 3)
    """

    _word = "reshape"

    def __init__(self, target_shape: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(int(s) for s in target_shape)

    def _shape(self, shapes):
        size, known = math.prod(shapes[0]), math.prod(s for s in self.target_shape if s != -1)
        shape = tuple(size // known if s == -1 and known else s for s in self.target_shape)
        if self.target_shape.count(-1) > 1 or math.prod(shape) != size:
            raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={shapes[0]}, target_shape={self.target_shape}")
        return shape

    def _spec(self):
        return {"layer": "reshape", "target_shape": list(self.output_shape[1:])}


class Activation(Layer):
    """f(x).

    >>> Activation("relu").activation
    'relu'
    """

    _word, _keys, _passes_mask = "activation", ("activation",), True

    def __init__(self, activation: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.name_of(activation, "Activation")


class ReLU(Layer):
    """max(x, 0)."""

    _word, _keys, _passes_mask, activation = "activation", ("activation",), True, "relu"

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        fixed("ReLU", max_value=(max_value, None), negative_slope=(negative_slope, 0.0), threshold=(threshold, 0.0))


class LeakyReLU(Layer):
    """x above 0, 0.2 x below. Keras's default slope is 0.3, which merx has not: say negative_slope=0.2."""

    _word, _keys, _passes_mask, activation = "activation", ("activation",), True, "leaky_relu"

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        fixed("LeakyReLU", negative_slope=(negative_slope, 0.2))


class ELU(Layer):
    """x above 0, exp(x) - 1 below."""

    _word, _keys, _passes_mask, activation = "activation", ("activation",), True, "elu"

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        fixed("ELU", alpha=(alpha, 1.0))


class Softmax(Layer):
    """exp(x) over the last dimension, divided by its sum."""

    _word, _keys, _passes_mask, activation = "activation", ("activation",), True, "softmax"

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        fixed("Softmax", axis=(axis, -1))


class Dropout(Layer):
    """While training, a share of the numbers is 0 and the others are divided by what is left of 1.

    >>> Dropout(0.5).rate
    0.5
    """

    _word, _keys, _passes_mask = "dropout", ("rate",), True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        fixed("Dropout", noise_shape=(noise_shape, None), seed=(seed, None))
        if not 0 <= rate <= 1:
            raise ValueError(f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}")
        if rate > 0.999:
            refuse("Dropout", "rate", rate, "rates up to 0.999")
        self.rate = float(rate)


class _Norm(Layer):
    _passes_mask = True

    def _norm(self, where, axis, epsilon, center, scale, beta_initializer, gamma_initializer, **only):
        fixed(where, **only)
        self.axis = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
        self.epsilon, self.center, self.scale = float(epsilon), bool(center), bool(scale)
        self._begins("zeros", "beta", beta_initializer)
        self._begins("ones", "gamma", gamma_initializer)

    def _shape(self, shapes):
        if self.axis not in (-1, len(shapes[0])):
            refuse(type(self).__name__, "axis", self.axis, "axis=-1, the channels")
        return shapes[0]


class BatchNormalization(_Norm):
    """Over the batch, for each channel; by the moving statistics when it predicts. Ioffe & Szegedy 2015."""

    _word, _keys = "batch_norm", ("momentum", "epsilon", "scale", "center")

    def __init__(self, axis: Any = -1, momentum: float = 0.99, epsilon: float = 0.001, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None,
                 renorm_momentum: float = 0.99, synchronized: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self._norm("BatchNormalization", axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer=(beta_regularizer, None),
                   gamma_regularizer=(gamma_regularizer, None), beta_constraint=(beta_constraint, None), gamma_constraint=(gamma_constraint, None),
                   renorm=(bool(renorm), False), renorm_clipping=(renorm_clipping, None), renorm_momentum=(renorm_momentum, 0.99),
                   synchronized=(bool(synchronized), False))
        if not 0 < momentum <= 1:
            refuse("BatchNormalization", "momentum", momentum, "numbers above 0, up to 1")
        self.momentum = float(momentum)
        self._begins("zeros", "moving_mean", moving_mean_initializer)
        self._begins("ones", "moving_variance", moving_variance_initializer)


class LayerNormalization(_Norm):
    """Over the last dimension of each row. Ba, Kiros & Hinton 2016."""

    _word, _keys = "layer_norm", ("epsilon", "scale", "center")

    def __init__(self, axis: Any = -1, epsilon: float = 0.001, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._norm("LayerNormalization", axis, epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer=(beta_regularizer, None),
                   gamma_regularizer=(gamma_regularizer, None), beta_constraint=(beta_constraint, None), gamma_constraint=(gamma_constraint, None))


class Embedding(Layer):
    """A row of output_dim numbers for each whole number in [0, input_dim). mask_zero: 0 is padding, which recurrent layers skip.

    >>> Embedding(1000, 16).compute_output_shape((None, 50))
    (None, 50, 16)
    """

    _word, _keys, _rename = "embedding", ("input_dim", "output_dim", "mask_zero"), {"input_dim": "vocabulary", "output_dim": "units"}

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, lora_rank: Any = None, lora_alpha: Any = None,
                 quantization_config: Any = None, **kwargs: Any):
        length = kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        if length is not None:
            self._given_shape = (whole("Embedding", "input_length", length),)
        fixed("Embedding", embeddings_regularizer=(embeddings_regularizer, None), embeddings_constraint=(embeddings_constraint, None),
              weights=(weights, None), lora_rank=(lora_rank, None), lora_alpha=(lora_alpha, None), quantization_config=(quantization_config, None))
        self.input_dim, self.output_dim = whole("Embedding", "input_dim", input_dim), whole("Embedding", "output_dim", output_dim)
        self.mask_zero = bool(mask_zero)
        self._begins("uniform", "embeddings", embeddings_initializer)

    def _shape(self, shapes):
        self._need(shapes[0], 1)
        return (*shapes[0], self.output_dim)


class Masking(Layer):
    """Steps whose features all equal mask_value are skipped by the recurrent layers behind it."""

    _word, _keys, _rename = "masking", ("mask_value",), {"mask_value": "value"}

    def __init__(self, mask_value: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.mask_value = float(mask_value)

    def _shape(self, shapes):
        self._need(shapes[0], 2)
        return shapes[0]


class _Recurrent(Layer):
    _keys = ("units", "activation", "return_sequences", "go_backwards", "use_bias")

    def _recurrent(self, units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, dropout, recurrent_dropout,
                   return_sequences, return_state, go_backwards, stateful, unroll, seed, **regularizers):
        where = type(self).__name__
        fixed(where, dropout=(float(dropout), 0.0), recurrent_dropout=(float(recurrent_dropout), 0.0), return_state=(bool(return_state), False),
              seed=(seed, None), **{k: (v, None) for k, v in regularizers.items()})
        if stateful:
            refuse(where, "stateful", stateful, "stateful=False (in C, networks keep states within a fit; step by step runs go by merx_runner_step)")
        # unroll changes how Keras computes, not what: merx takes either.
        self.units, self.activation, self.use_bias = whole(where, "units", units), activations.name_of(activation, where), bool(use_bias)
        if self.activation == "softmax":
            refuse(where, "activation", activation, "functions of one number")
        self.return_sequences, self.go_backwards, self.unroll = bool(return_sequences), bool(go_backwards), bool(unroll)
        self._passes_mask = self.return_sequences
        self._begins("glorot_uniform", "kernel", kernel_initializer)
        self._begins("orthogonal", "recurrent_kernel", recurrent_initializer)
        self._begins("zeros", "bias", bias_initializer)

    def _gate(self, recurrent_activation, use_cudnn):
        fixed(type(self).__name__, use_cudnn=(False if use_cudnn in ("auto", False) else use_cudnn, False))
        self.recurrent_activation = activations.name_of(recurrent_activation, type(self).__name__)

    def _shape(self, shapes):
        self._need(shapes[0], 2)
        return (shapes[0][0], self.units) if self.return_sequences else (self.units,)


class SimpleRNN(_Recurrent):
    """h_t = f(x_t W + h_{t-1} U + b). Elman 1990.

    >>> SimpleRNN(8).compute_output_shape((None, 20, 4))
    (None, 8)
    """

    _word = "simple_rnn"

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False, stateful: bool = False,
                 unroll: bool = False, seed: int | None = None, **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._recurrent(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, dropout, recurrent_dropout,
                        return_sequences, return_state, go_backwards, stateful, unroll, seed, kernel_regularizer=kernel_regularizer,
                        recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
                        recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint)


class LSTM(_Recurrent):
    """Gates i, f, c, o. Hochreiter & Schmidhuber 1997.

    >>> LSTM(128, activation="relu", return_sequences=True).compute_output_shape((None, 50, 32))
    (None, 50, 128)
    """

    _word, _keys = "lstm", (*_Recurrent._keys, "recurrent_activation")

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False,
                 return_state: bool = False, go_backwards: bool = False, stateful: bool = False, unroll: bool = False, use_cudnn: Any = "auto",
                 **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._recurrent(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, dropout, recurrent_dropout,
                        return_sequences, return_state, go_backwards, stateful, unroll, seed, kernel_regularizer=kernel_regularizer,
                        recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
                        recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint)
        self._gate(recurrent_activation, use_cudnn)
        if not unit_forget_bias:
            self._begins(None, "bias", bias_initializer)
        elif "bias" in self._initializers:
            refuse("LSTM", "bias_initializer", bias_initializer, "bias_initializer='zeros' with unit_forget_bias, others with unit_forget_bias=False")


class GRU(_Recurrent):
    """Gates z, r, h, the reset after the product. Cho et al. 2014.

    >>> GRU(64).compute_output_shape((None, 50, 32))
    (None, 64)
    """

    _word, _keys = "gru", (*_Recurrent._keys, "recurrent_activation")

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False, reset_after: bool = True, use_cudnn: Any = "auto",
                 **kwargs: Any):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._recurrent(units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer, dropout, recurrent_dropout,
                        return_sequences, return_state, go_backwards, stateful, unroll, seed, kernel_regularizer=kernel_regularizer,
                        recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
                        recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint)
        self._gate(recurrent_activation, use_cudnn)
        fixed("GRU", reset_after=(bool(reset_after), True))


class Add(Layer):
    """The sum of tensors of one shape.

    >>> a, b = Input((4,)), Input((4,))
    >>> Add()([a, b]).shape
    (None, 4)
    """

    _word, _joins, _passes_mask = "add", True, True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def _shape(self, shapes):
        if len(set(shapes)) != 1:
            raise ValueError(f"Inputs have incompatible shapes. Received shapes {' and '.join(map(str, shapes))}")
        return shapes[0]


class Concatenate(Layer):
    """Tensors side by side in the last dimension."""

    _word, _joins, _passes_mask = "concatenate", True, True

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def _shape(self, shapes):
        if self.axis not in (-1, len(shapes[0])):
            refuse("Concatenate", "axis", self.axis, "axis=-1, the last one")
        if len({s[:-1] for s in shapes}) != 1:
            raise ValueError("A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                             f"Received: input_shape={[(None, *s) for s in shapes]}")
        return (*shapes[0][:-1], sum(s[-1] for s in shapes))


def add(inputs: list, **kwargs: Any) -> Any:
    """Add()(inputs)."""
    return Add(**kwargs)(inputs)


def concatenate(inputs: list, axis: int = -1, **kwargs: Any) -> Any:
    """Concatenate(axis)(inputs)."""
    return Concatenate(axis, **kwargs)(inputs)


MaxPool2D, AvgPool2D, GlobalMaxPool2D, GlobalAvgPool2D, Convolution2D = (MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D,
                                                                        Conv2D)

_BY_WORD = {c._word: c for c in (Dense, Conv2D, MaxPooling2D, AveragePooling2D, GlobalMaxPooling2D, GlobalAveragePooling2D, Flatten, Reshape,
                                 Activation, Dropout, BatchNormalization, LayerNormalization, Embedding, Masking, SimpleRNN, LSTM, GRU, Add,
                                 Concatenate)}

__all__ = ["Layer", "Input", "InputLayer", "Dense", "Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D",
           "GlobalAveragePooling2D", "Flatten", "Reshape", "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Dropout", "BatchNormalization",
           "LayerNormalization", "Embedding", "Masking", "SimpleRNN", "LSTM", "GRU", "Add", "Concatenate", "MaxPool2D", "AvgPool2D",
           "GlobalMaxPool2D", "GlobalAvgPool2D", "Convolution2D", "add", "concatenate"]


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    from ._support import did_you_mean

    raise AttributeError(f"merx.keras.layers has no layer {name!r}.{did_you_mean(name, __all__)}")
