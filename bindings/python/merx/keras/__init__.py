"""merx.keras: Keras's words over merx's networks, which are trained and run in C.

    from merx.keras import Sequential, layers

    model = Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X_train, y_train, epochs=10, batch_size=32)

Signatures, defaults and results are Keras 3's. What merx has not is refused by name, never left out quietly.
"""
from . import activations, callbacks, initializers, layers, losses, metrics, models, optimizers, utils
from ._layer import Input, KerasTensor, Layer, Variable
from ._training import Augmentation
from .models import Functional, Model, Sequential

__all__ = ["Augmentation", "Functional", "Input", "KerasTensor", "Layer", "Model", "Sequential", "Variable", "activations", "callbacks", "initializers",
           "layers", "losses", "metrics", "models", "optimizers", "utils"]
