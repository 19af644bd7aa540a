#!/usr/bin/env bash
# The Python package with the extension of this build: the tests in bindings/python/tests, which run the docstrings' examples too. Under the
# sanitizers where the build has them; then what Python itself never frees is not looked for.
set -euo pipefail
python=${MERX_PYTHON:-python3}
package=$MERX_BUILD_DIR/python
if [ ! -e "$package/merx/_merx.abi3.so" ]; then
    echo "skipped: this build has no Python extension (MERX_BUILD_PYTHON)"
    exit 77
fi
if ! "$python" -c 'import numpy, pytest' 2>/dev/null; then
    echo "skipped: $python has no numpy and pytest (tools/python_peer makes one that has; MERX_PYTHON names it)"
    exit 77
fi
export PYTHONPATH=$package PYTHONDONTWRITEBYTECODE=1 KERAS_BACKEND=${KERAS_BACKEND:-tensorflow}
case $MERX_SANITIZE in
*address*)
    LD_PRELOAD="$("$CC" -print-file-name=libasan.so) $("$CC" -print-file-name=libubsan.so)"
    export LD_PRELOAD
    export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0
    ;;
esac
cd "$MERX_SOURCE_DIR"
"$python" -m pytest -q -p no:cacheprovider --durations=5 bindings/python/tests
