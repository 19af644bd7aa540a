#!/usr/bin/env bash
# Networks from end to end: the two examples are built against the library and run; a network of JSON is fitted, evaluated, explained and asked from the command line.
. "$MERX_SOURCE_DIR/tests/support/check.sh"
flags=(-std=c11 -Wall -Wextra -Werror ${MERX_SANITIZE:+"-fsanitize=$MERX_SANITIZE"} -I"$MERX_SOURCE_DIR/include")
libraries=("-L$MERX_BUILD_DIR" "-Wl,-rpath,$MERX_BUILD_DIR" -lmerx)

# Small pictures of four kinds in the format of MNIST: where the bright quarter lies.
mkdir "$work/pictures"
python3 - "$work/pictures" <<'PY'
import gzip, random, struct, sys
random.seed(3)
for part, n in (("train", 240), ("t10k", 80)):
    pictures, labels = bytearray(), bytearray()
    for i in range(n):
        label = i % 4
        top, left = label // 2 * 14, label % 2 * 14
        for y in range(28):
            for x in range(28):
                bright = top <= y < top + 14 and left <= x < left + 14
                pictures.append(random.randrange(100, 256) if bright else random.randrange(0, 120))
        labels.append(label)
    with gzip.open(f"{sys.argv[1]}/{part}-images-idx3-ubyte.gz", "wb") as f:
        f.write(struct.pack(">IIII", 2051, n, 28, 28) + pictures)
    with gzip.open(f"{sys.argv[1]}/{part}-labels-idx1-ubyte.gz", "wb") as f:
        f.write(struct.pack(">II", 2049, n) + labels)
PY

for example in cnn lstm; do
    run 0 "$CC" "${flags[@]}" "$MERX_SOURCE_DIR/examples/$example.c" "${libraries[@]}" -o "$work/$example"
done
cd "$work" || exit 1
run 2 ./cnn
run 1 ./cnn "$work/absent"
has "$work/err" "$work/absent/train-images-idx3-ubyte.gz"
run 0 ./cnn "$work/pictures" 2
has "$work/out" "epoch 2: loss"
accuracy=$(sed -n 's/^on 80 test pictures: .*accuracy //p' "$work/out")
awk -v a="$accuracy" 'BEGIN { exit !(a > 0.95) }' || die "the CNN example reaches an accuracy of $accuracy"
[ -s cnn.merx ] || die "the CNN example left no file"
run 0 ./lstm 2
has "$work/out" "epoch 2: loss"
accuracy=$(sed -n 's/^on 500 other customers: .*accuracy //p' "$work/out")
awk -v a="$accuracy" 'BEGIN { exit !(a > 0.24) }' || die "the LSTM example reaches an accuracy of $accuracy"

# The same network from JSON, with ten classes: the pictures have four, which is told.
train=$work/pictures/train-images-idx3-ubyte.gz
run 1 "$MERX" fit network "$train" --target label --spec "$MERX_SOURCE_DIR/examples/cnn.json"
has "$work/err" "has 10 outputs; the target has 4 classes"
sed 's/"units": 10/"units": 4/' "$MERX_SOURCE_DIR/examples/cnn.json" >"$work/four.json"
run 0 "$MERX" fit network "$train" --target label --spec "$work/four.json" --epochs 2 --out "$work/four.merx" --log_file "$work/log.csv" \
    --curves_file "$work/curves.svg"
has "$work/out" "26 x 26 x 32"
has "$work/log.csv" "epoch,loss,accuracy,val_loss,val_accuracy"
has "$work/curves.svg" "<svg"
test=$work/pictures/t10k-images-idx3-ubyte.gz
run 0 "$MERX" predict "$work/four.merx" "$test"
run 0 "$MERX" explain "$work/four.merx" "$test" --row 1
run 1 "$MERX" fit network "$train" --target label --spec "$work/none.json"
has "$work/err" "none.json"
sed 's/conv2d/conv3d/' "$work/four.json" >"$work/wrong.json"
run 1 "$MERX" fit network "$train" --target label --spec "$work/wrong.json"
has "$work/err" 'layers[0]: there is no layer "conv3d"; did you mean "conv2d"?'
run 1 "$MERX" fit network "$train" --target label --spec '{"input": [27, 28, 1], "layers": [{"layer": "flatten"}, {"layer": "dense", "units": 4, "activation": "softmax"}]}'
has "$work/err" "the network takes 27 x 28 x 1, that is 756 numbers; a row has 784 columns"

# A table of sequences: three steps of two features, and a number to tell.
{
    echo a1,b1,a2,b2,a3,b3,y
    for i in $(seq 1 60); do
        echo "$((i % 5)),$((i % 3)),$((i % 7)),$((i % 2)),$((i % 4)),$((i % 6)),$((i % 4 * 10 + i % 5))"
    done
} >"$work/steps.csv"
run 0 "$MERX" fit network_regressor "$work/steps.csv" --target y --types y=numeric --epochs 60 --out "$work/steps.merx" --spec \
    '{"input": [3, 2], "layers": [{"layer": "LSTM", "units": 8}, {"layer": "dense", "units": 1}]}' --learning_rate 0.02
has "$work/out" "lstm"
r2=$(sed -n 's/^  r2 *\([^ ]*\).*/\1/p' "$work/out")
awk -v r="$r2" 'BEGIN { exit !(r > 0.5) }' || die "the sequences are told with an R² of $r2"
run 0 "$MERX" explain "$work/steps.merx" "$work/steps.csv" --row 3
echo "networks: examples and command line work"
