"""What the tests of merx.keras share."""
import numpy as np
import pytest


def real_keras():
    """The real Keras, with the backend that is there; the test is skipped without it."""
    return pytest.importorskip("keras")


def rng(seed=0):
    return np.random.default_rng(seed)


def blobs(n=600, d=6, classes=3, seed=0):
    """(x, y): classes around points of their own, which a small network tells apart."""
    r = rng(seed)
    centres = r.normal(size=(classes, d)) * 2
    y = r.integers(0, classes, n)
    return (centres[y] + r.normal(size=(n, d)) * 0.5).astype(np.float32), y
