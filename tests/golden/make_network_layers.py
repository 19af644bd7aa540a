"""Writes network_layers.json: outputs and gradients of every layer and option by Keras 3 in float64, and values and gradients of losses.

    python tests/golden/make_network_layers.py      (keras, tensorflow)

A case of "networks" is a small network: "spec" is what merx_network_from_json reads (bench/peers/keras_network.py makes it for Keras), "x" (n, input) the
examples, "weights" [{name, shape, values}] in merx's order with Keras's layouts: kernels (in, out), convolutions (kh, kw, in / groups, out), gates of LSTM i, f, c, o
and of GRU z, r, h, GRU's bias (2, 3 u): input's, then recurrent. "output" (n, output) is what comes out in training mode (unless "training": false), "loss" the mean of
(output - target)^2 over all numbers, "gradients" its derivatives: "x" (none for embeddings) and "weights", flat, null for moving statistics.
x, weights and target are multiples of 1/256: float32 holds them exactly.

With batch normalisation: "moving" and "moving_after_three" are the moving statistics, one after the other, after this one pass in training mode and after three of
the same. Stateful networks: "second" is the output of the same examples right after the first time.

A case of "losses": "loss", "options", "prediction" (n, u), "target", perhaps "sample_weight" (n); "per_row" is the loss of each row without weights,
"value" what Keras minimises (sum over rows of weight x loss, divided by the number of rows: not by the sum of weights), "gradient" its derivative by prediction.

A case of "activations": f at "x" and its derivative there.
"""
import json
import os
import platform
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "bench" / "peers"))
import keras_network  # noqa: E402

SEED = 20131
keras.config.set_floatx("float64")
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(SEED)
rng = np.random.default_rng(SEED)


def grid(*shape, scale=1.0):
    """Numbers that float32 holds exactly."""
    return np.round(rng.normal(size=shape) * scale * 256) / 256


def distinct(*shape):
    """As grid, no two alike: the largest of a window is one, not two."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count / 2 + 0.5) * 2 / 128).reshape(shape)


def numbers(values):
    """Ten digits, as short as they can be written."""
    return [float(f"{v:.10g}") for v in np.asarray(values, float).ravel()]


def tensor(values):
    values = np.asarray(values)
    return dict(shape=list(values.shape), values=values.ravel().tolist() if values.dtype.kind == "i" else numbers(values))


cases = []


def as_groups(w):
    """A depthwise kernel (kh, kw, c, m) as that of a convolution with groups, (kh, kw, 1, c m): the numbers lie the same."""
    v = w.numpy()
    return v.reshape(*v.shape[:2], 1, -1) if "depthwise" in w.path and v.ndim == 4 else v


def case(name, x, *layers, training=True, repeat=False, spread=0.5):
    """One network of these layers; weights are drawn, the target too."""
    spec = dict(input=list(x.shape[1:]), layers=list(layers))
    integers = x.dtype.kind == "i"
    model, made = keras_network.build(spec, len(x))
    variables = keras_network.weights(made)
    trained = {id(w) for w in keras_network.trainable(made)}
    for w in variables:
        if w.name == "gamma":
            w.assign(1 + grid(*w.shape, scale=0.3))
        elif w.name == "moving_variance":
            w.assign(1 + np.abs(grid(*w.shape, scale=0.5)))
        else:
            w.assign(grid(*w.shape, scale=spread))
    before = [dict(name=w.name, **tensor(as_groups(w))) for w in variables]
    fed = tf.constant(x) if integers else tf.Variable(x)
    with tf.GradientTape() as tape:
        output = model(fed, training=training)
        target = grid(*output.shape)
        loss = tf.reduce_mean((output - target) ** 2)
    sources = [w.value for w in variables if id(w) in trained] + ([] if integers else [fed])
    gradients = [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, sources)]
    by_weight = iter(gradients)
    out = dict(name=name, spec=spec, x=tensor(x), weights=before, output=tensor(output.numpy()), target=numbers(target), loss=float(loss),
               gradients=dict(weights=[numbers(next(by_weight)) if id(w) in trained else None for w in variables]))
    if not integers:
        out["gradients"]["x"] = numbers(gradients[-1])
    if not training:
        out["training"] = False
        del out["gradients"]
    statistics = [w for w in variables if w.name.startswith("moving")]
    if statistics and training:
        out["moving"] = [numbers(w.numpy()) for w in statistics]
        for _ in range(2):
            model(fed, training=True)
        out["moving_after_three"] = [numbers(w.numpy()) for w in statistics]
    if repeat:
        out["second"] = tensor(model(fed, training=training).numpy())
    flat = np.abs(output.numpy())
    assert np.isfinite(flat).all() and (flat > 1e-9).mean() > 0.3, (name, (flat > 1e-9).mean())
    assert all((np.abs(g) > 1e-12).mean() > 0.05 for g in gradients), (name, [(np.abs(g) > 1e-12).mean() for g in gradients])
    cases.append(out)


def one(name, layer, x, training=True, repeat=False, spread=0.5, **options):
    case(name, x, dict(layer=layer, **options), training=training, repeat=repeat, spread=spread)


NAMES = ["linear", "relu", "tanh", "sigmoid", "softplus", "elu", "leaky_relu", "gelu", "silu", "hard_sigmoid", "exponential", "softmax"]


activations = []
for name in NAMES[:-1]:
    x = np.concatenate([np.round(np.linspace(-6, 6, 37) * 256) / 256 + 1 / 512, [-40.0, -12.0, 12.0, 40.0]])  # never at 0, -3 or 3, where a derivative jumps
    v = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = getattr(keras.activations, name)(v)
    activations.append(dict(name=name, x=numbers(x), y=numbers(y), derivative=numbers(tape.gradient(y, v))))

# dense
x = grid(5, 4)
one("dense", "dense", x, units=3)
one("dense without bias", "dense", x, units=3, use_bias=False)
for word in NAMES[1:]:
    one(f"dense, {word}", "dense", x, units=3, activation=word)
one("dense over steps", "dense", grid(2, 3, 4), units=5, activation="tanh")
for word in ("relu", "tanh", "softmax"):
    case(f"dense, then {word}", x, dict(layer="dense", units=6), dict(layer="activation", activation=word), dict(layer="dense", units=2))
case("dense three times", x, dict(layer="dense", units=17, activation="relu"), dict(layer="dense", units=33, activation="sigmoid"), dict(layer="dense", units=1))
one("activation of pictures", "activation", grid(2, 3, 3, 2), activation="tanh")

# convolution
p = grid(2, 7, 6, 4)
one("conv, valid", "conv2d", p, filters=3, kernel_size=[3, 3])
one("conv, same", "conv2d", p, filters=3, kernel_size=[3, 3], padding="same")
one("conv, relu, no bias", "conv2d", p, filters=5, kernel_size=[3, 3], activation="relu", use_bias=False)
one("conv, tanh", "conv2d", p, filters=5, kernel_size=[3, 3], activation="tanh")
one("conv 1 x 1", "conv2d", p, filters=6, kernel_size=[1, 1])
one("conv 3 x 5", "conv2d", p, filters=2, kernel_size=[3, 5], padding="same")
one("conv 5 x 5", "conv2d", p, filters=2, kernel_size=[5, 5], padding="same")
one("conv 2 x 2, same (one more below and right)", "conv2d", p, filters=2, kernel_size=[2, 2], padding="same")
one("conv, strides 2, valid", "conv2d", p, filters=3, kernel_size=[3, 3], strides=[2, 2])
one("conv, strides 2, same", "conv2d", p, filters=3, kernel_size=[3, 3], strides=[2, 2], padding="same")
one("conv, strides 2 x 3, same", "conv2d", p, filters=3, kernel_size=[3, 3], strides=[2, 3], padding="same")
one("conv 1 x 1, strides 2", "conv2d", p, filters=3, kernel_size=[1, 1], strides=[2, 2])
one("conv, groups 2", "conv2d", p, filters=6, kernel_size=[3, 3], groups=2, padding="same")
one("conv, groups 2, strides 2, relu", "conv2d", p, filters=4, kernel_size=[3, 3], groups=2, strides=[2, 2], activation="relu")
one("depthwise", "conv2d", p, filters=4, kernel_size=[3, 3], groups=4)
one("depthwise, same, strides 2", "conv2d", p, filters=4, kernel_size=[3, 3], groups=4, strides=[2, 2], padding="same")
one("depthwise, two of each channel, tanh", "conv2d", p, filters=8, kernel_size=[3, 3], groups=4, padding="same", activation="tanh")
one("conv of one channel", "conv2d", grid(2, 8, 8, 1), filters=4, kernel_size=[3, 3], activation="relu")
case("two convs", grid(2, 7, 7, 2), dict(layer="conv2d", filters=9, kernel_size=[3, 3], activation="relu"), dict(layer="conv2d", filters=3, kernel_size=[3, 3], strides=[2, 2], padding="same"))

# pooling
d = distinct(2, 7, 6, 3)
for kind in ("max", "average"):
    one(f"{kind} pooling", f"{kind}_pool2d", d, pool_size=[2, 2])
    one(f"{kind} pooling, same", f"{kind}_pool2d", d, pool_size=[2, 2], padding="same")
    one(f"{kind} pooling 3 x 3, strides 2", f"{kind}_pool2d", d, pool_size=[3, 3], strides=[2, 2])
    one(f"{kind} pooling 3 x 3, strides 2, same", f"{kind}_pool2d", d, pool_size=[3, 3], strides=[2, 2], padding="same")
    one(f"{kind} pooling 3 x 2, strides 1 x 2, same", f"{kind}_pool2d", d, pool_size=[3, 2], strides=[1, 2], padding="same")
    case(f"conv, relu, {kind} pooling", grid(3, 9, 8, 1), dict(layer="conv2d", filters=5, kernel_size=[3, 3], activation="relu"), dict(layer=f"{kind}_pool2d", pool_size=[2, 2]))
    case(f"conv, global {kind} pooling", p, dict(layer="conv2d", filters=5, kernel_size=[3, 3], activation="tanh"), dict(layer=f"global_{kind}_pool2d"), dict(layer="dense", units=2))
one("global average pooling", "global_average_pool2d", d)
case("conv, relu, max pooling of more channels", grid(2, 8, 10, 3), dict(layer="conv2d", filters=17, kernel_size=[3, 3], padding="same", activation="relu"),
     dict(layer="max_pool2d", pool_size=[2, 2]), dict(layer="conv2d", filters=4, kernel_size=[3, 3], activation="relu"), dict(layer="max_pool2d", pool_size=[2, 2]),
     dict(layer="flatten"), dict(layer="dense", units=3))
case("flatten", grid(2, 3, 2, 2), dict(layer="flatten"), dict(layer="dense", units=4))

# normalisation
one("batch normalisation of rows", "batch_norm", grid(6, 3, scale=2))
one("batch normalisation of pictures", "batch_norm", grid(3, 4, 3, 2, scale=2) + 1)
one("batch normalisation, momentum and epsilon", "batch_norm", grid(6, 3), momentum=0.8, epsilon=0.01)
one("batch normalisation without scale", "batch_norm", grid(6, 3), scale=False)
one("batch normalisation without center", "batch_norm", grid(6, 3), center=False)
one("batch normalisation, running", "batch_norm", grid(3, 4, 3, 2), training=False)
pattern = (dict(layer="conv2d", filters=5, kernel_size=[3, 3], padding="same", use_bias=False), dict(layer="batch_norm"), dict(layer="activation", activation="relu"))
case("conv, batch normalisation, relu", p, *pattern)
case("conv, batch normalisation, relu, running", p, *pattern, training=False)
one("layer normalisation of rows", "layer_norm", grid(4, 6, scale=2))
one("layer normalisation over steps", "layer_norm", grid(2, 3, 5), epsilon=0.01)
one("layer normalisation without scale and center", "layer_norm", grid(4, 6), scale=False, center=False)

# graphs
case("add", x, dict(layer="dense", units=3, name="a"), dict(layer="dense", units=3, activation="tanh", name="b", inputs=["input"]),
     dict(layer="dense", units=3, name="c", inputs=["a"]), dict(layer="add", inputs=["a", "b", "c"]), dict(layer="activation", activation="relu"))
case("add the input", x, dict(layer="dense", units=4, name="a", activation="relu"), dict(layer="add", inputs=["a", "input"]), dict(layer="dense", units=2))
case("concatenate", x, dict(layer="dense", units=3, name="a"), dict(layer="dense", units=2, activation="tanh", name="b", inputs=["input"]),
     dict(layer="concatenate", inputs=["a", "b", "input"]), dict(layer="dense", units=2))
case("concatenate channels", p, dict(layer="conv2d", filters=3, kernel_size=[3, 3], padding="same", name="a"),
     dict(layer="conv2d", filters=2, kernel_size=[1, 1], activation="relu", name="b", inputs=["input"]), dict(layer="concatenate", inputs=["a", "b"]))
case("residual block", p, dict(layer="conv2d", filters=6, kernel_size=[3, 3], strides=[2, 2], padding="same", use_bias=False), dict(layer="batch_norm"),
     dict(layer="activation", activation="relu"), dict(layer="conv2d", filters=6, kernel_size=[3, 3], padding="same", use_bias=False), dict(layer="batch_norm", name="sum"),
     dict(layer="conv2d", filters=6, kernel_size=[1, 1], strides=[2, 2], use_bias=False, inputs=["input"]), dict(layer="batch_norm", name="shortcut"),
     dict(layer="add", inputs=["sum", "shortcut"]), dict(layer="activation", activation="relu"), dict(layer="global_average_pool2d"), dict(layer="dense", units=3))

# sequences
indices = np.array([[3, 1, 4, 0, 0], [2, 5, 0, 0, 0], [1, 2, 3, 4, 5]])
one("embedding", "embedding", rng.integers(0, 7, (3, 5)), vocabulary=7, units=4)
s = grid(3, 6, 4)
holes = s.copy()
holes[0, 4:] = 0  # padded at the end, as Keras's sequences are
holes[1, :2] = 0  # at the beginning
holes[2, [0, 3]] = 0  # and a hole
masking = dict(layer="masking", value=0.0)
for kind, title in (("simple_rnn", "simple RNN"), ("lstm", "LSTM"), ("gru", "GRU")):
    one(title, kind, s, units=3)
    one(f"{title}, sequences", kind, s, units=3, return_sequences=True)
    one(f"{title}, relu", kind, s, units=8, spread=0.3, activation="relu", return_sequences=True)
    one(f"{title} without bias", kind, s, units=3, use_bias=False)
    one(f"{title}, backwards", kind, s, units=3, go_backwards=True)
    one(f"{title}, backwards, sequences", kind, s, units=3, go_backwards=True, return_sequences=True)
    one(f"{title}, stateful", kind, s, units=3, stateful=True, return_sequences=True, repeat=True)
    one(f"{title}, 17 units, two steps", kind, grid(2, 2, 5), units=17)
    if kind != "simple_rnn":
        one(f"{title}, sigmoid and hard sigmoid", kind, s, units=3, activation="sigmoid", recurrent_activation="hard_sigmoid")
        one(f"{title}, softplus and tanh", kind, s, units=3, activation="softplus", recurrent_activation="tanh", spread=0.25)
    case(f"{title}, mask", holes, masking, dict(layer=kind, units=3))
    case(f"{title}, mask, sequences", holes, masking, dict(layer=kind, units=3, return_sequences=True))
    case(f"{title}, mask, backwards", holes, masking, dict(layer=kind, units=3, go_backwards=True))
    for sequences in (False, True):
        case(f"masked embedding, {title}{', sequences' if sequences else ''}", indices, dict(layer="embedding", vocabulary=6, units=3, mask_zero=True),
             dict(layer=kind, units=4, return_sequences=sequences))
    case(f"{title} twice, dense", s, dict(layer=kind, units=5, return_sequences=True), dict(layer=kind, units=3), dict(layer="dense", units=2))
    case(f"embedding, {title} twice with mask", indices, dict(layer="embedding", vocabulary=6, units=3, mask_zero=True),
         dict(layer=kind, units=4, return_sequences=True), dict(layer=kind, units=3))

losses = []


def loss(name, kind, prediction, target, weight=None, **options):
    cls = dict(categorical_crossentropy="CategoricalCrossentropy", sparse_categorical_crossentropy="SparseCategoricalCrossentropy",
               binary_crossentropy="BinaryCrossentropy", mse="MeanSquaredError", mae="MeanAbsoluteError", huber="Huber")[kind]
    function = getattr(keras.losses, cls)
    v = tf.Variable(prediction)
    rows = function(reduction=None, **options)(target, v)
    with tf.GradientTape() as tape:
        value = function(**options)(target, v, sample_weight=weight)
    out = dict(name=name, loss=kind, options=options, prediction=tensor(prediction), target=tensor(target), per_row=numbers(rows), value=numbers(value)[0],
               gradient=numbers(tape.gradient(value, v)))
    if weight is not None:
        out["sample_weight"] = numbers(weight)
    losses.append(out)


logits = grid(6, 4, scale=2)
labels = rng.integers(0, 4, 6)
hot = np.eye(4)[labels]
soft = np.round(rng.dirichlet(np.ones(4), 6) * 256) / 256
soft[:, 0] += 1 - soft.sum(1)
weight = np.array([1.0, 0.5, 2.0, 0.0, 1.5, 3.0])
chances = rng.dirichlet(np.ones(4), 6)
for w, more in ((None, ""), (weight, ", weights")):
    loss(f"categorical, logits{more}", "categorical_crossentropy", logits, hot, w, from_logits=True)
    loss(f"categorical, soft targets, logits{more}", "categorical_crossentropy", logits, soft, w, from_logits=True)
    loss(f"categorical, probabilities{more}", "categorical_crossentropy", chances, hot, w)
    loss(f"sparse categorical, logits{more}", "sparse_categorical_crossentropy", logits, labels, w, from_logits=True)
    loss(f"sparse categorical, probabilities{more}", "sparse_categorical_crossentropy", chances, labels, w)
    loss(f"binary, logits{more}", "binary_crossentropy", logits, (hot + hot[:, ::-1]), w, from_logits=True)
    loss(f"binary, probabilities{more}", "binary_crossentropy", chances, hot, w)
    loss(f"mean squared error{more}", "mse", logits, grid(6, 4), w)
    loss(f"mean absolute error{more}", "mae", logits, grid(6, 4), w)
    loss(f"Huber{more}", "huber", logits, grid(6, 4), w)
loss("categorical, label smoothing", "categorical_crossentropy", logits, hot, from_logits=True, label_smoothing=0.1)
loss("Huber, delta 0.5", "huber", logits, grid(6, 4), delta=0.5)
loss("one column, mean squared error", "mse", grid(5, 1), grid(5, 1))
loss("one column, binary, logits", "binary_crossentropy", grid(5, 1, scale=3), rng.integers(0, 2, (5, 1)).astype(float), from_logits=True)

json.dump(
    dict(
        provenance=dict(script="tests/golden/make_network_layers.py", seed=SEED, dtype="float64", python=platform.python_version(), numpy=np.__version__,
                        keras=keras.__version__, tensorflow=tf.__version__),
        networks=cases,
        losses=losses,
        activations=activations,
    ),
    open(HERE / "network_layers.json", "w"),
)
