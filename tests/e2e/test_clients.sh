#!/usr/bin/env bash
# The clients: what is generated of them is what this build's routes make; they keep their promises against a server that misbehaves, and answer for every route of merx serve; the
# code of their READMEs runs.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"
clients=$MERX_SOURCE_DIR/clients
generator=$MERX_BUILD_DIR/bin/merx_clients

# ---- generated ----
mkdir -p "$work/made/typescript/src" "$work/made/python/merx_client"
run 0 "$generator" "$MERX_BUILD_DIR/api/openapi.json" "$work/made"
for file in typescript/src/generated.ts python/merx_client/_generated.py; do
    diff "$work/made/$file" "$clients/$file" >"$work/difference" || {
        head -n 20 "$work/difference" >&2
        die "clients/$file is not what the routes of this build make: tools/make_clients writes it"
    }
done
run 2 "$generator"
run 1 "$generator" "$work/nowhere.json" "$work/made"
has "$work/err" "nowhere.json"
echo '{"openapi":"3.1.0","paths":{}}' >"$work/empty.json"
run 1 "$generator" "$work/empty.json" "$work/made"
has "$work/err" "no routes"
run 1 "$generator" "$MERX_BUILD_DIR/api/openapi.json" "$work/nowhere"
has "$work/err" "can't write"

# ---- a server ----
make_shop "$work/tea.merx" tea
for role in reader writer admin; do
    export "MERX_${role^^}=$("$MERX" key create "$work/tea.merx" --role $role --quiet)"
done
serve "tea=$work/tea.merx" --max_body 1M
export MERX_URL=$address MERX_KEY=$MERX_WRITER

# tour LANGUAGE: the README's code of that language, with this server's address.
tour() {
    sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/p" "$clients/$1/README.md" | sed '/^```/d' | sed "s|http://127.0.0.1:7373|$address|" >"$work/tour"
    [ "$(wc -l <"$work/tour")" -ge 5 ] || die "clients/$1/README.md has no code"
}

# ---- Python ----
export PYTHONDONTWRITEBYTECODE=1
(cd "$clients/python" && PYTHONPATH=. timeout 200 python3 -W error -m unittest discover -v -s tests) >"$work/python" 2>&1 || {
    tail -n 60 "$work/python" >&2
    die "the Python client"
}
! grep -q 'MERX_URL names no server' "$work/python" || die "the Python client was not tried against the server"
tour python python
PYTHONPATH="$clients/python" python3 "$work/tour" >"$work/out" 2>&1 || die "the Python README: $(cat "$work/out")"
[ "$(wc -l <"$work/out")" = 3 ] || die "the Python README's code says: $(cat "$work/out")"

# ---- TypeScript ----
if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ]; then
    echo "the TypeScript client is not tried: there is no Node 18 or newer"
    stop
    exit 0
fi
(cd "$clients/typescript" && timeout 200 node --test test/core.test.mjs test/live.test.mjs) >"$work/node" 2>&1 || {
    grep -A 30 '^ *not ok' "$work/node" | head -n 80 >&2
    die "the TypeScript client"
}
tour typescript js
mkdir -p "$work/app/node_modules"
ln -s "$clients/typescript" "$work/app/node_modules/merx-client"
cp "$work/tour" "$work/app/tour.mjs"
node "$work/app/tour.mjs" >"$work/out" 2>&1 || die "the TypeScript README: $(cat "$work/out")"
[ "$(wc -l <"$work/out")" = 3 ] || die "the TypeScript README's code says: $(cat "$work/out")"
stop
