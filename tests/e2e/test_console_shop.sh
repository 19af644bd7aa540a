#!/usr/bin/env bash
# A shop with pictures in a real browser: the console's pages on customers, products and pictures, and the demo storefront.
. "$MERX_SOURCE_DIR/tests/support/browser.sh"

run 0 "$MERX" sample "$work/gifts" --products 90 --customers 300 --events 6000
run 0 "$MERX" import "$work/gifts" --shop "$work/gifts.merx" --quiet
for answer in recommend next segment classify; do
    run 0 "$MERX" train "$answer" --shop "$work/gifts.merx" --force --quiet
done
serve "gifts=$work/gifts.merx"
key=()
get 200 /v1/openapi.json
grep -q '"/v1/products"' "$work/body" || skip "the server lists no products"
browser things
browser shop
stop

reader=$("$MERX" key create "$work/gifts.merx" --role reader --quiet)
serve "gifts=$work/gifts.merx"
browser reader "$reader"
stop
! grep -q "demo-" "$work/log" || die "the access log names a session"
