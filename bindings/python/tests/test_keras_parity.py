"""The same weights give Keras's predictions; the same steps give Keras's losses and weights."""
import numpy as np
import pytest
from keras_help import blobs, real_keras, rng

from merx import keras as ours

POSITIVE = [("dense", (7,), lambda k: [k.layers.Dense(5, activation=a) for a in ("relu", "tanh", "sigmoid", "softplus", "elu", "leaky_relu", "gelu", "silu",
                                                                                 "hard_sigmoid", "exponential", "softmax")]),
            ("conv", (12, 11, 3), lambda k: [k.layers.Conv2D(8, (3, 2), activation="relu", strides=(1, 2)), k.layers.MaxPooling2D(2, padding="same"),
                                             k.layers.Conv2D(6, 3, padding="same", groups=2), k.layers.BatchNormalization(),
                                             k.layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"), k.layers.AveragePooling2D((2, 1)),
                                             k.layers.Flatten(), k.layers.Dropout(0.3), k.layers.Dense(4, activation="softmax")]),
            ("pools", (8, 8, 2), lambda k: [k.layers.Conv2D(4, 3), k.layers.ReLU(), k.layers.GlobalAveragePooling2D(), k.layers.LayerNormalization(),
                                            k.layers.Dense(2)]),
            ("max", (8, 8, 2), lambda k: [k.layers.Conv2D(4, 3), k.layers.LeakyReLU(0.2), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]),
            ("lstm", (9, 4), lambda k: [k.layers.LSTM(6, activation="relu", return_sequences=True), k.layers.LSTM(5), k.layers.Dense(1)]),
            ("gru", (9, 4), lambda k: [k.layers.GRU(6, return_sequences=True), k.layers.GRU(5, go_backwards=True), k.layers.Dense(2)]),
            ("rnn", (9, 4), lambda k: [k.layers.SimpleRNN(6, return_sequences=True), k.layers.Masking(0.0), k.layers.SimpleRNN(3)]),
            ("reshape", (12,), lambda k: [k.layers.Reshape((3, 4)), k.layers.Dense(3, use_bias=False), k.layers.Flatten(), k.layers.Softmax()])]


def randomised(weights, seed=1):
    r = rng(seed)
    return [np.abs(w) + 0.5 if w.min() >= 1 else (w + r.normal(size=w.shape) * 0.3).astype(np.float32) for w in weights]


@pytest.mark.parametrize("name,shape,layers", POSITIVE, ids=[p[0] for p in POSITIVE])
def test_predictions(name, shape, layers):
    keras = real_keras()
    theirs = keras.Sequential([keras.Input(shape), *layers(keras)])
    mine = ours.Sequential([ours.Input(shape), *layers(ours)])
    assert [w.shape for w in mine.get_weights()] == [w.shape for w in theirs.get_weights()]
    weights = randomised(theirs.get_weights())
    theirs.set_weights(weights)
    mine.set_weights(weights)
    x = rng(2).normal(size=(37, *shape)).astype(np.float32)
    np.testing.assert_allclose(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-4, atol=2e-5)
    assert mine.output_shape == theirs.output_shape
    assert [one.output_shape for one in mine.layers] == [one.output.shape for one in theirs.layers]
    assert mine.count_params() == theirs.count_params()
    for a, b in zip(mine.get_weights(), weights):
        np.testing.assert_array_equal(a, b)


def functional(k):
    inputs = k.Input((10, 10, 3))
    x = k.layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    y = k.layers.Conv2D(8, 3, padding="same")(x)
    y = k.layers.BatchNormalization()(y)
    x = k.layers.Add()([x, y])
    z = k.layers.Conv2D(4, 1, activation="relu")(inputs)
    x = k.layers.Concatenate()([x, z])
    x = k.layers.GlobalAveragePooling2D()(x)
    return k.Model(inputs, k.layers.Dense(3, activation="softmax")(x))


def test_functional_graph_in_kerass_order():
    keras = real_keras()
    theirs, mine = functional(keras), functional(ours)
    assert [type(one).__name__ for one in mine.layers] == [type(one).__name__ for one in theirs.layers]
    assert [w.shape for w in mine.get_weights()] == [w.shape for w in theirs.get_weights()]
    weights = randomised(theirs.get_weights())
    theirs.set_weights(weights)
    mine.set_weights(weights)
    x = rng(2).normal(size=(9, 10, 10, 3)).astype(np.float32)
    np.testing.assert_allclose(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-4, atol=2e-5)


def test_embedding_and_mask():
    keras = real_keras()

    def build(k):
        return k.Sequential([k.Input((8,)), k.layers.Embedding(20, 5, mask_zero=True), k.layers.LSTM(6), k.layers.Dense(2)])

    theirs, mine = build(keras), build(ours)
    weights = randomised(theirs.get_weights())
    theirs.set_weights(weights)
    mine.set_weights(weights)
    x = rng(3).integers(1, 20, (15, 8))
    x[:, 5:] = 0
    np.testing.assert_allclose(mine.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-4, atol=2e-5)


def pair(keras, loss, optimizer, head, units, metrics=None):
    out = []
    for k in (keras, ours):
        model = k.Sequential([k.Input((6,)), k.layers.Dense(9, activation="tanh"), k.layers.Dense(units, activation=head)])
        model.compile(optimizer=optimizer(k), loss=loss(k), metrics=metrics)
        out.append(model)
    out[1].set_weights(out[0].get_weights())
    return out


CASES = {
    "sgd": (lambda k: "sparse_categorical_crossentropy", lambda k: "sgd", "softmax", 3, ["accuracy"]),
    "momentum": (lambda k: k.losses.SparseCategoricalCrossentropy(), lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "softmax", 3, ["acc"]),
    "adam": (lambda k: "mse", lambda k: "adam", None, 1, ["mae", "mse"]),
    "clip": (lambda k: "mse", lambda k: k.optimizers.Adam(0.02, beta_1=0.8, global_clipnorm=0.1), None, 1, ["mae"]),
    "adagrad": (lambda k: "mae", lambda k: k.optimizers.Adagrad(0.05), None, 1, ["mae"]),
    "huber": (lambda k: k.losses.Huber(), lambda k: k.optimizers.SGD(0.05), None, 1, ["mae"]),
    "cosine": (lambda k: "mse", lambda k: k.optimizers.SGD(k.optimizers.schedules.CosineDecay(0.1, 50, alpha=0.1, warmup_target=0.2, warmup_steps=10)), None, 1, None),
    "exponential": (lambda k: "mse", lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.05, 7, 0.8)), None, 1, None),
}


@pytest.mark.parametrize("name", CASES)
def test_training_steps(name):
    keras = real_keras()
    loss, optimizer, head, units, metrics = CASES[name]
    theirs, mine = pair(keras, loss, optimizer, head, units, metrics)
    x, y = blobs(210)
    if units == 1:
        y = x[:, 0] - 2 * x[:, 1]
    args = dict(epochs=3, batch_size=32, shuffle=False, verbose=0, validation_split=0.2, sample_weight=None if metrics == ["mae", "mse"] else rng(5).random(210))
    a, b = theirs.fit(x, y, **args), mine.fit(x, y, **args)
    assert list(a.history) == list(b.history) and a.epoch == b.epoch
    for key in a.history:
        np.testing.assert_allclose(b.history[key], a.history[key], rtol=2e-4, atol=1e-5, err_msg=key)
    for u, v in zip(theirs.get_weights(), mine.get_weights()):
        np.testing.assert_allclose(v, u, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(mine.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), rtol=2e-4, atol=1e-5)
    assert mine.evaluate(x, y, verbose=0, return_dict=True).keys() == theirs.evaluate(x, y, verbose=0, return_dict=True).keys()


def test_class_weight_and_one_hot_with_smoothing():
    keras = real_keras()
    theirs, mine = pair(keras, lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.1), lambda k: k.optimizers.SGD(0.1), "softmax", 3, ["accuracy"])
    x, y = blobs(150)
    rows = ours.utils.to_categorical(y, 3)
    np.testing.assert_array_equal(rows, keras.utils.to_categorical(y, 3))
    args = dict(epochs=2, shuffle=False, verbose=0, class_weight={0: 2.0, 2: 0.25})
    a, b = theirs.fit(x, rows, **args), mine.fit(x, rows, **args)
    for key in a.history:
        np.testing.assert_allclose(b.history[key], a.history[key], rtol=2e-4, atol=1e-5, err_msg=key)
    for u, v in zip(theirs.get_weights(), mine.get_weights()):
        np.testing.assert_allclose(v, u, rtol=2e-3, atol=2e-4)


def test_binary():
    keras = real_keras()
    theirs, mine = pair(keras, lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.2), lambda k: k.optimizers.Adam(0.01), "sigmoid", 1, ["accuracy"])
    x, y = blobs(150, classes=2)
    a, b = (m.fit(x, y, epochs=2, shuffle=False, verbose=0, class_weight={1: 3.0}) for m in (theirs, mine))
    np.testing.assert_allclose(b.history["loss"], a.history["loss"], rtol=2e-4)
    for u, v in zip(theirs.get_weights(), mine.get_weights()):
        np.testing.assert_allclose(v, u, rtol=2e-3, atol=2e-4)


def test_steps_of_a_masked_sequence():
    keras = real_keras()

    def build(k):
        m = k.Sequential([k.Input((7,)), k.layers.Embedding(12, 4, mask_zero=True), k.layers.GRU(5, return_sequences=True),
                          k.layers.Dense(12, activation="softmax")])
        m.compile(k.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        return m

    theirs, mine = build(keras), build(ours)
    mine.set_weights(theirs.get_weights())
    r = rng(4)
    x = r.integers(1, 12, (40, 7))
    for i, length in enumerate(r.integers(1, 8, 40)):
        x[i, length:] = 0
    y = np.where(x > 0, (x * 5) % 11 + 1, 0)
    a, b = (m.fit(x, y, epochs=2, shuffle=False, batch_size=40, verbose=0).history["loss"] for m in (theirs, mine))
    np.testing.assert_allclose(b, a, rtol=3e-4)


def test_losses_and_schedules_as_functions():
    keras = real_keras()
    r = rng(6)
    p, t = r.random((5, 4)), np.eye(4)[[0, 1, 2, 3, 1]]
    for name in ("CategoricalCrossentropy", "BinaryCrossentropy", "MeanSquaredError", "MeanAbsoluteError", "Huber"):
        assert getattr(ours.losses, name)()(t, p) == pytest.approx(float(getattr(keras.losses, name)()(t, p)), rel=1e-4)
    assert ours.losses.SparseCategoricalCrossentropy()(t.argmax(1), p) == pytest.approx(float(keras.losses.SparseCategoricalCrossentropy()(t.argmax(1), p)), rel=1e-4)
    for make in (lambda s: s.CosineDecay(0.1, 30, 0.2), lambda s: s.ExponentialDecay(0.1, 10, 0.5, staircase=True), lambda s: s.InverseTimeDecay(0.1, 10, 0.5),
                 lambda s: s.PolynomialDecay(0.1, 20, 0.01, 2.0, cycle=True), lambda s: s.PiecewiseConstantDecay([5, 9], [1.0, 0.5, 0.1])):
        a, b = make(keras.optimizers.schedules), make(ours.optimizers.schedules)
        for step in range(45):
            assert b(step) == pytest.approx(float(np.asarray(keras.ops.convert_to_numpy(a(step)))), rel=1e-5), (type(b).__name__, step)
