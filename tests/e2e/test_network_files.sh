#!/usr/bin/env bash
# Networks from and to others, by the command line: models of Keras and ONNX become merx's, predict what their makers say, and are trained on; merx's become ONNX.
. "$MERX_SOURCE_DIR/tests/support/check.sh"
golden=$MERX_SOURCE_DIR/tests/golden
cd "$work" || exit 1

# What Keras computed of three examples, as a table: 144 columns and a label; one a row of the table of probabilities.
python3 - "$golden/keras_files.json" <<'PY'
import json, sys
one = json.load(open(sys.argv[1]))["conv"]
rows = [one["x"][i * 144:(i + 1) * 144] for i in range(3)]
with open("table.csv", "w") as f:
    print(",".join([f"p{i}" for i in range(144)] + ["label"]), file=f)
    for i, row in enumerate(rows):
        print(",".join([repr(v) for v in row] + ["abc"[i]]), file=f)
with open("expected", "w") as f:
    for i in range(3):
        print(*one["y"][i * 3:(i + 1) * 3], file=f)
PY
# agree FILE WITHIN: the probabilities that merx predict printed are those of ./expected.
agree() {
    sed 1d "$1" | cut -d, -f2- | tr , ' ' | paste -d' ' - expected | awk -v within="$2" \
        '{ n = NF / 2; for (i = 1; i <= n; i++) { d = $i - $(i + n); if (!(d < within && -d < within)) { print "row " NR ": " $0; bad = 1 } } }
         END { exit bad || NR != 3 }' || die "$1 is not what was expected"
}

# A model of Keras: looked at, imported, kept as it is, and trained on.
run 0 "$MERX" network summary "$golden/keras_conv.keras"
has "$work/out" "eyes (conv2d)"
has "$work/out" "221 trainable weights, 8 that are not trained"
run 0 "$MERX" network import "$golden/keras_conv.keras" --out net.merx
has "$work/err" "network: net.merx"
run 1 "$MERX" predict net.merx table.csv
has "$work/err" "net.merx: holds a network without columns and classes; merx fit network"
fit=("$MERX" fit network table.csv --target label --standardise false --validation_share 0)
run 0 "${fit[@]}" --spec net.merx --epochs 0 --out model.merx
has "$work/out" "no epoch, the weights are those of the file it came from"
run 0 "$MERX" predict model.merx table.csv
agree out 1e-5
run 0 "$MERX" explain model.merx table.csv --row 1
run 0 "${fit[@]}" --spec net.merx --epochs 30 --patience 0 --learning_rate 0.1 --out trained.merx
has "$work/out" "30 epochs"
run 0 "$MERX" predict trained.merx table.csv
[ "$(sed 1d out | cut -d, -f1 | tr -d '\n')" = abc ] || die "30 epochs on from Keras's weights: $(cat out)"
# Nor is a fitted model the end: it is gone on from.
run 0 "${fit[@]}" --spec model.merx --epochs 0 --out again.merx
run 0 "$MERX" predict again.merx table.csv
agree out 1e-5

# Weights alone need the layers.
run 2 "$MERX" network import "$golden/keras_conv.weights.h5" --out weights.merx
has "$work/err" "give --spec FILE"
run 0 "$MERX" network export net.merx --out spec.json
run 0 "$MERX" network import "$golden/keras_conv.weights.h5" --spec spec.json --out weights.merx --quiet
cmp net.merx weights.merx || die "weights alone give another network"
sed 's/"units": 5/"units": 6/' spec.json >wrong.json
run 1 "$MERX" network import "$golden/keras_conv.weights.h5" --spec wrong.json --out wrong.merx
has "$work/err" 'vars/0 is 18 x 5; the kernel of layer "dense" needs 18 x 6'
[ ! -e wrong.merx ] || die "a file was left behind"

# ONNX and back: the same numbers; JSON on standard output; another's file.
run 0 "$MERX" network export model.merx --out model.onnx
has "$work/err" "what a model does to the columns before its network is not in it"
run 0 "$MERX" network import model.onnx --out back.merx --json
has "$work/out" '"weights": '
run 0 "${fit[@]}" --spec back.merx --epochs 0 --out back_model.merx
run 0 "$MERX" predict back_model.merx table.csv
agree out 1e-5
run 0 "$MERX" network export "$golden/keras_lstm.keras"
has "$work/out" '{"layer": "masking"}'
run 1 "$MERX" network export "$golden/keras_lstm.keras" --out lstm.onnx
has "$work/err" "mask"
run 0 "$MERX" network summary "$golden/onnx_lstm.onnx" --json
has "$work/out" '"layer": "lstm"'
run 0 "$MERX" network summary "$MERX_SOURCE_DIR/examples/lstm.json"

# What can't be is said.
sed 's/Gelu/Celu/' "$golden/onnx_gelu.onnx" >celu.onnx
run 1 "$MERX" network import celu.onnx --out no.merx
has "$work/err" "Celu 1"
head -c 20000 "$golden/keras_conv.keras" >cut.keras
run 1 "$MERX" network import cut.keras --out no.merx
has "$work/err" "cut.keras: this is no zip file, or a damaged one"
run 1 "$MERX" network summary table.csv
run 0 "$MERX" fit linear table.csv --target p1 --features p2 --out linear.merx
run 1 "$MERX" network summary linear.merx
has "$work/err" "expected a network that merx_network_save wrote, or a model of one"
run 1 "$MERX" network import absent.onnx --out no.merx
run 2 "$MERX" network import model.onnx
run 2 "$MERX" network import spec.json --out no.merx
run 2 "$MERX" network export model.merx --out model.txt
run 2 "$MERX" network nonsense model.merx
run 1 "${fit[@]}" --epochs 0
has "$work/err" "spec names none"
run 1 "${fit[@]}" --spec table.csv
[ ! -e no.merx ] || die "a file was left behind"

# onnxruntime is the judge of what was exported, where there is one.
if [ -z "${MERX_PEERS:-}" ]; then
    echo "networks as files: all is well (not judged by onnxruntime: MERX_PEERS names no python)"
    exit 0
fi
cat >judge.py <<'PY'
import json, sys
import numpy as np, onnx, onnxruntime
one = json.load(open(sys.argv[1]))["conv"]
onnx.checker.check_model("model.onnx", full_check=True)
session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
y = session.run(None, {session.get_inputs()[0].name: np.array(one["x"], np.float32).reshape(3, 9, 8, 2)})[0]
off = np.abs(y.ravel() - one["y"]).max()
print("onnxruntime is off by", off)
sys.exit(not off < 1e-5)
PY
run 0 env -u LD_PRELOAD "$MERX_PEERS" judge.py "$golden/keras_files.json"
echo "networks as files: all is well"
