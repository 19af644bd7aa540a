#!/usr/bin/env python3
"""Writes the small pictures of tests/fuzz/corpus/picture and tests/golden/pictures.json: what Pillow reads out of them, and how it resizes.

Needs Pillow (13.0.0 was used) with JPEG and WebP: python3 make_pictures.py, from tests/golden. Everything follows from seed 7.
"""
import hashlib
import io
import json
import os
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps
import PIL

here = os.path.dirname(os.path.abspath(__file__))
corpus = os.path.join(here, "..", "fuzz", "corpus", "picture")
os.makedirs(corpus, exist_ok=True)
random = np.random.default_rng(7)


def scene(h, w):
    """A smooth picture with an edge and a few dots: what JPEG and resizing are judged by."""
    y, x = np.mgrid[0:h, 0:w].astype(float)
    r = 127 + 100 * np.sin(x / 9) * np.cos(y / 7)
    g = 255 * x / w
    b = np.where((x - w / 2) ** 2 + (y - h / 3) ** 2 < (min(h, w) / 4) ** 2, 220, 40.0 + 60 * y / h)
    rgb = np.stack([r, g, b], axis=2)
    rgb += random.normal(0, 3, rgb.shape)
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def save(image, name, **options):
    out = io.BytesIO()
    image.save(out, **options)
    with open(os.path.join(corpus, name), "wb") as f:
        f.write(out.getvalue())
    return out.getvalue()


small = scene(24, 32)
alpha = small.convert("RGBA")
alpha.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1))))
exact = []  # names whose pixels Pillow gives exactly

for name, image, options in [
    ("rgb.png", small, {}),
    ("grey.png", small.convert("L"), {}),
    ("palette.png", small.quantize(16), {}),
    ("palette_2.png", small.quantize(3), {"bits": 2}),
    ("one_bit.png", small.convert("1"), {}),
    ("alpha.png", alpha, {}),
    ("grey_alpha.png", alpha.convert("LA"), {}),
    ("grey_transparent.png", small.convert("L"), {"transparency": 100}),
    ("lossless.webp", small, {"lossless": True}),
    ("alpha.webp", alpha, {"lossless": True, "exact": True}),
]:
    save(image, name, format="WEBP" if name.endswith("webp") else "PNG", **options)
    exact.append(name)
sixteen = (np.asarray(small.convert("L")).astype(np.uint32) * 257).astype(np.uint16)
Image.fromarray(sixteen).save(os.path.join(corpus, "grey_16.png"))

save(small, "rgb.jpg", format="JPEG", quality=90)
save(small, "progressive.jpg", format="JPEG", quality=90, progressive=True)
save(small.convert("L"), "grey.jpg", format="JPEG", quality=90)
save(small.convert("CMYK"), "cmyk.jpg", format="JPEG", quality=95)
save(small, "lossy.webp", format="WEBP", quality=90)
save(small, "anim.webp", format="WEBP", save_all=True, append_images=[small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)] * 3, duration=40, lossless=True)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(small, f"turned_{orientation}.jpg", format="JPEG", quality=95, exif=exif.tobytes(), subsampling=0)
exif = Image.Exif()
exif[0x0112] = 6
save(small, "turned_6.png", format="PNG", exif=exif.tobytes())
save(small, "turned_6.webp", format="WEBP", lossless=True, exif=exif.tobytes())
large = save(scene(200, 300), "large.jpg", format="JPEG", quality=85)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, data, interlace=0, extra=b""):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)) + extra
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def adam7(pixels):
    rows = b""
    for y0, x0, dy, dx in [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]:
        part = pixels[y0::dy, x0::dx]
        if part.size:
            for row in part:
                rows += b"\0" + row.tobytes()
    return rows


rgb = np.asarray(small)
rgba = np.asarray(alpha)
files = {
    "interlaced.png": png(32, 24, 8, 2, zlib.compress(adam7(rgb)), 1),
    "interlaced_alpha.png": png(32, 24, 8, 6, zlib.compress(adam7(rgba)), 1),
    # 50,000 x 50,000 white pixels in some kilobytes, and one that claims more than fits 32 bits of bytes.
    "bomb.png": png(50000, 50000, 1, 0, zlib.compress(b"\0" * 6251 * 40, 9)),
    "huge.png": png(0x7FFFFFFF, 0x7FFFFFFF, 8, 6, b""),
    "no_pixels.png": png(0, 5, 8, 2, b""),
    "text_bomb.png": png(2, 2, 8, 2, zlib.compress(b"\0" * 14), 0, chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * (20 << 20), 9))),
    "large_cut.jpg": large[: len(large) // 2],
    "head_only.jpg": large[:20],
    "huge.jpg": large[: large.index(b"\xff\xc0") + 5] + b"\xff\xff\xff\xff" + large[large.index(b"\xff\xc0") + 9:],
    "garbage.jpg": b"\xff\xd8\xff" + random.bytes(200),
    "empty.png": b"\x89PNG\r\n\x1a\n",
    "text.txt": b"this is no picture",
    "riff.webp": b"RIFF\x10\0\0\0WEBPVP8 \x04\0\0\0abcd",
}
data = open(os.path.join(corpus, "rgb.png"), "rb").read()
files["cut.png"] = data[: len(data) * 2 // 3]
files["crc.png"] = data[:60] + bytes([data[60] ^ 1]) + data[61:]
data = open(os.path.join(corpus, "lossy.webp"), "rb").read()
files["cut.webp"] = data[: len(data) * 2 // 3]
data = files["interlaced_alpha.png"]
files["cut_interlaced.png"] = data[: len(data) * 2 // 3]
for name, content in files.items():
    with open(os.path.join(corpus, name), "wb") as f:
        f.write(content)
exact += ["interlaced.png", "interlaced_alpha.png"]


def over_white(image):
    image = image.convert("RGBA")
    a = np.asarray(image).astype(np.uint32)
    return ((a[..., :3] * a[..., 3:] + 255 * (255 - a[..., 3:]) + 127) // 255).astype(np.uint8)


golden = {"pillow": PIL.__version__, "numpy": np.__version__, "seed": 7, "exact": {}, "near": {}, "resize": []}
for name in exact:
    pixels = over_white(Image.open(os.path.join(corpus, name)))
    golden["exact"][name] = {"sha256": hashlib.sha256(pixels.tobytes()).hexdigest(), "shape": list(pixels.shape),
                             "first": pixels.reshape(-1)[:12].tolist()}
for name in ["rgb.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "lossy.webp", "grey_16.png", "anim.webp"] + [f"turned_{o}.jpg" for o in range(1, 9)] + ["turned_6.png", "turned_6.webp"]:
    image = Image.open(os.path.join(corpus, name))
    if name == "grey_16.png":
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    golden["near"][name] = {"shape": list(pixels.shape), "pixels": pixels.reshape(-1).tolist()}
source = scene(37, 53)
golden["source"] = {"shape": [37, 53, 3], "pixels": np.asarray(source).reshape(-1).tolist()}
for h, w in [(16, 16), (37, 53), (5, 7), (80, 90), (1, 1), (37, 20), (60, 53)]:
    pixels = np.asarray(source.resize((w, h), Image.Resampling.BILINEAR))
    golden["resize"].append({"height": h, "width": w, "box": [0, 0, 53, 37], "fit": "stretch", "pixels": pixels.reshape(-1).tolist()})
for h, w in [(16, 16), (20, 10), (40, 100)]:
    scale = min(37 / h, 53 / w)
    top, left = (37 - scale * h) / 2, (53 - scale * w) / 2
    box = (left, top, left + scale * w, top + scale * h)
    pixels = np.asarray(source.resize((w, h), Image.Resampling.BILINEAR, box=box))
    golden["resize"].append({"height": h, "width": w, "box": box, "fit": "crop", "pixels": pixels.reshape(-1).tolist()})
with open(os.path.join(here, "pictures.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
