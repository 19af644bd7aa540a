"""merx: learning for online shops, with scikit-learn's and Keras's words at the speed of C.

    from merx.linear_model import LogisticRegression
    from merx.cluster import KMeans
    from merx.keras import Sequential, layers
    from merx.shop import Shop

Importing merx imports nothing else; modules come when they are named. scikit-learn is never imported unless it is used.
"""
import importlib as _importlib

__all__ = ["additive", "cluster", "keras", "linear_model", "metrics", "models", "neighbors", "preprocessing", "recommend", "shop"]
_FROM_C = ("Error", "InputError", "NotFoundError", "MemoryLimitError", "FileError", "NotFittedError", "__version__", "build_info")


def __getattr__(name):
    if name in __all__:
        return _importlib.import_module(f"merx.{name}")
    if name in _FROM_C:
        return getattr(_importlib.import_module("merx._merx"), name)
    raise AttributeError(f"module 'merx' has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *_FROM_C])
