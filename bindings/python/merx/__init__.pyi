# Written by bindings/python/make_stubs.py.

from merx import additive as additive
from merx import cluster as cluster
from merx import keras as keras
from merx import linear_model as linear_model
from merx import metrics as metrics
from merx import models as models
from merx import neighbors as neighbors
from merx import preprocessing as preprocessing
from merx import recommend as recommend
from merx import shop as shop
from merx._merx import Error as Error
from merx._merx import FileError as FileError
from merx._merx import InputError as InputError
from merx._merx import MemoryLimitError as MemoryLimitError
from merx._merx import NotFittedError as NotFittedError
from merx._merx import NotFoundError as NotFoundError
from merx._merx import __version__ as __version__
from merx._merx import build_info as build_info

__all__ = ["additive", "cluster", "keras", "linear_model", "metrics", "models", "neighbors", "preprocessing", "recommend", "shop"]
