#!/usr/bin/env bash
# What a shop's export can have wrong: each fault is named with its file, line, column and what was expected, and nothing stored is harmed.
. "$MERX_SOURCE_DIR/tests/support/check.sh"

header='order_id,time,customer,product,quantity,unit_price'
good='O9,2024-01-09,C9,P9,1,1.00'
shop=$work/shop
mkdir "$work/good"
printf '%s\n%s\nO8,2024-01-08,C8,P8,2,2.50\n' "$header" "$good" >"$work/good/orders.csv"
run 0 "$MERX" import "$work/good" --shop "$shop" --quiet

digest() {
    run 0 "$MERX" models --shop "$1" --digest
    cat "$work/out"
}
stored=$(digest "$shop")

# fresh: an empty folder to put files in.
fresh() {
    rm -rf "$work/in"
    mkdir "$work/in"
}
# refused TEXT…: the file in.csv gives one refusal that says each text, also in refused.csv; the good row is taken.
refused() {
    rm -rf "$work/new"
    run 0 "$MERX" import "$work/in" --shop "$work/new"
    has "$work/out" "1 new, 1 refused"
    local text
    for text in "$@"; do
        has "$work/out" "$text"
    done
    [ "$(wc -l <"$work/new/refused.csv")" -ge 2 ] || die "refused.csv does not list the row"
}
# fails TEXT…: the import fails, says each text, and the shop with data is what it was.
fails() {
    run 1 "$MERX" import "$work/in" --shop "$shop"
    empty "$work/out"
    local text
    for text in "$@"; do
        has "$work/err" "$text"
    done
    [ "$(digest "$shop")" = "$stored" ] || die "a failed import changed the shop: $*"
}

# Rows with wrong values. Each file has the bad row on line 2 and a good one on line 3.
bad_row() {
    fresh
    printf '%s\n%b\n%s\n' "$header" "$1" "$good" >"$work/in/orders.csv"
    shift
    refused "orders.csv:2" "$@"
}
bad_row 'O1,2024-01-01,C1,P1,two,1.00' 'column "quantity"' '"two"' "whole number"
bad_row 'O1,2024-01-01,C1,P1,1.5,1.00' 'column "quantity"' '"1.5"'
bad_row 'O1,2024-01-01,C1,P1,0,1.00' 'column "quantity"' "positive"
bad_row 'O1,2024-01-01,C1,P1,1,cheap' 'column "unit_price"' '"cheap"' "1234.50"
bad_row 'O1,2024-01-01,C1,P1,1,NaN' 'column "unit_price"' '"NaN"'
bad_row 'O1,2024-01-01,C1,P1,1,inf' 'column "unit_price"' '"inf"'
bad_row 'O1,2024-01-01,C1,P1,1,1e400' 'column "unit_price"'
bad_row 'O1,2024-01-01,C1,P1,1,"1,50"' 'column "unit_price"' "decimal_comma"
bad_row 'O1,2024-01-01,C1,P1,1,99999999999999999999' 'column "unit_price"'
bad_row 'O1,2024-01-01,C1,P1,99999999999999999999,1' 'column "quantity"'
bad_row 'O1,2024-13-01,C1,P1,1,1.00' 'column "time"' '"2024-13-01"' "ISO 8601"
bad_row 'O1,,C1,P1,1,1.00' 'column "time"' "empty"
bad_row 'O1,2024-01-01,C1,,1,1.00' 'column "product"' "empty"
bad_row 'O1,2024-01-01,C1,P1,1' "has 5 fields; expected 6"
bad_row 'O1,2024-01-01,C1,P1,1,1,7,8' "has 8 fields; expected 6"
bad_row 'O1,2024-01-01,C1,P\xff\xfe,1,1' 'column "product"' "UTF-8" "0xff"
bad_row 'O1,2024-01-01,C\00001,P1,1,1' 'column "customer"' "zero byte"
bad_row 'O1,2024-01-01,C1,"P1,1,1' 'column "product"' "never closed"

# A field of 10 MB.
fresh
{
    printf '%s\nO1,2024-01-01,C1,' "$header"
    head -c 10000000 /dev/zero | tr '\0' x
    printf ',1,1\n%s\n' "$good"
} >"$work/in/orders.csv"
refused 'orders.csv:2: column "product"' "longer than"

# Ids: an event twice counts once; a product twice is the last; negative quantities are returns, of views they are refused.
fresh
printf 'event_id,time,customer,product,quantity,type\nE1,2024-01-01,C1,P1,1,purchase\nE1,2024-01-02,C1,P1,1,purchase\nE2,2024-01-02,C1,P1,-1,purchase\nE3,2024-01-02,C1,P1,-1,view\n' >"$work/in/events.csv"
printf 'product_id,title,price\nP1,a,1\nP1,b,2\n,c,3\n' >"$work/in/products.csv"
run 0 "$MERX" import "$work/in" --shop "$work/ids"
has "$work/out" "2 new, 1 already there, 1 refused"
has "$work/out" 'events.csv:5: column "quantity": "-1"'
has "$work/out" "1 new, 1 already there, 1 refused"
has "$work/out" 'products.csv:4: column "product_id"'

# Dates in five formats, one of them clear throughout: taken. Days and months that could be exchanged: asked for.
for dates in "2024-01-05 2024-01-20T10:30:00Z" "2024/01/05 2024/01/20" "05/01/2024 20/01/2024" "01/05/2024 01/20/2024" "1704412800 1705708800" "05.01.2024 20.01.2024"; do
    fresh
    read -r one two <<<"$dates"
    printf '%s\nO1,%s,C1,P1,1,1\nO2,%s,C1,P1,1,1\n' "$header" "$one" "$two" >"$work/in/orders.csv"
    rm -rf "$work/dates"
    run 0 "$MERX" import "$work/in" --shop "$work/dates"
    has "$work/out" "2 rows read, 2 new"
    run 0 "$MERX" report --shop "$work/dates"
    has "$work/out" "2024-01-05 to 2024-01-20"
done
fresh
printf '%s\nO1,03/04/2024,C1,P1,1,1\n' "$header" >"$work/in/orders.csv"
fails 'orders.csv: column "time"' '"03/04/2024"' "date_format" "dmy"

# Files that can't be taken at all.
fresh
printf 'order_id,customer,product,quantity\nO1,C1,P1,2\n' >"$work/in/orders.csv"
fails 'orders.csv: no column for "time"' "order_id, customer, product, quantity" "shop.json"
fresh
printf 'foo,bar\n1,2\n' >"$work/in/things.csv"
fails "things.csv" "shop.json"
fresh
: >"$work/in/orders.csv"
fails "orders.csv" "is empty"
fresh
fails "there is no file in it"
fresh
mkfifo "$work/in/orders.csv"
fails "orders.csv" "pipe"
fresh
ln -s nowhere "$work/in/orders.csv"
fails "orders.csv" "No such file"
fresh
head -c 3000 /dev/urandom >"$work/random"
{ printf '\0'; cat "$work/random"; } >"$work/in/orders.csv"
fails "orders.csv" "line 1"
fresh
printf 'order_id,time,cust\xffomer,product\nO1,2024-01-01,C1,P1\n' >"$work/in/orders.csv"
fails "orders.csv" "column 3 (line 1)" "UTF-8"
fresh
{
    echo "$header"
    seq 1 20000 | awk '{ print "O" $1 ",2024-01-01,C1,P1,1,1" }'
} | gzip >"$work/whole.gz"
head -c 10000 "$work/whole.gz" >"$work/in/orders.csv.gz"
fails "orders.csv.gz" "cut short"
rm -rf "$work/in"
fails "there is no such file or folder"
run 1 "$MERX" up "$work/in" --shop "$work/unmade"
[ ! -e "$work/unmade" ] || die "a shop was made for a folder that is not there"

# A header alone is no fault, and one bad row too many is said.
fresh
echo "$header" >"$work/in/orders.csv"
run 0 "$MERX" up "$work/in" --shop "$work/none"
has "$work/err" "0 rows read, 0 new"
printf '%s\nO1,x,C1,P1,1,1\nO2,y,C1,P1,1,1\n' "$header" >"$work/in/orders.csv"
run 1 "$MERX" import "$work/in" --shop "$work/limit" --max-refused 1
has "$work/err" "orders.csv: more than 1 rows are refused"
[ ! -e "$work/limit" ] || die "a shop into which nothing was imported stays: $(ls -A "$work/limit")"

# A shop that was made for an import which then takes nothing goes again, with the folders above it that were made too.
printf 'colour,shape\nred,round\n' >"$work/wrong.csv"
for command in import up; do
    run 1 "$MERX" $command "$work/wrong.csv" --shop "$work/a/b//shop/"
    has "$work/err" "no file that merx understands"
    [ ! -e "$work/a" ] || die "$command leaves a shop without anything in it: $(find "$work/a")"
    mkdir "$work/a" "$work/a/there"
    run 1 "$MERX" $command "$work/wrong.csv" --shop "$work/a/b"
    [ "$(ls -A "$work/a")" = there ] || die "$command leaves or takes other folders: $(ls -A "$work/a")"
    # What was there stays, empty as it is, and so does what was imported before the failure.
    run 1 "$MERX" $command "$work/wrong.csv" --shop "$work/a/there"
    [ -d "$work/a/there" ] || die "$command removes a folder that was there before"
    fresh
    printf 'id,title,price\nT1,Tea,1.00\n' >"$work/in/a.csv"
    printf '%s\nO1,x,C1,T1,1,1\nO2,y,C1,T1,1,1\n' "$header" >"$work/in/orders.csv"
    run 1 "$MERX" $command "$work/in" --shop "$work/a/some" --max-refused 1
    [ -f "$work/a/some/shop.db" ] || die "$command removes a shop that holds what was imported before the failure"
    rm -r "$work/a"
done
run 1 "$MERX" import "$work/good" --shop "$work/a" --records 'postgresql://me:secret@127.0.0.1/shops'
has "$work/err" "password"
[ ! -e "$work/a" ] || die "a shop whose records have no place stays"
fresh

# shop.json.
fresh
cp "$work/good/orders.csv" "$work/in/orders.csv"
mapping() {
    printf '%s' "$1" >"$work/in/shop.json"
    shift
    fails "shop.json" "$@"
}
mapping '{"currency": "GBP",' "line 1"
mapping '{"curency": "GBP"}' 'did you mean "currency"'
mapping '{"currency": 3}' '"currency"'
mapping '{"time_zone": "Mars/Olympus"}' '"time_zone"' "+08:00"
mapping '{"files": {"orders.csv": {"columns": {"product": "nosuch"}}}}' '"nosuch"' "order_id"

# Files as the world writes them.
fresh
printf '\xef\xbb\xbforder_id;time;customer;product;quantity;unit_price\r\nO1;01.02.2024 10:30;C1;P1;1;1,50\r\nO2;15.02.2024;C1;P1;1;1.234,50\r\n' >"$work/in/orders.csv"
printf '{"files": {"orders.csv": {"decimal_comma": true}}}' >"$work/in/shop.json"
run 0 "$MERX" import "$work/in" --shop "$work/german"
has "$work/out" "2 rows read, 2 new"
has "$work/out" "sums to 1236.00"
mkdir "$work/中文 目录"
printf '订单号,时间,客户,商品,数量,单价\nO1,2024-01-01,张三,茶叶,2,3.50\nO1,2024-01-01,李四,"茶,壶",1,30\n' >"$work/中文 目录/订单.csv"
run 0 "$MERX" up "$work/中文 目录" --shop "$work/店 铺"
has "$work/out" "茶叶"
[ -s "$work/店 铺/report.html" ] || die "no report in a folder with spaces"
fresh
printf '{"order_id":"O1","time":"2024-01-01T00:00:00Z","customer":"C1","product":"P1","quantity":1,"unit_price":1.5}\n{"order_id":"O2","time":\n{"order_id":"O3","time":"2024-01-02","customer":"C2","product":"P1","quantity":"x","unit_price":1}\n[1]\n' >"$work/in/orders.jsonl"
run 0 "$MERX" import "$work/in" --shop "$work/lines"
has "$work/out" "1 new, 3 refused"
has "$work/out" 'orders.jsonl:3: column "quantity": "x"'
exit 0
