"""Golden HDF5 and zip files of others' making.

    python make_containers.py        writes hdf5_old.h5, hdf5_latest.h5 and members.zip beside this script

h5py 3.14 (as Keras calls it, and with libver="latest"), Python's zipfile. Values follow a rule that tests/io/test_hdf5.c and test_zip.c know.
"""
import io
import pathlib
import zipfile

import h5py
import numpy as np

here = pathlib.Path(__file__).parent


def fill(f, many):
    g = f.create_group("numbers")
    g["single"] = (np.arange(12, dtype=np.float32) / 4 - 1).reshape(3, 4)
    g["double"] = np.arange(5) / 3
    g["half"] = np.array([0, -1.5, 65504, 6e-8, np.inf], np.float16)
    g["signed"] = np.array([-3, 127, -128], np.int8)
    g["unsigned"] = np.array([0, 65535], np.uint16)
    g["scalar"] = np.float32(2.5)
    g["empty"] = np.zeros((0, 4), np.float32)
    g = f.create_group("others")  # more than 8 in one are kept in a heap by "latest"
    g["long"] = np.array([-(2**40)], np.int64)
    g["big_endian"] = np.arange(3).astype(">f4")
    g["words"] = np.array([b"a", b"bc"])
    m = f.create_group("many")
    for i in range(many):
        m[f"v{i}"] = np.full(2, i, np.float32)
    n = f.create_group("named")
    n.attrs["other"] = 3
    n.attrs["name"] = "第一层 conv"
    n.attrs["fixed"] = np.bytes_("fixed text")
    f.create_group("a/b/c")["deep"] = np.float64(7)


with h5py.File(here / "hdf5_old.h5", "w") as f:
    fill(f, 60)
    f.create_dataset("stored/zipped", data=np.zeros((40, 40), np.float32), compression="gzip")
    f["soft/link"] = h5py.SoftLink("/numbers/single")
with h5py.File(here / "hdf5_latest.h5", "w", libver="latest") as f:
    fill(f, 6)
    h = f.create_group("heap")
    for i in range(20):
        h[f"v{i}"] = np.float32(i)

text = b"".join(b"%d, " % i for i in range(2000))
raw = io.BytesIO()
with zipfile.ZipFile(raw, "w") as z:
    z.writestr("stored", text)
    z.writestr("deflated", text, zipfile.ZIP_DEFLATED)
    z.writestr("empty", b"")
    with z.open("large", "w", force_zip64=True) as member:
        member.write(text)
    z.writestr("lzma", text, zipfile.ZIP_LZMA)
    z.comment = b"a comment behind it PK"
(here / "members.zip").write_bytes(raw.getvalue())
