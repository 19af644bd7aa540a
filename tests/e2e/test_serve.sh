#!/usr/bin/env bash
# merx serve, the real program asked by curl: every route with and without a key, with a key of the wrong role and of another shop; bad JSON and bad HTTP; live events; erasing; limits.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"

make_shop "$work/tea.merx" tea
make_shop "$work/toys.merx" toy
printf 'id,title\nhat1,A hat\n' >"$work/products.csv"
run 0 "$MERX" import "$work/products.csv" --shop "$work/hats.merx" --quiet

# ---- without keys: loopback alone, everything is answered ----
run 1 "$MERX" serve "$work/tea.merx" --listen 0.0.0.0:0
has "$work/err" "no shop has a key"
run 2 "$MERX" serve "$work/tea.merx" --max_conections 5
has "$work/err" 'did you mean "max_connections"'
run 1 "$MERX" serve "$work/nowhere"
run 1 "$MERX" serve "a b=$work/tea.merx"
run 1 "$MERX" serve "x=$work/tea.merx" "x=$work/toys.merx"
has "$work/err" "two shops are named"
run 2 "$MERX" serve
echo '{"listen": "127.0.0.1:0", "wokers": 2}' >"$work/serve.json"
run 1 "$MERX" serve "$work/tea.merx" --config "$work/serve.json"
has "$work/err" 'did you mean "workers"'
MERX_SERVE_RATE=fast run 2 "$MERX" serve "$work/tea.merx"
has "$work/err" "MERX_SERVE_RATE"

# The file names the shops; the environment goes before it, flags before both.
cat >"$work/serve.json" <<JSON
{"listen": "127.0.0.1:1", "workers": 2, "access_log": true, "shops": {"tea": "$work/tea.merx", "toys": "$work/toys.merx"}}
JSON
MERX_SERVE_LISTEN=127.0.0.1:0 serve --config "$work/serve.json"
get 200 /v1/health/live
said '"status":"live"'
get 400 /v1/health/ready
said "which shop"
get 200 /v1/health/ready -H 'Merx-Shop: toys'
said '"shop":"toys"'
get 404 /v1/health/ready -H 'Merx-Shop: hats'
# A page of a stranger's site, opened in a browser on this machine, may not ask.
get 403 /v1/health/ready -H 'Merx-Shop: tea' -H 'Host: evil.example'
get 403 /v1/health/ready -H 'Merx-Shop: tea' -H 'Host: 127.0.0.1.evil.example'
get 200 /v1/health/ready -H 'Merx-Shop: tea' -H 'Host: localhost:7373'
run 1 "$MERX" serve "$work/tea.merx" --listen "${address#http://}"
has "$work/err" "another program listens"
# The first key closes the server within a second or so.
tea_admin=$("$MERX" key create "$work/tea.merx" --role admin --name "back office" --quiet)
until_status 401 /v1/health/ready -H 'Merx-Shop: toys'
get 200 /v1/health/ready -H "Authorization: Bearer $tea_admin"
stop

# ---- keys ----
tea_reader=$("$MERX" key create "$work/tea.merx" --role reader --quiet)
tea_writer=$("$MERX" key create "$work/tea.merx" --role writer --quiet)
toys_writer=$("$MERX" key create "$work/toys.merx" --role writer --quiet)
run 0 "$MERX" key list "$work/tea.merx"
has "$work/out" "back office"
has_not "$work/out" "${tea_admin##*_}"
! grep -qaF "${tea_admin##*_}" "$work"/tea.merx/shop.db* || die "the shop holds a key in the clear"
run 2 "$MERX" key create "$work/tea.merx" --role king
run 2 "$MERX" key create "$work/tea.merx"
run 1 "$MERX" key revoke "$work/tea.merx" 0123456789ab
run 1 "$MERX" key revoke "$work/tea.merx" nonsense
# A copy of a shop has its keys: they would not say which of the two is meant.
cp -r "$work/tea.merx" "$work/copy.merx"
run 1 "$MERX" serve "$work/tea.merx" "$work/copy.merx" --listen 127.0.0.1:0
has "$work/err" "copy"

serve "tea=$work/tea.merx" "toys=$work/toys.merx" --max_body 64K --timeout 3
as() {
    key=(-H "Authorization: Bearer $1")
}
key=()
# Those of models first: erasing makes another version.
routes="GET:/v1/models:r GET:/v1/models/recommend:r GET:/v1/models/recommend/compare?a=1&b=1:r POST:/v1/models/recommend/deploy:a POST:/v1/models/recommend/rollback:a
GET:/v1/models/recommend/versions/1/file:a
GET:/v1/health/ready:r GET:/v1/answers:r GET:/v1/answers/insight:r POST:/v1/answers/insight:r GET:/v1/products/tea1:r
POST:/v1/answers/insight/batch:r GET:/v1/products:r GET:/v1/products/tea1/picture:r GET:/v1/reviews:r GET:/v1/openapi.json:r POST:/v1/events:w GET:/v1/events:w
PUT:/v1/products/new:w PATCH:/v1/products/new:w DELETE:/v1/products/new:w POST:/v1/products:w GET:/v1/customers:w GET:/v1/customers/ann:w POST:/v1/customers:w
PUT:/v1/customers/new:w PATCH:/v1/customers/new:w GET:/v1/customers/ann/export:w DELETE:/v1/customers/new:w GET:/metrics:a
PUT:/v1/reviews/r:w GET:/v1/reviews/r:r PATCH:/v1/reviews/r:w DELETE:/v1/reviews/r:w POST:/v1/reviews:w
PUT:/v1/messages/m:w GET:/v1/messages/m:w PATCH:/v1/messages/m:w GET:/v1/messages:w DELETE:/v1/messages/m:w POST:/v1/messages:w
PUT:/v1/uploads/new.csv:a GET:/v1/uploads:a DELETE:/v1/uploads/new.csv:a POST:/v1/jobs:a GET:/v1/jobs:a GET:/v1/jobs/0123456789abcde:a
DELETE:/v1/jobs/0123456789abcde:a GET:/v1/jobs/0123456789abcde/log:a GET:/v1/jobs/0123456789abcde/events:a GET:/v1/jobs/0123456789abcde/file:a
GET:/v1/keys:a POST:/v1/keys:a DELETE:/v1/keys/0123456789ab:a GET:/v1/settings:a GET:/v1/events/stream:w"
if [ -e "$MERX_BUILD_DIR/api/routes.json" ]; then
    # shellcheck disable=SC2086 # words
    set -- $routes
    [ "$(grep -c '"method"' "$MERX_BUILD_DIR/api/routes.json")" = $(($# + 1)) ] || die "a route is not tried here (liveness aside, $# are)"
fi
body_of() {
    case $1 in
    POST:/v1/events) echo '{"id":"first","kind":"view","product":"tea1"}' ;;
    POST:/v1/answers/*/batch) echo '{"questions":[{}]}' ;;
    PUT:/v1/messages/*) echo '{"text":"hello"}' ;;
    POST:/v1/products | POST:/v1/customers | POST:/v1/messages | POST:/v1/reviews) echo '[]' ;;
    POST:/v1/models/recommend/deploy) echo '{"version":1,"force":true}' ;;
    POST:* | PUT:* | PATCH:*) echo '{}' ;;
    esac
}
# call WANT ROUTE: with the key that is set.
call() {
    local body
    body=$(body_of "$2")
    if [ "$1" = '200 and on' ]; then
        [ "$(curl -s -N --max-time 1 -o /dev/null -w '%{http_code}' "${key[@]}" "$address${2#*:}")" = 200 ] || die "$2 with a good key"
    elif [ -n "$body" ]; then
        ask "$1" "${2%%:*}" "${2#*:}" "${key[@]}" -H 'Content-Type: application/json' -d "$body"
    else
        ask "$1" "${2%%:*}" "${2#*:}" "${key[@]}"
    fi
}
get 200 /v1/health/live
for route in $routes; do
    key=()
    call 401 "${route%:*}"
    said '"code":"unauthorized"'
    as "merx_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    call 401 "${route%:*}"
    as "${tea_reader%?}"
    call 401 "${route%:*}"
    case ${route##*:} in
    r) allowed="$tea_reader $tea_writer $tea_admin" refused= ;;
    w) allowed="$tea_writer $tea_admin" refused=$tea_reader ;;
    a) allowed=$tea_admin refused="$tea_reader $tea_writer" ;;
    esac
    for one in $refused; do
        as "$one"
        call 403 "${route%:*}"
        said '"code":"forbidden"'
    done
    for one in $allowed; do
        as "$one"
        # A DELETE of what the route before made is 200 once, then 404; both are past the door.
        case $route in
        DELETE:*) call '200|404' "${route%:*}" ;;
        */picture:*) call 404 "${route%:*}" ;; # of a shop without pictures
        # Beyond the door: what is asked for is not there, or not to be had.
        *0123456789abcde*) call 404 "${route%:*}" ;;
        POST:/v1/jobs:a | POST:/v1/keys:a) call 400 "${route%:*}" ;;
        */rollback:a) call 409 "${route%:*}" ;;
        PUT:/v1/uploads/*) call 201 "${route%:*}" ;;
        */events/stream:w) call '200 and on' "${route%:*}" ;;
        *) call 200 "${route%:*}" ;;
        esac
    done
done
# An unknown path tells nothing without a key.
key=()
call 401 GET:/v1/nothing
as "$tea_reader"
call 404 GET:/v1/nothing
ask 405 POST /v1/products/tea1 "${key[@]}"
grep -qi '^allow: GET, HEAD, PUT, PATCH, DELETE' "$work/head" || die "405 without the methods"
ask 200 GET /v1/health/ready "${key[@]}" -H 'X-Request-Id: my-own.id_1'
grep -qi '^x-request-id: my-own.id_1' "$work/head" || die "the request id is not the client's"
ask 404 GET /v1/nothing "${key[@]}" -H 'X-Request-Id: two words'
grep -qiE '^x-request-id: [0-9a-f]{8}-[0-9a-f]+' "$work/head" || die "a request id that is none was kept"

# ---- two shops, two keys: nothing of one with the other's ----
as "$toys_writer"
ask 200 GET /v1/health/ready "${key[@]}"
said '"shop":"toys"'
ask 403 GET /v1/health/ready "${key[@]}" -H 'Merx-Shop: tea'
ask 404 GET /v1/products/tea1 "${key[@]}"
ask 404 GET /v1/customers/nobody "${key[@]}"
ask 200 GET /v1/products/toy1 "${key[@]}"
post 200 /v1/events '{"id":"t1","kind":"purchase","product":"toy1","customer":"only-toys"}'
as "$tea_writer"
ask 404 GET /v1/customers/only-toys "${key[@]}"
ask 404 DELETE /v1/customers/only-toys "${key[@]}"
ask 404 GET /v1/products/toy1 "${key[@]}"
as "$tea_admin"
ask 200 GET /metrics "${key[@]}"
said 'shop="tea"'
! grep -q 'shop="toys"' "$work/body" || die "the metrics of one shop show another"

# ---- answers ----
as "$tea_reader"
ask 200 GET "/v1/answers/recommend?customer=ann&why=true" "${key[@]}"
said '"answer":"recommend"' '"model_version":' '"reasons":[{'
offset=$(number data_offset)
ask 200 POST /v1/answers/recommend "${key[@]}" -H 'Content-Type: application/json' -d '{"customer":"ann","why":true}'
said '"reasons":[{'
ask 200 GET "/v1/answers/recommend?customer=ann" "${key[@]}"
! grep -q '"kind"' "$work/body" || die "reasons without asking why"
ask 400 GET "/v1/answers/recommend?custmer=ann" "${key[@]}"
said 'did you mean \"customer\"'
ask 400 GET "/v1/answers/recommend?customer=ann&customer=bob" "${key[@]}"
said "given twice"
ask 400 GET "/v1/answers/recommend?customer=ann&why=perhaps" "${key[@]}"
# Options that name files of this machine are closed over HTTP, and are not told of.
ask 400 GET "/v1/answers/classify?product=tea1&heat_map=$work/written.png" "${key[@]}"
has "$work/body" "can't be set over HTTP"
[ ! -e "$work/written.png" ] || die "a question over HTTP wrote a file"
ask 400 GET "/v1/answers/similar?picture=/etc/passwd" "${key[@]}"
ask 400 POST /v1/answers/classify "${key[@]}" -H 'Content-Type: application/json' --data-binary '{"clip":"/etc/passwd"}'
ask 200 GET /v1/answers "${key[@]}"
has_not "$work/body" heat_map
ask 200 GET /v1/openapi.json "${key[@]}"
has_not "$work/body" '"clip"'
said '"name":"heat_map","in":"query","description":"with the map of what speaks for the best class, as a PNG file in base64","schema":{"type":"string","enum":["inline"]}'
ask 400 GET "/v1/answers/recommend?customer=%zz" "${key[@]}"
ask 400 GET "/v1/answers/recommend?customer=%00" "${key[@]}"
ask 400 GET "/v1/answers/recommend?customer=%ff" "${key[@]}"
ask 404 GET "/v1/answers/recommend?customer=stranger" "${key[@]}"
ask 404 GET /v1/answers/recomend "${key[@]}"
ask 409 GET /v1/answers/next "${key[@]}"
said "merx train"
ask 415 POST /v1/answers/recommend "${key[@]}" -d '{"customer":"ann"}'
for bad in '' '{' '[]' '{"customer":"ann"' '{"customer":"ann","customer":"bob"}' '{"customer":["ann"]}' '{"customer":"\u0000"}' '{"customer":1e999}'; do
    ask 400 POST /v1/answers/recommend "${key[@]}" -H 'Content-Type: application/json' --data-binary "$bad"
done
ask 400 GET /v1/answers "${key[@]}" --data-binary x
ask 200 GET /v1/openapi.json "${key[@]}"
python3 - "$work/body" "$MERX_BUILD_DIR/api/routes.json" <<'PY' || die "the OpenAPI description is wrong"
import json, os, sys
api = json.load(open(sys.argv[1]))
assert api["openapi"] == "3.1.0", api["openapi"]
assert {"get", "post"} <= set(api["paths"]["/v1/answers/recommend"]), api["paths"].keys()
names = {p["name"] for p in api["paths"]["/v1/answers/recommend"]["get"]["parameters"]}
assert {"customer", "why"} <= names, names
ids = [op["operationId"] for path in api["paths"].values() for op in path.values()]
assert len(ids) == len(set(ids)), "an operationId twice"
def refs(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            yield from refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from refs(item)
for ref in refs(api):
    assert ref.rsplit("/", 1)[1] in api["components"]["schemas"], ref
assert api["paths"]["/v1/health/live"]["get"]["security"] == [], "liveness asks for a key"
if os.path.exists(sys.argv[2]):
    for route in json.load(open(sys.argv[2]))["routes"]:
        path = route["path"].replace("/answers/{name}", "/answers/insight")
        assert route["method"].lower() in api["paths"][path], route
PY

# ---- live events: durable, counted once, in the next answer ----
as "$tea_writer"
ask 200 GET /v1/customers/ann "${key[@]}"
before=$(number events)
post 200 /v1/events '[{"id":"n1","kind":"purchase","product":"tea2","customer":"ann","price":"3.50","time":"2024-03-01T10:00:00Z"},
 {"id":"n2","kind":"view","product":"tea3","customer":"ann","time":1709287200}, {"id":"n2","kind":"view","product":"tea3","customer":"ann"}]'
said '"accepted":2' '"duplicates":1'
newest=$(number offset)
ask 200 GET /v1/customers/ann "${key[@]}"
[ "$(number events)" = $((before + 2)) ] || die "two new events, but the customer has $(number events), before $before"
ask 200 GET "/v1/answers/recommend?customer=ann" "${key[@]}"
[ "$(number data_offset)" = "$newest" ] && [ "$newest" -gt "$offset" ] || die "the answer has not seen the newest event"
printf '%s\n\n%s\r\n' '{"id":"n3","kind":"cart","product":"tea1","customer":"new one"}' '{"id":"n1","kind":"view","product":"tea1"}' >"$work/lines"
ask 200 POST /v1/events "${key[@]}" -H 'Content-Type: application/x-ndjson' --data-binary "@$work/lines"
said '"accepted":1' '"duplicates":1'
ask 200 GET "/v1/customers/new%20one" "${key[@]}"
said '"id":"new one"' '"events":1'
# By another process: the next answer knows it too.
printf 'order_id,time,customer,product,quantity,unit_price\nZ1,2024-03-05,zoe,tea1,1,1.00\n' >"$work/more.csv"
run 0 "$MERX" import "$work/more.csv" --shop "$work/tea.merx" --quiet
ask 200 GET /v1/customers/zoe "${key[@]}"
said '"events":1'

# A newly trained model is taken up by itself.
ask 200 GET "/v1/answers/recommend?customer=bob" "${key[@]}"
version=$(number model_version)
run 0 "$MERX" train recommend --again --force --shop "$work/tea.merx" --quiet
ask 200 GET "/v1/answers/recommend?customer=bob" "${key[@]}"
[ "$(number model_version)" -gt "$version" ] || die "version $version goes on answering after a newer one was trained"

# All or nothing, and each error names index, field, value and what was expected.
ask 200 GET /v1/health/ready "${key[@]}"
stored=$(number offset)
post 422 /v1/events '[{"id":"m1","kind":"view","product":"tea1"},{"id":"m2","kind":"look","prodct":"tea1","quantity":0,"price":1.999,"time":"yesterday"}]'
said '"where":"events[1].' '"index":1,"field":"kind","value":"\"look\"","expected":"view, cart, purchase or return"' \
    '"field":"product","value":null' 'did you mean \"product\"' '"field":"price","value":"1.9990000000000001"' '"field":"time","value":"\"yesterday\""' '"field":"quantity","value":"0"'
post 422 /v1/events '[]x' 400
post 422 /v1/events '[1]'
post 422 /v1/events '{"kind":"view","product":"tea1"}'
said '"field":"id"'
post 422 /v1/events '{"id":"m3","kind":"purchase","product":"tea1","quantity":-1}'
post 422 /v1/events "{\"id\":\"$(printf '%0300d' 1)\",\"kind\":\"view\",\"product\":\"tea1\"}"
for bad in '' ' ' '{' '[' '[{"id":"m4","kind":"view","product":"tea1"}' '[{"id":"m4","kind":"view","product":"tea1"},]' '[,]' '{"id":"m4",}' 'nonsense' '{"id":"m4","id":"m5"}' '{"id":"\ud800"}' '[{]' '[}]'; do
    post 400 /v1/events "$bad"
done
post 200 /v1/events '[]'
said '"accepted":0'
ask 400 POST /v1/events "${key[@]}" -H 'Content-Type: application/x-ndjson' --data-binary $'{"id":"m6","kind":"view","product":"tea1"}\n{"id":'
said "line 2"
ask 415 POST /v1/events "${key[@]}" -H 'Content-Type: text/plain' -d '{}'
head -c 70000 /dev/zero | tr '\0' ' ' >"$work/large"
ask 413 POST /v1/events "${key[@]}" -H 'Content-Type: application/json' --data-binary "@$work/large"
ask 413 POST /v1/events "${key[@]}" -H 'Content-Type: application/json' -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$work/large"
ask 200 GET /v1/health/ready "${key[@]}"
[ "$(number offset)" = "$stored" ] || die "a refused request left something behind"

# ---- products and customers ----
ask 200 PUT /v1/products/tea%2Fnew "${key[@]}" -H 'Content-Type: application/json' -d '{"title":"New tea","price":4.5,"category":"tea","attributes":{"origin":"Assam"}}'
ask 200 GET /v1/products/tea%2Fnew "${key[@]}"
said '"id":"tea/new"' '"title":"New tea"' '"price":"4.50"' '"attributes":{"origin":"Assam"}'
ask 200 PUT /v1/products/tea%2Fnew "${key[@]}" -H 'Content-Type: application/json' --data-binary "@$work/body"
ask 422 PUT /v1/products/p "${key[@]}" -H 'Content-Type: application/json' -d '{"price":"cheap","id":"q","service":"yes"}'
said '"field":"price"' '"field":"id"' '"field":"service"'
ask 200 DELETE /v1/products/tea%2Fnew "${key[@]}"
ask 404 DELETE /v1/products/tea%2Fnew "${key[@]}"
ask 200 PUT /v1/customers/carl "${key[@]}" -H 'Content-Type: application/json' -d '{"country":"UK","created":"2024-01-02"}'
ask 200 GET /v1/customers/carl "${key[@]}"
said '"country":"UK"' '"created":"2024-01-02T00:00:00Z"'

# ---- erasing: gone from every answer, and does not come back ----
ask 200 DELETE /v1/customers/ann "${key[@]}"
said '"customer":"ann"' '"recommend":"re'
ask 404 GET /v1/customers/ann "${key[@]}"
ask 404 DELETE /v1/customers/ann "${key[@]}"
ask 404 GET "/v1/answers/recommend?customer=ann" "${key[@]}"
post 422 /v1/events '{"id":"back","kind":"view","product":"tea1","customer":"ann"}'
said '"field":"customer"'
ask 409 PUT /v1/customers/ann "${key[@]}" -H 'Content-Type: application/json' -d '{}'

# ---- bad HTTP ----
for bad in 'nonsense\r\n\r\n' 'GET\r\n\r\n' 'GET /v1/health/live HTTP/9.9\r\nHost: x\r\n\r\n' 'GET /v1/health/live HTTP/1.1\r\n\r\n' \
    'GET /v1/health/live HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n' 'POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' \
    '\0\0\0\0' "GET /$(head -c 40000 /dev/zero | tr '\0' a) HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"; do
    raw "$bad"
    ! grep -q '^HTTP/1.1 200' "$work/raw" || die "answered as good: $bad"
    get 200 /v1/health/live
done

# ---- a rotated log has no personal data ----
! grep -qE 'ann|carl|zoe|only-toys|New tea' "$work/log" || die "the access log names a customer"
grep -q '"route":"/v1/customers/{id}","status":200' "$work/log" || die "the access log lacks a request"
python3 -c 'import json, sys
for line in open(sys.argv[1]):
    if line.startswith("{"): json.loads(line)' "$work/log" || die "a line of the access log is not JSON"

# ---- a revoked key ----
run 0 "$MERX" key list "$work/tea.merx" --json
id=${tea_reader#merx_}
run 0 "$MERX" key revoke "$work/tea.merx" "${id%%_*}"
as "$tea_reader"
until_status 401 /v1/health/ready "${key[@]}"
stop

# ---- a limit on requests of one key ----
serve "$work/toys.merx" "hats=$work/hats.merx" --rate 5
has "$work/log" '"hats" has no key'
as "$toys_writer"
limited=0
for _ in $(seq 12); do
    curl -s -o "$work/body" -w '%{http_code}\n' "${key[@]}" "$address/v1/health/ready" >>"$work/codes"
done
limited=$(grep -c 429 "$work/codes")
[ "$limited" -ge 1 ] && [ "$(grep -c 200 "$work/codes")" -ge 5 ] || die "12 requests at once with a limit of 5 a second: $limited were refused"
stop

# ---- SIGHUP: without TLS it goes on; when its terminal is closed it ends ----
serve "$work/toys.merx"
kill -HUP "$server"
for _ in $(seq 100); do
    ! grep -q 'no certificate to read again' "$work/log" || break
    sleep 0.1
done
has "$work/log" 'no certificate to read again'
get 200 /v1/health/live
stop
python3 - "$MERX" "$work/toys.merx" <<'PY' || die "a server whose terminal was closed"
import fcntl, os, pty, subprocess, sys, termios
master, slave = pty.openpty()

def own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)

server = subprocess.Popen([sys.argv[1], "serve", sys.argv[2], "--listen", "127.0.0.1:0"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=own_terminal)
try:
    assert server.stdout.readline().startswith(b"merx serves"), "it did not start"
    os.close(slave)
    os.close(master)
    assert server.wait(60) == 0, server.returncode
except BaseException:
    server.kill()
    raise
PY
