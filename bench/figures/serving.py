"""What the figures of the service share: the generated shop, a server on one core, load on another, a PostgreSQL of one's own.

The server and what it is loaded with never share a core: the server has the first of the cores this process may use, the load (and a peer such as
PostgreSQL) the second. On a machine with one core the figures are not measured.
"""
import glob
import hashlib
import http.client
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from .tools import MERX, ROOT, Missing, Run, median

BIN = ROOT / "build" / "release" / "bin"
SETTINGS = {}  # of bench/figure's command line: "gorse": its address
PRODUCTS, CUSTOMERS, EVENTS = 100_000, 1_000_000, 10_000_000
# Fewer rounds than the default of 8, so that training the large shop ends in minutes; what it costs to answer is the same. No EASE for a tenth of the shop either, as there is none for the whole:
# 100,000 products are too many for it by default.
TRAINING = {"recommend": ("--iterations", "4", "--ease_max_items", "9999"), "next": ()}


PROGRAMS = ("program_merx", "bench_serve_shop", "bench_serve_load", "bench_serve_hello", "bench_serve_truth", "bench_serve_events")


def build():
    """What these figures run, brought up to date."""
    if not (ROOT / "build" / "release" / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "build/release", "--target", *PROGRAMS], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def cores():
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Missing("the server and its load need a core each, and this machine lends one")
    return allowed[0], allowed[1]


def on_core(core):
    return ["taskset", "-c", str(core)]


# ---- the shop ----


class Shop:
    """A generated shop's folder and its numbers; sessions: a file with 10,000 sessions of 20 products."""

    def __init__(self, folder, scale):
        self.folder = folder
        self.sessions = folder.with_suffix(".sessions")
        self.products, self.customers, self.events = (int(n * scale) for n in (PRODUCTS, CUSTOMERS, EVENTS))

    def text(self):
        return f"{self.products:,} products, {self.customers:,} customers, {self.events:,} events"


def shop(quick, answers=("recommend",), ids="none"):
    """The shop of 100,000 products (quick: a tenth of everything), made when it is not there yet, its answers trained. It is shared by figures: write to a copy only.

    It lies below MERX_FIGURE_SHOPS, else build/figures/shops, and is made anew when its generator has changed.
    """
    build()
    home = Path(os.environ.get("MERX_FIGURE_SHOPS") or ROOT / "build" / "figures" / "shops")
    code = hashlib.sha256((ROOT / "bench" / "serve_shop.c").read_bytes()).hexdigest()[:12]
    scale = 0.1 if quick else 1
    made = Shop(home / f"{'tenth' if quick else 'large'}-{ids}-{code}", scale)
    if not made.folder.exists():
        home.mkdir(parents=True, exist_ok=True)
        fresh = made.folder.with_suffix(".part")
        shutil.rmtree(fresh, ignore_errors=True)
        report = Run([BIN / "bench_serve_shop", fresh, "--products", made.products, "--customers", made.customers, "--events", made.events, "--ids", ids, "--sessions",
                      made.sessions]).must().json()
        made.folder.with_suffix(".json").write_text(json.dumps(report), encoding="utf-8")
        fresh.rename(made.folder)
    for answer in answers:
        train(made, answer)
    return made


def train(made, answer):
    """Trains an answer unless it is up to date; what that took is noted beside the shop."""
    run = Run([MERX, "train", answer, "--shop", made.folder, *TRAINING[answer], "--force", "--json", "--quiet"]).must()
    if run.json()[0]["outcome"] == "trained":
        note = {"answer": answer, "options": TRAINING[answer], "seconds": round(run.seconds, 1), "peak_mb": round(run.peak_mb)}
        made.folder.with_suffix(f".{answer}.json").write_text(json.dumps(note), encoding="utf-8")


def training_note(made, answer):
    file = made.folder.with_suffix(f".{answer}.json")
    note = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    options = " ".join(TRAINING[answer]) or "default options"
    return f"{made.text()}; merx train {answer} ({options})" + (f" took {note['seconds']} s and {note['peak_mb']} MB" if note else "")


def copy_of(made, target):
    """A copy that may be written to; blocks are shared where the file system can."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(made.folder), str(target)], check=True)
    return target


# ---- the server ----


class Server:
    """`merx serve` on the first core, with one network thread. shops: name -> folder (or address)."""

    def __init__(self, shops, *, log, core=None, settings=(), wait=True):
        self.core = cores()[0] if core is None else core
        command = [*on_core(self.core), MERX, "serve", *(f"{name}={where}" for name, where in shops.items()), "--json", "--listen", "127.0.0.1:0", "--workers", "1",
                   "--access_log", "false", *settings]
        self.log = log
        self.began = time.monotonic()
        with open(log, "ab") as messages:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages)
        self.address = None
        if wait:
            self.listening()

    def listening(self):
        """Waits until it says where it listens."""
        text = b""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"merx serve ended: {Path(self.log).read_text(errors='replace')[-2000:]}")
            text += line
            try:
                self.address = json.loads(text)["address"]
                return
            except (ValueError, KeyError):
                continue

    def request(self, method, path, body=None, headers=None, timeout=120):
        """One request on a connection of its own: status and body."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def get(self, path, headers=None):
        status, body = self.request("GET", path, headers=headers)
        if status != 200:
            raise RuntimeError(f"GET {path}: {status}: {body[:500]!r}")
        return json.loads(body)

    def status_mb(self, key):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {key} in /proc/{self.process.pid}/status")

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextmanager
def hello(size):
    """The bare libmicrohttpd server of bench/serve_hello.c, whose replies have `size` bytes; gives its address."""
    process = subprocess.Popen([str(word) for word in (*on_core(cores()[0]), BIN / "bench_serve_hello", size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()


# ---- the load ----


def load_command(address, kind, **flags):
    words = [str(word) for flag, value in flags.items() for word in (f"--{flag}", value)]
    return [*on_core(cores()[1]), str(BIN / "bench_serve_load"), address, kind, *words]


def load(server, kind, **flags):
    """What bench_serve_load reports, with the server's CPU seconds beside it ("server_cpu", over the whole run, warming up included)."""
    address = server if isinstance(server, str) else server.address
    before = 0 if isinstance(server, str) else server.cpu_seconds()
    result = Run(load_command(address, kind, **flags)).must().json()
    if not isinstance(server, str):
        result["server_cpu"] = server.cpu_seconds() - before
    return result


def loads(server, kind, rounds, **flags):
    return [load(server, kind, **flags, seed=i + 1) for i in range(rounds)]


@contextmanager
def beside(server, kind, **flags):
    """Load that goes on meanwhile; gives a list that holds its report afterwards. It must be given long enough --seconds, and is ended early."""
    process = subprocess.Popen(load_command(server.address, kind, **flags), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def middle(results, key):
    values = [result[key] for result in results]
    return {"value": round(median(values), 4), "low": round(min(values), 4), "high": round(max(values), 4)}


def failures(results):
    return sum(result["failures"] for result in results)


def failure_note(results):
    first = next((result["first_failure"] for result in results if "first_failure" in result), None)
    kinds = {}
    for result in results:
        for kind, count in result["failed"].items():
            kinds[kind] = kinds.get(kind, 0) + count
    counted = ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count)
    return (counted + (f"; the first: {first}" if first else "")) or None


# ---- PostgreSQL ----


class Postgres:
    """A PostgreSQL server of the figure's own, on the load's core, with fsync on, reached by a socket in its folder."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres")) or ([shutil.which("postgres")] if shutil.which("postgres") else [])
        if not found:
            raise Missing("no PostgreSQL server is installed (apt-get install postgresql)")
        self.programs = Path(found[-1]).parent
        self.folder = Path(folder)
        self.folder.mkdir()
        self.user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            names = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = names.get("postgres") or names["nobody"]
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.folder.parent.chmod(0o711)  # of scratch(): he has to get through
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        data = self.folder / "data"
        subprocess.run([self.programs / "initdb", "-D", data, "-U", "merx", "-A", "trust", "-E", "UTF8", "--no-locale"], check=True, stdout=subprocess.DEVNULL,
                       cwd=self.folder, **self.user)
        log = open(self.folder / "log", "ab")
        settings = {"unix_socket_directories": self.folder, "listen_addresses": "", "fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB"}
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen([str(word) for word in (*on_core(cores()[1]), self.programs / "postgres", "-D", data, *flags)], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log, cwd=self.folder, **self.user)
        log.close()
        self.address = f"postgresql://merx@/postgres?host={self.folder}&schema=shop"
        for _ in range(600):
            if subprocess.run([self.programs / "pg_isready", "-h", self.folder, "-q"], check=False).returncode == 0:
                return
            time.sleep(0.1)
        self.close()
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def version(self):
        return subprocess.run([self.programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
