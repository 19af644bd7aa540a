#!/usr/bin/env bash
# What is in deploy/, tried: nginx and HAProxy with the given configuration before a running merx serve, asked over TLS and HTTP/2; the systemd unit by systemd-analyze, and what the
# server tells the service manager. What is not installed is left out with a word.
. "$MERX_SOURCE_DIR/tests/support/serve.sh"
deploy=$MERX_SOURCE_DIR/deploy
left_out() {
    echo "not tried: $*"
}
proxy=
helper=
trap 'kill -9 $server $proxy $helper 2>/dev/null; rm -rf "$work"' EXIT

# ---- the service manager ----
make_shop "$work/tea.merx" tea
cat >"$work/manager.py" <<'PY'
import os, socket, subprocess, sys
path, merx, shop = sys.argv[1:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind("\0" + path[1:] if path[0] == "@" else path)
manager.settimeout(60)
server = subprocess.Popen([merx, "serve", shop, "--listen", "127.0.0.1:0"], env={**os.environ, "NOTIFY_SOCKET": path}, stdout=subprocess.DEVNULL)
try:
    ready = manager.recv(4096).decode().split("\n")
    assert ready[0] == "READY=1" and ready[1].startswith("STATUS=serves 1 shop at http://127.0.0.1:"), ready
    server.terminate()
    assert manager.recv(4096) == b"STOPPING=1"
    assert server.wait(60) == 0, server.returncode
finally:
    server.kill()
PY
for path in "$work/notify" "@merx-notify-$$"; do
    run 0 python3 "$work/manager.py" "$path" "$MERX" "$work/tea.merx"
done
# A manager that is not there is said, and no reason not to serve.
for path in "$work/no-such-socket" relative; do
    export NOTIFY_SOCKET=$path
    serve "$work/tea.merx"
    stop
    unset NOTIFY_SOCKET
    has "$work/log" "$path"
done

if command -v systemd-analyze >/dev/null && [ "$(systemd-analyze --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')" -ge 250 ]; then
    mkdir -p "$work/merx.service.d"
    cp "$deploy/systemd/tls.conf" "$work/merx.service.d"
    sed "s|^ExecStart=/usr/bin/merx|ExecStart=$MERX|" "$deploy/systemd/merx.service" >"$work/merx.service"
    run 0 systemd-analyze verify --man=no "$work/merx.service"
    # What it says of this machine is not of the unit.
    ! grep -E "$work|^merx" "$work/err" || die "systemd-analyze verify is not content"
    rm -r "$work/merx.service.d"
    run 0 systemd-analyze security --offline=true --no-pager "$work/merx.service"
    exposure=$(sed -n 's/.*Overall exposure level for merx.service: \([0-9.]*\) .*/\1/p' "$work/out")
    awk -v e="$exposure" 'BEGIN { exit !(e != "" && e <= 1.0) }' || die "systemd-analyze security says $exposure, at most 1.0 was reached before"
else
    left_out "the systemd unit: there is no systemd-analyze of version 250 or newer"
fi

# ---- alerts ----
if command -v promtool >/dev/null; then
    run 0 promtool check rules "$deploy/prometheus/rules.yml"
    run 0 promtool check config --syntax-only "$deploy/prometheus/scrape.yml"
    run 0 promtool test rules "$deploy/prometheus/rules_test.yml"
else
    left_out "the alert rules: there is no promtool"
fi
# Each metric that a rule asks for is one that the server gives.
serve "$work/tea.merx"
get 200 /v1/answers/insight
get 200 /metrics
# shellcheck disable=SC2013 # names of metrics are words
for metric in $(grep -oE '(merx|process)_[a-z_]+' "$deploy/prometheus/rules.yml" | sort -u); do
    said "$metric"
done
stop

# ---- proxies ----
command -v openssl >/dev/null || {
    left_out "nginx and HAProxy: there is no openssl to make a certificate"
    exit 0
}
curl --version | grep -q HTTP2 || {
    left_out "nginx and HAProxy: curl is without HTTP/2"
    exit 0
}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/err" || die "no certificate: $(cat "$work/err")"
cat "$work/cert.pem" "$work/key.pem" >"$work/both.pem"
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for PORT: something listens there.
wait_for() {
    for _ in $(seq 100); do
        (exec 8<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        kill -0 "$proxy" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/proxy.log" >&2
    die "the proxy did not start"
}

# Each puts the addresses of this test in place of those that are given, and nothing else.
start_nginx() {
    sed -e "/listen \[::\]/d" -e "s|listen 80;|listen 127.0.0.1:$plain;|" -e "s|listen 443 |listen 127.0.0.1:$tls |" -e "s|127.0.0.1:7373|$1|" \
        -e "s|/etc/nginx/merx.crt|$work/cert.pem|" -e "s|/etc/nginx/merx.key|$work/key.pem|" -e "s|/var/log/nginx/merx.log|$work/proxy.access|" \
        "$deploy/nginx/merx.conf" >"$work/merx.conf"
    mkdir -p "$work/nginx"
    {
        printf 'daemon off;\nmaster_process off;\npid %s/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\n' "$work"
        for kind in client_body proxy fastcgi uwsgi scgi; do
            printf '    %s_temp_path %s/nginx/%s;\n' "$kind" "$work" "$kind"
        done
        printf '    include %s/merx.conf;\n}\n' "$work"
        # As root nginx would let another user work, who may not come to this folder.
        [ "$(id -u)" -ne 0 ] || echo 'user root;'
    } >"$work/nginx.conf"
    nginx -p "$work" -c "$work/nginx.conf" 2>>"$work/proxy.log" &
    proxy=$!
    wait_for "$tls"
}
start_haproxy() {
    sed -e "s|bind :80|bind 127.0.0.1:$plain|" -e "s|bind :443 |bind 127.0.0.1:$tls |" -e "s|127.0.0.1:7373|$1|" -e "s|/etc/haproxy/merx.pem|$work/both.pem|" \
        "$deploy/haproxy/haproxy.cfg" >"$work/haproxy.cfg"
    haproxy -db -f "$work/haproxy.cfg" >>"$work/proxy.access" 2>>"$work/proxy.log" &
    proxy=$!
    wait_for "$tls"
}
end_proxy() {
    kill -TERM "$proxy"
    wait "$proxy" 2>/dev/null
    proxy=
}

# over WANT PATH [CURL ARGUMENTS]: through the proxy, by TLS and HTTP/2.
over() {
    local want=$1 path=$2 got
    shift 2
    got=$(curl -sS --max-time 60 --http2 --cacert "$work/cert.pem" --resolve "shop.example:$tls:127.0.0.1" -o "$work/body" -D "$work/head" -w '%{http_code} %{http_version}' "$@" \
        "https://shop.example:$tls$path" 2>"$work/err")
    [ "$got" = "$want 2" ] || {
        head -c 600 "$work/body" "$work/err" >&2
        tail -n 5 "$work/proxy.log" >&2
        die "$proxy_name: $path gave $got, expected $want over HTTP/2"
    }
    [ "$want" -lt 400 ] || grep -qE '^\{"code":"[a-z_]+","message":".+","where":".*","hint":".+","request_id":".+"' "$work/body" ||
        die "$proxy_name: $path: an error of another form: $(head -c 300 "$work/body")"
}

# A stand-in for merx whose stream of events goes on for three seconds after the first.
cat >"$work/stream.py" <<'PY'
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        if not self.path.endswith(("/stream", "/events")):
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(7):
            self.wfile.write(b"data: {}\n\n")
            time.sleep(0.5)
        self.close_connection = True
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
# Fifty clients that began to send a body and go on one byte a second, through TLS.
cat >"$work/slow.py" <<'PY'
import socket, ssl, sys, time
context = ssl._create_unverified_context()
clients = []
for _ in range(50):
    client = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="shop.example")
    client.sendall(b"POST /v1/events HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer " + sys.argv[2].encode() +
                   b"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[")
    clients.append(client)
print("slow", flush=True)
while True:
    for client in clients:
        client.sendall(b" ")
    time.sleep(1)
PY
sockets() {
    find "/proc/$server/fd" -type l -lname 'socket:*' 2>/dev/null | wc -l
}

try_proxy() {
    proxy_name=$1
    plain=$(free_port)
    tls=$(free_port)
    : >"$work/log"
    cp -r "$work/tea.merx" "$work/$proxy_name.merx"
    shop=$work/$proxy_name.merx
    serve "tea=$shop" --max_body 16M
    "start_$proxy_name" "${address#http://}"

    # Without keys the server answers this machine alone, and the proxy is on this machine: who comes through it must be told from who sits here.
    over 403 /v1/health/ready
    "$MERX" key create "$shop" --role admin --quiet >"$work/admin"
    "$MERX" key create "$shop" --role reader --quiet >"$work/reader"
    admin=(-H "Authorization: Bearer $(cat "$work/admin")")
    reader=(-H "Authorization: Bearer $(cat "$work/reader")")
    until_status 401 /v1/health/ready

    over 200 /v1/health/ready "${admin[@]}" -H 'X-Request-Id: my-own.id_1'
    grep -qi '^x-request-id: my-own.id_1' "$work/head" || die "$proxy_name: the client's request id is lost"
    over 200 /v1/health/ready "${admin[@]}" -H 'X-Request-Id: two words'
    id=$(sed -n 's/^[Xx]-[Rr]equest-[Ii]d: \([^\r]*\).*/\1/p' "$work/head")
    case $id in '' | *' '*) die "$proxy_name: request id \"$id\"" ;; esac
    has "$work/log" "\"request_id\":\"$id\""
    for _ in $(seq 50); do
        ! grep -qF "$id" "$work/proxy.access" 2>/dev/null || break
        sleep 0.1
    done
    has "$work/proxy.access" "$id"
    has_not "$work/proxy.access" "$(cat "$work/admin")"
    grep -qi '^strict-transport-security' "$work/head" || die "$proxy_name: no Strict-Transport-Security"
    [ "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H 'Host: shop.example' "http://127.0.0.1:$plain/v1/answers")" = "308 https://shop.example/v1/answers" ] ||
        die "$proxy_name: plain HTTP is not sent to TLS"
    over 200 / # the console
    over 200 "/v1/answers/recommend?customer=ann&why=true" "${reader[@]}"
    said '"reasons":[{'
    over 200 /v1/events "${admin[@]}" -H 'Content-Type: application/json' -d '{"id":"d1","kind":"view","product":"tea1","customer":"ann"}'
    over 401 /v1/answers
    over 200 /metrics "${admin[@]}"

    # Bodies: a declared length and one that shows on the way.
    head -c 17000000 /dev/zero | tr '\0' ' ' >"$work/large"
    if [ "$proxy_name" = nginx ]; then
        over 413 /v1/events "${admin[@]}" -H 'Content-Type: application/json' -H 'Expect:' --data-binary "@$work/large"
        over 413 /v1/events "${admin[@]}" -H 'Content-Type: application/json' -H 'Expect:' -T - <"$work/large" -X POST
    else
        # HAProxy shuts off who still sends, so its reply may be lost on the way; that it refused stands in its log. It counts declared lengths alone: others are merx's to count.
        (over 413 /v1/events "${admin[@]}" -H 'X-Request-Id: too-large' -H 'Content-Type: application/json' -H 'Expect:' --data-binary "@$work/large") 2>/dev/null || true
        for _ in $(seq 50); do
            ! grep -q '"request_id":"too-large","method":"POST","status":413' "$work/proxy.access" || break
            sleep 0.1
        done
        has "$work/proxy.access" '"request_id":"too-large","method":"POST","status":413'
        has_not "$work/log" too-large
        (over 413 /v1/events "${admin[@]}" -H 'Content-Type: application/json' -H 'Expect:' -T - <"$work/large" -X POST) 2>/dev/null || true
        has "$work/log" '"route":"/v1/events","status":413'
    fi
    # An upload of that size comes through: what is answered is merx's own word.
    curl -s --max-time 60 --http2 --cacert "$work/cert.pem" --resolve "shop.example:$tls:127.0.0.1" -o /dev/null "${admin[@]}" -H 'X-Request-Id: large-upload' -H 'Expect:' \
        -H 'Content-Type: application/octet-stream' -T "$work/large" "https://shop.example:$tls/v1/uploads/large" || true
    has "$work/log" '"request_id":"large-upload"'
    over 200 /v1/health/ready "${reader[@]}"

    # Slow clients.
    before=$(sockets)
    : >"$work/slow" # what the proxy before this one left
    python3 "$work/slow.py" "$tls" "$(cat "$work/admin")" >"$work/slow" 2>&1 &
    helper=$!
    for _ in $(seq 600); do # fifty handshakes
        ! grep -q slow "$work/slow" 2>/dev/null || break
        sleep 0.1
    done
    grep -q slow "$work/slow" || die "$proxy_name: no slow clients: $(cat "$work/slow")"
    for _ in 1 2 3 4 5; do
        over 200 /v1/health/ready "${reader[@]}" --max-time 2
    done
    [ "$proxy_name" != nginx ] || [ "$(sockets)" -le $((before + 10)) ] || die "nginx: 50 slow clients take $(($(sockets) - before)) connections of merx"
    kill "$helper"
    wait "$helper" 2>/dev/null
    helper=

    # The limit of rates is of one key: another's requests go on.
    curl -sS -Z --parallel-max 20 --http2 --cacert "$work/cert.pem" --resolve "shop.example:$tls:127.0.0.1" "${admin[@]}" -o /dev/null -w '%{http_code}\n' \
        "https://shop.example:$tls/v1/health/ready?n=[1-2500]" >"$work/codes" 2>"$work/err" || true
    [ "$(grep -c '^429' "$work/codes")" -ge 1 ] && [ "$(grep -c '^200' "$work/codes")" -ge 100 ] ||
        die "$proxy_name: 2500 requests at once: $(sort "$work/codes" | uniq -c | tr '\n' ' ')"
    over 200 /v1/health/ready "${reader[@]}"

    # Events of a stream arrive as they are sent.
    end_proxy
    : >"$work/stream"
    python3 "$work/stream.py" >"$work/stream" &
    helper=$!
    for _ in $(seq 100); do
        [ ! -s "$work/stream" ] || break
        sleep 0.1
    done
    "start_$proxy_name" "127.0.0.1:$(cat "$work/stream")"
    for path in /v1/events/stream /v1/jobs/7/events; do
        began=$(date +%s%N)
        curl -sS -N --max-time 20 --http2 --cacert "$work/cert.pem" --resolve "shop.example:$tls:127.0.0.1" "https://shop.example:$tls$path" 2>/dev/null | head -c 1 >/dev/null
        took=$((($(date +%s%N) - began) / 1000000))
        [ "$took" -lt 2500 ] || die "$proxy_name: the first event of $path came after $took ms: the proxy holds it back"
    done
    end_proxy
    kill "$helper"
    wait "$helper" 2>/dev/null
    helper=
    stop

    # Without a server behind it, the proxy says so in merx's words, and when to come again.
    "start_$proxy_name" "127.0.0.1:$(free_port)"
    over 503 /v1/health/ready
    grep -qi '^retry-after: [0-9]' "$work/head" || die "$proxy_name: 503 without Retry-After"
    end_proxy
}
for name in nginx haproxy; do
    if command -v $name >/dev/null; then
        try_proxy $name
    else
        left_out "$name: it is not installed"
    fi
done
