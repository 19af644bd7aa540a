#!/usr/bin/env bash
# A tensor file written by merx is opened by Python's safetensors, with the values that were written.
set -euo pipefail
python=${MERX_PYTHON:-python3}
if ! "$python" -c 'import safetensors, numpy' 2>/dev/null; then
    echo "skipped: $python has no safetensors and numpy (MERX_PYTHON names another python)"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$MERX_BUILD_DIR/tests/test.io.tensor_file" "$folder/model"
"$python" - "$folder/model" <<'PY'
import hashlib
import struct
import sys

import numpy
from safetensors import safe_open
from safetensors.numpy import load_file

path = sys.argv[1]
tensors = load_file(path)
expected = {
    "flags": numpy.array([255], numpy.uint8),
    "weights": numpy.array([[0.5, -1.25, 3.0], [1e-8, 2.0, -0.0]], numpy.float32),
    "bias": numpy.array([1.5, -2.5, 1e300]),
    "ids": numpy.array([-(2**63), 9007199254740993], numpy.int64),
    "codes": numpy.array([[[1], [2], [3], [-4], [2**31 - 1]]], numpy.int32),
    "nothing": numpy.zeros((0, 4)),
    "scalar": numpy.array(1.5),
    "small": numpy.array([-128, 0, 127], numpy.int8),
}
for name, want in expected.items():
    got = tensors[name]
    assert got.dtype == want.dtype and got.shape == want.shape, (name, got.dtype, got.shape)
    assert got.tobytes() == want.tobytes(), (name, got, want)
offsets, data = tensors["words.offsets"], tensors["words.bytes"].tobytes()
words = [data[a:b].decode() for a, b in zip(offsets[:-1], offsets[1:])]
assert words == ["tea", "", "茶", 'a"b\n'], words
assert all(not tensors[name].any() for name in tensors if name.startswith("_pad."))
with safe_open(path, framework="np") as file:
    metadata = file.metadata()
raw = open(path, "rb").read()
(header,) = struct.unpack("<Q", raw[:8])
assert (8 + header) % 64 == 0
assert metadata["checksum"] == hashlib.sha256(raw[8 + header :]).hexdigest(), metadata
assert metadata["name"] == 'a "quoted" 名\n' and metadata["merx_format"] == "1" and metadata["empty"] == "", metadata
print("Python's safetensors reads it:", ", ".join(sorted(tensors)))
PY
