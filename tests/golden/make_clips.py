#!/usr/bin/env python3
"""Writes the clips of tests/golden/clips and clips.json: times of their frames, and of product-video's, as ffprobe states them.

Needs ffmpeg and ffprobe (5.1.9 were used), and MERX_DATA for the last: python3 make_clips.py, from tests/golden.
"""
import json
import os
import struct
import subprocess

here = os.path.dirname(os.path.abspath(__file__))
clips = os.path.join(here, "clips")


def ffmpeg(name, *arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-bitexact", *arguments, "-bitexact", os.path.join(clips, name)], check=True)


def times(path):
    text = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0", path],
                          check=True, capture_output=True, text=True).stdout
    return [round(1000 * float(line.strip(",")), 3) for line in text.split()]


colours = ["-f", "lavfi", "-i", "color=c=red:s=64x48:r=10:d=1", "-f", "lavfi", "-i", "color=c=green:s=64x48:r=10:d=1", "-f", "lavfi", "-i",
           "color=c=blue:s=64x48:r=10:d=1", "-filter_complex", "[0][1][2]concat=n=3"]
pattern = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=12:d=2"]
ffmpeg("colours.mp4", *colours, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart")
ffmpeg("pattern.mp4", *pattern, "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-crf", "34", "-movflags", "+faststart")
ffmpeg("pattern.webm", *pattern, "-c:v", "libvpx-vp9", "-b:v", "40k")
ffmpeg("vp8.webm", *pattern, "-c:v", "libvpx", "-b:v", "40k")
ffmpeg("sound.mp4", "-f", "lavfi", "-i", "sine=d=0.3", "-c:a", "aac", "-b:a", "16k")
# A quarter turn clockwise, as phones write it: the matrix in the track's header (ISO 14496-12, tkhd).
with open(os.path.join(clips, "pattern.mp4"), "rb") as f:
    data = bytearray(f.read())
at = data.index(b"tkhd") + 44
data[at:at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 64 << 16, 0, 1 << 30)
with open(os.path.join(clips, "turned.mp4"), "wb") as f:
    f.write(data)
golden = {"ffprobe": subprocess.run(["ffprobe", "-version"], capture_output=True, text=True).stdout.split()[2], "times": {}}
for name in sorted(os.listdir(clips)):
    if name != "sound.mp4":
        golden["times"][name] = times(os.path.join(clips, name))
golden["times"]["product-video"] = times(os.path.join(os.environ["MERX_DATA"], "product-video", "bottle-detection.mp4"))
with open(os.path.join(here, "clips.json"), "w") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
