"""Keras's half of the networks' figures (TensorFlow on the CPU). SPEC is a file of bench/networks; FOLDER holds x (n, input) float32 and labels (n) int32.

    network_keras.py train FOLDER SPEC N CALL       "go" trains on the N examples once, batch 32, shuffled
    network_keras.py infer FOLDER SPEC N CALL       "go" classifies them in batches of 256
    network_keras.py one FOLDER SPEC N CALL         "go COUNT" classifies COUNT of them one at a time; "seconds" is the median of a call
    network_keras.py step FOLDER SPEC N CALL        the same of the next step of a sequence, through a stateful copy of the network
    network_keras.py accuracy TRAIN TEST SPEC N M EPOCHS SEED      trains on N, then says the accuracy on M; one line of JSON

CALL is fit, predict or function (a tf.function of one step or call), with more words joined by +: xla (jit_compile), many (fit: 50 steps per execution),
onednn (TensorFlow's oneDNN kernels, off by default on CPUs without VNNI), single (one thread).
"""
import json
import os
import sys
import time
from pathlib import Path

WORDS = set(sys.argv[5].split("+")) if sys.argv[1] != "accuracy" else set()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1" if "onednn" in WORDS else "0"
import keras  # noqa: E402
import keras_network  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import worker  # noqa: E402

BATCH, INFER_BATCH, CLASSES = 32, 256, 10
VERSIONS = ("keras", "tensorflow_cpu", "numpy")


def threads(count):
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def read(folder, spec, n):
    x = np.fromfile(Path(folder) / "x", np.float32).reshape(n, *spec["input"])
    return x, np.fromfile(Path(folder) / "labels", np.int32)


def compiled(spec, **options):
    model, _ = keras_network.build(spec)
    model.compile(optimizer=keras.optimizers.Adam(), loss="categorical_crossentropy", metrics=["accuracy"], **options)
    return model


def train(folder, spec, n):
    x, labels = read(folder, spec, n)
    y = np.eye(CLASSES, dtype=np.float32)[labels]
    model = compiled(spec, jit_compile="xla" in WORDS, steps_per_execution=50 if "many" in WORDS else 1)
    if "fit" in WORDS:
        def go(_):
            return model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0).history["loss"][-1]
    else:
        loss, optimizer = keras.losses.CategoricalCrossentropy(), model.optimizer
        optimizer.build(model.trainable_variables)

        @tf.function(jit_compile="xla" in WORDS)
        def step(a, b):
            with tf.GradientTape() as tape:
                value = loss(b, model(a, training=True))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(value, [v.value for v in variables]), variables)
            return value

        def go(_):
            order = np.random.permutation(n)
            total = 0.0
            for begin in range(0, n, BATCH):
                rows = order[begin:begin + BATCH]
                total = total + step(tf.constant(x[rows]), tf.constant(y[rows]))
            return float(total) / (n // BATCH)

    worker.serve(go, lambda loss, _: {"loss": float(loss)}, versions=VERSIONS, rows=n, weights=int(model.count_params()))


def function(model):
    @tf.function(jit_compile="xla" in WORDS)
    def call(x):
        return model(x, training=False)
    return call


def infer(folder, spec, n):
    x, _ = read(folder, spec, n)
    model = compiled(spec, jit_compile="xla" in WORDS)
    call = function(model)

    def go(_):
        if "predict" in WORDS:
            return model.predict(x, batch_size=INFER_BATCH, verbose=0)
        return np.concatenate([call(tf.constant(x[begin:begin + INFER_BATCH])).numpy() for begin in range(0, n, INFER_BATCH)])

    worker.serve(go, lambda p, _: {"mass": float(p.sum())}, versions=VERSIONS, rows=n)


def single(folder, spec, n, steps):
    x, _ = read(folder, spec, n)
    if steps:  # the events of the sequences, one after the other
        events = x.reshape(-1, 1, 1, spec["input"][-1])
        spec = dict(spec, input=[1, spec["input"][-1]], layers=[dict(layer, stateful=True) if layer["layer"] == "lstm" else layer for layer in spec["layers"]])
        model, _ = keras_network.build(spec, 1)
        model.compile(jit_compile="xla" in WORDS)
    else:
        events = x[:, None]
        model = compiled(spec, jit_compile="xla" in WORDS)
    call = function(model)
    given = [events[i] if "predict" in WORDS else tf.constant(events[i]) for i in range(min(len(events), 1000))]

    def go(words):
        times, total = np.empty(int(words[0])), 0.0
        for i in range(len(times)):
            one = given[i % len(given)]
            began = time.perf_counter()
            p = model.predict(one, verbose=0) if "predict" in WORDS else call(one).numpy()
            times[i] = time.perf_counter() - began
            total += float(p.sum())
        return times, total

    worker.serve(go, lambda done, _: {"seconds": float(np.median(done[0])), "calls": len(done[0]), "mass": done[1]}, versions=VERSIONS)


def accuracy(train_folder, test_folder, spec, n, m, epochs, seed):
    keras.utils.set_random_seed(seed)
    x, labels = read(train_folder, spec, n)
    model = compiled(spec, steps_per_execution=50)
    began = time.perf_counter()
    history = model.fit(x, np.eye(CLASSES, dtype=np.float32)[labels], batch_size=BATCH, epochs=epochs, verbose=0).history
    seconds = time.perf_counter() - began
    x, labels = read(test_folder, spec, m)
    right = model.predict(x, batch_size=INFER_BATCH, verbose=0).argmax(1) == labels
    print(json.dumps({"accuracy": float(right.mean()), "right": int(right.sum()), "rows": m, "loss": history["loss"], "seconds": seconds}))


if __name__ == "__main__":
    mode = sys.argv[1]
    if mode == "accuracy":
        threads(len(os.sched_getaffinity(0)))
        accuracy(sys.argv[2], sys.argv[3], json.loads(Path(sys.argv[4]).read_text()), *(int(word) for word in sys.argv[5:9]))
    else:
        threads(1 if "single" in WORDS else len(os.sched_getaffinity(0)))
        where, network, count = sys.argv[2], json.loads(Path(sys.argv[3]).read_text()), int(sys.argv[4])
        if mode in ("one", "step"):
            single(where, network, count, mode == "step")
        else:
            {"train": train, "infer": infer}[mode](where, network, count)
