"""Training: accuracy, validation, callbacks, interrupts, threads, wrong input."""
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from keras_help import blobs, rng

import merx
from merx import keras
from merx.keras import Input, Model, Sequential, callbacks, layers, losses, optimizers
from merx.keras.utils import set_random_seed, to_categorical


def small(d=6, classes=3, **compile_args):
    model = Sequential([Input((d,)), layers.Dense(16, activation="relu"), layers.Dense(classes, activation="softmax")])
    model.compile(**{"optimizer": optimizers.Adam(0.02), "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compile_args})
    return model


@pytest.fixture(autouse=True)
def seed():
    set_random_seed(7)


# ---- it learns ----


def test_listing_of_a_cnn(capsys):
    r = rng()
    x = r.integers(0, 256, (400, 28, 28)).astype(np.uint8)
    labels = r.integers(0, 10, 400)
    for i, k in enumerate(labels):
        x[i, 2 * k:2 * k + 4] //= 4
    y = to_categorical(labels, 10)
    model = Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x / 255.0, y, epochs=10, batch_size=32)
    assert history.history["accuracy"][-1] > 0.95 and history.epoch == list(range(10))
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Epoch 1/10" and out[1].startswith("13/13 - ") and " - accuracy: " in out[1] and " - loss: " in out[1] and len(out) == 20
    loss, accuracy = model.evaluate(x / 255.0, y, verbose=0)
    assert accuracy > 0.95 and accuracy == np.mean(model.predict(x / 255.0, verbose=0).argmax(1) == labels)


def test_listing_of_an_lstm():
    r = rng()
    x = r.normal(size=(300, 12, 3))
    y = x[:, :, 0].sum(axis=1)
    model = Sequential([layers.LSTM(32, activation="relu", input_shape=(12, 3)), layers.Dense(1)])
    model.compile(optimizer=optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    history = model.fit(x, y, epochs=30, verbose=0)
    assert history.history["loss"][-1] < 0.1 * np.var(y)


def test_uint8_is_not_scaled():
    x = rng().integers(0, 256, (50, 6)).astype(np.uint8)
    model = small()
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x.astype(np.float64), verbose=0))
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("sgd", "sparse_categorical_crossentropy")
    model.compile("sgd", "sparse_categorical_crossentropy")
    y = np.arange(50) % 3
    assert model.fit(x, y, shuffle=False, verbose=0).history == copy.fit(x.astype(np.float32), y, shuffle=False, verbose=0).history


def test_same_seed_same_bits_whatever_the_names():
    x, y = blobs(200)
    runs = []
    for _ in range(2):
        set_random_seed(3)
        model = small()
        model.fit(x, y, epochs=2, verbose=0)
        runs.append(model.get_weights())
    other = small()
    for a, b, c in zip(*runs, other.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert (other.get_weights()[0] != runs[0][0]).any()


def test_a_fit_goes_on():
    x, y = blobs(200)
    set_random_seed(3)
    one = small()
    one.fit(x, y, epochs=4, verbose=0)
    set_random_seed(3)
    two = small()
    two.fit(x, y, epochs=2, verbose=0)
    history = two.fit(x, y, epochs=4, initial_epoch=2, verbose=0)
    assert history.epoch == [2, 3] and one.optimizer.iterations == two.optimizer.iterations == 28
    for a, b in zip(one.get_weights(), two.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_validation():
    x, y = blobs(300)
    model = small()
    history = model.fit(x, y, validation_split=0.25, epochs=3, verbose=0)
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    loss, accuracy = model.evaluate(x[225:], y[225:], verbose=0)
    assert (history.history["val_loss"][-1], history.history["val_accuracy"][-1]) == (loss, accuracy)
    history = model.fit(x, y, validation_split=0.25, class_weight={0: 5.0}, verbose=0)  # of training alone
    assert history.history["val_loss"] == [model.evaluate(x[225:], y[225:], verbose=0)[0]]
    weights = rng(1).random(75)
    history = model.fit(x[:225], y[:225], validation_data=(x[225:], y[225:], weights), epochs=4, validation_freq=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    assert history.history["val_loss"][-1] == model.evaluate(x[225:], y[225:], sample_weight=weights, verbose=0)[0]


def test_augmentation_changes_training():
    x = rng().random((40, 8, 8, 1)).astype(np.float32)
    y = np.arange(40) % 2
    runs = []
    for augmentation in (None, keras.Augmentation(flip=True, shift=2)):
        set_random_seed(1)
        model = Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.augmentation = augmentation
        model.fit(x, y, verbose=0)
        runs.append(model.get_weights()[0])
    assert (runs[0] != runs[1]).any()


def test_train_on_batch():
    x, y = blobs(64)
    model = small()
    before = model.evaluate(x, y, verbose=0)
    assert model.train_on_batch(x, y) == pytest.approx(before, rel=1e-5)
    for _ in range(60):
        out = model.train_on_batch(x, y, return_dict=True)
    assert out["loss"] < 0.5 * before[0] and model.test_on_batch(x, y)[0] < before[0]


def test_deferred_shape_and_layers_added_later():
    x, y = blobs(100)
    model = Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
    assert not model.built and model.get_weights() == []
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert model.input_shape == (None, 6)
    kept = model.layers[0].get_weights()
    last = model.pop()
    model.add(layers.Dense(5, activation="tanh"))
    model.add(layers.Dense(3, activation="softmax"))
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kept[0])
    assert [one.name for one in model.layers] == ["dense", "dense_1", "dense_2"] and not last.built
    model.fit(x, y, verbose=0)


# ---- callbacks ----


def test_moments_of_a_callback():
    seen = []

    class Look(callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append("train")

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(epoch)

        def on_test_begin(self, logs=None):
            seen.append("test")

        def on_epoch_end(self, epoch, logs=None):
            seen.append(sorted(logs))
            assert self.model.predict(x[:2], verbose=0).shape == (2, 3) and self.params["steps"] == 4
            if epoch == 1:
                self.model.stop_training = True

        def on_train_end(self, logs=None):
            seen.append("end")

    x, y = blobs(100)
    model = small()
    history = model.fit(x, y, epochs=9, verbose=0, callbacks=[Look()], validation_data=(x, y))
    names = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert seen == ["train", 0, "test", names, 1, "test", names, "end"] and history.epoch == [0, 1]


def test_early_stopping_restores():
    x, y = blobs(200)
    weights = []
    model = small(optimizer=optimizers.SGD(0.5))
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    stop = callbacks.EarlyStopping(monitor="val_loss", patience=2, restore_best_weights=True)
    r = rng(3)
    history = model.fit(x, y, epochs=60, verbose=0, validation_data=(x, r.integers(0, 3, 200)), callbacks=[keep, stop])
    values = history.history["val_loss"]
    assert len(values) < 60 and stop.best_epoch == int(np.argmin(values)) and stop.stopped_epoch == len(values) - 1
    for a, b in zip(model.get_weights(), weights[stop.best_epoch]):
        np.testing.assert_array_equal(a, b)


def test_rates(tmp_path):
    x, y = blobs(100)
    model = small(optimizer=optimizers.SGD(0.1))
    log = tmp_path / "log.csv"
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5), callbacks.CSVLogger(log)])
    assert history.history["learning_rate"] == [0.05, 0.025, 0.0125]
    lines = log.read_text().splitlines()
    assert lines[0].startswith("epoch,accuracy,learning_rate,loss") and len(lines) == 4
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(x, y, verbose=0)
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)
    plateau = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=10)
    model.optimizer.learning_rate.assign(0.4)
    history = model.fit(x, y, epochs=4, verbose=0, callbacks=plateau)
    assert history.history["learning_rate"] == [0.4, 0.4, 0.2, 0.1]
    scheduled = small(optimizer=optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)))
    scheduled.fit(x, y, epochs=2, verbose=0)
    assert float(scheduled.optimizer.learning_rate) == pytest.approx(0.025)
    with pytest.raises(TypeError, match="not settable"):
        scheduled.optimizer.learning_rate = 0.1


def test_checkpoints(tmp_path):
    x, y = blobs(100)
    model = small()
    path = tmp_path / "deep" / "{epoch:02d}-{loss:.1f}.merx"
    best = tmp_path / "best.merx"
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[callbacks.ModelCheckpoint(path), callbacks.ModelCheckpoint(best, monitor="loss", save_best_only=True)])
    assert len(list((tmp_path / "deep").iterdir())) == 3
    assert history.history["loss"][-1] == min(history.history["loss"])
    np.testing.assert_array_equal(keras.models.load_model(best).predict(x, verbose=0), model.predict(x, verbose=0))


def test_callbacks_of_batches_are_refused():
    class Each(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    x, y = blobs(20)
    with pytest.raises(NotImplementedError, match="on_train_batch_end"):
        small().fit(x, y, verbose=0, callbacks=[Each()])
    with pytest.raises(NotImplementedError, match="on_train_batch_begin"):
        callbacks.LambdaCallback(on_train_batch_begin=print)


def test_an_error_in_a_callback_ends_the_fit():
    x, y = blobs(50)
    model = small()
    with pytest.raises(KeyError, match="mine"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=lambda e, logs: {}["mine"])])
    model.fit(x, y, verbose=0)


# ---- what is printed ----


def test_bar(capsys):
    x, y = blobs(100)
    small().fit(x, y, epochs=2, verbose=1)
    out = capsys.readouterr().out
    assert out.startswith("Epoch 1/2\n") and "4/4 ━━━━━━━━━━━━━━━━━━━━" in out and "s/step - accuracy: " in out and out.endswith("\n")
    small().fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="verbose"):
        small().fit(x, y, verbose=3)


# ---- interrupts and threads ----


def test_interrupt_keeps_the_last_whole_epoch():
    x, y = blobs(60000)
    model = small()
    ends = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(model.get_weights()))
    threading.Timer(0.7, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=1_000_000, verbose=0, callbacks=[keep])
    assert time.monotonic() - began < 5
    assert len(ends) >= 1 and len(model.history.history["loss"]) in (len(ends), len(ends) - 1) and len(model.history.epoch) >= len(ends) - 1
    for a, b in zip(model.get_weights(), ends[-1]):
        np.testing.assert_array_equal(a, b)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    model.fit(x, y, verbose=0)


def test_interrupt_within_the_first_epoch():
    x, y = blobs(200)
    model = Sequential([Input((6,)), layers.Dense(2048, activation="relu"), layers.Dense(2048, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = np.tile(x, (400, 1)), np.tile(y, 400)
    before = model.get_weights()
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0)
    assert model.history.history == {}
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)


def test_two_fits_at_once():
    x, y = blobs(20000)
    model = small()
    inside = threading.Event()
    go = threading.Thread(target=lambda: model.fit(x, y, epochs=30, verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=lambda e, logs: inside.set())]))
    go.start()
    inside.wait(20)
    with pytest.raises(RuntimeError, match="being trained"):
        model.fit(x, y, verbose=0)
    refused = 0
    while go.is_alive():
        for call in (lambda: model.predict(x[:100], verbose=0), model.get_weights, lambda: model.set_weights(model.get_weights())):
            try:
                call()
            except RuntimeError:
                refused += 1
    go.join()
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(x, y, verbose=0)


def test_threads_predict_at_once():
    x, _ = blobs(3000)
    model = small()
    whole = model.predict(x, verbose=0)
    wrong = []

    def work(k):
        for i in range(30):
            n = 1 + (k * 31 + i * 97) % 2999
            if not np.array_equal(model.predict(x[:n], verbose=0), whole[:n]):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_fork_after_import():
    code = ("import os, numpy as np\nfrom merx.keras import Sequential, layers\n"
            "m = Sequential([layers.Dense(3, input_shape=(4,))]); m.compile('adam', 'mse')\n"
            "x = np.ones((5000, 4)); m.fit(x, np.ones((5000, 3)), verbose=0)\n"
            "pid = os.fork()\n"
            "m.fit(x, np.ones((5000, 3)), verbose=0); assert m.predict(x, verbose=0).shape == (5000, 3)\n"
            "os._exit(0) if pid == 0 else None\n"
            "assert os.waitpid(pid, 0)[1] == 0\n")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})


# ---- wrong input ----


def test_a_loss_that_is_not_a_number():
    x, y = blobs(100)
    model = small(optimizer="sgd")
    model.fit(x, y, verbose=0)
    good = model.get_weights()
    wild = np.full(100, 1e30)
    with pytest.raises(merx.InputError, match="the loss is -?(nan|inf)") as caught:
        model.fit(x, y, sample_weight=wild * 1e8, epochs=3, verbose=0)
    assert caught.value.code == "MERX_E_NUMERIC" and isinstance(caught.value, ValueError)
    for a, b in zip(model.get_weights(), good):
        np.testing.assert_array_equal(a, b)
    assert model.fit(x, y, sample_weight=wild, verbose=0, callbacks=[callbacks.TerminateOnNaN()]).history == {}
    assert model.fit(x, y, epochs=20, verbose=0).history["accuracy"][-1] > 0.9


def test_numbers_that_are_not_finite():
    x, y = blobs(60)
    model = small()
    before = model.get_weights()
    for value in (np.nan, np.inf, -np.inf):
        bad = x.copy()
        bad[50, 2] = value
        for call in (lambda: model.predict(bad, verbose=0), lambda: model.fit(bad, y, verbose=0), lambda: model.evaluate(bad, y, verbose=0),
                     lambda: model.fit(x, y, validation_data=(bad, y), verbose=0), lambda: model(bad[50:51])):
            with pytest.raises(ValueError, match="example (50|0) of x .*(nan|inf)"):
                call()
    other = Sequential([Input((6,)), layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="the loss is -?nan"):
        other.fit(x, np.where(np.arange(60) == 5, np.nan, 1.0), verbose=0)
    assert len(before) == 4


def test_shapes_of_x_and_y():
    x, y = blobs(60)
    model = small()
    for bad, text in ((x[:, :5], r"expected shape=\(None, 6\), found shape=\(60, 5\)"), (x[0], "found shape"), (np.float32(3), "single number"),
                      ([x, x], r"expects 1 input\(s\), but it received 2"), (x.astype(str), "numbers are expected"),
                      (np.array([[object()] * 6]), "cannot be converted"), (x.astype(complex), "dtype complex128")):
        for call in (lambda: model.predict(bad, verbose=0), lambda: model.fit(bad, y, verbose=0), lambda: model.evaluate(bad, y, verbose=0)):
            with pytest.raises(ValueError, match=text):
                call()
    for bad, text in ((y[:50], "cardinality"), (None, "nothing to learn"), (y + 1, "label 3"), (y - 1, "label -1"), (y + 0.5, "not whole"),
                      (np.array(["a"] * 60), "numbers are expected"), (to_categorical(y), "categorical_crossentropy")):
        with pytest.raises(ValueError, match=text):
            model.fit(x, bad, verbose=0)
    with pytest.raises(ValueError, match="sparse_categorical_crossentropy"):
        small(loss="categorical_crossentropy").fit(x, y, verbose=0)
    with pytest.raises(ValueError, match="sums to 2"):
        small(loss="categorical_crossentropy").fit(x, to_categorical(y) * 2, verbose=0)
    with pytest.raises(NotImplementedError, match="generator"):
        model.fit(iter([(x, y)]), verbose=0)
    with pytest.raises(ValueError, match="no examples"):
        model.fit(x[:0], y[:0], verbose=0)
    assert model.predict(x[:0], verbose=0).shape == (0, 3)


def test_layouts_and_types_of_arrays():
    x, y = blobs(60)
    model = small()
    wanted = model.predict(x, verbose=0)
    read_only = x.copy()
    read_only.setflags(write=False)
    wide = np.zeros((60, 12), np.float32)
    wide[:, ::2] = x
    for same in (x.astype(np.float64), np.asfortranarray(x), x[::-1][::-1], wide[:, ::2], read_only, x.tolist(), x.astype(object), [x], {"input": x}):
        np.testing.assert_array_equal(model.predict(same, verbose=0), wanted)
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(x)
    np.testing.assert_array_equal(model.predict(frame, verbose=0), wanted)
    model.fit(frame, pandas.Series(y), verbose=0)
    frame["text"] = "a"
    with pytest.raises(ValueError, match="cannot be converted"):
        model.predict(frame.iloc[:, 1:], verbose=0)
    pictures = Sequential([Input((4, 4, 1)), layers.Flatten(), layers.Dense(1)])
    assert pictures.predict(np.zeros((3, 4, 4)), verbose=0).shape == (3, 1)


def test_arguments_of_fit():
    x, y = blobs(60)
    model = small()
    for args, error, text in (
            ({"batch_size": 0}, ValueError, "batch_size"), ({"epochs": -1}, ValueError, "epochs"), ({"validation_split": 1.5}, ValueError, "between 0 and 1"),
            ({"validation_split": 0.999}, ValueError, "not sufficient to split"), ({"validation_data": x}, ValueError, "format"),
            ({"steps_per_epoch": 3}, NotImplementedError, "steps_per_epoch=3"), ({"shuffle": "batch"}, NotImplementedError, "shuffle='batch'"),
            ({"class_weight": [1, 2, 3]}, ValueError, "class_weight"), ({"class_weight": {0: 1}, "sample_weight": np.ones(60)}, ValueError, "at the same time"),
            ({"sample_weight": np.ones(50)}, ValueError, "sizes"), ({"sample_weight": -np.ones(60)}, ValueError, "weight -1"),
            ({"sample_weight": np.ones((60, 2))}, NotImplementedError, "one weight")):
        with pytest.raises(error, match=text):
            model.fit(x, y, verbose=0, **args)
    with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
        Sequential([Input((6,)), layers.Dense(3)]).fit(x, y)
    assert model.fit(x, y, epochs=0, verbose=0).history == {}


def test_arguments_of_compile():
    model = small()
    for args, error, text in (
            (("rmsprop", "mse"), NotImplementedError, "optimizer='rmsprop'.*adam"), (("adamm", "mse"), ValueError, "Did you mean 'adam"),
            (("adam", "msee"), ValueError, "Did you mean 'mse'"), (("adam", "poisson"), NotImplementedError, "poisson"),
            (("adam", lambda a, b: 0), NotImplementedError, "loss"), (("adam", "mse", None, ["accuracy"]), NotImplementedError, "mae"),
            (("adam", "sparse_categorical_crossentropy", None, ["auc"]), ValueError, "auc"), (("adam", "binary_crossentropy"), ValueError, "sigmoid"),
            (("adam", "mse", [0.5]), NotImplementedError, "loss_weights")):
        with pytest.raises(error, match=text):
            model.compile(*args)
    x, y = blobs(30)
    model.fit(x, y, verbose=0)  # what was compiled before holds
    with pytest.raises(NotImplementedError, match="from_logits"):
        losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.raises(NotImplementedError, match="clipvalue"):
        optimizers.Adam(clipvalue=1.0)
    with pytest.raises(ValueError, match="learning_rate"):
        optimizers.SGD(-1.0)


def test_real_clothes():
    data = os.environ.get("MERX_DATA")
    folder = os.path.join(data, "fashion-mnist") if data else ""
    if not os.path.isdir(folder):
        pytest.skip("MERX_DATA has no fashion-mnist")
    import gzip

    def read(name, offset):
        with gzip.open(os.path.join(folder, name)) as file:
            return np.frombuffer(file.read(), np.uint8, offset=offset)

    x, y = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:8000], read("train-labels-idx1-ubyte.gz", 8)[:8000]
    test_x, test_y = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)[:2000], read("t10k-labels-idx1-ubyte.gz", 8)[:2000]
    inputs = Input((28, 28, 1))
    z = layers.BatchNormalization()(inputs)
    z = layers.MaxPooling2D()(layers.Conv2D(16, 3, activation="relu")(z))
    model = Model(inputs, layers.Dense(10, activation="softmax")(layers.Dropout(0.2)(layers.Flatten()(z))))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=3, verbose=0)
    assert model.evaluate(test_x, test_y, verbose=0)[1] > 0.82
