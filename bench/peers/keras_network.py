"""A network's JSON (see merx_network_from_json in include/merx/network.h) as a Keras model: the same layers, weights in the same order.

    model, made = keras_network.build(spec, batch=32)        made: the Keras layers, in the order of the JSON
    keras_network.weights(made)                              variables in merx's order: layer by layer, each as Keras's get_weights()

Used by the peers here and by tests/golden/make_network*.py. Follows keras.config.floatx().
"""
import keras

SAME_WORD = {"units", "filters", "kernel_size", "pool_size", "strides", "padding", "groups", "activation", "use_bias", "rate", "momentum", "epsilon", "scale", "center",
             "mask_zero", "recurrent_activation", "return_sequences", "go_backwards", "stateful", "name"}
OTHER_WORD = {"vocabulary": "input_dim", "value": "mask_value"}
CLASSES = {"dense": "Dense", "conv2d": "Conv2D", "max_pool2d": "MaxPooling2D", "average_pool2d": "AveragePooling2D", "global_max_pool2d": "GlobalMaxPooling2D",
           "global_average_pool2d": "GlobalAveragePooling2D", "flatten": "Flatten", "activation": "Activation", "dropout": "Dropout",
           "batch_norm": "BatchNormalization", "layer_norm": "LayerNormalization", "embedding": "Embedding", "masking": "Masking", "simple_rnn": "SimpleRNN",
           "lstm": "LSTM", "gru": "GRU", "add": "Add", "concatenate": "Concatenate"}


def layer_of(node, channels):
    kind = node["layer"]
    options = {}
    for word, value in node.items():
        if word in ("layer", "inputs"):
            continue
        if kind == "embedding" and word == "units":
            options["output_dim"] = value
        elif word in SAME_WORD:
            options[word] = tuple(value) if isinstance(value, list) else value
        elif word in OTHER_WORD:
            options[OTHER_WORD[word]] = tuple(value) if isinstance(value, list) else value
        else:
            raise ValueError(f"{kind}: {word} has no word of Keras")
    if kind == "conv2d" and options.get("groups", 1) == channels > 1:  # weights lie the same: (kh, kw, c, m) is (kh, kw, 1, c m)
        options["depth_multiplier"] = options.pop("filters") // channels
        del options["groups"]
        return keras.layers.DepthwiseConv2D(**options)
    return getattr(keras.layers, CLASSES[kind])(**options)


def build(spec, batch=None):
    """The JSON's layers follow one another unless they name their "inputs"; the input's own name is "input"."""
    first = keras.Input(batch_shape=(batch, *spec["input"]), name="input")
    named, last, made = {"input": first}, first, []
    for node in spec["layers"]:
        given = [named[name] for name in node["inputs"]] if "inputs" in node else [last]
        layer = layer_of(node, given[0].shape[-1])
        last = layer(given if len(given) > 1 else given[0])
        named[node.get("name", layer.name)] = last
        made.append(layer)
    return keras.Model(first, last), made


def weights(made):
    return [w for layer in made for w in layer.weights if "seed" not in w.path]


def trainable(made):
    return [w for layer in made for w in layer.trainable_weights]
