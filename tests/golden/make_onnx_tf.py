"""Golden ONNX files of Keras models, as tf2onnx exports them.

    python make_onnx_tf.py           writes onnx_tf_*.onnx and onnx_tf.json beside this script

keras 3.15 on TensorFlow 2.21, tf2onnx 1.17 (opset 17), seed 12; what Keras computes is the golden value. (tf2onnx asks for names that newer numpy and onnx have dropped: they are given back.)
"""
import builtins
import json
import os
import pathlib
import sys
import types

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import onnx

for name in ("bool", "object", "int", "float"):
    if name not in np.__dict__:
        setattr(np, name, getattr(builtins, name))
if not hasattr(onnx, "mapping"):
    onnx.mapping = sys.modules["onnx.mapping"] = types.ModuleType("onnx.mapping")
    onnx.mapping.TENSOR_TYPE_TO_NP_TYPE = {k: onnx.helper.tensor_dtype_to_np_dtype(k) for k in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13)}
    onnx.mapping.NP_TYPE_TO_TENSOR_TYPE = {v: k for k, v in onnx.mapping.TENSOR_TYPE_TO_NP_TYPE.items()}

import keras
import tensorflow as tf
import tf2onnx
from keras import layers

keras.utils.set_random_seed(12)
random = np.random.default_rng(12)
here = pathlib.Path(__file__).parent


def conv():
    return keras.Sequential([
        keras.Input((9, 8, 2)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Conv2D(3, (2, 1), padding="same", use_bias=False),
        layers.LeakyReLU(negative_slope=0.2), layers.Flatten(), layers.Dense(5, activation="hard_sigmoid"), layers.Dropout(0.25), layers.Dense(3, activation="softmax")])


def depthwise():
    return keras.Sequential([
        keras.Input((7, 6, 3)), layers.DepthwiseConv2D(3, padding="same"), layers.BatchNormalization(scale=False), layers.ReLU(), layers.Conv2D(4, 1), layers.AveragePooling2D((2, 3)),
        layers.GlobalAveragePooling2D(), layers.Dense(6, activation="elu"), layers.BatchNormalization(), layers.Dense(1, activation="sigmoid")])


def residual():
    x = keras.Input((6, 5, 2))
    y = layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    z = layers.Conv2D(3, 3, padding="same")(y)
    z = layers.BatchNormalization()(z)
    z = layers.Activation("silu")(layers.Add()([z, y]))
    z = layers.Concatenate()([z, x])
    z = layers.GlobalMaxPooling2D()(z)
    return keras.Model(x, layers.Dense(3)(z))


golden = {"made by": f"keras {keras.__version__}, tensorflow {tf.__version__}, tf2onnx {tf2onnx.__version__}", "seed": 12}
for make in (conv, depthwise, residual):
    keras.backend.clear_session()
    net = make()
    net.set_weights([np.abs(w) + 0.5 * random.random(w.shape) if "variance" in v.name else w + 0.2 * random.standard_normal(w.shape) for v, w in zip(net.weights, net.get_weights())])
    spec = [tf.TensorSpec((None, *net.input_shape[1:]), tf.float32, name="x")]
    proto, _ = tf2onnx.convert.from_function(tf.function(lambda x: net(x, training=False), input_signature=spec), input_signature=spec, opset=17)
    (here / f"onnx_tf_{make.__name__}.onnx").write_bytes(proto.SerializeToString())
    x = random.standard_normal((2, *net.input_shape[1:])).astype(np.float32)
    y = np.asarray(net(x, training=False))
    golden[f"tf_{make.__name__}"] = {"x": x.astype(np.float64).ravel().tolist(), "y": y.astype(np.float64).ravel().tolist()}
    print(make.__name__, [n.op_type for n in proto.graph.node])
(here / "onnx_tf.json").write_text(json.dumps(golden))
