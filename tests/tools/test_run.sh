#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2317 # stand-ins expand their own variables; functions are called through expect
# ./run and ./test where nothing is built: usage, exit codes, and what they say on a machine that lacks packages, rights or
# apt-get. The machine is played: a PATH of stand-ins.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A copy, so that the build folders of the tree that is tested stay as they are.
source=$work/tree
mkdir -p "$source" "$work/shop" "$work/elsewhere"
cp -r "$MERX_SOURCE_DIR"/{run,test,tools} "$source"
mkdir -m 700 "$work/closed"
echo 'id' >"$work/shop/products.csv"
ln -s "$work/shop" "$work/link"
cd "$work/elsewhere" || exit 1
failed=0

# expect CODE TEXT COMMAND...: its exit code, and a text it prints on stdout or stderr.
expect() {
    local code=$1 text=$2 said got=0
    shift 2
    said=$("$@" 2>&1 </dev/null) || got=$?
    if [ "$got" -ne "$code" ] || [[ $said != *"$text"* ]]; then
        printf 'FAILED: %s\n  exit code %d, expected %d; expected to say: %s\n  it said:\n%s\n' "$*" "$got" "$code" "$text" "$said"
        failed=1
    fi
}

expect 0 'Usage: ./run' "$source/run" --help
expect 0 'Usage: ./test' "$source/test" --help
expect 2 'unknown option: --bogus' "$source/run" --bogus
expect 2 'unknown argument: --bogus' "$source/test" --bogus
expect 2 '--out needs a value' "$source/run" "$work/shop" --out
expect 2 '--listen needs a value' "$source/run" "$work/shop" --listen
expect 2 '--threads needs a value' "$source/run" "$work/shop" --threads=
expect 2 'more than one SHOP_FOLDER' "$source/run" "$work/shop" "$work/shop"
expect 2 'there is no folder' "$source/run" "$work/absent"
expect 2 'is not a folder' "$source/run" "$work/shop/products.csv"
expect 2 'SHOP_FOLDER is empty' "$source/run" ''
expect 2 'lies inside SHOP_FOLDER' "$source/run" "$work/shop" --out "$work/shop/out"
expect 2 'lies inside SHOP_FOLDER' "$source/run" "$work/shop" --out "$work/shop"
expect 2 'lies inside SHOP_FOLDER' "$source/run" "$work/shop" --out "$work/link/out"
expect 2 'lies inside SHOP_FOLDER' "$source/run" "$work/link" --out "$work/elsewhere/../shop/deep/out"

# No rights: a tree and a folder that belong to another.
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$work" "$work/elsewhere"
    expect 1 'no right to write to' setpriv --reuid=65534 --regid=65534 --clear-groups "$source/run" "$work/shop"
    expect 1 'no right to read' setpriv --reuid=65534 --regid=65534 --clear-groups bash -c "cd / && exec '$source/run' '$work/closed'"
fi

# The played machine: what the scripts themselves need, and stand-ins that record what is asked of them.
played=$work/played
mkdir -p "$played"
for tool in bash sed grep tr dirname mktemp head tail paste rm mkdir cat realpath env; do
    ln -s "$(command -v "$tool")" "$played/$tool"
done
stand_in() { # NAME BODY
    printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$played/$1"
    chmod +x "$played/$1"
}
on_played() { env -i PATH="$played" HOME="$work" TMPDIR="$work" bash "$source/run" "$work/shop"; }

# Nothing there and no apt-get: another system.
stand_in id 'echo 0'
expect 1 'this is not Debian' on_played
expect 1 'libsqlite3-dev: the embedded store' on_played

# Debian, not root, no sudo.
stand_in apt-get 'echo "$*" >>"$HOME/apt"; exit 0'
stand_in dpkg-query 'exit 1'
stand_in id 'echo 1000'
expect 1 'there is no sudo' on_played
stand_in sudo 'exit 1'
expect 1 'sudo wants a password' on_played
[ ! -e "$work/apt" ] || {
    echo "FAILED: apt-get was called without rights: $(cat "$work/apt")"
    failed=1
}

# Root, but no network.
stand_in id 'echo 0'
stand_in apt-get 'echo "E: Failed to fetch http://x/y  Could not resolve '"'x'"'"; exit 100'
expect 1 "the package servers can't be reached" on_played
# Root, and a source without the packages.
stand_in apt-get 'echo "E: Unable to locate package ninja-build"; exit 100'
expect 1 'the package sources of this system lack some of the packages' on_played

# Only what is missing is installed, without questions.
stand_in apt-get 'echo "$DEBIAN_FRONTEND $*" >>"$HOME/apt"; exit 0'
# Every package of the build is there, but for two.
there=$(sed -n 's/^build *| *\([^ ]*\) .*/\1/p' "$source/tools/packages.txt" | grep -vx -e ninja-build -e libsodium-dev | tr '\n' ' ')
stand_in dpkg-query "printf 'installed:%s\n' $there; echo config-files:libsodium-dev; exit 1"
expect 1 'installing 2 packages (ninja-build libsodium-dev)' on_played
grep -q '^noninteractive .*install --no-install-recommends ninja-build libsodium-dev$' "$work/apt" || {
    echo "FAILED: apt-get was asked for: $(cat "$work/apt")"
    failed=1
}
exit $failed
