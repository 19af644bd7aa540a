"""Exported networks judged by others: python check_onnx.py FOLDER

FOLDER holds NAME.onnx, NAME.x (float32, row-major) and NAME.y: what merx computes of x. onnx's checker must take each file, and onnxruntime must compute the same.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

failed = 0
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        x = np.fromfile(path.with_suffix(".x"), np.float32).reshape(-1, *given.shape[1:])
        y = session.run(None, {given.name: x})[0]
        want = np.fromfile(path.with_suffix(".y"), np.float32).reshape(y.shape)
        off = float(np.max(np.abs(y - want) / np.maximum(1, np.abs(want))))
        good = off <= 2e-5 and np.ptp(want) > 1e-3
    except Exception as problem:  # whatever it is, the file is not good
        off, good = problem, False
    print(path.stem, off, "" if good else "FAILED")
    failed += not good
sys.exit(1 if failed else 0)
