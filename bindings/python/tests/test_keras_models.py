"""Building models, looking into them, files, copies; what is not there."""
import copy
import os
import pathlib
import pickle
import warnings

import numpy as np
import pytest
from keras_help import blobs, real_keras, rng

from merx import keras
from merx.keras import Input, Model, Sequential, activations, initializers, layers, optimizers
from merx.keras.models import clone_model, load_model, model_from_json


def graph():
    inputs = Input((8, 8, 2))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="eyes")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.Flatten()(layers.AveragePooling2D(2)(x + y))
    return Model(inputs, layers.Dense(3, activation="softmax")(x), name="graph")


def chain():
    return Sequential([Input((6,)), layers.Dense(5, activation="tanh"), layers.LayerNormalization(), layers.Dense(3, activation="softmax")])


# ---- looking inside ----


def test_summary(capsys):
    graph().summary()
    out = capsys.readouterr().out
    assert out.startswith('Model: "graph"\n┏') and "│ eyes (Conv2D)" in out and "(None, 8, 8, 4)" in out and "Connected to" in out
    assert " Total params: 435 (1.70 KB)" in out and " Non-trainable params: 8 (32.00 B)" in out
    lines = []
    Sequential([layers.Dense(3)]).summary(print_fn=lines.append)
    assert "0 (unbuilt)" in lines[0] and "?" in lines[0]


def test_weights_and_layers():
    model = graph()
    assert [one.name for one in model.layers] == ["input_layer", "eyes", "conv2d", "batch_normalization", "add", "average_pooling2d", "flatten", "dense"]
    norm = model.get_layer("batch_normalization")
    assert [w.name for w in norm.weights] == ["gamma", "beta", "moving_mean", "moving_variance"] and [w.trainable for w in norm.weights] == [True, True, False, False]
    norm.weights[2].assign(np.arange(4))
    np.testing.assert_array_equal(model.get_weights()[6], np.arange(4))
    assert norm.weights[2].path == "batch_normalization/moving_mean" and np.asarray(norm.weights[2]).sum() == 6
    assert model.get_layer(index=1).output_shape == (None, 8, 8, 4) and model.get_layer("add").input_shape == [(None, 8, 8, 4)] * 2
    with pytest.raises(ValueError, match="No such layer: nose"):
        model.get_layer("nose")
    before = model.get_weights()
    for bad, text in ((before[:-1], "list of length 9"), ([w.T for w in before], "not compatible")):
        with pytest.raises(ValueError, match=text):
            model.set_weights(bad)
    with pytest.raises(ValueError, match="not compatible"):
        norm.set_weights([np.zeros(5)] * 4)
    for a, b in zip(model.get_weights(), before):
        np.testing.assert_array_equal(a, b)


def test_inner_outputs_share_the_weights():
    model = graph()
    inner = Model(model.inputs, model.get_layer("flatten").output)
    x = rng().random((70, 8, 8, 2))
    flat = inner.predict(x, verbose=0)
    assert flat.shape == (70, 64)
    kernel, bias = model.get_layer("dense").get_weights()
    np.testing.assert_allclose(activations.softmax(flat @ kernel + bias), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    model.get_layer("eyes").set_weights([np.zeros((3, 3, 2, 4)), np.zeros(4)])
    assert not np.array_equal(inner.predict(x, verbose=0), flat)
    with pytest.raises(NotImplementedError, match="inner layer"):
        inner.compile("adam", "mse")
    fused = Sequential([Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu", name="c"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(ValueError, match="pooling"):
        Model(fused.inputs, fused.get_layer("c").output).predict(x[..., :1], verbose=0)


def test_initializers():
    keras.utils.set_random_seed(1)
    model = Sequential([Input((300,)), layers.Dense(400, kernel_initializer="he_normal", bias_initializer=initializers.Constant(0.5)),
                        layers.Dense(3, kernel_initializer="zeros")])
    kernel, bias, last, _ = model.get_weights()
    assert kernel.std() == pytest.approx((2 / 300) ** 0.5, rel=0.02) and abs(kernel).max() < 2.3 * (2 / 300) ** 0.5 and (bias == 0.5).all() and not last.any()
    default = Sequential([Input((300,)), layers.Dense(400)]).get_weights()[0]
    limit = (6 / 700) ** 0.5
    assert abs(default).max() <= limit and default.std() == pytest.approx(limit / 3**0.5, rel=0.02)
    q = layers.LSTM(16)
    Sequential([Input((5, 3)), q])
    np.testing.assert_allclose(q.get_weights()[1] @ q.get_weights()[1].T, np.eye(16), atol=1e-5)
    np.testing.assert_array_equal(q.get_weights()[2], np.r_[np.zeros(16), np.ones(16), np.zeros(32)])
    unit = layers.LSTM(4, unit_forget_bias=False, recurrent_initializer=initializers.Orthogonal(0.5))
    Sequential([Input((5, 3)), unit])
    assert not unit.get_weights()[2].any()
    with pytest.raises(ValueError, match="Did you mean 'he_normal'"):
        layers.Dense(3, kernel_initializer="he_norm")


# ---- what is not there ----


@pytest.mark.parametrize("make,error,text", [
    (lambda: layers.Dense(0), ValueError, "positive integer"), (lambda: layers.Dense(3, foo=1), ValueError, "Unrecognized keyword arguments passed to Dense: {'foo': 1}"),
    (lambda: layers.Dense(3, activation="rellu"), ValueError, "Did you mean 'relu'"), (lambda: layers.Dense(3, activation=lambda x: x), ValueError, "of one's own"),
    (lambda: layers.Dense(3, kernel_regularizer="l2"), NotImplementedError, "kernel_regularizer='l2'"),
    (lambda: layers.Dense(3, trainable=False), NotImplementedError, "trainable"), (lambda: layers.Dense(3, dtype="float16"), NotImplementedError, "dtype"),
    (lambda: layers.Conv2D(3, (3, 3, 3)), ValueError, "tuple of 2 integers"), (lambda: layers.Conv2D(3, 3, padding="full"), ValueError, "padding"),
    (lambda: layers.Conv2D(3, 3, data_format="channels_first"), NotImplementedError, "channels_first"),
    (lambda: layers.Conv2D(3, 3, dilation_rate=2), NotImplementedError, "dilation_rate"), (lambda: layers.Dropout(1.5), ValueError, "between 0 and 1"),
    (lambda: layers.LeakyReLU(), NotImplementedError, "negative_slope=0.3"), (lambda: layers.LSTM(3, stateful=True), NotImplementedError, "stateful"),
    (lambda: layers.LSTM(3, dropout=0.2), NotImplementedError, "dropout=0.2"), (lambda: layers.GRU(3, reset_after=False), NotImplementedError, "reset_after"),
    (lambda: layers.Conv3D, AttributeError, "Did you mean 'Conv2D'"), (lambda: Input((None, 3)), NotImplementedError, "pad sequences"),
    (lambda: Input(()), ValueError, "1 to 4 positive integers"), (lambda: layers.Dense(3)(np.zeros((3, 3))), NotImplementedError, "numbers go through a model"),
    (lambda: layers.Add()([Input((3,)), Input((4,))]), ValueError, "incompatible shapes"),
    (lambda: layers.Concatenate(axis=1)([Input((3, 2)), Input((3, 2))]), NotImplementedError, "axis=1"),
    (lambda: layers.Conv2D(3, 9)(Input((8, 8, 1))), ValueError, "zero or negative"), (lambda: layers.LSTM(3)(Input((8,))), ValueError, "expected ndim=3, found ndim=2"),
    (lambda: layers.Reshape((4, 4))(Input((15,))), ValueError, "total size"), (lambda: Sequential([3]), ValueError, "can be added to a Sequential"),
    (lambda: Sequential([chain()]), NotImplementedError, "models within models"),
    (lambda: Sequential([Input((3,)), layers.Dense(2, name="a"), layers.Dense(2, name="a")]), ValueError, "unique names"),
    (lambda: Model([Input((3,)), Input((3,))], Input((3,))), NotImplementedError, "2 inputs"), (lambda: Model(3, 4), ValueError, "KerasTensors"),
    (lambda: type("Mine", (Model,), {})(), NotImplementedError, "subclassing"), (lambda: type("Mine", (layers.Layer,), {})(), NotImplementedError, "one's own"),
    (lambda: Sequential([Input((3,)), layers.Dense(2, name="a/b")]), ValueError, "cannot contain"),
    (lambda: np.asarray(Input((3,))), ValueError, "symbolic"),
])
def test_refusals(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_sharing_is_refused():
    inputs = Input((4,))
    dense = layers.Dense(4)
    x = dense(inputs)
    with pytest.raises(NotImplementedError, match="second time"):
        dense(x)
    model = Model(inputs, layers.Dense(2)(x))
    with pytest.raises(NotImplementedError, match="belongs to model"):
        Model(inputs, layers.Dense(3)(x))
    with pytest.raises(NotImplementedError, match="in a model already"):
        Sequential([model.layers[1]])
    with pytest.raises(ValueError, match="not connected"):
        Model(Input((4,)), model.output)
    assert model.predict(np.zeros((2, 4)), verbose=0).shape == (2, 2)


# ---- files and copies ----


@pytest.mark.parametrize("make", [chain, graph])
def test_save_and_load_go_on(make, tmp_path):
    model = make()
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    r = rng()
    x, y = r.random((90, *model.input_shape[1:])), r.integers(0, 3, 90)
    model.fit(x, y, epochs=2, verbose=0)
    path = tmp_path / "model.merx"
    model.save(path)
    again = load_model(path)
    assert type(again) is type(model) and [one.name for one in again.layers] == [one.name for one in model.layers]
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    assert again.evaluate(x, keras.utils.to_categorical(y, 3), verbose=0)[1] == model.evaluate(x, y, verbose=0)[1]
    a, b = (m.fit(x, y, epochs=2, verbose=0).history for m in (model, again))
    assert a == b
    for u, v in zip(model.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(u, v)
    other = make()
    other.load_weights(path)
    assert not load_model(path, compile=False)._compiled
    with pytest.raises(ValueError, match="shapes"):
        Sequential([Input((6,)), layers.Dense(2)]).load_weights(path)
    with pytest.raises(ValueError, match=r"\.merx"):
        model.save(tmp_path / "model.keras")
    with pytest.raises(FileExistsError):
        model.save(path, overwrite=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError):
        load_model(path)
    with pytest.raises(OSError):
        load_model(tmp_path / "none.merx")


@pytest.mark.parametrize("make", [chain, graph])
@pytest.mark.parametrize("how", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])
def test_copies_go_on_by_themselves(make, how):
    model = make()
    model.compile(optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 20), momentum=0.9), "sparse_categorical_crossentropy", metrics=["acc"])
    r = rng()
    x, y = r.random((60, *model.input_shape[1:])), r.integers(0, 3, 60)
    fresh = how(model)
    model.fit(x, y, verbose=0)
    again = how(model)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert not np.array_equal(fresh.predict(x, verbose=0), model.predict(x, verbose=0)) and again.optimizer.iterations == 2
    a, b = (m.fit(x, y, verbose=0).history for m in (model, again))
    assert a == b and "acc" in a


def test_copies_of_what_is_not_built():
    model = Sequential([layers.Dense(3), layers.Dropout(0.1)])
    again = pickle.loads(pickle.dumps(model))
    assert again.predict(np.zeros((2, 5)), verbose=0).shape == (2, 3) and not model.built
    stop = keras.callbacks.EarlyStopping(patience=3)
    assert copy.deepcopy(stop).patience == 3


def test_clone_and_json():
    model = graph()
    again = clone_model(model)
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()] and (again.get_weights()[0] != model.get_weights()[0]).any()
    parsed = model_from_json(model.to_json())
    parsed.set_weights(model.get_weights())
    x = rng().random((5, 8, 8, 2))
    np.testing.assert_array_equal(parsed.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [c["class_name"] for c in model.get_config()["layers"]][:2] == ["InputLayer", "Conv2D"]


def test_files_of_keras(tmp_path):
    theirs = real_keras()
    model = theirs.Sequential([theirs.Input((9, 8, 2)), theirs.layers.Conv2D(4, 3, activation="relu", name="eyes"), theirs.layers.MaxPooling2D(2),
                               theirs.layers.Flatten(), theirs.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    x = rng().random((11, 9, 8, 2)).astype(np.float32)
    mine = load_model(tmp_path / "model.keras")
    assert [one.name for one in mine.layers] == [one.name for one in model.layers]
    np.testing.assert_allclose(mine.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    mine.fit(x, np.arange(11) % 3, verbose=0)
    mine.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(mine.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)


def test_golden_archive():
    path = pathlib.Path(__file__).resolve().parents[3] / "tests" / "golden" / "keras_conv.keras"
    if not path.exists():
        pytest.skip("the golden files are not beside this file")
    model = load_model(path)
    assert model.get_layer("eyes").output_shape == (None, 7, 6, 4) and model.count_params() == 229


def test_onnx(tmp_path):
    model = graph()
    path = tmp_path / "model.onnx"
    model.export(path, format="onnx")
    x = rng().random((7, 8, 8, 2))
    np.testing.assert_allclose(load_model(path).predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    with pytest.raises(NotImplementedError, match="tf_saved_model"):
        model.export(path)


def test_a_schedule_is_told_at_save(tmp_path):
    model = chain()
    model.compile(optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)), "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="schedule is not kept"):
        model.save(tmp_path / "m.merx")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chain().save(tmp_path / "n.merx")
    assert os.path.exists(tmp_path / "n.merx")


def test_a_model_that_the_program_fitted(tmp_path):
    """merx fit network writes a model; its network loads here."""
    from merx import _merx

    x, y = blobs(80)
    rows = ",".join([*"abcdef", "label"]) + "\n" + "".join(",".join(map(str, [*r, f"c{k}"])) + "\n" for r, k in zip(x, y))
    table = tmp_path / "t.csv"
    table.write_text(rows)
    if not hasattr(_merx, "Model"):
        pytest.skip("no models in this build")
    import shutil
    import subprocess

    program = pathlib.Path(_merx.__file__).resolve().parents[2] / "bin" / "merx"
    if not (program.exists() or shutil.which("merx")):
        pytest.skip("the program is not there")
    out = tmp_path / "t.merx"
    subprocess.run([str(program) if program.exists() else "merx", "fit", "network", str(table), "--target", "label", "--epochs", "1", "--out", str(out)], check=True,
                   capture_output=True)
    assert load_model(out).output_shape == (None, 3)
