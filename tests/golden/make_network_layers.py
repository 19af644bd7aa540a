"""Writes network_layers.json: outputs and gradients of every layer and option by Keras 3 in float64, and values and gradients of losses.

    python tests/golden/make_network_layers.py      (keras, tensorflow)

A case of "layers" is one layer in training mode (unless "training": false) on "inputs" [{shape, values}]. "layer" and "options" are Keras's words; what
isn't given has Keras's default. "weights" [{name, shape, values}] are in Keras's order and layout: kernels (in, out), convolutions
(kh, kw, in / groups, out), depthwise (kh, kw, in, multiplier), gates of LSTM i, f, c, o and of GRU z, r, h, GRU's bias (2, 3 u): input's, then recurrent.
"output" is what comes out; "gradients" are those of sum(output * upstream): {"inputs": [...], "weights": [...]}, flat, in the order of
"inputs" and of the trainable "weights". Inputs, weights and upstream are multiples of 1/256 that float32 holds exactly. "mask" (n, t): 1 where a
step counts. Layers with state:
batch normalisation holds "moving": the moving mean and variance after this one step, and after "moving_after_three" three of them; stateful layers hold "second": the
output of the same call made again, and embeddings take indices.

A case of "losses": "loss", "options", "prediction" (n, u), "target", perhaps "sample_weight" (n); "per_row" is the loss of each row without weights,
"value" what Keras minimises (sum over rows of weight x loss, divided by the number of rows: not by the sum of weights), "gradient" its derivative by prediction.

A case of "activations": f at "x" and its derivative there.
"""
import json
import os
import platform

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

SEED = 20131
keras.config.set_floatx("float64")
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(SEED)
rng = np.random.default_rng(SEED)
layers = keras.layers


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
CLASSES = dict(dense="Dense", activation="Activation", conv2d="Conv2D", depthwise_conv2d="DepthwiseConv2D", max_pooling2d="MaxPooling2D",
               average_pooling2d="AveragePooling2D", global_max_pooling2d="GlobalMaxPooling2D", global_average_pooling2d="GlobalAveragePooling2D",
               flatten="Flatten", batch_normalization="BatchNormalization", layer_normalization="LayerNormalization", embedding="Embedding",
               simple_rnn="SimpleRNN", lstm="LSTM", gru="GRU", add="Add", concatenate="Concatenate", dropout="Dropout")


def case(name, layer, inputs, training=True, mask=None, repeat=False, weights_scale=0.5, **options):
    inputs = inputs if isinstance(inputs, list) else [inputs]
    made = getattr(layers, CLASSES[layer])(**options)
    integers = layer == "embedding"
    fed = [tf.Variable(x) if not integers else tf.constant(x) for x in inputs]
    call = {} if mask is None else dict(mask=tf.constant(mask, tf.bool))
    if layer in ("batch_normalization", "dropout", "simple_rnn", "lstm", "gru"):
        call["training"] = training
    given = fed if len(fed) > 1 else fed[0]
    made.build([x.shape for x in inputs] if len(inputs) > 1 else inputs[0].shape)
    trained = {id(w) for w in made.trainable_weights}
    variables = [w for w in made.weights if id(w) in trained or w.name.startswith("moving")]  # not the seeds of dropout
    for w in variables:
        if w.name == "gamma":
            w.assign(1 + grid(*w.shape, scale=0.3))
        elif w.name == "moving_variance":
            w.assign(1 + np.abs(grid(*w.shape, scale=0.5)))
        else:
            w.assign(grid(*w.shape, scale=weights_scale))
    before = [dict(name=w.name, **tensor(w.numpy())) for w in variables]
    with tf.GradientTape() as tape:
        output = made(given, **call)
        upstream = grid(*output.shape)
        total = tf.reduce_sum(output * upstream)
    sources = ([] if integers else fed) + [w.value for w in made.trainable_weights]
    gradients = tape.gradient(total, sources)
    gradients = [tf.convert_to_tensor(g) if g is not None else None for g in gradients]
    assert all(g is not None for g in gradients), name
    dinputs = [] if integers else gradients[:len(fed)]
    out = dict(name=name, layer=layer, options={k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}, inputs=[tensor(x) for x in inputs],
               weights=before, output=tensor(output.numpy()), upstream=numbers(upstream),
               gradients=dict(inputs=[numbers(g) for g in dinputs], weights=[numbers(g) for g in gradients[len(dinputs):]]))
    if not training:
        out["training"] = False
    if mask is not None:
        out["mask"] = np.asarray(mask, int).tolist()
    if layer == "batch_normalization" and training:
        def moving():
            return {w.name[7:]: numbers(w.numpy()) for w in made.weights if w.name.startswith("moving")}
        out["moving"] = moving()
        for _ in range(2):
            made(given, **call)
        out["moving_after_three"] = moving()
    if repeat:
        out["second"] = tensor(made(given, **call).numpy())
    flat = np.abs(output.numpy())
    assert np.isfinite(flat).all() and (flat > 1e-9).mean() > 0.3, (name, (flat > 1e-9).mean())
    cases.append(out)


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
case("dense", "dense", x, units=3)
case("dense without bias", "dense", x, units=3, use_bias=False)
for name in NAMES[1:]:
    case(f"dense, {name}", "dense", x, units=3, activation=name)
case("dense over steps", "dense", grid(2, 3, 4), units=5, activation="tanh")
case("activation of pictures", "activation", grid(2, 3, 3, 2), activation="tanh")

# convolution
p = grid(2, 7, 6, 4)
case("conv, valid", "conv2d", p, filters=3, kernel_size=(3, 3))
case("conv, same", "conv2d", p, filters=3, kernel_size=(3, 3), padding="same")
case("conv, relu, no bias", "conv2d", p, filters=5, kernel_size=(3, 3), activation="relu", use_bias=False)
case("conv 1 x 1", "conv2d", p, filters=6, kernel_size=(1, 1))
case("conv 3 x 5", "conv2d", p, filters=2, kernel_size=(3, 5), padding="same")
case("conv 2 x 2, same (one more below and right)", "conv2d", p, filters=2, kernel_size=(2, 2), padding="same")
case("conv, strides 2, valid", "conv2d", p, filters=3, kernel_size=(3, 3), strides=(2, 2))
case("conv, strides 2, same", "conv2d", p, filters=3, kernel_size=(3, 3), strides=(2, 2), padding="same")
case("conv, strides 2 x 3, same", "conv2d", p, filters=3, kernel_size=(3, 3), strides=(2, 3), padding="same")
case("conv 1 x 1, strides 2, same", "conv2d", p, filters=3, kernel_size=(1, 1), strides=(2, 2), padding="same")
case("conv, groups 2", "conv2d", p, filters=6, kernel_size=(3, 3), groups=2, padding="same")
case("conv, groups 4 of one channel", "conv2d", p, filters=8, kernel_size=(3, 3), groups=4)
case("conv, dilation 2", "conv2d", grid(1, 9, 8, 2), filters=3, kernel_size=(3, 3), dilation_rate=(2, 2))
case("conv of one channel", "conv2d", grid(2, 8, 8, 1), filters=4, kernel_size=(3, 3), activation="relu")
case("depthwise", "depthwise_conv2d", p, kernel_size=(3, 3))
case("depthwise, same, strides 2", "depthwise_conv2d", p, kernel_size=(3, 3), strides=(2, 2), padding="same")
case("depthwise, multiplier 2", "depthwise_conv2d", p, kernel_size=(3, 3), depth_multiplier=2, padding="same", activation="tanh")

# pooling
d = distinct(2, 7, 6, 3)
for kind in ("max", "average"):
    case(f"{kind} pooling", f"{kind}_pooling2d", d, pool_size=(2, 2))
    case(f"{kind} pooling, same", f"{kind}_pooling2d", d, pool_size=(2, 2), padding="same")
    case(f"{kind} pooling 3 x 3, strides 2", f"{kind}_pooling2d", d, pool_size=(3, 3), strides=(2, 2))
    case(f"{kind} pooling 3 x 3, strides 2, same", f"{kind}_pooling2d", d, pool_size=(3, 3), strides=(2, 2), padding="same")
    case(f"{kind} pooling 3 x 2, strides 1 x 2, same", f"{kind}_pooling2d", d, pool_size=(3, 2), strides=(1, 2), padding="same")
    case(f"global {kind} pooling", f"global_{kind}_pooling2d", d)
case("flatten", "flatten", grid(2, 3, 2, 2))

# normalisation
case("batch normalisation of rows", "batch_normalization", grid(6, 3, scale=2))
case("batch normalisation of pictures", "batch_normalization", grid(3, 4, 3, 2, scale=2) + 1)
case("batch normalisation, momentum and epsilon", "batch_normalization", grid(6, 3), momentum=0.8, epsilon=0.01)
case("batch normalisation without scale", "batch_normalization", grid(6, 3), scale=False)
case("batch normalisation without center", "batch_normalization", grid(6, 3), center=False)
case("batch normalisation, inference", "batch_normalization", grid(3, 4, 3, 2), training=False)
case("layer normalisation of rows", "layer_normalization", grid(4, 6, scale=2))
case("layer normalisation over steps", "layer_normalization", grid(2, 3, 5), epsilon=0.01)
case("layer normalisation without scale and center", "layer_normalization", grid(4, 6), scale=False, center=False)

# graph
case("add", "add", [grid(2, 3, 3, 2), grid(2, 3, 3, 2), grid(2, 3, 3, 2)])
case("concatenate", "concatenate", [grid(2, 3), grid(2, 4)])
case("concatenate channels", "concatenate", [grid(2, 3, 3, 2), grid(2, 3, 3, 1)], axis=-1)
case("concatenate rows of pictures", "concatenate", [grid(2, 3, 3, 2), grid(2, 1, 3, 2)], axis=1)
case("embedding", "embedding", rng.integers(0, 7, (3, 5)), input_dim=7, output_dim=4)

# recurrent
s = grid(3, 6, 4)
holes = np.ones((3, 6), int)
holes[0, 4:] = 0  # padded at the end, as Keras's sequences are
holes[1, :2] = 0  # at the beginning
holes[2, [0, 3]] = 0  # and a hole
for kind in ("simple_rnn", "lstm", "gru"):
    title = {"simple_rnn": "simple RNN", "lstm": "LSTM", "gru": "GRU"}[kind]
    case(title, kind, s, units=3)
    case(f"{title}, sequences", kind, s, units=3, return_sequences=True)
    case(f"{title}, relu", kind, s, units=3, activation="relu", return_sequences=True)
    case(f"{title} without bias", kind, s, units=3, use_bias=False)
    case(f"{title}, mask", kind, s, mask=holes, units=3)
    case(f"{title}, mask, sequences", kind, s, mask=holes, units=3, return_sequences=True)
    case(f"{title}, stateful", kind, s, units=3, stateful=True, return_sequences=True, repeat=True)
    case(f"{title}, 17 units, one step", kind, grid(2, 1, 5), units=17)
    if kind != "simple_rnn":
        case(f"{title}, sigmoid and hard sigmoid", kind, s, units=3, activation="sigmoid", recurrent_activation="hard_sigmoid")
        case(f"{title}, softplus and tanh", kind, s, units=3, activation="softplus", recurrent_activation="tanh", weights_scale=0.25)


def chain(name, sequence, units_layer):
    """Embedding with mask_zero, then a recurrent layer: index 0 is padding."""
    indices = np.array([[3, 1, 4, 0, 0], [2, 5, 0, 0, 0], [1, 2, 3, 4, 5]])
    embed = layers.Embedding(6, 3, mask_zero=True)
    embed.build(indices.shape)
    embed.embeddings.assign(grid(6, 3))
    recurrent = getattr(layers, CLASSES[units_layer])(4, return_sequences=sequence)
    recurrent.build((3, 5, 3))
    for w in recurrent.trainable_weights:
        w.assign(grid(*w.shape, scale=0.5))
    variables = embed.trainable_weights + recurrent.trainable_weights
    before = [dict(name=w.name, **tensor(w.numpy())) for w in variables]
    with tf.GradientTape() as tape:
        h = embed(tf.constant(indices))
        output = recurrent(h, mask=embed.compute_mask(tf.constant(indices)))
        upstream = grid(*output.shape)
        total = tf.reduce_sum(output * upstream)
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(total, [w.value for w in variables])]
    return dict(name=name, layers=[dict(layer="embedding", options=dict(input_dim=6, output_dim=3, mask_zero=True)),
                                   dict(layer=units_layer, options=dict(units=4, return_sequences=sequence))],
                inputs=[tensor(indices)], weights=before, output=tensor(output.numpy()), upstream=numbers(upstream),
                gradients=dict(inputs=[], weights=[numbers(g) for g in gradients]))


chains = [chain(f"masked embedding, {kind}{', sequences' if sequence else ''}", sequence, kind) for kind in ("simple_rnn", "lstm", "gru") for sequence in (False, True)]

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
        layers=cases,
        chains=chains,
        losses=losses,
        activations=activations,
    ),
    open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "network_layers.json"), "w"),
)
