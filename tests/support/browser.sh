# A browser for test scripts; source it in place of serve.sh, which it brings. `browser PART ARGUMENTS...` runs those checks of tests/e2e/console_browser.mjs over the server that runs.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"
skip() {
    echo "skipped: $*"
    exit 77
}
command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are not installed"
[ -x "${MERX_CHROMIUM:-/usr/bin/chromium}" ] || skip "${MERX_CHROMIUM:-/usr/bin/chromium} is not there"
modules=$MERX_SOURCE_DIR/console
if [ ! -d "$modules/node_modules/playwright-core" ] || [ ! -d "$modules/node_modules/axe-core" ]; then
    # What console/package-lock.json pins, once for each build folder; two tests that need it wait for each other.
    modules=$MERX_BUILD_DIR/console_modules
    mkdir -p "$modules"
    exec 9>"$modules/.lock"
    flock 9
    if ! cmp -s "$MERX_SOURCE_DIR/console/package-lock.json" "$modules/node_modules/.lock"; then
        cp "$MERX_SOURCE_DIR/console/package.json" "$MERX_SOURCE_DIR/console/package-lock.json" "$modules"
        (cd "$modules" && timeout 180 npm ci --ignore-scripts --no-audit --no-fund) >"$work/npm" 2>&1 || skip "npm ci does not reach its registry: $(tail -n 1 "$work/npm")"
        cp "$modules/package-lock.json" "$modules/node_modules/.lock"
    fi
    exec 9>&-
fi
browser() {
    timeout 550 node "$MERX_SOURCE_DIR/tests/e2e/console_browser.mjs" "$modules" "$address" "$@" && return
    kill -0 "$server" 2>/dev/null || echo "the server has ended" >&2
    tail -n 20 "$work/log" >&2
    die "console: $1"
}
