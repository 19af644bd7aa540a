#!/usr/bin/env bash
# merx serve under malformed HTTP and JSON: some seconds of fuzz_http.py, which has more to say; by hand for longer: MERX_FUZZ_SECONDS=600 ctest -R e2e.serve_fuzz. With the
# sanitizers of this build the server also ends without having leaked or read what was not its own.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"

run 0 "$MERX" sample "$work/export" --products 30 --customers 50 --events 1500 --seed 5
run 0 "$MERX" import "$work/export" --shop "$work/shop.merx" --quiet
run 0 "$MERX" train recommend --shop "$work/shop.merx" --force --quiet
if "$MERX" version --verbose | grep -q merx-decode; then
    run 0 "$MERX" train classify --shop "$work/shop.merx" --side 16 --filters 4 --epochs 1 --force --quiet
fi
key=$("$MERX" key create "$work/shop.merx" --role admin --quiet)
serve "$work/shop.merx" --cors https://shop.example --timeout 5 --max_body 256K --access_log false
python3 "$MERX_SOURCE_DIR/tests/e2e/fuzz_http.py" "$address" "$key" --seconds "${MERX_FUZZ_SECONDS:-10}" >"$work/out" 2>"$work/err" || {
    cat "$work/out" "$work/err" >&2
    tail -n 40 "$work/log" >&2
    die "the server did not stand it"
}
cat "$work/out"
get 200 /v1/answers/recommend -H "Authorization: Bearer $key"
said '"answer":"recommend"'
# What was said to it, it did not blame itself for.
! grep -q 'merx serve: request' "$work/log" || die "a failure of the server's own: $(grep -m 3 'merx serve: request' "$work/log")"
stop
