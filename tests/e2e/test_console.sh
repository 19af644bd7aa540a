#!/usr/bin/env bash
# The console in a real browser: merx serve on a free port, Chromium driven by console_browser.mjs. With MERX_CONSOLE_PICTURES=FOLDER (and perhaps MERX_CONSOLE_SHOP=SHOP) it
# takes the pictures of docs/pictures in place of the checks.
. "$MERX_SOURCE_DIR/tests/support/browser.sh"

if [ -n "${MERX_CONSOLE_PICTURES:-}" ]; then
    serve "${MERX_CONSOLE_SHOP:?a shop whose pictures are taken}"
    browser portraits "$MERX_CONSOLE_PICTURES"
    stop
    exit 0
fi

make_shop "$work/tea.merx" tea
for answer in next segment demand; do
    run 0 "$MERX" train "$answer" --shop "$work/tea.merx" --force --quiet
done

serve "tea=$work/tea.merx"
key=()
# ---- how the pages are sent ----
get 200 /
said '<!doctype html>' '/assets/console.js'
get 200 /shop
said '<!doctype html>' '/assets/shop.js'
grep -qi '^content-type: text/html; charset=utf-8' "$work/head" || die "the page is not HTML"
for policy in "default-src 'none'" "script-src 'self'" "frame-ancestors 'none'"; do
    has "$work/head" "$policy"
done
for file in assets/console.js assets/console.css assets/shop.js assets/shop.css assets/view.js icon.svg; do
    get 200 "/$file"
    cmp "$work/body" "$MERX_SOURCE_DIR/console/dist/$file" || die "/$file is not console/dist/$file"
done
grep -qi '^content-type: image/svg+xml' "$work/head" || die "the picture is no SVG"
tag=$(sed -n 's/^[Ee][Tt]ag: \([^\r]*\).*/\1/p' "$work/head")
[ -n "$tag" ] || die "no ETag"
for known in "$tag" "W/$tag" "\"other\", $tag" '*'; do
    : >"$work/body"
    get 304 /icon.svg -H "If-None-Match: $known"
    [ ! -s "$work/body" ] || die "304 with a body"
done
get 200 /icon.svg -H 'If-None-Match: "other"'
ask 200 HEAD / -I
get 404 /assets/
get 404 /index.html
get 404 /shop.html
get 404 /assets/../icon.svg --path-as-is
ask 404 POST / -d x

post 200 /v1/events '{"id":"z1","kind":"purchase","product":"tea1","customer":"zoe/1 ü","price":"2.00","time":"2024-02-01T10:00:00Z"}'
browser open
stop
! grep -qE 'zoe|from the console' "$work/log" || die "the access log names a customer"
