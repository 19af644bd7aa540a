#!/usr/bin/env bash
# Jobs over HTTP, the real program asked by curl: files uploaded and imported, training followed to its end by server-sent events, cancelled, evaluated, exported, erased; versions deployed, rolled back,
# downloaded; keys made and revoked; a stream of events; a server killed and stopped in the middle of a job.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"

# value PATH: that member of the last reply, e.g. result.accepted, items.0.id; null is "null".
value() {
    python3 - "$work/body" "$1" <<'PY' || die "no $1 in $(head -c 600 "$work/body")"
import json, sys
value = json.load(open(sys.argv[1]))
for part in sys.argv[2].split("."):
    value = value[int(part)] if isinstance(value, list) else value[part]
print(value if isinstance(value, str) else json.dumps(value))
PY
}
is() {
    local got
    got=$(value "$1")
    [ "$got" = "$2" ] || die "$1 is $got, expected $2: $(head -c 1000 "$work/body")"
}
# start JSON: a job; its id is in $job.
start() {
    post 202 /v1/jobs "$1"
    job=$(word id)
}
# word NAME: that text of the last reply; the first one.
word() {
    grep -oE "\"$1\":\"[^\"]*\"" "$work/body" | head -n 1 | cut -d'"' -f4
}
# until_state STATE [JOB]: it comes to that state within a minute; the job is in $work/body.
until_state() {
    local now=
    for _ in $(seq 600); do
        get 200 "/v1/jobs/${2:-$job}" "${key[@]}"
        now=$(word state)
        [ "$now" != "$1" ] || return 0
        case $now in "done" | failed | cancelled | interrupted) break ;; esac
        sleep 0.1
    done
    get 200 "/v1/jobs/${2:-$job}/log" "${key[@]}"
    die "job ${2:-$job} is $now, expected $1: $(tail -n 5 "$work/body")"
}
until_ended() {
    for _ in $(seq 600); do
        get 200 "/v1/jobs/$job" "${key[@]}"
        case $(word state) in "done" | failed | cancelled | interrupted) return 0 ;; esac
        sleep 0.1
    done
    die "job $job does not end"
}
upload() {
    ask "$1" PUT "/v1/uploads/$2" "${key[@]}" -H 'Expect:' --data-binary "@$3"
}
key=()

make_shop "$work/tea.merx" tea
python3 - "$work" <<'PY'
import datetime, sys
work = sys.argv[1]
people = ["dora", "emil"] + ["d%d" % i for i in range(18)]
with open(work + "/later.csv", "w") as out:
    out.write("order_id,time,customer,product,quantity,unit_price\n")
    for n in range(600):
        day = datetime.date(2024, 2, 1) + datetime.timedelta(days=n // 8)
        out.write("n-%d,%s,%s,tea%d,1,%d.50\n" % (n, day, people[n * 7 % 20], 1 + (n % 4 * 3 + n // 20 * 5 % 7) % 16, 1 + n % 5))
    out.write("bad-1,2024-02-30,secret-person,tea1,1,1.00\nbad-2,2024-03-01,secret-person,tea1,many,1.00\n")
with open(work + "/products.jsonl", "w") as out:
    for n in range(1, 17):
        out.write('{"id":"tea%d","title":"Tea number %d","price":"%d.50"}\n' % (n, n, n))
# Enough that importing and training it takes a while.
with open(work + "/large.csv", "w") as out:
    out.write("order_id,time,customer,product,quantity,unit_price\n")
    for n in range(60000):
        day = datetime.date(2023, 1, 1) + datetime.timedelta(days=n // 200)
        out.write("l-%d,%s,l%d,big%d,1,%d.50\n" % (n, day, n * 7919 % 5003, n * 104729 % 1009, 1 + n % 5))
PY

serve "$work/tea.merx" --max_upload 32M --timeout 4 --stop_timeout 10

# ---- uploads: streamed to disk, compared, limited ----
upload 201 later.csv "$work/later.csv"
is name later.csv
is sha256 "$(sha256sum "$work/later.csv" | cut -d' ' -f1)"
is bytes "$(wc -c <"$work/later.csv")"
upload 201 products.jsonl "$work/products.jsonl"
get 200 /v1/uploads
is items.0.name later.csv
is items.1.name products.jsonl
for bad in .hidden '%2e%2e%2fshop.db' 'a%2Fb' 'a%20b' "$(printf '%0129d' 1)" '..'; do
    ask '400|404' PUT "/v1/uploads/$bad" --path-as-is --data-binary x
done
[ ! -e "$work/tea.merx/uploads/.hidden" ] || die "a hidden upload was taken"
head -c 34000000 /dev/zero >"$work/zeros"
upload 413 zeros "$work/zeros"
ask 413 PUT /v1/uploads/zeros -H 'Transfer-Encoding: chunked' -H 'Expect:' -T "$work/zeros"
head -c 30000000 /dev/zero >"$work/zeros"
upload 201 zeros "$work/zeros"
is sha256 "$(sha256sum "$work/zeros" | cut -d' ' -f1)"
resident=$(awk '/VmHWM/ {print $2}' "/proc/$server/status")
[ "$resident" -lt 200000 ] || die "the server took $resident kB while a file of 30 MB was sent: is it gathered in memory?"
ask 200 DELETE /v1/uploads/zeros
ask 404 DELETE /v1/uploads/zeros
# Who goes away in the middle leaves nothing.
host=${address#http://}
exec 8<>"/dev/tcp/${host%:*}/${host##*:}" || die "can't connect"
printf 'PUT /v1/uploads/half HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nhalf a file' >&8
for _ in $(seq 100); do
    [ "$(find "$work/tea.merx/uploads" -type f | wc -l)" -lt 3 ] || break
    sleep 0.05
done
exec 8<&-
for _ in $(seq 100); do
    [ "$(find "$work/tea.merx/uploads" -type f | wc -l)" -gt 2 ] || break
    sleep 0.1
done
[ "$(find "$work/tea.merx/uploads" -type f | wc -l)" = 2 ] || die "a cut upload left a file: $(ls -a "$work/tea.merx/uploads")"

# ---- what can't be a job ----
for bad in '' '[]' '{}' '{"kind":"trian"}' '{"kind":"train","answer":["recommend"]}' '{"kind":"train","answers":[]}' '{"kind":"train","answers":["recomend"]}' \
    '{"kind":"train","answers":["insight"]}' '{"kind":"train","answers":["recommend","recommend"]}' '{"kind":"train","options":{"factors":8}}' \
    '{"kind":"train","options":{"recommend.factors":"many"}}' '{"kind":"train","options":{"recommend":{"factrs":8}}}' '{"kind":"train","force":1}' \
    '{"kind":"import","uploads":["nothing.csv"]}' '{"kind":"import","uploads":["../shop.db"]}' '{"kind":"import","options":{"mapping":"/etc/passwd"}}' \
    '{"kind":"import","options":{"replace":"perhaps"}}' '{"kind":"erase"}' '{"kind":"erase","customers":"ann"}' '{"kind":"erase","customers":[""]}' '{"kind":"export","customers":[1]}'; do
    post 400 /v1/jobs "$bad"
done
post 400 /v1/jobs '{"kind":"train","options":{"recommend.factrs":8}}'
said 'did you mean' 'factors'
get 404 /v1/jobs/0123456789abcde
get 404 '/v1/jobs/..%2Fx'
get 404 /v1/jobs/0123456789abcde/log
get 404 /v1/jobs/0123456789abcde/events
get 404 /v1/jobs/0123456789abcde/file
ask 404 DELETE /v1/jobs/0123456789abcde

# ---- import: what was refused and why, without the values ----
start '{"kind":"import","uploads":["later.csv","products.jsonl"]}'
until_state "done"
is result.refused 2
is result.accepted 616
is result.refusals.0.column time
is progress 1.0
has_not "$work/body" secret-person
get 200 "/v1/jobs/$job/log"
said '600 new' '2 refused' 'later.csv:602: column "time"' 'later.csv:603: column "quantity"'
has_not "$work/body" secret-person
has_not "$work/body" many
ask 409 DELETE "/v1/jobs/$job"
get 404 "/v1/jobs/$job/file"
[ ! -e "$work/tea.merx/jobs/$job/import" ] || die "an import left its links behind"
get 200 /v1/customers/dora
start '{"kind":"import","uploads":["later.csv"]}'
until_state "done"
is result.files.0.unchanged true
is result.accepted 0
sed 's/,1,1.50/,2,1.50/' "$work/later.csv" >"$work/changed.csv"
upload 201 later.csv "$work/changed.csv"
start '{"kind":"import","uploads":["later.csv"]}'
until_state failed
is error.code changed
has_not "$work/body" "$work"
start '{"kind":"import","uploads":["later.csv"],"options":{"replace":true,"max_refused":1}}'
until_state failed
start '{"kind":"import","uploads":["later.csv"],"options":{"replace":true}}'
until_state "done"

# ---- train, followed to its end ----
get 200 "/v1/answers/recommend?customer=bob"
before=$(number model_version)
start '{"kind":"train","answers":["recommend","demand"],"options":{"recommend":{"factors":8}},"force":true}'
timeout 60 curl -sN "$address/v1/jobs/$job/events" >"$work/events" || die "the stream did not end"
python3 - "$work/events" "$job" <<'PY' || die "the stream is not right: $(head -c 2000 "$work/events")"
import json, sys
events = []
for block in open(sys.argv[1]).read().split("\n\n"):
    fields = [line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")]
    if fields:
        assert [f[0] for f in fields] == ["event", "data"], block
        events.append((fields[0][1], json.loads(fields[1][1])))
names = [name for name, _ in events]
assert names[-1] == "end" and names.count("end") == 1, names
assert set(names) <= {"job", "log", "end"}, names
end = events[-1][1]
assert end["id"] == sys.argv[2] and end["state"] == "done" and end["progress"] == 1, end
assert [a["answer"] for a in end["result"]["answers"]] == ["recommend", "demand"], end
assert end["result"]["answers"][0]["live"] is True and end["result"]["answers"][1]["figure"]["name"], end
progress = [job["progress"] for name, job in events if name == "job" and job["progress"] is not None]
assert progress == sorted(progress) and all(0 <= p <= 1 for p in progress), progress
texts = [log["text"] for name, log in events if name == "log"]
assert any(t.startswith("recommend trained, version 2 (live)") for t in texts), texts
assert any("gate" in t for t in texts), texts
assert texts[-1] == "done", texts
PY
get 200 "/v1/answers/recommend?customer=bob"
[ "$(number model_version)" = $((before + 1)) ] || die "the server did not take up the model of the job"
start '{"kind":"train","answers":["recommend"],"options":{"recommend.factors":8},"force":true}'
until_state "done"
is result.answers.0.outcome unchanged
# A HEAD of a stream ends at once.
ask 200 HEAD "/v1/jobs/$job/events" --head --max-time 5

# ---- evaluate ----
start '{"kind":"evaluate","answers":["demand","recommend"]}'
until_state "done"
is result.answers.0.answer demand
[ "$(value result.answers.0.evaluation.figures.0.name)" != null ] || die "an evaluation without figures"

# ---- models: list, compare, deploy, roll back, download ----
get 200 /v1/models
python3 -c 'import json, sys
items = {i["answer"]: i for i in json.load(open(sys.argv[1]))["items"]}
assert items["recommend"]["live"] == 2 and items["recommend"]["versions"] == 2 and items["recommend"]["newest"] == 2, items
assert items["next"]["live"] is None and items["next"]["newest"] is None, items
assert "insight" not in items, items' "$work/body" || die "the list of models is wrong"
get 200 /v1/models/recommend
is versions.0.version 2
is versions.0.live true
is versions.0.options.factors 8
is versions.1.version 1
is versions.1.live false
first=$(value versions.1.sha256)
get 404 /v1/models/insight
get 404 /v1/models/recomend
start '{"kind":"train","answers":["demand"],"force":true,"again":true}'
until_state "done"
get 200 "/v1/models/demand/compare?a=1&b=2"
python3 -c 'import json, sys
c = json.load(open(sys.argv[1]))
assert (c["answer"], c["a"], c["b"]) == ("demand", 1, 2) and c["figures"], c
for f in c["figures"]:
    if f["a"] and f["b"]:
        assert abs(f["difference"] - (f["b"]["value"] - f["a"]["value"])) < 1e-12, f' "$work/body" || die "the comparison is wrong"
get 400 "/v1/models/recommend/compare?a=1"
get 404 "/v1/models/recommend/compare?a=1&b=9"
get 400 "/v1/models/recommend/compare?a=one&b=2"
get 200 /v1/models/recommend/versions/1/file
[ "$(sha256sum "$work/body" | cut -d' ' -f1)" = "$first" ] || die "the downloaded model is not the version's"
grep -qi 'content-disposition: attachment; filename="recommend-1.safetensors"' "$work/head" || die "a file without its name"
get 404 /v1/models/recommend/versions/9/file
get 404 /v1/models/recommend/versions/one/file
get 404 /v1/models/insight/versions/1/file
post 400 /v1/models/recommend/deploy '{}'
post 400 /v1/models/recommend/deploy '{"version":"1"}'
post 400 /v1/models/recommend/deploy '{"version":1,"forced":true}'
post 400 /v1/models/recommend/deploy '{"version":1,"force":1}'
post 404 /v1/models/recommend/deploy '{"version":9,"force":true}'
post '200|409' /v1/models/recommend/deploy '{"version":1}'
post 200 /v1/models/recommend/deploy '{"version":1,"force":true}'
is live 1
get 200 "/v1/answers/recommend?customer=bob"
[ "$(number model_version)" = 1 ] || die "the deployed version does not answer"
post 200 /v1/models/recommend/rollback '{}'
is live 2
is was 1
get 200 "/v1/answers/recommend?customer=bob"
[ "$(number model_version)" = 2 ] || die "the version rolled back to does not answer"
post 200 /v1/models/recommend/rollback '{}'
is live 1
post 409 /v1/models/recommend/rollback '{}'
post 409 /v1/models/next/rollback '{}'
post 400 /v1/models/recommend/rollback '{"version":1}'
post 200 /v1/models/recommend/deploy '{"version":2,"force":true}'

# ---- a version whose file is damaged: it is not deployed, not sent, and what is live goes on answering ----
blob=$work/tea.merx/blobs/models/recommend/000001.safetensors
cp "$blob" "$work/blob"
printf 'x' | dd of="$blob" bs=1 seek=3000 conv=notrunc 2>/dev/null
post 409 /v1/models/recommend/deploy '{"version":1,"force":true}'
said damaged
get 409 /v1/models/recommend/versions/1/file
get 200 "/v1/answers/recommend?customer=bob"
[ "$(number model_version)" = 2 ] || die "a damaged version answers"
rm "$blob"
post 409 /v1/models/recommend/deploy '{"version":1,"force":true}'
get 200 /v1/models/recommend
is versions.1.bytes null
cp "$work/blob" "$blob"
post 200 /v1/models/recommend/deploy '{"version":1,"force":true}'

# ---- export: all of it, or what names somebody ----
start '{"kind":"export"}'
until_state "done"
rows=$(value result.rows)
bytes=$(value result.bytes)
get 200 "/v1/jobs/$job/file"
grep -qi '^content-type: application/x-ndjson' "$work/head" || die "an export of another type"
cp "$work/body" "$work/export"
whole=$job
python3 - "$work/export" "$rows" "$bytes" <<'PY' || die "the export is wrong"
import collections, json, os, sys
path, rows, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lines = [json.loads(line) for line in open(path)]
assert len(lines) == rows and os.path.getsize(path) == size, (len(lines), rows, os.path.getsize(path), size)
kinds = collections.Counter(line["kind"] for line in lines)
assert kinds["product"] == 16 and kinds["event"] == 480 + 600, kinds
assert all(set(line) == {"kind", "record"} for line in lines)
assert any(line["record"].get("title") == "Tea number 7" for line in lines)
PY
start '{"kind":"export","customers":["dora","nobody"]}'
until_state "done"
is parameters.customers.0 '*'
has_not "$work/body" dora
get 200 "/v1/jobs/$job/file"
python3 -c 'import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 30, len(lines)
assert all(line["record"].get("customer", line["record"].get("id")) == "dora" for line in lines)' "$work/body" || die "the export of a customer is wrong"
some=$job

# ---- erase: with receipts; what exports and uploads hold goes too, and no record of a job names him ----
start '{"kind":"erase","customers":["dora","nobody","emil"]}'
until_state "done"
is result.receipts.0.events 30
is result.receipts.1.found false
is result.receipts.2.found true
has_not "$work/body" dora
get 404 /v1/customers/dora
get 404 "/v1/jobs/$whole/file"
get 404 "/v1/jobs/$some/file"
get 200 /v1/uploads
is items '[]'
! grep -rlE 'dora|emil' "$work/tea.merx/jobs" || die "a job's files name who was erased"
post 400 /v1/jobs '{"kind":"import","uploads":["later.csv"]}'

# ---- while another writer holds the shop: writes wait as long as the store waits, then all of them get 503; answers and jobs that read go on ----
# held SECONDS: the store's write lock, by another process.
held() {
    python3 - "$work/tea.merx/shop.db" "$1" "$work/held" <<'PY' &
import sqlite3, sys, time
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("BEGIN IMMEDIATE")
open(sys.argv[3], "w").close()
time.sleep(float(sys.argv[2]))
store.execute("ROLLBACK")
PY
    holder=$!
    for _ in $(seq 100); do
        [ ! -e "$work/held" ] || break
        sleep 0.05
    done
    rm "$work/held" || die "the lock was not taken"
}
held 9
begun=$SECONDS
senders=
for n in 1 2 3 4; do
    curl -s -o "$work/reply$n" -D "$work/head$n" -w '%{http_code}' -H 'Content-Type: application/json' \
        -d "{\"id\":\"beside-$n\",\"kind\":\"view\",\"product\":\"tea1\"}" "$address/v1/events" >"$work/code$n" &
    senders="$senders $!"
done
get 200 "/v1/answers/recommend?customer=bob"
start '{"kind":"evaluate","answers":["recommend"]}'
until_state "done"
# shellcheck disable=SC2086 # words
wait $senders
[ $((SECONDS - begun)) -lt 9 ] || die "four writes waited one after the other: $((SECONDS - begun)) s"
for n in 1 2 3 4; do
    [ "$(cat "$work/code$n")" = 503 ] || die "a write beside another writer gave $(cat "$work/code$n"): $(cat "$work/reply$n")"
    grep -qi '^retry-after:' "$work/head$n" || die "503 without Retry-After"
done
# A job that writes fails likewise, and says why.
upload 201 later.csv "$work/orders.csv"
start '{"kind":"import"}'
wait "$holder"
until_ended
post 200 /v1/events '{"id":"beside-1","kind":"view","product":"tea1"}'
said '"accepted":1'

# ---- cancelled: one that waits at once, one that runs soon; what follows goes on ----
upload 201 large.csv "$work/large.csv"
start '{"kind":"import","uploads":["large.csv"]}'
until_state "done"
slow='{"kind":"train","answers":["recommend"],"options":{"recommend.factors":256,"recommend.iterations":200},"force":true,"again":true}'
get 200 /v1/models/recommend
versions=$(grep -o '"version":' "$work/body" | wc -l)
start "$slow"
running=$job
until_state running
start "$slow"
waiting=$job
start '{"kind":"export","customers":["bob"]}'
last=$job
get 200 "/v1/jobs?limit=2"
is items.0.id "$last"
is items.1.id "$waiting"
is items.1.state waiting
get 200 "/v1/jobs?limit=2&after=$(value next)"
is items.0.id "$running"
get 400 "/v1/jobs?limit=0"
get 400 "/v1/jobs?limit=two"
get 400 "/v1/jobs?page=2"
# Beside a training that runs, events are taken and answers given.
post 200 /v1/events '{"id":"beside-train","kind":"view","product":"tea1","customer":"bob"}'
get 200 "/v1/answers/recommend?customer=bob"
ask 202 DELETE "/v1/jobs/$waiting"
is state cancelled
ask 409 DELETE "/v1/jobs/$waiting"
: >"$work/events"
timeout 60 curl -sN "$address/v1/jobs/$running/events" >"$work/events" &
follower=$!
ask 202 DELETE "/v1/jobs/$running"
until_state cancelled "$running"
wait "$follower" || die "the stream of a cancelled job did not end"
has "$work/events" '"state":"cancelled"'
until_state "done" "$last"
get 200 /v1/models/recommend
[ "$(grep -o '"version":' "$work/body" | wc -l)" = "$versions" ] || die "a cancelled training left a version"
get 200 /metrics
said 'merx_jobs{shop="tea.merx",kind="train",state="cancelled"} 2' 'kind="export",state="done"'

# ---- a stream of events: what this server takes, and what another process imports; who goes away is noticed ----
: >"$work/stream"
curl -sN "$address/v1/events/stream" >"$work/stream" &
follower=$!
printf 'order_id,time,customer,product,quantity,unit_price\nS1,2024-06-05,zoe,tea1,1,1.00\n' >"$work/more.csv"
for n in $(seq 100); do
    post 200 /v1/events "{\"id\":\"streamed-$n\",\"kind\":\"view\",\"product\":\"tea2\",\"customer\":\"flora\"}"
    ! grep -q streamed "$work/stream" || break
    sleep 0.1
done
run 0 "$MERX" import "$work/more.csv" --shop "$work/tea.merx" --quiet
for _ in $(seq 100); do
    ! grep -q zoe "$work/stream" || break
    sleep 0.1
done
kill "$follower"
wait "$follower" 2>/dev/null
python3 - "$work/stream" <<'PY' || die "the stream of events is not right: $(head -c 1000 "$work/stream")"
import json, sys
offsets, customers = [], []
for block in open(sys.argv[1]).read().split("\n\n"):
    fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
    if not fields:
        continue
    assert fields["event"] == "events", block
    data = json.loads(fields["data"])
    assert data["offset"] == data["events"][-1]["offset"], data
    offsets += [e["offset"] for e in data["events"]]
    customers += [e["customer"] for e in data["events"]]
assert offsets == sorted(set(offsets)), offsets
assert "flora" in customers and customers[-1] == "zoe", customers
PY
# From an offset on: all that came since, once.
timeout 3 curl -sN "$address/v1/events/stream?after=0" >"$work/stream"
python3 - "$work/stream" <<'PY' || die "the stream from the first event on is not right"
import json, sys
offsets = []
for block in open(sys.argv[1]).read().split("\n\n")[:-1]:
    for line in block.split("\n"):
        if line.startswith("data: "):
            offsets += [e["offset"] for e in json.loads(line[6:])["events"]]
assert len(offsets) > 2000 and offsets == sorted(set(offsets)) and offsets[0] < 100, (len(offsets), offsets[:3])
PY
get 400 "/v1/events/stream?after=yesterday"
get 400 "/v1/events/stream?from=1"

# ---- killed in the middle of a job: it is interrupted, what waited runs ----
start "$slow"
running=$job
until_state running
start '{"kind":"evaluate","answers":["recommend"]}'
waiting=$job
kill -9 "$server"
wait "$server" 2>/dev/null
serve "$work/tea.merx" --max_streams 3 --timeout 4 --stop_timeout 10 --jobs 2
get 200 "/v1/jobs/$running"
is state interrupted
is error.code cancelled
until_state "done" "$waiting"

# ---- stopped in the middle of a job: soon, and it says so ----
start "$slow"
running=$job
until_state running
: >"$work/events"
timeout 60 curl -sN "$address/v1/jobs/$running/events" >"$work/events" &
follower=$!
for _ in $(seq 100); do
    ! grep -q 'event: job' "$work/events" || break
    sleep 0.1
done
begun=$SECONDS
stop
[ $((SECONDS - begun)) -lt 25 ] || die "stopping beside a job took $((SECONDS - begun)) s"
wait "$follower" || die "the stream did not end with the server"
grep -A1 '^event: end' "$work/events" | grep -q '"state":"interrupted"' || die "the stream did not say that the job was interrupted"
serve "$work/tea.merx" --max_streams 3 --timeout 4 --rate 1000
get 200 "/v1/jobs/$running"
is state interrupted

# ---- streams: limited in number, ended with their key; a client that does not read is shut ----
python3 - "$host" "${address##*:}" <<'PY' || die "streams"
import socket, sys, time
host, port = "127.0.0.1", int(sys.argv[2])
def stream(path):
    s = socket.create_connection((host, port), 10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path).encode())
    return s
open_ones = [stream("/v1/events/stream") for _ in range(3)]
for s in open_ones:
    assert s.recv(100).startswith(b"HTTP/1.1 200"), "a stream was refused"
more = stream("/v1/events/stream")
assert more.recv(100).startswith(b"HTTP/1.1 503"), "a fourth stream with max_streams 3"
for s in open_ones:
    s.close()
# Vanished clients give their places back with the next heartbeat or event.
deadline = time.monotonic() + 40
while time.monotonic() < deadline:
    s = stream("/v1/events/stream?after=0")
    if s.recv(12).endswith(b"200"):
        break
    s.close()
    time.sleep(0.5)
else:
    sys.exit("the places of vanished clients were not given back")
# It has megabytes to read, and does not: shut after the time limit of 4 s.
time.sleep(9)
s.settimeout(20)
got = 0
try:
    while True:
        piece = s.recv(1 << 16)
        if not piece:
            break
        got += len(piece)
except (ConnectionError, socket.timeout) as error:
    assert not isinstance(error, socket.timeout), "a client that did not read is still served"
assert got < 30 << 20, got
PY

# ---- settings ----
get 200 /v1/settings
python3 -c 'import json, sys
answer = json.load(open(sys.argv[1]))
settings = {s["name"]: s for s in answer["settings"]}
assert settings["max_streams"]["value"] == 3 and settings["max_streams"]["from"] == "flag" and settings["max_streams"]["default"] == 100, settings
assert settings["listen"]["from"] == "environment", settings["listen"]
assert settings["jobs"]["from"] == "default" and settings["jobs"]["value"] == 1, settings["jobs"]
assert answer["shop"]["name"] == "tea.merx" and answer["shop"]["decimals"] == 2 and answer["shop"]["offset"] > 1000, answer["shop"]' "$work/body" || die "the settings are wrong"

# ---- keys: the first one made over HTTP must be an admin key, and closes the server ----
get 200 /v1/keys
is items '[]'
post 409 /v1/keys '{"role":"reader","name":"website"}'
said 'admin'
for bad in '{}' '{"role":"king"}' '{"role":"admin","nam":"x"}' '{"role":"admin","name":7}' '[]' "{\"role\":\"admin\",\"name\":\"$(printf '%081d' 1)\"}"; do
    post 400 /v1/keys "$bad"
done
: >"$work/stream"
curl -sN "$address/v1/events/stream" >"$work/stream" &
follower=$!
sleep 0.3
post 201 /v1/keys '{"role":"admin","name":"console"}'
admin=$(value key)
admin_id=$(value id)
is role admin
has_not "$work/log" "${admin##*_}"
get 401 /v1/keys
timeout 20 tail --pid="$follower" -f /dev/null || die "a stream opened without a key goes on after the first key was made"
wait "$follower"
key=(-H "Authorization: Bearer $admin")
get 200 /v1/keys "${key[@]}"
is items.0.id "$admin_id"
has_not "$work/body" '"key"'
post 201 /v1/keys '{"role":"writer"}'
writer=$(value key)
writer_id=$(value id)
ask 409 DELETE "/v1/keys/$admin_id" "${key[@]}"
ask 404 DELETE /v1/keys/0123456789ab "${key[@]}"
ask 400 DELETE /v1/keys/nonsense "${key[@]}"
: >"$work/stream"
curl -sN -H "Authorization: Bearer $writer" "$address/v1/events/stream" >"$work/stream" &
follower=$!
sleep 0.3
ask 200 DELETE "/v1/keys/$writer_id" "${key[@]}"
is revoked "$writer_id"
get 401 /v1/health/ready -H "Authorization: Bearer $writer"
timeout 20 tail --pid="$follower" -f /dev/null || die "a stream goes on after its key was revoked"
wait "$follower"
stop

# ---- two processes on one shop: one runs its jobs, the other shows them ----
serve "$work/tea.merx"
first=$server
first_address=$address
start '{"kind":"export","customers":["bob"]}'
until_state "done"
done_by_first=$job
serve "$work/tea.merx"
get 200 "/v1/jobs/$done_by_first" "${key[@]}"
is state "done"
post 503 /v1/jobs '{"kind":"export"}'
said 'another process'
stop
server=$first
address=$first_address
stop

# ---- the access log names no customer, and no secret ----
! grep -qE 'dora|emil|flora|secret-person' "$work/log" || die "the access log names a customer"
