#!/usr/bin/env bash
# Pictures and video on the command line: what is seen, what is refused and why, PNG out.
. "$MERX_SOURCE_DIR/tests/support/check.sh"

if [ ! -x "$MERX_BUILD_DIR/bin/merx-decode" ]; then
    echo "skipped: this build decodes no pictures" >&2
    exit 77
fi
pictures=$MERX_SOURCE_DIR/tests/fuzz/corpus/picture
clips=$MERX_SOURCE_DIR/tests/golden/clips

run 0 "$MERX" picture "$pictures/turned_6.jpg"
has "$work/out" "JPEG, 24 x 32 pixels"
empty "$work/err"
# A bad one among good ones: named with the reason, the others are shown.
run 1 "$MERX" picture "$pictures/rgb.png" "$pictures/bomb.png" "$pictures/lossy.webp"
has "$work/out" "rgb.png: PNG, 32 x 24"
has "$work/out" "lossy.webp: WebP, 32 x 24"
has "$work/err" "bomb.png: is 50000 x 50000 pixels"
run 1 "$MERX" picture "$pictures/rgb.png" "$pictures/text.txt" --json
python3 - "$work/out" <<'PY' || die "the JSON is not as expected"
import json, sys
first, second = json.load(open(sys.argv[1]))
assert (first["width"], first["height"], first["format"]) == (32, 24, "PNG"), first
assert second["error"]["status"] == "MERX_E_PARSE", second
PY
# What is written reads back at the size asked.
run 0 "$MERX" picture "$pictures/large.jpg" --size 30x20 --fit stretch --out "$work/small.png"
run 0 "$MERX" picture "$work/small.png"
has "$work/out" "PNG, 30 x 20"
run 2 "$MERX" picture "$pictures/rgb.png" --size 30
has "$work/err" "expected WIDTHxHEIGHT"
run 2 "$MERX" picture "$pictures/rgb.png" --fit somehow
run 2 "$MERX" picture "$pictures/rgb.png" "$pictures/rgb.png" --out "$work/x.png"
run 1 "$MERX" picture "$work/none.jpg"
has "$work/err" "none.jpg"
# The program that decodes is not looked for along PATH, nor taken from just anywhere.
MERX_DECODE=/nowhere/merx-decode run 1 "$MERX" picture "$pictures/rgb.png"
has "$work/err" "/nowhere/merx-decode"
run 0 "$MERX" version --verbose
has "$work/out" "bin/merx-decode"

if [ ! -x "$MERX_BUILD_DIR/bin/merx-decode-video" ]; then
    run 1 "$MERX" frames "$clips/colours.mp4"
    has "$work/err" "merx-decode-video"
    exit 0
fi
run 0 "$MERX" frames "$clips/colours.mp4" --scenes --out "$work/scenes"
[ "$(wc -l <"$work/out")" = 3 ] || die "three scenes were expected"
[ "$(find "$work/scenes" -name 'frame-0000[012]0.png' | wc -l)" = 3 ] || die "three PNG files were expected"
run 0 "$MERX" picture "$work/scenes/frame-000010.png"
has "$work/out" "64 x 48"
run 0 "$MERX" frames "$clips/pattern.webm" --every 1s --json
python3 - "$work/out" <<'PY' || die "the JSON is not as expected"
import json, sys
video = json.load(open(sys.argv[1]))
assert (video["codec"], video["width"], video["height"], video["whole"]) == ("vp9", 96, 64, True), video
assert [frame["index"] for frame in video["frames"]] == [0, 12], video
PY
head -c 5000 "$clips/pattern.mp4" >"$work/cut.mp4"
run 1 "$MERX" frames "$work/cut.mp4"
has "$work/err" "of its 24 frames could be read"
[ "$(wc -l <"$work/out")" -gt 5 ] || die "the frames before the cut were expected"
run 2 "$MERX" frames "$clips/pattern.mp4" --every 1h
run 1 "$MERX" frames "$pictures/rgb.png"
has "$work/err" "is no video"
