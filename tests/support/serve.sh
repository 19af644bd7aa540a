# A running server for test scripts; source it in place of check.sh. serve starts one on a free port ($address, $server), stop ends it and holds it to a clean end.
. "$MERX_SOURCE_DIR/tests/support/check.sh"
command -v curl >/dev/null || {
    echo "skipped: curl is not installed"
    exit 77
}
if "$MERX" key list / 2>&1 | grep -q "no server"; then
    echo "skipped: this build has no server"
    exit 77
fi
server=
trap 'kill -9 $server 2>/dev/null; rm -rf "$work"' EXIT

# make_shop FOLDER NAME: twelve weeks of orders of NAME1 ... NAME16 by ann, bob and others, and a live model of recommend.
make_shop() {
    python3 - "$work/export" "$2" <<'PY'
import datetime, os, sys
folder, name = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
people = ["ann", "bob"] + ["c%d" % i for i in range(18)]
with open(folder + "/orders.csv", "w") as out:
    out.write("order_id,time,customer,product,quantity,unit_price\n")
    for n in range(480):
        day = datetime.date(2023, 11, 1) + datetime.timedelta(days=n // 5)
        person = n * 7 % len(people)
        out.write("%s-%d,%s,%s,%s%d,1,%d.50\n" % (name, n, day, people[person], name, 1 + (person % 4 * 3 + n // 20 * 5 % 7) % 16, 1 + n % 5))
PY
    run 0 "$MERX" import "$work/export" --shop "$1" --quiet
    run 0 "$MERX" train recommend --shop "$1" --force --quiet
    rm -r "$work/export"
}

# serve ARGUMENTS...: a server; --listen is a free port unless MERX_SERVE_LISTEN says otherwise. Standard error goes on in $work/log.
serve() {
    : >"$work/address" # what an earlier one said
    MERX_SERVE_LISTEN=${MERX_SERVE_LISTEN:-127.0.0.1:0} "$MERX" serve "$@" >"$work/address" 2>>"$work/log" &
    server=$!
    address=
    for _ in $(seq 300); do
        address=$(sed -n 's|.* at \(https\{0,1\}://[^ ]*\)$|\1|p' "$work/address")
        [ -z "$address" ] || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/log" >&2
    die "merx serve $* did not start"
}

# stop: SIGTERM, and the exit code is 0 (the sanitizers' is not).
stop() {
    kill -TERM "$server"
    wait "$server" || {
        tail -n 60 "$work/log" >&2
        die "merx serve ended with $?"
    }
    server=
}

# ask WANT METHOD PATH [CURL ARGUMENTS]: the status is WANT ("200|404": one of them); the reply is in $work/body and $work/head.
ask() {
    local want=$1 method=$2 path=$3 got
    shift 3
    got=$(curl -sS --max-time 60 -X "$method" -o "$work/body" -D "$work/head" -w '%{http_code}' "$@" "$address$path" 2>"$work/err")
    case "|$want|" in
    *"|$got|"*) ;;
    *)
        printf 'FAILED: %s %s gave %s, expected %s\n' "$method" "$path" "$got" "$want" >&2
        head -c 2000 "$work/body" "$work/err" >&2
        tail -n 20 "$work/log" >&2
        exit 1
        ;;
    esac
    # Every failure has the same form.
    if [ "$got" -ge 400 ] && ! grep -qE '^\{"code":"[a-z_]+","message":".+","where":".*","hint":".+","request_id":".+"' "$work/body"; then
        die "$method $path: an error of another form: $(head -c 300 "$work/body")"
    fi
}

get() {
    local want=$1 path=$2
    shift 2
    ask "$want" GET "$path" "$@"
}

# until_status WANT PATH [CURL ARGUMENTS]: it answers so within ten seconds.
until_status() {
    local want=$1 path=$2
    shift 2
    for _ in $(seq 100); do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$@" "$address$path")" != "$want" ] || return 0
        sleep 0.1
    done
    die "$path does not come to answer $want"
}

# post WANT PATH JSON [WANT]: with the key in the array `key`.
post() {
    ask "${4:-$1}" POST "$2" "${key[@]}" -H 'Content-Type: application/json' --data-binary "$3"
}

# said TEXT...: the last reply holds each.
said() {
    local text
    for text in "$@"; do
        has "$work/body" "$text"
    done
}

# number NAME: that member of the last reply.
number() {
    grep -oE "\"$1\":-?[0-9]+" "$work/body" | head -n 1 | cut -d: -f2
}

# raw BYTES: printf's escapes, sent as they are; what comes back is in $work/raw.
raw() {
    (
        # A server that has heard enough closes.
        trap '' PIPE
        host=${address#http*://}
        exec 9<>"/dev/tcp/${host%:*}/${host##*:}" || exit 1
        # shellcheck disable=SC2059 # the bytes are a format: it has the escapes
        printf "$1" >&9 2>/dev/null
        timeout 10 cat <&9 >"$work/raw" 2>/dev/null
        exit 0
    ) || die "can't connect"
}
