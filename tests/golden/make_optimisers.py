"""Writes optimisers.json: weights after 20 steps of Keras 3's optimisers on given gradients, in float32 and again in float64, with every option that the kernels
have: Adam, AdamW, SGD (plain, momentum, Nesterov), Adagrad; clipping by norm of each weight, by norm of all, by value; an exponential schedule. Two
weights of 7 x 3 and 5; gradients grow and shrink from step to step, some are 0.

    KERAS_BACKEND=torch python tests/golden/make_optimisers.py      (keras, torch, numpy)
"""
import json
import os
import platform

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

SEED = 20141
STEPS = 20
rng = np.random.default_rng(SEED)
shapes = [(7, 3), (5,)]


def float32s(values):
    return np.asarray(values, dtype=np.float32)


start = [float32s(rng.normal(size=s)) for s in shapes]
gradients = []
for t in range(STEPS):
    scale = 10.0 ** (1.5 * np.cos(t / 3.0) - 0.5)
    step = [float32s(rng.normal(size=s) * scale) for s in shapes]
    step[0][1, :] = 0  # units that are dead: their gradient is 0 at every step
    if t % 7 == 3:
        step[1][:] = 0
    gradients.append(step)


def flat(arrays):
    return [float(v) for a in arrays for v in np.asarray(a, dtype=np.float64).ravel()]


def run(make, dtype):
    keras.config.set_floatx(dtype)
    weights = [keras.Variable(w.astype(dtype), dtype=dtype) for w in start]
    optimizer = make()
    optimizer.build(weights)
    path = []
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g.astype(dtype)) for g in step], weights)
        path.append(flat([keras.ops.convert_to_numpy(w) for w in weights]))
    return path


o = keras.optimizers
decay = o.schedules.ExponentialDecay
cases = [
    ("adam", dict(), lambda: o.Adam()),
    ("adam", dict(learning_rate=0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3), lambda: o.Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3)),
    ("adam", dict(learning_rate=0.01, global_clipnorm=1.0), lambda: o.Adam(0.01, global_clipnorm=1.0)),
    ("adam", dict(learning_rate=0.01, clipnorm=0.7), lambda: o.Adam(0.01, clipnorm=0.7)),
    ("adam", dict(learning_rate=0.01, clipvalue=0.5), lambda: o.Adam(0.01, clipvalue=0.5)),
    ("adam", dict(learning_rate=0.01, decay_steps=4, decay_rate=0.7), lambda: o.Adam(decay(0.01, 4, 0.7))),
    ("adam", dict(learning_rate=0.002, weight_decay=0.004), lambda: o.AdamW(0.002)),
    ("adam", dict(learning_rate=0.05, weight_decay=0.1, global_clipnorm=2.0), lambda: o.AdamW(0.05, weight_decay=0.1, global_clipnorm=2.0)),
    ("sgd", dict(learning_rate=0.01), lambda: o.SGD()),
    ("sgd", dict(learning_rate=0.03, momentum=0.9), lambda: o.SGD(0.03, momentum=0.9)),
    ("sgd", dict(learning_rate=0.03, momentum=0.8, nesterov=True), lambda: o.SGD(0.03, momentum=0.8, nesterov=True)),
    ("sgd", dict(learning_rate=0.03, momentum=0.8, nesterov=True, global_clipnorm=1.5), lambda: o.SGD(0.03, momentum=0.8, nesterov=True, global_clipnorm=1.5)),
    ("adagrad", dict(learning_rate=0.001), lambda: o.Adagrad()),
    ("adagrad", dict(learning_rate=0.2, initial_accumulator_value=0.02, epsilon=1e-4), lambda: o.Adagrad(0.2, initial_accumulator_value=0.02, epsilon=1e-4)),
    ("adagrad", dict(learning_rate=0.1, clipnorm=1.0), lambda: o.Adagrad(0.1, clipnorm=1.0)),
]
defaults = {
    "adam": dict(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7),
    "sgd": dict(momentum=0.0, nesterov=False),
    "adagrad": dict(initial_accumulator_value=0.1, epsilon=1e-7),
}
written = []
for name, options, make in cases:
    single, double = run(make, "float32"), run(make, "float64")
    marks = [0, 1, 4, STEPS - 1]
    written.append(
        {
            "optimiser": name,
            "options": {**defaults[name], **options},
            "float32": {str(t + 1): single[t] for t in marks},
            "float64": {str(t + 1): double[t] for t in marks},
        }
    )
out = {
    "provenance": {
        "script": "tests/golden/make_optimisers.py",
        "seed": SEED,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "numpy": np.__version__,
    },
    "sizes": [int(np.prod(s)) for s in shapes],
    "start": flat(start),
    "gradients": [flat(g) for g in gradients],
    "cases": written,
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimisers.json"), "w") as file:
    json.dump(out, file)
    file.write("\n")
for case in written:
    a, b = np.array(case["float32"][str(STEPS)]), np.array(case["float64"][str(STEPS)])
    print(case["optimiser"], case["options"], "float32 differs from float64 by", np.abs(a - b).max())
