#!/usr/bin/env bash
# merx serve, what lies in the shop: listings, partial updates, many at once, messages and reviews, a customer's export, batches of questions, pictures, types of fields, CORS, TLS.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"

pictures=1
"$MERX" version --verbose | grep -q merx-decode || pictures=
run 0 "$MERX" sample "$work/export" --products 40 --customers 60 --events 2500 --seed 5
printf 'id,customer,product,time,rating,text\nR1,C0000002,P0000001,2025-01-02T10:00:00Z,4,fine\nR2,,P0000001,2025-01-03T10:00:00Z,5,good\n' >"$work/export/reviews.csv"
printf 'id,customer,time,text\nM1,C0000002,2025-01-02T10:00:00Z,where is it?\n' >"$work/export/messages.csv"
shop=$work/shop.merx
run 0 "$MERX" import "$work/export" --shop "$shop" --quiet
run 0 "$MERX" train recommend --shop "$shop" --force --quiet
[ -z "$pictures" ] || run 0 "$MERX" train classify --shop "$shop" --side 16 --filters 4 --epochs 2 --force --quiet
writer=$("$MERX" key create "$shop" --role writer --quiet)
reader=$("$MERX" key create "$shop" --role reader --quiet)
key=(-H "Authorization: Bearer $writer")
json=(-H 'Content-Type: application/json')

# put, patch WANT PATH JSON
put() {
    ask "$1" PUT "$2" "${key[@]}" "${json[@]}" --data-binary "$3"
}
patch() {
    ask "$1" PATCH "$2" "${key[@]}" -H 'Content-Type: application/merge-patch+json' --data-binary "$3"
}
# member EXPRESSION: of the last reply, r.
member() {
    python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$work/body" "$1"
}
# is EXPRESSION: true of the last reply, r.
is() {
    [ "$(member "$1")" = True ] || die "not so: $1, of $(head -c 600 "$work/body")"
}

serve "$shop" --cors "https://shop.example, http://localhost:5173"

# ---- listings: every page, each thing once, in order ----
walk() {
    python3 - "$address" "$writer" "$@" <<'PY' || die "the listing $1 is wrong"
import json, sys, urllib.parse, urllib.request
address, key, what, limit, field = sys.argv[1:6]
def get(path):
    return json.load(urllib.request.urlopen(urllib.request.Request(address + path, headers={"Authorization": "Bearer " + key})))
seen, after, pages = [], "", 0
while True:
    page = get(f"/v1/{what}?limit={limit}" + ("&after=" + urllib.parse.quote(after) if after else ""))
    assert set(page) == {"items", "next"}, page.keys()
    assert len(page["items"]) <= int(limit), len(page["items"])
    seen += [item[field] for item in page["items"]]
    pages += 1
    after = page["next"]
    if after is None:
        break
    assert len(page["items"]) == int(limit), "a short page before the last"
assert len(set(seen)) == len(seen), "one twice"
assert seen == sorted(seen), "out of order"
whole = get(f"/v1/{what}?limit=1000")
if what != "events":
    assert whole["next"] is None and [i[field] for i in whole["items"]] == seen, "pages are not the whole"
print(len(seen), pages)
PY
}
post 200 /v1/events '[{"id":"e1","kind":"view","product":"SHOWN","customer":"Newcomer","title":"Shown alone","price":"1.50"}]'
newest=$(number offset)
[ "$(walk products 7 id)" = "41 6" ] || die "40 products of the catalogue and one that an event has shown: $(walk products 7 id)"
[ "$(walk products 41 id)" = "41 1" ] || die "a full last page"
walk customers 9 id >"$work/out"
[ "$(cut -d' ' -f1 "$work/out")" = 61 ] || die "60 customers and a newcomer: $(cat "$work/out")"
[ "$(walk events 1000 offset | cut -d' ' -f1)" = "$newest" ] || die "events are missing in their listing"
[ "$(walk reviews 1 id)" = "2 2" ] || die "two reviews, a page each"
[ "$(walk messages 1000 id)" = "1 1" ] || die "one message"
get 200 "/v1/products?q=shown" "${key[@]}"
is '[i["id"] for i in r["items"]] == ["SHOWN"] and r["items"][0]["price"] == "1.50" and r["next"] is None'
get 200 "/v1/products?q=P000000&limit=3" "${key[@]}"
is '[i["id"][-1] for i in r["items"]] == ["1", "2", "3"] and r["next"] is not None'
get 200 "/v1/products?q=P000000&limit=10&after=$(member 'r["next"]')" "${key[@]}"
is '[i["id"][-1] for i in r["items"]] == list("456789") and r["next"] is None'
get 200 "/v1/products?q=no%20such%20words" "${key[@]}"
is 'r == {"items": [], "next": None}'
get 200 /v1/customers "${key[@]}"
is 'len(r["items"]) == 50 and sum(i["events"] for i in r["items"]) > 1000'
get 200 "/v1/events?after=$newest" "${key[@]}"
is 'r == {"items": [], "next": None}'
get 200 "/v1/events?after=$((newest - 1))&limit=1" "${key[@]}"
is 'r["items"][0]["id"] == "e1" and r["items"][0]["offset"] == '"$newest"' and r["next"] is None'
for bad in 'limit=0' 'limit=1001' 'limit=ten' 'limit=1&limit=1' 'after=%25%25' 'after=1' 'lmit=5'; do
    get 400 "/v1/products?$bad" "${key[@]}"
done
said 'did you mean \"limit\"'
get 400 "/v1/customers?q=x" "${key[@]}"
get 400 "/v1/events?after=-1" "${key[@]}"
get 200 "/v1/products?limit=1" "${key[@]}"
get 400 "/v1/customers?after=$(member 'r["next"]')" "${key[@]}"
said "no place in this listing"

# ---- what a listing gives can be sent back ----
get 200 "/v1/products?limit=1000" "${key[@]}"
python3 -c 'import json, sys
json.dump(json.load(open(sys.argv[1]))["items"], open(sys.argv[2], "w"))' "$work/body" "$work/products.json"
ask 200 POST /v1/products "${key[@]}" "${json[@]}" --data-binary "@$work/products.json"
is 'r["stored"] == 41'
get 200 "/v1/products?limit=1000" "${key[@]}"
python3 -c 'import json, sys
again, before = json.load(open(sys.argv[1]))["items"], json.load(open(sys.argv[2]))
for a, b in zip(again, before):
    b.setdefault("service", False)
    assert a == b, (a, b)' "$work/body" "$work/products.json" || die "products come back as others"
get 200 "/v1/customers?limit=1000" "${key[@]}"
python3 -c 'import json, sys
print("\n".join(json.dumps(i) for i in json.load(open(sys.argv[1]))["items"]))' "$work/body" >"$work/customers.jsonl"
ask 200 POST /v1/customers "${key[@]}" -H 'Content-Type: application/x-ndjson' --data-binary "@$work/customers.jsonl"
is 'r["stored"] == 61'

# ---- partial updates ----
put 200 /v1/products/tea '{"title":"Tea","price":"4.50","attributes":{"origin":"Assam","grade":{"leaf":"whole"}}}'
patch 200 /v1/products/tea '{"price":5,"brand":"Own","attributes":{"origin":null,"grade":{"cut":1}}}'
get 200 /v1/products/tea "${key[@]}"
is 'r == {"id": "tea", "title": "Tea", "brand": "Own", "price": "5.00", "service": False, "attributes": {"grade": {"leaf": "whole", "cut": 1}}}'
patch 200 /v1/products/tea '{"price":null,"id":"tea"}'
get 200 /v1/products/tea "${key[@]}"
is '"price" not in r and r["brand"] == "Own"'
patch 422 /v1/products/tea '{"price":"much","titel":"x"}'
said '"field":"price"' 'did you mean \"title\"'
patch 422 /v1/products/tea '{"id":"other"}'
patch 422 /v1/products/tea '[1]'
patch 400 /v1/products/tea '{"a":'
patch 404 /v1/products/nothing '{}'
get 200 /v1/products/tea "${key[@]}"
is 'r["brand"] == "Own" and r["title"] == "Tea"'
ask 415 PATCH /v1/products/tea "${key[@]}" -H 'Content-Type: application/json-patch+json' -d '[]'
said merge-patch
patch 200 /v1/customers/C0000003 '{"country":"Chile"}'
get 200 /v1/customers/C0000003 "${key[@]}"
is 'r["country"] == "Chile" and "created" in r and r["events"] > 0'
ask 200 DELETE /v1/products/tea "${key[@]}"

# ---- a change is in the next answer, and what an answer over everything says agrees ----
recommended() {
    get 200 "/v1/answers/recommend?customer=C0000004&n=40" "${key[@]}"
}
recommended
first=$(member 'r["items"][0]["id"]')
cp "$work/body" "$work/before.json"
get 200 "/v1/products/$first" "${key[@]}"
cp "$work/body" "$work/first.json"
for i in 1 2 3 4 5; do
    patch 200 "/v1/products/$first" "{\"title\":\"Name $i\",\"price\":\"$i.25\"}"
    recommended
    is "[(i['title'], i['fields']['price']) for i in r['items'] if i['id'] == '$first'] == [('Name $i', '$i.25')]"
done
ask 200 DELETE "/v1/products/$first" "${key[@]}"
recommended
is "all(i['title'] != 'Name 5' for i in r['items'])"
put 200 "/v1/products/$first" "$(cat "$work/first.json")"
recommended
is "r['items'] == json.load(open('$work/before.json'))['items']"
get 404 "/v1/answers/recommend?basket=brand-new" "${key[@]}"
put 200 /v1/products/brand-new '{"title":"Brand new","price":"1.00"}'
get 200 "/v1/answers/recommend?basket=brand-new" "${key[@]}"
is 'len(r["items"]) > 0'
ask 200 DELETE /v1/products/brand-new "${key[@]}"
get 404 "/v1/answers/recommend?basket=brand-new" "${key[@]}"
get 404 "/v1/answers/recommend?customer=brand-new" "${key[@]}"
put 200 /v1/customers/brand-new '{"country":"Peru"}'
get 200 "/v1/answers/recommend?customer=brand-new" "${key[@]}"
post 200 /v1/products "[{\"id\":\"$first\",\"title\":\"One of two\"},{\"id\":\"brand-new\",\"title\":\"Zebra pair\"}]"
recommended
is "[i['title'] for i in r['items'] if i['id'] == '$first'] == ['One of two']"
get 200 "/v1/products?q=zebra%20pair" "${key[@]}"
is '[i["id"] for i in r["items"]] == ["brand-new"]'
put 200 "/v1/products/$first" "$(cat "$work/first.json")"
ask 200 DELETE /v1/products/brand-new "${key[@]}"
ask 200 DELETE /v1/customers/brand-new "${key[@]}"

# ---- messages and reviews ----
put 200 /v1/messages/m%2F2 '{"text":"hello","customer":"C0000002","channel":"mail","time":"2025-02-01T08:00:00Z"}'
patch 200 /v1/messages/m%2F2 '{"reply":"good day"}'
get 200 /v1/messages/m%2F2 "${key[@]}"
is 'r == {"id": "m/2", "text": "hello", "customer": "C0000002", "channel": "mail", "time": "2025-02-01T08:00:00Z", "reply": "good day"}'
put 200 /v1/messages/m%2F2 "$(cat "$work/body")"
put 422 /v1/messages/m3 '{"customer":"C0000002"}'
said '"field":"text"'
post 200 /v1/reviews '[{"id":"R3","rating":3.5,"product":"P0000002"},{"id":"R3","rating":2},{"id":"R4","customer":"C0000002"}]'
is 'r["stored"] == 3'
get 200 /v1/reviews/R3 "${key[@]}"
is 'r["rating"] == 2 and "product" not in r and r["time"].startswith("20")'
post 422 /v1/reviews '[{"id":"R5"},{"id":"R6","rating":"5"},{"rating":1}]'
said '"where":"reviews[1].rating"' '"index":2,"field":"id"'
get 404 /v1/reviews/R5 "${key[@]}"
ask 200 DELETE /v1/reviews/R4 "${key[@]}"
ask 404 DELETE /v1/reviews/R4 "${key[@]}"
get 404 /v1/messages/nothing "${key[@]}"
get 200 /v1/reviews -H "Authorization: Bearer $reader"
get 403 /v1/messages -H "Authorization: Bearer $reader"

# ---- a customer's export is what erasing him removes ----
post 200 /v1/events '[{"id":"x1","kind":"purchase","product":"P0000001","customer":"C0000002","order":"own"},{"id":"x2","kind":"view","product":"P0000002","customer":"C0000002","session":"s"}]'
get 200 /v1/customers/C0000002/export "${key[@]}"
is 'set(r) == {"customer", "orders", "messages", "reviews", "events"}'
is 'r["customer"]["id"] == "C0000002" and [m["id"] for m in r["messages"]] == ["M1", "m/2"] and [x["id"] for x in r["reviews"]] == ["R1"]'
is 'all(e["customer"] == "C0000002" for e in r["events"]) and [e["id"] for e in r["events"][-2:]] == ["x1", "x2"] and "source" in r["events"][0]'
exported=$(member '"%d %d %d" % (len(r["events"]), len(r["messages"]), len(r["reviews"]))')
get 404 /v1/customers/nobody/export "${key[@]}"
get 200 /v1/customers/Newcomer/export "${key[@]}"
is 'r["customer"]["id"] == "Newcomer" and len(r["events"]) == 1'
ask 200 DELETE /v1/customers/C0000002 "${key[@]}"
[ "$(member '"%d %d %d" % (r["events"], r["messages"], r["reviews"])')" = "$exported" ] || die "erased: $(cat "$work/body"), exported: $exported"
get 404 /v1/customers/C0000002/export "${key[@]}"

# Erased, he does not come back by any way.
put 409 /v1/customers/C0000002 '{}'
patch 404 /v1/customers/C0000002 '{}'
post 422 /v1/customers '[{"id":"C0000002"}]'
put 422 /v1/messages/m4 '{"text":"it is me","customer":"C0000002"}'
said '"field":"customer"'
post 422 /v1/messages '[{"id":"m4","text":"it is me","customer":"C0000002"}]'
put 422 /v1/reviews/R2 '{"customer":"C0000002"}'
patch 422 /v1/reviews/R2 '{"customer":"C0000002"}'
get 200 /v1/reviews/R2 "${key[@]}"
is '"customer" not in r'

# ---- many questions at once ----
post 200 /v1/answers/recommend/batch '{"questions":[{"customer":"C0000004","n":2},{"custmer":"x"},7,{"customer":"nobody"},{"customer":"C0000005","why":true,"n":1}]}'
is 'len(r["replies"]) == 5 and len(r["replies"][0]["items"]) == 2 and "reasons" not in r["replies"][0]["items"][0]'
is 'r["replies"][1]["error"]["code"] == "bad_request" and "customer" in r["replies"][1]["error"]["message"]'
is 'r["replies"][2]["error"]["code"] == "bad_request" and r["replies"][3]["error"]["code"] == "not_found"'
is '"reasons" in r["replies"][4]["items"][0] and r["replies"][4]["data_offset"] == r["replies"][0]["data_offset"]'
post 200 /v1/answers/recommend/batch '{"why":true,"questions":[{"customer":"C0000004"},{"customer":"C0000005","why":false}]}'
is '"reasons" in r["replies"][0]["items"][0] and "reasons" not in r["replies"][1]["items"][0]'
post 200 /v1/answers/recommend/batch '{"questions":[]}'
is 'r == {"replies": []}'
python3 -c 'print("{\"questions\":[" + ",".join(["{}"] * 1001) + "]}")' >"$work/many"
ask 413 POST /v1/answers/insight/batch "${key[@]}" "${json[@]}" --data-binary "@$work/many"
for bad in '{}' '[]' '{"questions":{}}' '{"questions":[],"wy":true}' '{"questions":[],"why":1}' '{"questions":['; do
    post 400 /v1/answers/recommend/batch "$bad"
done
post 404 /v1/answers/recomend/batch '{"questions":[{}]}'
post 200 /v1/answers/next/batch '{"questions":[{}]}'
is 'r["replies"][0]["error"]["code"] == "conflict"'
post 200 /v1/answers/classify/batch '{"questions":[{"picture":"/etc/passwd"},{"clip":"/etc/passwd"},{"heat_map":"/tmp/x.png"}]}'
is 'all(x["error"]["code"] == "bad_request" for x in r["replies"])'

# ---- what the fields of replies are ----
get 200 "/v1/answers/recommend?customer=C0000004" "${key[@]}"
is 'r["types"]["price"] == "money" and set(r["types"]) == {name for i in r["items"] for name in i["fields"]}'
get 200 /v1/answers/insight "${key[@]}"
# Here fields of one name are of several types: items say so themselves.
is 'r["types"] == {"value": "money"} and {t for i in r["items"] for t in i.get("types", {}).values()} >= {"int", "share"}'
is 'all("types" not in i or i["types"]["value"] != "money" for i in r["items"])'
is 'all(name in r["types"] for i in r["items"] for name in i["fields"])'

# ---- pictures ----
if [ -n "$pictures" ]; then
    picture=$work/export/pictures/P0000001.png
    png=(-H 'Content-Type: image/png')
    ask 200 POST "/v1/answers/classify?n=2&why=true&heat_map=inline" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    is 'len(r["items"]) == 2 and "the picture" in r["sentence"] and len(r["items"][0]["reasons"]) > 2'
    member 'r["heat_map"]["base64"]' | base64 -d >"$work/map.png"
    [ "$(head -c 4 "$work/map.png" | tail -c 3)" = PNG ] || die "the heat map is no PNG file"
    is 'r["heat_map"]["type"] == "image/png"'
    ! grep -qE '/proc|/tmp|/work|memfd' "$work/body" || die "a path of the server: $(head -c 500 "$work/body")"
    # The same picture of a file gives the same.
    run 0 "$MERX" ask classify --picture "$picture" --n 2 --why --json --shop "$shop"
    python3 - "$work/body" "$work/out" <<'PY' || die "a picture sent is answered otherwise than a file"
import json, math, sys
a, b = (json.load(open(path))["items"] for path in sys.argv[1:])
assert [i["id"] for i in a] == [i["id"] for i in b], b
for x, y in zip(a, b):
    assert math.isclose(x["score"], y["score"], rel_tol=1e-12), (x["score"], y["score"])
    for r, s in zip(x["reasons"], y["reasons"]):
        assert r["id"] == s["id"] and math.isclose(r["contribution"], s["contribution"], rel_tol=1e-12), (r, s)
PY
    ask 200 POST "/v1/answers/classify" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    is '"heat_map" not in r'
    get 200 "/v1/answers/classify?product=P0000001&heat_map=inline" "${key[@]}"
    is 'r["heat_map"]["base64"].startswith("iVBOR")'
    ask 200 POST "/v1/answers/similar?n=3" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    is 'r["items"][0]["id"] == "P0000001" and len(r["items"]) == 3'
    head -c 400 "$picture" >"$work/broken.png"
    ask 422 POST /v1/answers/classify "${key[@]}" "${png[@]}" --data-binary "@$work/broken.png"
    said '"where":"picture"' "cut short"
    ask 422 POST /v1/answers/similar "${key[@]}" -H 'Content-Type: image/jpeg' --data-binary "no picture"
    ask 400 POST /v1/answers/classify "${key[@]}" "${png[@]}" -H 'Content-Length: 0'
    ask 400 POST "/v1/answers/classify?picture=/etc/passwd" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    ask 400 POST "/v1/answers/classify?heat_map=/tmp/x.png" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    ask 400 POST "/v1/answers/classify?product=P0000002" "${key[@]}" "${png[@]}" --data-binary "@$picture"
    said "at a time"
    # 60,000 x 60,000 pixels in some hundred bytes.
    python3 - "$work/bomb.png" <<'PY'
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"\0" * 60001)) + chunk(b"IEND", b""))
PY
    ask 413 POST /v1/answers/classify "${key[@]}" "${png[@]}" --data-binary "@$work/bomb.png"
    ask 415 POST /v1/answers/recommend "${key[@]}" "${png[@]}" --data-binary "@$picture"
    ask 415 POST /v1/answers/classify "${key[@]}" -H 'Content-Type: image/gif' --data-binary "@$picture"
    said image/webp

    get 200 /v1/products/P0000001/picture -H "Authorization: Bearer $reader"
    cmp "$work/body" "$picture" || die "the picture is another"
    grep -qi '^content-type: image/png' "$work/head" || die "the picture's type: $(cat "$work/head")"
    grep -qi '^cache-control: private, max-age=' "$work/head" || die "a picture that no browser keeps"
    etag=$(sed -n 's/^[Ee][Tt]ag: \(.*\)\r$/\1/p' "$work/head")
    rm "$work/body"
    get 304 /v1/products/P0000001/picture "${key[@]}" -H "If-None-Match: $etag"
    [ ! -s "$work/body" ] || die "304 with a body"
    get 200 "/v1/products/P0000001/picture?size=24" "${key[@]}" -H "If-None-Match: $etag"
    python3 -c 'import struct, sys
data = open(sys.argv[1], "rb").read()
assert data[:4] == b"\x89PNG" and max(struct.unpack(">II", data[16:24])) == 24, data[:32]' "$work/body" || die "the picture is not 24 pixels large"
    get 200 "/v1/products/P0000001/picture?size=2048" "${key[@]}"
    cmp "$work/body" "$picture" || die "a picture was enlarged"
    for bad in size=15 size=2049 size=x 'size=20&size=30' sise=20; do
        get 400 "/v1/products/P0000001/picture?$bad" "${key[@]}"
    done
    get 404 /v1/products/SHOWN/picture "${key[@]}"
    get 404 /v1/products/..%2F..%2Fshop.db/picture "${key[@]}"
fi

# ---- pages of other origins ----
ask 204 OPTIONS /v1/products -H 'Origin: https://shop.example' -H 'Access-Control-Request-Method: PATCH' -H 'Access-Control-Request-Headers: authorization'
for wanted in 'access-control-allow-origin: https://shop.example' 'access-control-allow-methods: .*PATCH' 'access-control-allow-headers: .*Authorization' 'access-control-max-age: ' 'vary: Origin'; do
    grep -qi "^$wanted" "$work/head" || die "the preflight lacks $wanted: $(cat "$work/head")"
done
! grep -qi '^access-control-allow-credentials' "$work/head" || die "credentials of the browser are allowed"
ask 401 OPTIONS /v1/products -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: GET'
! grep -qi '^access-control' "$work/head" || die "a stranger's page is told more"
grep -qi '^vary: Origin' "$work/head" || die "replies that depend on the origin, without Vary"
get 200 /v1/products "${key[@]}" -H 'Origin: http://localhost:5173'
grep -qi '^access-control-allow-origin: http://localhost:5173' "$work/head" || die "an allowed origin is not told"
grep -qi '^access-control-expose-headers: X-Request-Id, Retry-After' "$work/head" || die "headers that a page can't read"
get 401 /v1/products -H 'Origin: http://localhost:5173'
grep -qi '^access-control-allow-origin: http://localhost:5173' "$work/head" || die "a failure that the page can't read"
get 200 /v1/products "${key[@]}" -H 'Origin: https://evil.example'
! grep -qi '^access-control' "$work/head" || die "a stranger's page may read"
ask 405 OPTIONS /v1/products "${key[@]}" -H 'Origin: https://shop.example'
admin=$("$MERX" key create "$shop" --role admin --quiet)
until_status 200 /metrics -H "Authorization: Bearer $admin"
get 200 /metrics -H "Authorization: Bearer $admin"

[ -z "$pictures" ] || has "$work/body" 'route="/v1/products/{id}/picture",status="304"'
has "$work/body" 'status="204"'
stop
! grep -q 'Chile\|it is me\|where is it' "$work/log" || die "the access log quotes what was sent"
run 1 "$MERX" serve "$shop" --cors "shop.example"
has "$work/err" "is no origin"
# While everybody is let in, no page of another origin is.
run 0 "$MERX" import "$work/export/products.csv" --shop "$work/open.merx" --quiet
serve "$work/open.merx" --cors '*'
get 200 /v1/products -H 'Origin: https://evil.example'
! grep -qi '^access-control' "$work/head" || die "without keys a stranger's page may read"
ask 405 OPTIONS /v1/products -H 'Origin: https://evil.example' -H 'Access-Control-Request-Method: DELETE'
stop

# ---- TLS ----
command -v openssl >/dev/null || {
    echo "TLS is not tried: openssl is not installed"
    exit 0
}
cd "$work" || exit 1
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.crt" -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' "${@:2}" 2>/dev/null || die "openssl makes no certificate"
}
certificate good -days 2
certificate other -days 2
serve "$shop" --tls_cert good.crt --tls_key good.key
case $address in https://*) ;; *) die "the address is $address" ;; esac
get 200 /v1/health/live --cacert good.crt
get 200 "/v1/answers/recommend?customer=C0000004" --cacert good.crt "${key[@]}"
get 200 /v1/products --cacert good.crt "${key[@]}"
ask 200 POST /v1/products --cacert good.crt "${key[@]}" "${json[@]}" --data-binary "@$work/products.json"
host=${address#https://}
! curl -s --max-time 5 "http://$host/v1/health/live" >"$work/out" || die "answered without TLS"
! curl -s --max-time 5 "$address/v1/health/live" >"$work/out" 2>&1 || die "a certificate that nobody signed was taken"
for old in -tls1 -tls1_1 '-tls1_2 -cipher AES128-SHA' '-tls1_2 -cipher AES128-GCM-SHA256'; do
    # shellcheck disable=SC2086 # words
    openssl s_client -connect "$host" $old </dev/null >"$work/out" 2>&1
    ! grep -qE 'Cipher is [A-Z]' "$work/out" || die "spoke $old: $(grep 'Cipher is' "$work/out")"
done
for new in -tls1_2 -tls1_3; do
    openssl s_client -connect "$host" $new </dev/null >"$work/out" 2>&1
    grep -qE 'Cipher is [A-Z]' "$work/out" || die "does not speak $new"
done
get 200 /v1/health/live --cacert good.crt
# Renewed by SIGHUP while it runs: the next connection gets the new one, an upload and a stream that have begun go on; a damaged one is named and changes nothing.
until_logged() {
    for _ in $(seq 100); do
        ! grep -qF -- "$1" "$work/log" || return 0
        sleep 0.1
    done
    die "the log does not say \"$1\": $(tail -n 5 "$work/log")"
}
# reload TEXT: SIGHUP, and the log comes to say so.
reload() {
    : >"$work/log"
    kill -HUP "$server"
    until_logged "$1"
}
cp good.crt first.crt
cp good.key first.key
head -c 3000000 /dev/zero >zeros
mkfifo pipe
curl -sS --max-time 60 --cacert first.crt -X PUT -H "Authorization: Bearer $admin" -H 'Expect:' -H 'Transfer-Encoding: chunked' -o sent -w '%{http_code}' -T - "$address/v1/uploads/renewed" <pipe >code &
sender=$!
exec 7>pipe
head -c 1000000 zeros >&7
curl -sSN --max-time 60 --cacert first.crt -H "Authorization: Bearer $admin" "$address/v1/events/stream" >stream 2>stream.err 7>&- &
follower=$!
for _ in $(seq 100); do
    [ -z "$(find "$shop/uploads" -type f 2>/dev/null)" ] || break
    sleep 0.1
done
reload 'it is the same'
cp other.crt good.crt
reload 'is the key of another certificate'
has "$work/log" 'the certificate stays what it was'
get 200 /v1/health/live --cacert first.crt
cp other.key good.key
reload 'connections from now on get the new one'
get 200 /v1/health/live --cacert other.crt
! curl -s --max-time 5 --cacert first.crt "$address/v1/health/live" >"$work/out" 2>&1 || die "the old certificate is still given"
head -c 100 other.crt >good.crt
reload 'holds no certificate that can be read'
rm good.crt
reload 'good.crt'
get 200 /v1/health/live --cacert other.crt
head -c 2000000 zeros >&7
exec 7>&-
wait "$sender" || die "an upload did not live through a new certificate"
[ "$(cat code)" = 201 ] || die "an upload beside a new certificate gave $(cat code): $(cat sent)"
grep -q '"bytes":3000000' sent || die "not all of the upload arrived: $(cat sent)"
ask 200 POST /v1/events --cacert other.crt "${key[@]}" "${json[@]}" --data-binary '{"id":"after-renewal","kind":"view","product":"P0000001"}'
for _ in $(seq 100); do
    ! grep -q after-renewal stream || break
    sleep 0.1
done
grep -q after-renewal stream || die "a stream did not live through a new certificate: $(cat stream.err)"
kill "$follower"
wait "$follower" 2>/dev/null
cp first.crt good.crt
cp first.key good.key
reload 'connections from now on get the new one'
for _ in $(seq 20); do
    kill -HUP "$server"
    get 200 /v1/health/live --cacert first.crt
done
stop
run 1 "$MERX" serve "$shop" --listen 0.0.0.0:0 --tls_cert good.crt
has "$work/err" "is missing"
run 1 "$MERX" serve "$work/open.merx" --listen 0.0.0.0:0 --tls_cert good.crt --tls_key good.key
has "$work/err" "no shop has a key"
run 1 "$MERX" serve "$shop" --tls_cert good.crt --tls_key other.key
has "$work/err" "key of another certificate"
run 1 "$MERX" serve "$shop" --tls_cert good.key --tls_key good.key
has "$work/err" "holds no certificate"
run 1 "$MERX" serve "$shop" --tls_cert good.crt --tls_key good.crt
has "$work/err" "holds no key"
run 1 "$MERX" serve "$shop" --tls_cert good.crt --tls_key nowhere.key
openssl pkcs8 -topk8 -in good.key -out locked.key -passout pass:secret 2>/dev/null
run 1 "$MERX" serve "$shop" --tls_cert good.crt --tls_key locked.key
has "$work/err" "has a password"
cat other.crt good.crt >mixed.crt
run 1 "$MERX" serve "$shop" --tls_cert mixed.crt --tls_key good.key
# A certificate of yesterday is taken, and said.
openssl req -new -key good.key -subj /CN=localhost -out good.csr 2>/dev/null
openssl x509 -req -in good.csr -signkey good.key -days -1 -out old.crt 2>/dev/null
chmod o+r good.key
: >"$work/log"
serve "$shop" --tls_cert old.crt --tls_key good.key
has "$work/log" "was valid until"
has "$work/log" "everybody on this machine can read the key"
stop
