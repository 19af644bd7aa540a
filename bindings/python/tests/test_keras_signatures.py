"""Names and defaults of arguments, against the real Keras."""
import inspect

import pytest
from keras_help import real_keras

from merx import keras as ours


def parameters(function):
    return [(p.name, p.default, p.kind) for p in inspect.signature(function).parameters.values()]


NAMES = [f"layers.{n}" for n in (
    "Dense", "Conv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D", "Flatten", "Reshape",
    "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Dropout", "BatchNormalization", "LayerNormalization", "Embedding", "Masking", "SimpleRNN", "LSTM",
    "GRU", "Add", "Concatenate", "InputLayer")]
NAMES += [f"callbacks.{n}" for n in ("EarlyStopping", "ModelCheckpoint", "CSVLogger", "LearningRateScheduler", "ReduceLROnPlateau", "LambdaCallback",
                                     "TerminateOnNaN", "History")]
NAMES += [f"optimizers.{n}" for n in ("Adam", "AdamW", "SGD", "Adagrad")]
NAMES += [f"optimizers.schedules.{n}" for n in ("CosineDecay", "ExponentialDecay", "PiecewiseConstantDecay", "InverseTimeDecay", "PolynomialDecay")]
NAMES += [f"losses.{n}" for n in ("CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "MeanSquaredError", "MeanAbsoluteError",
                                  "Huber")]
NAMES += [f"initializers.{n}" for n in ("Constant", "RandomNormal", "TruncatedNormal", "RandomUniform")]
NAMES += ["Sequential"]
FUNCTIONS = ["Input", "models.load_model", "models.clone_model", "models.save_model", "models.model_from_json", "utils.to_categorical",
             "utils.set_random_seed", "utils.normalize", "Sequential.add", "Sequential.pop"]
FUNCTIONS += [f"Model.{n}" for n in ("fit", "evaluate", "predict", "compile", "train_on_batch", "test_on_batch", "predict_on_batch", "summary", "save",
                                     "load_weights", "save_weights", "get_layer", "export", "count_params", "get_weights", "to_json")]


def find(module, dotted):
    for part in dotted.split("."):
        module = getattr(module, part)
    return module


# What newer and older Keras 3 have beside one another; all of it is refused, or accepted without effect.
PARTS = {"ragged", "quantization_config", "lora_alpha", "use_cudnn", "renorm", "renorm_clipping", "renorm_momentum", "max_shard_size", "raise_error",
         "input_axes", "output_axes", "input_signature"}


@pytest.mark.parametrize("name", NAMES + FUNCTIONS)
def test_same_arguments_and_defaults(name):
    theirs = find(real_keras(), name)
    mine = find(ours, name)
    if inspect.isclass(mine):
        theirs, mine = theirs.__init__, mine.__init__
    a = [p for p in parameters(theirs) if p[0] not in PARTS]
    b = [p for p in parameters(mine) if p[0] not in PARTS]
    assert [(n, d) for n, d, k in a if k is not inspect.Parameter.VAR_KEYWORD] == [(n, d) for n, d, k in b if k is not inspect.Parameter.VAR_KEYWORD]
    if any(k is inspect.Parameter.VAR_KEYWORD for _, _, k in a):
        assert any(k is inspect.Parameter.VAR_KEYWORD for _, _, k in b)


def test_public_functions_are_annotated():
    for module in (ours.layers, ours.models, ours.callbacks, ours.losses, ours.optimizers, ours.optimizers.schedules, ours.utils):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing) and thing.__module__.startswith("merx") and thing.__name__ != "loss" and not thing.__closure__:
                missing = [p.name for p in inspect.signature(thing).parameters.values() if p.annotation is inspect.Parameter.empty]
                assert not missing, (name, missing)
