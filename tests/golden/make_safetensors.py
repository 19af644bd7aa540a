#!/usr/bin/env python3
"""Writes safetensors.json: a file made by Python's safetensors, in hexadecimal, and what is in it."""
import json
import os
import platform

import numpy
import safetensors
from safetensors.numpy import save

tensors = {
    "weights": numpy.array([[0.5, -1.25, 3.0], [1e-8, 2.0, -0.0]], dtype=numpy.float32),
    "bias": numpy.array([1.5, -2.5], dtype=numpy.float64),
    "ids": numpy.array([1, -2, 9007199254740993], dtype=numpy.int64),
    "codes": numpy.array([7, -8, 2147483647], dtype=numpy.int32),
    "flags": numpy.array([0, 1, 255], dtype=numpy.uint8),
    "small": numpy.array([-128, 127], dtype=numpy.int8),
    "empty": numpy.zeros((0, 4), dtype=numpy.float32),
}
data = save(tensors, metadata={"shop": "茶 \"tea\"", "seed": "42"})
golden = {
    "provenance": {
        "script": "tests/golden/make_safetensors.py",
        "python": platform.python_version(),
        "safetensors": safetensors.__version__,
        "numpy": numpy.__version__,
        "seed": "none: constants",
    },
    "file_hex": data.hex(),
    "metadata": {"shop": "茶 \"tea\"", "seed": "42"},
    "tensors": {
        name: {"dtype": array.dtype.name, "shape": list(array.shape), "values": array.ravel().tolist()}
        for name, array in tensors.items()
    },
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "safetensors.json")
with open(path, "w", encoding="utf-8") as out:
    json.dump(golden, out, ensure_ascii=False, indent=1)
    out.write("\n")
