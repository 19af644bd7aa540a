"""Writes network_small.json and network_parity.json: the first steps of networks trained by Keras 3, in float64 and in float32.

    MERX_DATA=/data/sets python tests/golden/make_network.py [small|parity]      (keras, tensorflow; parity: the data set fashion-mnist)

Both sides make the same numbers by splitmix64, all exact in float32:

    bits(stream, i) = z ^ (z >> 31), where z = (y ^ (y >> 27)) * 0x94D049BB133111EB, y = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9,
                      x = (stream * 2^32 + i + 1) * 0x9E3779B97F4A7C15, all modulo 2^64
    number(stream, i) = ((bits >> 40) - 2^23) * 2^-23, in [-1, 1)           whole(stream, i, n) = (bits >> 40) mod n

Weight i of a tensor with "stream" and "limit" is number(stream, i) * limit, one product in float32 (row-major, Keras's layouts and merx's order); others have
"values". "spec" is what merx_network_from_json reads. Step k trains on examples batch k … batch (k + 1) - 1 (of "examples" there are; small ones begin anew).

Examples: of "fashion-mnist" training row "rows"[i], byte / 255 in float32, with its label. Of "generated" example r has the label whole(1, r, classes) and
x_j = number(1000 + r, j) + number(2, label * period + j mod period) / 2, one sum in float32; period: an example's last dimension, of pictures all numbers.

network_parity.json: "losses" of 100 steps with Adam in float64 ("float64") and float32 ("float32"): before each step, mean over its batch of the categorical
cross-entropy; "apart_from_step": the first step (from 0) whose two losses differ by more than 1e-4 (null: none), where rounding alone leads Keras elsewhere: an LSTM with
relu explodes at Adam's usual rate, so there is a second one, twenty times slower, that stays together; "gradients" of the first step in float64: each tensor's norm and the values at "places"; "probabilities" of the first example before any step.
network_small.json: all gradients of the first step; per optimiser ("optimizer": Keras's words; "adamw" decays kernels alone) the losses of 20 steps and the weights after 20, float64.
"""
import gzip
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
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import generated  # noqa: E402
import keras_network  # noqa: E402

STEPS, SMALL_STEPS, BATCH, SMALL_BATCH = 100, 20, 32, 5
PROVENANCE = dict(script="tests/golden/make_network.py", python=platform.python_version(), numpy=np.__version__, keras=keras.__version__, tensorflow=tf.__version__)
tf.config.experimental.enable_op_determinism()
RECURRENT = ("lstm", "gru", "simple_rnn")


def numbers(values, digits=10):
    return [float(f"{v:.{digits}g}") for v in np.asarray(values, float).ravel()]


def starts(spec):
    """Initial weights: [(name, shape, stream, limit or values)], Glorot's uniform for kernels, the others as Keras begins."""
    _, made = keras_network.build(spec, 1)
    out = []
    for layer, node in zip(made, spec["layers"]):
        for w in layer.weights:
            entry = dict(name=f"{node['layer']}/{w.name}", shape=list(w.shape), stream=100 + len(out))
            if "kernel" in w.name or w.name == "embeddings":
                kernel = np.prod(w.shape[:-2], initial=1)
                entry["limit"] = float(np.float32(np.sqrt(6 / (kernel * (w.shape[-2] + w.shape[-1])))))
            else:
                del entry["stream"]
                entry["values"] = numbers(w.numpy())
            out.append(entry)
    return out


def weight(entry):
    if "values" in entry:
        return np.array(entry["values"], np.float32).reshape(entry["shape"])
    return (generated.numbers(entry["stream"], int(np.prod(entry["shape"]))) * np.float32(entry["limit"])).reshape(entry["shape"])


class Trainer:
    """A network from its initial weights, in one precision."""

    def __init__(self, spec, weights, dtype, optimizer=None):
        keras.config.set_floatx(dtype)
        self.dtype = dtype
        self.model, self.made = keras_network.build(spec)
        self.all = keras_network.weights(self.made)
        self.variables = keras_network.trainable(self.made)
        for variable, entry in zip(self.all, weights, strict=True):
            variable.assign(weight(entry).astype(dtype))
        self.optimizer = optimizer() if optimizer else keras.optimizers.Adam()
        if isinstance(self.optimizer, keras.optimizers.AdamW):
            self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.variables)
        self.loss = keras.losses.CategoricalCrossentropy()
        self.compiled = tf.function(self.raw)

    def raw(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.model(x, training=True))
        gradients = tape.gradient(loss, [v.value for v in self.variables])
        self.optimizer.apply(gradients, self.variables)
        return loss, gradients

    def step(self, x, labels, classes):
        y = np.eye(classes, dtype=self.dtype)[labels]
        loss, gradients = self.compiled(tf.constant(x.astype(self.dtype)), tf.constant(y))
        return float(loss), [g.numpy() for g in gradients]


def fashion():
    """Rows of the training set, 100 batches of 32, drawn once."""
    folder = Path(os.environ["MERX_DATA"]) / "fashion-mnist"
    images = np.frombuffer(gzip.open(folder / "train-images-idx3-ubyte.gz").read(), np.uint8, offset=16).reshape(60000, 28, 28, 1)
    labels = np.frombuffer(gzip.open(folder / "train-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
    rows = generated.wholes(3, STEPS * BATCH, 60000)
    return images[rows].astype(np.float32) / np.float32(255), labels[rows].astype(int), rows


def parity(name, spec, rate=0.001):
    if name == "cnn":
        x, labels, rows = fashion()
        examples = dict(source="fashion-mnist", rows=rows.tolist())
    else:
        x, labels = generated.examples(STEPS * BATCH, tuple(spec["input"]), 10)
        examples = dict(source="generated", examples=STEPS * BATCH, classes=10, period=spec["input"][-1])
    weights = starts(spec)
    out = dict(name=name, spec=spec, batch=BATCH, optimizer=dict(name="adam", learning_rate=rate), examples=examples, weights=weights, losses={})
    for dtype in ("float64", "float32"):
        trainer = Trainer(spec, weights, dtype, lambda: keras.optimizers.Adam(rate))
        if dtype == "float64":
            out["probabilities"] = numbers(trainer.model(x[:1].astype(dtype), training=False))
        losses = []
        for k in range(STEPS):
            part = slice(k * BATCH, (k + 1) * BATCH)
            loss, gradients = trainer.step(x[part], labels[part], 10)
            losses.append(loss)
            if k == 0 and dtype == "float64":
                out["gradients"] = []
                for j, g in enumerate(gradients):
                    places = generated.wholes(50 + j, min(64, g.size), g.size)
                    out["gradients"].append(dict(norm=float(np.linalg.norm(g)), places=places.tolist(), values=numbers(g.ravel()[places])))
            elif k == 0:
                out["gradient_norms_float32"] = [float(np.linalg.norm(g.astype(float))) for g in gradients]
        out["losses"][dtype] = numbers(losses, 12 if dtype == "float64" else 9)
    a, b = (np.array(out["losses"][dtype]) for dtype in ("float64", "float32"))
    gap = np.abs(a - b) / a
    far = np.flatnonzero(gap > 1e-4)
    out["apart_from_step"] = int(far[0]) if len(far) else None
    print(f"{name}, {rate}: loss {a[0]:.6f} … {a[-1]:.6f}; float32 away by {gap[:10].max():.2g} in 10 steps, {gap.max():.2g} in 100", flush=True)
    return out


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.05),
    "adam, clipped": lambda: keras.optimizers.Adam(0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-4, global_clipnorm=0.3),
    "sgd": lambda: keras.optimizers.SGD(0.05),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda: keras.optimizers.Adagrad(0.05),
}
WORDS = {
    "adam": dict(name="adam", learning_rate=0.01), "adamw": dict(name="adam", learning_rate=0.01, weight_decay=0.05),
    "adam, clipped": dict(name="adam", learning_rate=0.01, beta1=0.8, beta2=0.99, epsilon=1e-4, clip_norm=0.3), "sgd": dict(name="sgd", learning_rate=0.05),
    "momentum": dict(name="sgd", learning_rate=0.05, momentum=0.9), "nesterov": dict(name="sgd", learning_rate=0.05, momentum=0.9, nesterov=True),
    "adagrad": dict(name="adagrad", learning_rate=0.05),
}
DENSE = dict(layer="dense", units=3, activation="softmax")
CONV = dict(layer="conv2d", filters=4, kernel_size=[3, 3])
SMALL = {
    "cnn": dict(input=[8, 8, 1], layers=[dict(CONV, activation="relu"), dict(layer="max_pool2d", pool_size=[2, 2]), dict(layer="flatten"), DENSE]),
    **{f"{kind}, {f}": dict(input=[6, 3], layers=[dict(layer=kind, units=5, activation=f), DENSE]) for kind in RECURRENT for f in ("tanh", "relu")},
    "residual": dict(input=[6, 6, 2], layers=[
        dict(CONV, padding="same", use_bias=False), dict(layer="batch_norm"), dict(layer="activation", activation="relu", name="stem"),
        dict(CONV, padding="same", use_bias=False), dict(layer="batch_norm", name="sum"), dict(layer="add", inputs=["sum", "stem"]),
        dict(layer="activation", activation="relu"), dict(layer="global_average_pool2d"), DENSE]),
}


def small(name, spec):
    x, labels = generated.examples(4 * SMALL_BATCH, tuple(spec["input"]), 3)
    weights = starts(spec)
    out = dict(name=name, spec=spec, batch=SMALL_BATCH,
               examples=dict(source="generated", examples=len(x), classes=3, period=spec["input"][-1] if len(spec["input"]) == 2 else int(np.prod(spec["input"]))),
               weights=weights, runs=[])
    names = OPTIMIZERS if name in ("cnn", "lstm, tanh", "residual") else ["adam"]
    for optimizer in names:
        trainer = Trainer(spec, weights, "float64", OPTIMIZERS[optimizer])
        losses = []
        for k in range(SMALL_STEPS):
            part = slice(k % 4 * SMALL_BATCH, (k % 4 + 1) * SMALL_BATCH)
            loss, gradients = trainer.step(x[part], labels[part], 3)
            losses.append(loss)
            if k == 0 and not out["runs"]:
                made = iter(gradients)
                trained = {id(v) for v in trainer.variables}
                out["gradients"] = [numbers(next(made)) if id(w) in trained else None for w in trainer.all]
        out["runs"].append(dict(name=optimizer, optimizer=WORDS[optimizer], losses=numbers(losses, 12), weights=[numbers(w.numpy()) for w in trainer.all]))
    first = trainer.model(x[:2].astype("float64"), training=False)
    out["runs"][-1]["probabilities_after"] = numbers(first)
    print(f"{name}: loss {losses[0]:.6f} … {losses[-1]:.6f}", flush=True)
    return out


def main():
    wanted = sys.argv[1:] or ["small", "parity"]
    if "small" in wanted:
        json.dump(dict(provenance=PROVENANCE, networks=[small(name, spec) for name, spec in SMALL.items()]), open(HERE / "network_small.json", "w"))
    if "parity" in wanted:
        networks = []
        for name, rate in (("cnn", 0.001), ("lstm-tanh", 0.001), ("lstm-relu", 0.001), ("lstm-relu", 0.00005)):
            networks.append(parity(name, json.loads((ROOT / "bench" / "networks" / f"{name}.json").read_text()), rate))
        json.dump(dict(provenance=PROVENANCE, networks=networks), open(HERE / "network_parity.json", "w"))


if __name__ == "__main__":
    main()
