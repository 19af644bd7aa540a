#!/usr/bin/env bash
# Tables, options, model files, databases, disks and signals that are not as they should be: an error that says so, exit code 1 or 2, and nothing
# stored is harmed.
. "$MERX_SOURCE_DIR/tests/support/check.sh"

cd "$work" || die "can't enter $work"

# fails CODE TEXT… -- COMMAND…: the exit code, the texts on standard error, nothing on standard output.
fails() {
    local code=$1
    local -a texts=()
    shift
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    run "$code" "$MERX" "$@"
    empty out
    local text
    for text in "${texts[@]}"; do
        has err "$text"
    done
}
table() {
    printf '%b' "$1" >t.csv
}

# ---- tables and options ----
table 'x,y\n1,2\nfoo,3\n4,5\n'
fails 1 't.csv:3: column "x": "foo"' "number" -- fit linear t.csv --target y --types x=numeric --out no.merx
fails 1 'q' "not there" -- fit linear t.csv --target y --types q=numeric
fails 1 "numeric, categorical, boolean, date or text" -- fit linear t.csv --target y --types x=foo
table 'x,y\n1,2\nnan,3\n4,inf\n5,6\n'
fails 1 't.csv:4: column "y": "inf"' "finite" -- fit linear t.csv --target y --out no.merx
table 'x,y\n1e308,1\n-1e308,2\n3,4\n'
fails 1 't.csv: column "x"' "1e+308" -- fit linear t.csv --target y --out no.merx
table 'x,c,y\n1,7,2\n2,7,3\n4,7,4\n5,7,6\n'
run 0 "$MERX" fit linear t.csv --target y --out constant.merx
has out 'column "c" is left out'
fails 1 "the same in every row" -- fit linear t.csv --target y --features c
fails 1 'the target "c" has 1 class' "at least two" -- fit logistic t.csv --target c
fails 1 "k is 100" "4 rows" -- fit kmeans t.csv --clusters 100
fails 2 "clusters" "-1 is out of range" "expected 0 to" -- fit kmeans t.csv --clusters -1
fails 2 "clusters" "three" "whole number" -- fit kmeans t.csv --clusters three
fails 2 "clusters" "99999999999999999999" -- fit kmeans t.csv --clusters 99999999999999999999
fails 2 "l2" "nan is out of range" -- fit ridge t.csv --target y --l2 nan
fails 2 "l2" "inf is out of range" -- fit ridge t.csv --target y --l2 inf
fails 2 "l3" "no such option" -- fit ridge t.csv --target y --l3 1
fails 2 "expected a whole number" -- fit linear t.csv --target y --seed -1
fails 2 "1 to 256" -- fit linear t.csv --target y --threads 100000
fails 2 "256M" -- fit linear t.csv --target y --max-memory lots
fails 2 "256M" -- fit linear t.csv --target y --max-memory 0
fails 1 "--max-memory" -- fit linear t.csv --target y --max-memory 1k
fails 1 "99 folds" -- fit linear t.csv --target y --cv 99
fails 1 "is a folder" -- fit linear . --target y
table 'x,y\n1,a\n2,a\n3,a\n10,b\n11,b\n12,b\n'
run 0 "$MERX" fit logistic t.csv --target y
fails 1 "separates" "l2" -- fit logistic t.csv --target y --l2 0
table 'x,y\n'
fails 1 "t.csv" "no rows" -- fit linear t.csv --target y
table ''
fails 1 "t.csv" "is empty" -- fit linear t.csv --target y
table 'x,y\n1,2\n'
fails 1 "t.csv" -- fit linear t.csv --target y
table 'x,y\n1,2\n2,3\n3,\xff\n'
fails 1 't.csv:4: column "y"' "UTF-8" -- fit linear t.csv --target y
table 'x,y\n1,2,3\n2,3\n3,4\n'
fails 1 "t.csv:2: has 3 fields; expected 2" -- fit linear t.csv --target y
[ ! -e no.merx ] || die "a failed fit left a model"

# ---- model files ----
table 'x,y\n1,2\n2,3.5\n4,4\n5,6\n'
run 0 "$MERX" fit linear t.csv --target y --out good.merx
printf 'x\n1\n1.7e308\n' >far.csv
table 'x,y\n1,100\n2,200\n3,300\n4,400\n'
run 0 "$MERX" fit linear t.csv --target y --out far.merx
fails 1 "far.csv: row 2" "too large" -- predict far.merx far.csv --json
fails 1 "far.csv: row 2" "too large" -- explain far.merx far.csv --row 2
size=$(stat -c %s good.merx)
for bytes in 0 1 8 100 $((size - 1)); do
    head -c "$bytes" good.merx >bad.merx
    fails 1 "bad.merx" -- predict bad.merx t.csv
done
for offset in 3 9 200 $((size - 20)); do
    cp good.merx bad.merx
    printf '\xa5\x5a' | dd of=bad.merx bs=1 seek="$offset" conv=notrunc status=none
    fails 1 "bad.merx" -- predict bad.merx t.csv
done
sed 's/"merx_format":"1"/"merx_format":"9"/' good.merx >bad.merx
fails 1 "bad.merx" "newer" -- predict bad.merx t.csv
fails 1 "t.csv" -- predict t.csv t.csv
fails 1 "No such file" -- predict absent.merx t.csv
cp good.merx kept.merx
(
    ulimit -f 1
    "$MERX" fit linear t.csv --target y --out good.merx >out 2>err
) && die "a model was written beyond the limit on the size of files"
has err "good.merx"
cmp good.merx kept.merx || die "a failed save changed the old model"
[ -z "$(find . -name '*.merx?*' -o -name '.*merx*')" ] || die "a failed save left a temporary file"

# ---- a shop ----
run 0 "$MERX" sample s --products 40 --customers 60 --events 1000 --seed 1
run 0 "$MERX" up s --shop m --classify.side 16 --classify.filters 4 --classify.epochs 2 --quiet --force
digest() {
    "$MERX" models --shop m --digest
}
stored=$(digest)
question=(ask demand --shop a --weeks 2)

# copy: a shop to damage.
copy() {
    rm -rf a
    cp -r m a
}
copy
rm -f a/shop.db-*
echo "no database" >a/shop.db
fails 1 "a/shop.db" "no SQLite database" -- import s --shop a
[ "$(cat a/shop.db)" = "no database" ] || die "a file that is no database was changed"
: >a/shop.db
fails 1 "a/shop.db" "empty" -- models --shop a
copy
rm -f a/shop.db-*
truncate -s 20000 a/shop.db
fails 1 "a/shop.db" "damaged" -- ask insight --shop a
copy
rm -f a/shop.db-*
printf '\0\0\003\347' | dd of=a/shop.db bs=1 seek=60 conv=notrunc status=none
fails 1 "a/shop.db" "999" "newer" -- models --shop a
fails 1 "a/shop.db" "newer" -- up s --shop a --quiet
fails 1 "no shop here" -- ask insight --shop absent
fails 1 "s" -- ask insight --shop s
fails 1 "no folder" -- import s --shop s/orders.csv
fails 2 'no answer "nosuch"' "recommend" -- ask nosuch --shop m
fails 2 "customr" 'did you mean "customer"' -- ask recommend --shop m --customr C1
fails 1 "NOPE" -- forget NOPE --shop m

# A trained version cut short, damaged or gone: said, and training makes it anew; a snapshot is simply built again.
live=m/blobs/models/demand/000001.safetensors
copy
head -c 3000 "$live" >"a/${live#m/}"
fails 1 "000001.safetensors" "cut short" "merx train demand" -- "${question[@]}"
run 0 "$MERX" up s --shop a --classify.side 16 --classify.filters 4 --classify.epochs 2 --quiet --force
run 0 "$MERX" "${question[@]}"
copy
printf '\xa5\x5a' | dd of="a/${live#m/}" bs=1 seek="$(($(stat -c %s "$live") - 100))" conv=notrunc status=none
fails 1 "000001.safetensors" "damaged" -- "${question[@]}"
copy
rm "a/${live#m/}"
fails 1 "000001.safetensors" "No such file" -- "${question[@]}"
run 0 "$MERX" train demand --shop a --force
run 0 "$MERX" "${question[@]}"
for cut in 0 3000; do
    copy
    head -c "$cut" m/blobs/snapshots/current.safetensors >a/blobs/snapshots/current.safetensors
    run 0 "$MERX" "${question[@]}"
    [ "$("$MERX" models --shop a --digest)" = "$stored" ] || die "a rebuilt snapshot differs"
done

# ---- no space, no rights ----
(
    ulimit -f 100
    "$MERX" import s --shop full >out 2>err
) && die "an import beyond the limit on the size of files succeeded"
has err "full"
run 0 "$MERX" import s --shop full
run 0 "$MERX" models --shop full --digest
full=$(sed -n 's/records //p' out)
[ "$full" = "$(printf '%s\n' "$stored" | sed -n 's/records //p')" ] || die "an import after a failed one gives another shop"
for space in 20 60; do
    copy
    (
        ulimit -f $space
        "$MERX" train --again --force --shop a --classify.side 16 --classify.filters 4 --classify.epochs 2 >out 2>err
    ) && die "training with no space for its models succeeded"
    has err "a/"
    [ "$("$MERX" models --shop a --digest | sed 1d)" = "$(printf '%s\n' "$stored" | sed 1d)" ] || die "failed training changed the shop"
    [ -z "$(find a -name '*.tmp*' -o -name '.*')" ] || die "failed training left temporary files"
done
fails 1 "--max-memory" -- train --again --shop m --max-memory 1M

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 755 .
    copy
    chmod -R a+rX a
    rm -f a/shop.db-*
    nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    if "${nobody[@]}" "$MERX" version >/dev/null 2>&1; then
        run 1 "${nobody[@]}" "$MERX" train --again --shop a --classify.side 16 --classify.filters 4 --classify.epochs 2
        has err "a/shop.db: may only be read"
        run 1 "${nobody[@]}" "$MERX" import s --shop theirs
        has err "theirs"
        run 0 "${nobody[@]}" "$MERX" "${question[@]}"
        chmod 700 a
        run 1 "${nobody[@]}" "$MERX" "${question[@]}"
        has err "may not be entered"
        chmod 000 s/orders.csv
        chmod 755 a
        chmod 777 .
        run 1 "${nobody[@]}" "$MERX" import s --shop theirs
        has err "orders.csv"
        has err "Permission denied"
        chmod 644 s/orders.csv
        rm -rf theirs
    fi
fi

# ---- interrupted ----
# Ctrl-C and an end without warning, at several moments: the next import gives what one import gives.
records=$(printf '%s\n' "$stored" | sed -n 's/records //p')
for signal in INT TERM KILL; do
    for delay in 0.02 0.1; do
        rm -rf k
        # In a job-control shell an asynchronous command does not ignore SIGINT.
        set -m
        "$MERX" up s --shop k --classify.side 16 --classify.filters 4 --classify.epochs 2 --quiet >out 2>err &
        process=$!
        set +m
        sleep "$delay"
        kill -"$signal" "$process" 2>/dev/null
        wait "$process" 2>/dev/null
        code=$?
        case $signal:$code in
        *:0 | INT:130 | TERM:143 | KILL:137) ;;
        *) die "SIG$signal after $delay s: exit code $code: $(cat err)" ;;
        esac
        run 0 "$MERX" import s --shop k
        [ "$("$MERX" models --shop k --digest | sed -n 's/records //p')" = "$records" ] ||
            die "SIG$signal after $delay s: another shop than one import gives"
    done
done

# Two writers at once: each waits for the other, and the shop is what one import gives.
rm -rf two
"$MERX" import s --shop two --quiet >out1 2>err1 &
first=$!
"$MERX" import s --shop two --quiet >out2 2>err2 &
second=$!
wait $first || die "the first of two writers failed: $(cat err1)"
wait $second || die "the second of two writers failed: $(cat err2)"
[ "$("$MERX" models --shop two --digest | sed -n 's/records //p')" = "$records" ] || die "two writers gave another shop than one"

# A reader that goes away is no error worth words.
"$MERX" ask insight --shop m 2>err | head -n 1 >out
empty err
[ "$(digest)" = "$stored" ] || die "the shop was changed"
exit 0
