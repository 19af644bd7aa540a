#!/usr/bin/env bash
# The console of a shop that is worked on, in a real browser: jobs, models, live events, settings; keys, and several shops.
. "$MERX_SOURCE_DIR/tests/support/browser.sh"

make_shop "$work/tea.merx" tea
for answer in next segment demand; do
    run 0 "$MERX" train "$answer" --shop "$work/tea.merx" --force --quiet
done
cp -r "$work/tea.merx" "$work/toys.merx"

serve "tea=$work/tea.merx"
browser running
stop

cp -r "$work/toys.merx" "$work/keyed.merx"
# ---- with keys: the pages still come, what they ask does not ----
admin=$("$MERX" key create "$work/keyed.merx" --role admin --quiet)
reader=$("$MERX" key create "$work/keyed.merx" --role reader --quiet)
serve "tea=$work/keyed.merx"
get 200 /
get 401 /v1/answers
browser locked "$admin" "$reader"
stop
! grep -qE 'from elsewhere|merx_[0-9a-f]{12}_' "$work/log" || die "the access log has a session or a key"

# ---- several shops, none with a key ----
cp -r "$work/toys.merx" "$work/more.merx"
serve "toys=$work/toys.merx" "more=$work/more.merx"
browser shops toys
stop
