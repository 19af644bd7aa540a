"""fashion-mnist as both sides read it: x (n, 28, 28, 1) float32 in [0, 1] and labels (n) int32.

    fashion.py DATA train|t10k FOLDER [N]      the first N (all) of the files in DATA
"""
import gzip
import sys
from pathlib import Path

import numpy as np

source, which, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
images = np.frombuffer(gzip.open(source / f"{which}-images-idx3-ubyte.gz").read(), np.uint8, offset=16).reshape(-1, 784)
labels = np.frombuffer(gzip.open(source / f"{which}-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
count = int(sys.argv[4]) if len(sys.argv) > 4 else len(labels)
(images[:count].astype(np.float32) / np.float32(255)).tofile(folder / "x")
labels[:count].astype(np.int32).tofile(folder / "labels")
