#!/usr/bin/env bash
# `pip install ./bindings/python` in a virtual environment, as the guide says: the package fits, the program runs, one wheel of the stable ABI.
set -euo pipefail
python=${MERX_PYTHON:-python3}
folder=$(mktemp -d "${TMPDIR:-/tmp}/merx-install-XXXXXX")
trap 'rm -rf "$folder"' EXIT
unset PYTHONPATH
if ! "$python" -m venv "$folder/venv" >"$folder/log" 2>&1; then
    echo "skipped: $python makes no virtual environment ($(tail -n 1 "$folder/log"))"
    exit 77
fi
if ! "$folder/venv/bin/pip" download -q --no-deps -d "$folder/reached" 'scikit-build-core>=0.10' >"$folder/log" 2>&1; then
    echo "skipped: no package index can be reached ($(tail -n 1 "$folder/log"))"
    exit 77
fi
if command -v ccache >/dev/null; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache
fi
"$folder/venv/bin/pip" wheel -q --no-deps -w "$folder/wheel" "$MERX_SOURCE_DIR/bindings/python"
wheels=("$folder"/wheel/merx-*.whl)
case ${wheels[0]##*/} in
merx-*-cp311-abi3-linux_*.whl) ;;
*)
    echo "FAILED: ${wheels[0]##*/} is no wheel of the stable ABI (cp311-abi3)" >&2
    exit 1
    ;;
esac
"$folder/venv/bin/pip" install -q "${wheels[0]}"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import pathlib

import merx
from merx.linear_model import LinearRegression

found = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[3.0]])
assert abs(found[0] - 7) < 1e-12, found
package = pathlib.Path(merx.__file__).parent
for name in ("py.typed", "merx", "merx-decode"):
    assert (package / name).exists(), f"{name} is not in the wheel"
PY
"$folder/venv/bin/merx" --version
