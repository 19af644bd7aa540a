#!/usr/bin/env python3
"""Malformed HTTP and JSON against a running merx serve.

    fuzz_http.py ADDRESS KEY [--seconds 10] [--seed N]

Requests that would be good are changed by bytes, by values or by how they are sent (in drops, several at once, half closed, never ended) on several connections at a time.
What is asked of the server: it goes on answering, no reply is a 500, each reply is HTTP with a status it knows, and in between and at the end a plain request is answered as
if nothing had been. That it neither crashes nor leaks is for its sanitizers to say when it is stopped. The seed is printed; the same one makes the same requests.
"""
import argparse
import json
import random
import socket
import struct
import sys
import threading
import time
import zlib

STATUSES = {100, 200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 417, 422, 429, 431, 501, 503, 505, 507}
WORDS = ["", "a", "P0000001", "C0000002", "%00", "%ff", "%zz", "..", "%2e%2e%2f", "绿茶", "x" * 255, "x" * 2000, "'", "\"", "\\", "null", "-1", "1e999", "0", "🙂"]
VALUES = [None, True, False, 0, -1, 1, 2**63, -2**63, 1e308, 0.1, "", "x", "x" * 5000, "2024-05-01T12:30:00Z", "12.50", "1e400", [], {}, [[]], {"a": {"b": None}}, "\u0000", "\ud800"]
KINDS = {"products": ["id", "title", "category", "price", "service", "attributes", "text", "brand", "image"],
         "customers": ["id", "country", "created", "attributes", "events"],
         "messages": ["id", "text", "customer", "time", "channel", "language", "intent", "reply"],
         "reviews": ["id", "rating", "customer", "product", "time", "title", "text"],
         "events": ["id", "kind", "product", "customer", "time", "quantity", "price", "order", "session", "title", "country", "offset"]}
ANSWERS = ["recommend", "next", "similar", "insight", "segment", "demand", "classify"]
OPTIONS = ["customer", "product", "n", "why", "items", "session", "exclude", "basket", "from", "to", "price", "heat_map", "picture", "sure"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(dice):
    side = dice.choice([1, 8, 40])
    rows = b"".join(b"\0" + bytes(dice.randrange(256) for _ in range(side * 3)) for _ in range(side))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def record(dice, kind):
    out = {}
    for name in KINDS[kind]:
        if dice.random() < 0.6:
            out[name] = dice.choice(VALUES) if dice.random() < 0.3 else dice.choice(["f%d" % dice.randrange(50), "P0000001", "4.5"])
    if kind == "events":
        out.setdefault("kind", dice.choice(["view", "cart", "purchase", "return"]))
        out["id"] = "f%d" % dice.randrange(10**9)
    return out


def question(dice):
    return {dice.choice(OPTIONS): dice.choice(VALUES + ["P0000001", "C0000002", "3", "inline"]) for _ in range(dice.randrange(4))}


def query(dice, names):
    return "&".join("%s=%s" % (dice.choice(names), dice.choice(WORDS)) for _ in range(dice.randrange(4)))


def body_of(dice, value):
    text = json.dumps(value, ensure_ascii=dice.random() < 0.5)
    return text.encode("utf-8", "surrogatepass")


def request(dice):
    """(method, target, content type or None, body)"""
    kind = dice.choice(list(KINDS))
    some_id = dice.choice(WORDS + ["f%d" % dice.randrange(50)]).replace(" ", "%20") or "f1"
    roll = dice.randrange(14)
    if roll == 0:
        return "GET", dice.choice(["/v1/health/ready", "/v1/answers", "/v1/openapi.json", "/metrics", "/", "/v1/nothing"]), None, b""
    if roll <= 2:
        return "GET", "/v1/%s?%s" % (kind, query(dice, ["limit", "after", "q", "x"])), None, b""
    if roll == 3:
        return dice.choice(["GET", "HEAD", "DELETE"]), "/v1/%s/%s" % (kind, some_id), None, b""
    if roll == 4:
        return dice.choice(["PUT", "PATCH"]), "/v1/%s/%s" % (kind, some_id), "application/json", body_of(dice, record(dice, kind))
    if roll <= 6:
        many = [record(dice, kind) for _ in range(dice.randrange(6))]
        if dice.random() < 0.3:
            return "POST", "/v1/" + kind, "application/x-ndjson", b"\n".join(body_of(dice, one) for one in many)
        return "POST", "/v1/" + kind, "application/json", body_of(dice, many)
    if roll == 7:
        return "GET", "/v1/answers/%s?%s" % (dice.choice(ANSWERS), query(dice, OPTIONS)), None, b""
    if roll == 8:
        return "POST", "/v1/answers/" + dice.choice(ANSWERS), "application/json", body_of(dice, question(dice))
    if roll == 9:
        return "POST", "/v1/answers/%s/batch" % dice.choice(ANSWERS), "application/json", body_of(dice, {"why": dice.choice([True, False, 1]), "questions": [question(dice) for _ in range(dice.randrange(5))]})
    if roll == 10:
        return "POST", "/v1/answers/%s?heat_map=inline" % dice.choice(["classify", "similar"]), dice.choice(["image/png", "image/jpeg", "image/webp"]), picture(dice)
    if roll == 11:
        return "GET", "/v1/products/%s/picture?%s" % (dice.choice(["P0000001", "P0000002", some_id]), query(dice, ["size"])), None, b""
    if roll == 12:
        return "GET", "/v1/customers/%s/export" % dice.choice(["C0000002", some_id]), None, b""
    return "OPTIONS", "/v1/products", None, b""


def mutate(dice, data):
    data = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 5, 20])):
        if not data:
            break
        at = dice.randrange(len(data))
        roll = dice.randrange(6)
        if roll == 0:
            data[at] = dice.randrange(256)
        elif roll == 1:
            del data[at:at + dice.choice([1, 2, 10, 100])]
        elif roll == 2:
            data[at:at] = bytes(dice.randrange(256) for _ in range(dice.choice([1, 3, 30])))
        elif roll == 3:
            part = data[at:at + dice.choice([4, 40, 400])]
            data[at:at] = part * dice.choice([1, 3, 50])
        elif roll == 4:
            data[at] ^= 1 << dice.randrange(8)
        else:
            data[at:at] = dice.choice([b"\r\n", b"\0", b"\r\n\r\n", b"\"", b"{", b"[", b"]" * 50, b"[" * 3000, b"%", b"\xff\xfe", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n"])
    return bytes(data)


def render(dice, key):
    method, target, kind, body = request(dice)
    if body and dice.random() < 0.25:
        body = mutate(dice, body)
    head = ["%s %s HTTP/1.%s" % (method, target.replace(" ", "%20"), dice.choice("111110")), "Host: 127.0.0.1"]
    if key and dice.random() < 0.95:
        head.append("Authorization: Bearer " + key)
    if kind:
        head.append("Content-Type: " + kind)
    if dice.random() < 0.1:
        head.append("Origin: https://shop.example")
    if dice.random() < 0.05:
        head.append("X-Request-Id: " + dice.choice(WORDS).replace("%", ""))
    if dice.random() < 0.05:
        head.append("If-None-Match: " + dice.choice(["*", '"x"', 'W/"', ",,,", '"' * 300]))
    if dice.random() < 0.05:
        head.append("Expect: 100-continue")
    if body and dice.random() < 0.2:
        head.append("Transfer-Encoding: chunked")
        parts = [body[i:i + 700] for i in range(0, len(body), 700)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    elif body or kind:
        head.append("Content-Length: %d" % (len(body) + (dice.choice([0] * 12 + [1, -1, 10**9, 2**64]))))
    data = "\r\n".join(head).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
    return mutate(dice, data) if dice.random() < 0.25 else data


class Fuzzer:
    def __init__(self, address, key, end):
        host = address.split("//")[-1]
        self.place = (host.rsplit(":", 1)[0].strip("[]"), int(host.rsplit(":", 1)[1]))
        self.key, self.end = key, end
        self.lock = threading.Lock()
        self.sent = self.replies = self.checks = 0
        self.statuses, self.slowest, self.failure = {}, 0.0, None

    def fail(self, why, data):
        with self.lock:
            self.failure = self.failure or "%s, after sending %r" % (why, data[-1500:])

    def read(self, connection, data):
        """Whatever comes until the server closes or is silent; each status line is looked at."""
        got = b""
        try:
            while len(got) < 64 << 20:
                part = connection.recv(1 << 16)
                if not part:
                    break
                got += part
        except OSError:
            pass
        if got and not got.startswith(b"HTTP/1."):
            # The rest of a reply whose head was read as another's can't be: the first bytes are always a head.
            self.fail("a reply that is no HTTP: %r" % got[:200], data)
            return
        if got:
            status = int(got[9:12]) if got[9:12].isdigit() else 0
            with self.lock:
                self.replies += 1
                self.statuses[status] = self.statuses.get(status, 0) + 1
            if status not in STATUSES:
                self.fail("status %d: %r" % (status, got[:600]), data)

    def check(self, dice):
        """A plain request is answered well, and soon."""
        begun = time.monotonic()
        try:
            connection = socket.create_connection(self.place, timeout=60)
            head = "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n" % (
                dice.choice(["/v1/health/live", "/v1/health/ready", "/v1/answers/insight"]), "Authorization: Bearer %s\r\n" % self.key if self.key else "")
            connection.sendall(head.encode())
            got = b""
            while True:
                part = connection.recv(1 << 16)
                if not part:
                    break
                got += part
            connection.close()
            if not got.startswith(b"HTTP/1.1 200") and not got.startswith(b"HTTP/1.1 503"):
                self.fail("a plain request got %r" % got[:600], head.encode())
        except OSError as error:
            self.fail("a plain request got no answer: %s" % error, b"")
        with self.lock:
            self.checks += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def run(self, seed):
        dice = random.Random(seed)
        held = []
        while time.monotonic() < self.end and not self.failure:
            data = b"".join(render(dice, self.key) for _ in range(dice.choice([1] * 8 + [2, 5])))
            way = dice.randrange(20)
            try:
                connection = socket.create_connection(self.place, timeout=60)
                connection.settimeout(1.5 if way < 18 else 0.05)
                if way == 0 and len(data) < 3000:
                    for i in range(0, len(data), 97):
                        connection.sendall(data[i:i + 97])
                        time.sleep(0.001)
                else:
                    connection.sendall(data[:len(data) // 2] if way == 1 else data)
                if way == 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif way == 3 and len(held) < 8:
                    held.append(connection)  # never ended, never read
                    self.sent += 1
                    continue
                else:
                    if way < 18:
                        connection.shutdown(socket.SHUT_WR)
                    self.read(connection, data)
                connection.close()
            except OSError:
                pass  # a server that has heard enough closes; whether it is well, check says
            self.sent += 1
            if dice.random() < 0.03:
                self.check(dice)
            if held and dice.random() < 0.05:
                held.pop().close()
        for connection in held:
            connection.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("address")
    options.add_argument("key")
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--connections", type=int, default=4)
    options = options.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**9)
    fuzzer = Fuzzer(options.address, options.key, time.monotonic() + options.seconds)
    threads = [threading.Thread(target=fuzzer.run, args=(seed * 1000 + i,)) for i in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(5):
        fuzzer.check(random.Random(i))
    print("seed %d: %d sent, %d answered (%s), %d plain requests between, the slowest %.3f s" % (
        seed, fuzzer.sent, fuzzer.replies, ", ".join("%d: %d" % item for item in sorted(fuzzer.statuses.items())), fuzzer.checks, fuzzer.slowest))
    if fuzzer.failure:
        print("FAILED (--seed %d): %s" % (seed, fuzzer.failure), file=sys.stderr)
        return 1
    if fuzzer.replies < options.seconds or len(fuzzer.statuses) < 4:
        print("FAILED: hardly anything was answered: nothing was tried", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
