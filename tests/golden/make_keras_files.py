"""Golden files of Keras: models and weights as Keras saves them, with what it computes.

    python make_keras_files.py        writes keras_*.keras, keras_*.weights.h5 and keras_files.json beside this script

keras 3.15 on TensorFlow, seed 9. Every weight is shaken, so that no bias is 0 and no variance 1.
"""
import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(9)
random = np.random.default_rng(9)
here = pathlib.Path(__file__).parent


def conv():
    net = keras.Sequential([
        keras.Input((9, 8, 2)), layers.Conv2D(4, 3, activation="relu", name="eyes"), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Conv2D(3, (2, 1), padding="same", strides=(1, 2), use_bias=False),
        layers.LeakyReLU(negative_slope=0.2), layers.Flatten(), layers.Dense(5, activation="gelu"), layers.Dropout(0.25), layers.Dense(3, activation="softmax")])
    net.compile(keras.optimizers.SGD(0.05, momentum=0.5), "sparse_categorical_crossentropy")
    return net


def lstm():
    return keras.Sequential([keras.Input((5, 3)), layers.Masking(0.0), layers.LSTM(4, return_sequences=True), layers.LayerNormalization(epsilon=0.01), layers.LSTM(3, activation="relu"), layers.Dense(2)])


def gru():
    return keras.Sequential([keras.Input((5, 3)), layers.GRU(4, go_backwards=True), layers.Dropout(0.1), layers.Dense(1, activation="sigmoid")])


def rnn():
    return keras.Sequential([keras.Input((4, 2)), layers.SimpleRNN(3, return_sequences=True), layers.SimpleRNN(2, use_bias=False), layers.Dense(2, activation="tanh")])


def embedding():
    x = keras.Input((6,), name="history")
    y = layers.Embedding(11, 4, mask_zero=True, name="items")(x)
    y = layers.GRU(3)(y)
    return keras.Model(x, layers.Dense(11, activation="softmax")(y))


def depthwise():
    return keras.Sequential([
        keras.Input((7, 6, 3)), layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), layers.BatchNormalization(scale=False, axis=-1), layers.ReLU(), layers.Conv2D(4, 1, groups=2),
        layers.AveragePooling2D((2, 3)), layers.GlobalAveragePooling2D(), layers.Reshape((2, -1)), layers.Flatten(), layers.Dense(2)])


def residual():
    x = keras.Input((6, 5, 2))
    y = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    z = layers.Conv2D(3, 3, padding="same")(y)
    z = layers.BatchNormalization()(z)
    z = layers.Activation("silu")(layers.Add()([z, y]))
    z = layers.Concatenate()([z, x])
    z = layers.GlobalMaxPooling2D()(z)
    return keras.Model(x, layers.Dense(3)(z))


def deep():
    """More than ten layers of a kind: "dense_10" stands before "dense_2" in the file."""
    return keras.Sequential([keras.Input((2,)), *(layers.Dense(2, activation="tanh") for _ in range(12))])


def shake(net):
    net.set_weights([np.abs(w) + 0.5 * random.random(w.shape) if "variance" in v.name else w + 0.2 * random.standard_normal(w.shape) for v, w in zip(net.weights, net.get_weights())])


golden = {"made by": f"keras {keras.__version__}", "seed": 9}
for make in (conv, lstm, gru, rnn, embedding, depthwise, residual, deep):
    keras.backend.clear_session()
    net = make()
    shake(net)
    shape = (3, *net.input_shape[1:])
    x = random.integers(1, 11, shape).astype(np.float32) if make is embedding else random.standard_normal(shape).astype(np.float32)
    if make is embedding:
        x[0, 4:] = x[1, :] = 0
        x[1, 0] = 3
    if make is lstm:
        x[0, 3:] = 0
    y = np.asarray(net(x, training=False))
    if make is not deep:
        net.save(here / f"keras_{make.__name__}.keras")
    golden[make.__name__] = {"x": x.astype(np.float64).ravel().tolist(), "y": y.astype(np.float64).ravel().tolist()}
    if make in (conv, lstm, deep):
        net.save_weights(here / f"keras_{make.__name__}.weights.h5")
(here / "keras_files.json").write_text(json.dumps(golden))
