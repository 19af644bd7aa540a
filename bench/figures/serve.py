"""The figures of the service: `merx serve` on one core, its load on another (serving.py says how)."""
import http.client
import json
import random
import shutil
import subprocess
import threading
import time
import uuid
from urllib.parse import quote

from . import serving
from .serving import BIN, Postgres, Server
from .tools import MERX, Missing, median, merx, part, scratch

ASKED = 500  # questions whose answers are compared with full scoring
PLACES = 10


def seconds_for(quick):
    return 5 if quick else 10


def rounds_for(quick):
    return 3 if quick else 5


def truth(folder, answer, questions):
    """The best places by full scoring, outside the server, for each question."""
    run = subprocess.run([str(BIN / "bench_serve_truth"), str(folder), answer, str(PLACES)], input="\n".join(questions) + "\n", capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr[-2000:])
    return [line.split(",") if line else [] for line in run.stdout.splitlines()]


def served(server, paths):
    """The products each path is answered with, over one connection."""
    connection = http.client.HTTPConnection(server.address, timeout=120)
    lists = []
    for path in paths:
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"GET {path}: {reply.status}: {body[:500]!r}")
        lists.append([item["id"] for item in json.loads(body)["items"]])
    connection.close()
    return lists


def customers_of(made, n, seed):
    dice = random.Random(seed)
    return [f"C{dice.randrange(made.customers):07d}" for _ in range(n)]


def warm(server, *paths):
    for path in paths:
        server.get(path)


def failed(results):
    return part("requests that failed", serving.failures(results), "", equals=0, note=serving.failure_note(results))


def speed_note(results, extra=""):
    answered = sum(result["answered"] for result in results)
    per_answer = sum(result["server_cpu"] for result in results) / max(answered, 1) * 1e6
    busy = max(result["cpu_seconds"] / result["seconds"] for result in results)
    return f"medians of {len(results)} runs of {results[0]['seconds']:.0f} s, least and most beside; {per_answer:.1f} µs of the server's CPU an answer, warming up included; " \
           f"the load took {busy:.0%} of its core{extra}"


# ---- answers ----


def recommend(quick):
    made = serving.shop(quick)
    asked = customers_of(made, ASKED, 7)
    right = truth(made.folder, "recommend", asked)
    with scratch() as work, Server({"shop": made.folder}, log=work / "log") as server:
        warm(server, "/v1/answers/recommend?customer=C0000000")
        got = served(server, [f"/v1/answers/recommend?customer={customer}&n={PLACES}" for customer in asked])
        places = sum(len(best) for best in right)
        equal = sum(a == b for ours, best in zip(got, right) for a, b in zip(ours, best))
        closed = serving.loads(server, "recommend", rounds_for(quick), connections=32, seconds=seconds_for(quick), customers=made.customers)
        opened = serving.loads(server, "recommend", rounds_for(quick), connections=32, seconds=seconds_for(quick), customers=made.customers, rate=10000)
    return [
        part("top 10 of customers drawn uniformly, 32 connections: answers a second of one core", **serving.middle(closed, "per_s"), unit="/s", at_least=25000,
             note=speed_note(closed, f"; {serving.training_note(made, 'recommend')}")),
        part("the same: 99th percentile", **serving.middle(closed, "p99_ms"), unit="ms", at_most=2),
        part("10,000 a second, evenly spaced: 99th percentile from when each was due", **serving.middle(opened, "p99_ms"), unit="ms", at_most=1,
             note=f"50th {median([r['p50_ms'] for r in opened]):.3f} ms, 99.9th {median([r['p999_ms'] for r in opened]):.3f} ms; {median([r['per_s'] for r in opened]):,.0f}/s answered"),
        part("places equal to full scoring of every product", round(equal / places, 5), "", at_least=0.99, note=f"{equal} of {places} places of {len(asked)} customers"),
        failed(closed + opened),
    ]


def why(quick):
    made = serving.shop(quick)
    with scratch() as work, Server({"shop": made.folder}, log=work / "log") as server:
        warm(server, "/v1/answers/recommend?customer=C0000000&why=true")
        results = serving.loads(server, "why", rounds_for(quick), connections=32, seconds=seconds_for(quick), customers=made.customers)
    return [
        part("top 10 with reasons, 32 connections: answers a second of one core", **serving.middle(results, "per_s"), unit="/s", at_least=15000, note=speed_note(results)),
        failed(results),
    ]


def following(quick):
    made = serving.shop(quick, ("next",))
    sessions = made.sessions.read_text(encoding="utf-8").split()
    paths = [f"/v1/answers/next?items={quote(session, safe=',')}&n={PLACES}" for session in sessions]
    right = truth(made.folder, "next", sessions[:ASKED])
    with scratch() as work, Server({"shop": made.folder}, log=work / "log") as server:
        warm(server, paths[0])
        got = served(server, paths[:ASKED])
        file = work / "paths"
        file.write_text("\n".join(paths) + "\n", encoding="utf-8")
        closed = serving.loads(server, "paths", rounds_for(quick), connections=32, seconds=seconds_for(quick), file=file)
    recalls = [len(set(ours) & set(best)) / len(best) for ours, best in zip(got, right)]
    same = sum(a == b for ours, best in zip(got, right) for a, b in zip(ours, best)) / sum(len(best) for best in right)
    return [
        part("next of sessions of 20 events, 32 connections: answers a second of one core", **serving.middle(closed, "per_s"), unit="/s", at_least=10000,
             note=speed_note(closed, f"; {serving.training_note(made, 'next')}")),
        part("the same: 99th percentile", **serving.middle(closed, "p99_ms"), unit="ms", at_most=3),
        part("recall@10 of full scoring", round(sum(recalls) / len(recalls), 5), "", at_least=0.95, note=f"{len(recalls)} sessions, the least {min(recalls):.1f}; places equal: {same:.4f}"),
        failed(closed),
    ]


def hello(quick):
    made = serving.shop(quick)
    ours, bare = [], []
    with scratch() as work, Server({"shop": made.folder}, log=work / "log") as server:
        warm(server, "/v1/answers/recommend?customer=C0000000")
        size = len(server.request("GET", "/v1/answers/recommend?customer=C0000000&n=10")[1])
        with serving.hello(13) as address, serving.hello(size) as long_address:
            for i in range(rounds_for(quick)):  # in turns: all three see the same machine
                flags = {"connections": 32, "seconds": seconds_for(quick), "seed": i + 1}
                ours.append(serving.load(server, "recommend", customers=made.customers, **flags))
                bare.append(serving.load(address, "recommend", **flags))
                long = serving.load(long_address, "recommend", **flags)
    ratios = [a["per_s"] / b["per_s"] for a, b in zip(ours, bare)]
    return [
        part("recommend over a bare libmicrohttpd hello, answers a second", round(median(ratios), 4), "×", at_least=0.12, low=round(min(ratios), 4), high=round(max(ratios), 4),
             note=f"recommend {median([r['per_s'] for r in ours]):,.0f}/s, hello {median([r['per_s'] for r in bare]):,.0f}/s (its load at {max(r['cpu_seconds'] / r['seconds'] for r in bare):.0%} "
                  f"of its core), hello with {size:,} bytes {long['per_s']:,.0f}/s"),
        failed(ours + bare),
    ]


# ---- events ----


def events(quick):
    serving.build()
    flags = {"connections": 8, "batch": 1000, "seconds": seconds_for(quick), "timeout": 60}
    parts, results = [], {}
    with scratch() as work:
        notes = {}
        for store in ("SQLite", "PostgreSQL"):
            folder = work / store
            postgres = None
            try:
                if store == "PostgreSQL":
                    postgres = Postgres(work / "pg")
                    notes[store] = f"{postgres.version()}, fsync on, on the load's core"
                if postgres:  # a small shop: each of the million customers that events name is new
                    begun = 10000
                    made = ["--products", 1000, "--customers", 1000, "--events", begun, "--records", postgres.address]
                    serving.Run([BIN / "bench_serve_shop", folder, *made]).must()  # the folder keeps the address of its records
                else:
                    whole = serving.shop(quick, answers=())
                    serving.copy_of(whole, folder)
                    begun, notes[store] = whole.events, f"into a shop of {whole.text()}"
                with Server({"shop": folder}, log=work / "log") as server:
                    results[store] = serving.loads(server, "events", rounds_for(quick), **flags)
                    stored = server.get("/v1/answers/insight")["data_offset"]
            finally:
                if postgres:
                    postgres.close()
            for result in results[store]:
                result["events_per_s"] = result["per_s"] * flags["batch"]
            sent = sum(result["answered"] for result in results[store]) * flags["batch"]
            least = 150000 if store == "SQLite" else 60000
            parts.append(part(f"{store}: durable events a second, batches of 1,000, random UUIDs as ids, 8 connections", **serving.middle(results[store], "events_per_s"), unit="/s",
                              at_least=least, note="; ".join(filter(None, (speed_note(results[store]).replace("an answer", "a batch"), notes.get(store))))))
            parts.append(part(f"{store}: events acknowledged and not there", max(0, sent + begun - stored), "", equals=0, note=f"{sent:,} acknowledged while counted; last offset {stored:,}"))
            parts.append(failed(results[store]))
    return parts


def fresh(quick):
    made = serving.shop(quick)
    count = 300 if quick else 2000
    with scratch() as work:
        copy = serving.copy_of(made, work / "shop")
        with Server({"shop": copy}, log=work / "log") as server:
            warm(server, "/v1/answers/recommend?customer=C0000000")
            # The other customers of the shop go on asking, and other events come in.
            with serving.beside(server, "recommend", rate=1000, connections=8, seconds=100000, customers=made.customers), \
                    serving.beside(server, "events", rate=10, batch=10, connections=2, seconds=100000, customers=made.customers, products=made.products):
                result = serving.load(server, "fresh", count=count, pause_ms=10, customers=made.customers, timeout=20)
    return [
        part("from an event's acknowledgement to the first answer that it changed: 99th percentile", result["p99_ms"], "ms", at_most=50,
             note=f"{result['answered']} purchases; 50th {result['p50_ms']:.3f} ms, most {result['max_ms']:.1f} ms; beside 1,000 recommendations and 100 other events a second; {made.text()}"),
        part("of the purchases, those whose answer changed", result["answered"], "", equals=count),
        failed([result]),
    ]


def restart(quick):
    made = serving.shop(quick)
    rounds = 5 if quick else 15
    path = "/v1/answers/recommend?customer=C0000012&n=10"
    times, wrong = [], 0
    with scratch() as work:
        copy = serving.copy_of(made, work / "shop")
        server = Server({"shop": copy}, log=work / "log")
        try:
            warm(server, path)
            for i in range(rounds):
                batch = [{"id": str(uuid.uuid4()), "kind": "view", "product": "P000001", "customer": "C0000099"} for _ in range(100)]
                status, body = server.request("POST", "/v1/events", json.dumps(batch), {"Content-Type": "application/json"})
                if status != 200:
                    raise RuntimeError(f"POST /v1/events: {status}: {body[:500]!r}")
                offset = json.loads(body)["offset"]
                before = [(item["id"], item["score"]) for item in server.get(path)["items"]]
                server.kill()
                server = Server({"shop": copy}, log=work / "log", wait=False)
                server.listening()
                after = server.get(path)
                times.append(time.monotonic() - server.began)
                wrong += after["data_offset"] < offset or [(item["id"], item["score"]) for item in after["items"]] != before
        finally:
            server.close()
    return [
        part("kill -9, start, first right answer: the slowest", round(max(times), 3), "s", at_most=1, low=round(min(times), 3), high=round(max(times), 3),
             note=f"median {median(times):.3f} s of {rounds}; 100 events come in before each; {made.text()}"),
        part("answers that lacked an acknowledged event or were others than before", wrong, "", equals=0),
    ]


def slope(points):
    """Of the least-squares line through (seconds, value): per hour."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def memory(quick):
    made = serving.shop(quick, ("recommend", "next"))
    length = 600 if quick else 3600
    sessions = made.sessions.read_text(encoding="utf-8").split()
    points = []
    with scratch() as work:
        copy = serving.copy_of(made, work / "shop")
        file = work / "paths"
        file.write_text("\n".join(f"/v1/answers/next?items={session}" for session in sessions) + "\n", encoding="utf-8")
        with Server({"shop": copy}, log=work / "log") as server:
            warm(server, "/v1/answers/recommend?customer=C0000000", f"/v1/answers/next?items={sessions[0]}")
            flags = {"seconds": length + 600, "customers": made.customers, "products": made.products}
            with serving.beside(server, "recommend", rate=1000, connections=16, **flags), serving.beside(server, "why", rate=200, connections=4, **flags), \
                    serving.beside(server, "paths", rate=200, connections=4, file=file, seconds=length + 600), \
                    serving.beside(server, "events", rate=10, batch=10, connections=2, **flags):
                began = time.monotonic()
                while (now := time.monotonic() - began) < length:
                    points.append((now, server.status_mb("VmRSS")))
                    time.sleep(2)
                mapped = server.status_mb("RssFile")
            alive = server.process.poll() is None
    settled = [(x, y) for x, y in points if x >= length / 3]
    per_hour = slope(settled)
    most = max(y for _, y in points)
    return [
        part("resident memory, the most", round(most, 1), "MB", at_most=1536,
             note=f"{mapped:.0f} MB of it pages of files (snapshot, models, database) that the system may drop; {made.text()}; 1,000 recommend, 200 with reasons, 200 next and 100 events a second"),
        part(f"its growth over the last two thirds of {length // 60} minutes, by least squares", round(per_hour, 2), "MB/h", at_most=round(0.02 * most, 1),
             note="flat: at most a fiftieth of it in an hour"),
        part("the server lived to the end", int(alive), "", equals=1),
    ]


def shops(quick):
    serving.build()
    count = 200 if quick else 1000
    with scratch() as work:
        first = work / "shop0"
        serving.Run([BIN / "bench_serve_shop", first, "--products", 50, "--customers", 100, "--events", 1000]).must()
        merx("train", "recommend", "--shop", first, "--force", "--quiet").must()
        for i in range(1, count):
            shutil.copytree(first, work / f"shop{i}")

        def resident(n):
            with Server({f"shop{i}": work / f"shop{i}" for i in range(n)}, log=work / "log") as server:
                time.sleep(2)
                memory_mb = server.status_mb("VmRSS")
                times = []
                for i in range(max(0, n - 200), n):
                    began = time.monotonic()
                    reply = server.get("/v1/answers/recommend?customer=C0000005&n=5", {"Merx-Shop": f"shop{i}"})
                    times.append((time.monotonic() - began) * 1e3)
                    if len(reply["items"]) != 5:
                        raise RuntimeError(f"shop{i} gave {len(reply['items'])} products")
                return memory_mb, sorted(times)

        one, _ = resident(1)
        all_mb, times = resident(count)
    each = (all_mb - one) * 1024 / (count - 1)
    return [
        part(f"memory of an idle shop, {count} in one server", round(each, 1), "KB", at_most=200, note=f"{one:.1f} MB with one, {all_mb:.1f} MB with {count}"),
        part("first answer of a cold shop, the slowest", round(times[-1], 2), "ms", at_most=50, low=round(times[0], 2), high=round(times[-1], 2),
             note=f"{len(times)} shops asked for the first time; median {median(times):.2f} ms"),
    ]


# ---- faults ----


class Sender(threading.Thread):
    """Sends batches until the server is gone, and notes which were acknowledged and which are unknown."""

    def __init__(self, address, batches, size):
        super().__init__()
        self.address, self.size = address, size
        self.batches = batches  # to be sent again first: those that nobody acknowledged
        self.acknowledged, self.unknown, self.refused = [], [], []

    def run(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        while True:
            batch = self.batches.pop() if self.batches else [str(uuid.uuid4()) for _ in range(self.size)]
            body = json.dumps([{"id": name, "kind": "view", "product": "P000001", "customer": "C0000001"} for name in batch])
            try:
                connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                text = reply.read()
            except (OSError, http.client.HTTPException):
                self.unknown.append(batch)
                return
            (self.acknowledged if reply.status == 200 else self.refused).append(batch)
            if reply.status not in (200, 503):
                raise RuntimeError(f"{reply.status}: {text[:300]!r}")


def kill(quick):
    serving.build()
    rounds, size, at_once = 20 if quick else 100, 200, 4
    dice = random.Random(20261129)
    acknowledged, again, batches = [], [], []
    with scratch() as work:
        shop = work / "shop"
        serving.Run([BIN / "bench_serve_shop", shop, "--products", 10, "--customers", 10, "--events", 100]).must()
        for _ in range(rounds):
            with Server({"shop": shop}, log=work / "log") as server:
                senders = [Sender(server.address, again[i::at_once], size) for i in range(at_once)]
                for sender in senders:
                    sender.start()
                time.sleep(dice.uniform(0.02, 0.4))
                server.kill()
                for sender in senders:
                    sender.join()
            again = [batch for sender in senders for batch in (*sender.unknown, *sender.refused, *sender.batches)]
            batches += [batch for sender in senders for batch in (*sender.acknowledged, *sender.unknown)]
            acknowledged += [batch for sender in senders for batch in sender.acknowledged]
        lines = serving.Run([BIN / "bench_serve_events", shop / "shop.db"]).must().out.splitlines()
    stored = [name for name in (line.split("\t")[0] for line in lines) if name]
    known = set(stored)
    lost = sum(name not in known for batch in acknowledged for name in batch)
    torn = sum(0 < sum(name in known for name in batch) < len(batch) for batch in batches)
    return [
        part(f"of the events acknowledged in {rounds} runs that ended by kill -9, those that are not there", lost, "events", equals=0,
             note=f"{len(acknowledged)} batches of {size} acknowledged, {len(again)} left unknown at the end; batches nobody acknowledged were sent again after each start"),
        part("events that are there twice", len(stored) - len(known), "events", equals=0, note=f"{len(stored):,} with an id are there"),
        part("batches of which a part alone is there", torn, "batches", equals=0),
        part("batches acknowledged", len(acknowledged), "", at_least=rounds, note="less would prove nothing"),
    ]


# ---- beside Gorse ----


class Gorse:
    """A Gorse server's REST API (https://gorse.io/docs/api), with the key of --gorse-key when it asks for one."""

    def __init__(self, url, key):
        self.host = url.split("://", 1)[-1].rstrip("/")
        self.headers = {"Content-Type": "application/json", **({"X-API-Key": key} if key else {})}
        self.connection = http.client.HTTPConnection(self.host, timeout=300)

    def request(self, method, path, body=None):
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
            reply = self.connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException) as reason:
            raise Missing(f"Gorse at {self.host} does not answer: {reason}") from reason
        if reply.status != 200:
            raise Missing(f"Gorse at {self.host}: {method} {path}: {reply.status}: {text[:300]!r}")
        return text

    def memory_mb(self):
        for line in self.request("GET", "/metrics").decode().splitlines():
            if line.startswith("process_resident_memory_bytes"):
                return float(line.split()[1]) / 2**20
        raise Missing("Gorse's /metrics has no process_resident_memory_bytes")


def chunks(rows, size):
    return (rows[i:i + size] for i in range(0, len(rows), size))


def gorse_fill(gorse, made, rows, name):
    """Items, users, feedback; seconds until the named customer has recommendations of his own, and feedback a second."""
    began = time.monotonic()
    for chunk in chunks([f"P{p:06d}" for p in range(made.products)], 1000):
        gorse.request("POST", "/api/items", [{"ItemId": item, "IsHidden": False, "Categories": [], "Labels": [], "Timestamp": "2025-01-01T00:00:00Z", "Comment": ""} for item in chunk])
    for chunk in chunks([f"C{c:07d}" for c in range(made.customers)], 1000):
        gorse.request("POST", "/api/users", [{"UserId": user, "Labels": [], "Comment": ""} for user in chunk])
    sent = time.monotonic()
    for chunk in chunks(rows, 1000):
        gorse.request("POST", "/api/feedback", [{"FeedbackType": kind, "UserId": customer, "ItemId": product, "Comment": "",
                                                 "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(ms) / 1000))} for _, customer, product, kind, ms in chunk])
    rate = len(rows) / (time.monotonic() - sent)
    while not json.loads(gorse.request("GET", f"/api/intermediate/recommend/{name}?n=10") or b"[]"):
        if time.monotonic() - began > 6 * 3600:
            raise Missing("Gorse had no recommendations of its own for a customer six hours after the import began")
        time.sleep(1)
    return time.monotonic() - began, rate


def merx_fill(server, folder, rows, name):
    """The same over merx's HTTP API, with a training after it."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(server.address, timeout=300)
    for chunk in chunks(rows, 1000):
        body = json.dumps([{"id": str(uuid.uuid4()), "kind": kind, "product": product, "customer": customer, "time": int(ms) / 1000} for _, customer, product, kind, ms in chunk])
        connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"{reply.status}: {text[:300]!r}")
    rate = len(rows) / (time.monotonic() - began)
    merx("train", "recommend", "--shop", folder, *serving.TRAINING["recommend"], "--force", "--quiet").must()
    if not server.get(f"/v1/answers/recommend?customer={name}")["items"]:
        raise RuntimeError("no recommendation")
    return time.monotonic() - began, rate


def gorse(quick):
    url = serving.SETTINGS.get("gorse")
    if not url:
        raise Missing("no Gorse server was named: bench/figure serve-gorse --gorse http://HOST:PORT")
    peer = Gorse(url, serving.SETTINGS.get("gorse_key"))
    peer.request("GET", "/api/health/ready")
    made = serving.shop(quick)
    rows = [line.split("\t") for line in serving.Run([BIN / "bench_serve_events", made.folder / "shop.db"]).must().out.splitlines()]
    counts = {}
    for row in rows:
        counts[row[1]] = counts.get(row[1], 0) + 1
    name = max(counts, key=lambda customer: (counts[customer], customer))
    with scratch() as work:
        folder = work / "shop"
        serving.Run([BIN / "bench_serve_shop", folder, "--products", made.products, "--customers", made.customers, "--events", made.customers]).must()
        subprocess.run([str(MERX), "train", "recommend", "--shop", str(folder), *serving.TRAINING["recommend"], "--force", "--quiet"], check=True)
        peer_fill, peer_rate = gorse_fill(peer, made, rows, name)
        with Server({"shop": folder}, log=work / "log") as server:
            our_fill, our_rate = merx_fill(server, folder, rows, name)
            file = work / "paths"
            file.write_text("\n".join(f"/api/recommend/{customer}?n=10" for customer in customers_of(made, 100000, 3)) + "\n", encoding="utf-8")
            ours, theirs = [], []
            for i in range(rounds_for(quick)):
                flags = {"connections": 32, "seconds": seconds_for(quick), "seed": i + 1}
                ours.append(serving.load(server, "recommend", customers=made.customers, **flags))
                theirs.append(serving.load(peer.host, "paths", file=file, **flags))
            our_mb, peer_mb = server.status_mb("VmRSS"), peer.memory_mb()

    def ratio(what, ours_value, peer_value, unit, more_is_better):
        value = ours_value / peer_value if more_is_better else peer_value / ours_value
        return part(what, round(value, 3), "×", at_least=5, note=f"merx {ours_value:,.4g} {unit}, Gorse {peer_value:,.4g} {unit}")

    def of(results, key):
        return median([result[key] for result in results])

    return [
        ratio("answers a second, 32 connections", of(ours, "per_s"), of(theirs, "per_s"), "/s", True),
        ratio("99th percentile, 32 connections", of(ours, "p99_ms"), of(theirs, "p99_ms"), "ms", False),
        ratio("events a second, batches of 1,000 on one connection", our_rate, peer_rate, "/s", True),
        ratio("resident memory", our_mb, peer_mb, "MB", False),
        ratio("from the import's begin to the first personal recommendation", our_fill, peer_fill, "s", False),
        failed(ours + theirs),
    ]
