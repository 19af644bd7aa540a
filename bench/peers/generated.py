"""Numbers that C and Python make alike: splitmix64, see tests/golden/make_network.py; all exact in float32.

    generated.py FOLDER N SHAPE CLASSES [FIRST]      writes x (n, shape) float32 and labels (n) int32: examples FIRST … FIRST + N - 1; SHAPE as 50x32
"""
import sys
from pathlib import Path

import numpy as np


def bits(stream, i):
    with np.errstate(over="ignore"):
        z = ((np.asarray(stream, np.uint64) << np.uint64(32)) + np.asarray(i, np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(40)


def numbers(stream, count):
    """(count) float32 in [-1, 1); for several streams (streams, count)."""
    whole = bits(np.asarray(stream, np.uint64)[..., None], np.arange(count, dtype=np.uint64))
    return ((whole.astype(np.int64) - (1 << 23)) * 2.0**-23).astype(np.float32)


def wholes(stream, count, below):
    return (bits(np.uint64(stream), np.arange(count, dtype=np.uint64)) % np.uint64(below)).astype(np.int64)


def examples(n, shape, classes, first=0):
    """x (n, *shape) float32 and labels (n): noise with a pattern per class, along the last dimension of sequences, over the whole of pictures."""
    size = int(np.prod(shape))
    period = shape[-1] if len(shape) == 2 else size
    labels = wholes(1, first + n, classes)[first:]
    pattern = numbers(2, classes * period).reshape(classes, period) * np.float32(0.5)
    x = np.empty((n, size), np.float32)
    for begin in range(0, n, 256):
        part = slice(begin, min(begin + 256, n))
        noise = numbers(1000 + first + np.arange(part.start, part.stop), size).reshape(-1, size // period, period)
        x[part] = (noise + pattern[labels[part]][:, None, :]).reshape(-1, size)
    return x.reshape(n, *shape), labels


if __name__ == "__main__":
    folder, count, dims, kinds = Path(sys.argv[1]), int(sys.argv[2]), tuple(int(d) for d in sys.argv[3].split("x")), int(sys.argv[4])
    made, right = examples(count, dims, kinds, int(sys.argv[5]) if len(sys.argv) > 5 else 0)
    made.tofile(folder / "x")
    right.astype(np.int32).tofile(folder / "labels")
