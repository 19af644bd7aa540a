"""The figures of the real shop: uci-online-retail."""
import csv
import gzip
import io
import os
import random
import shutil
import signal
import subprocess
import time

from .tools import MERX, ROOT, build, data, median, merx, part, scratch

CUSTOMER = "12347"  # the one who is forgotten: 182 lines, seven orders, over the whole year


def retail():
    build()
    return data("uci-online-retail")


def imports(quick):
    folder = retail()
    with scratch() as work:
        result = merx("import", folder, "--shop", work / "shop", "--json", "--quiet").must().json()
        shop = result["shop"]
        return [
            part("rows read", result["rows"], "rows", equals=541909),
            part("rows accepted and refused", result["accepted"] + result["refused"] + result["duplicates"], "rows", equals=541909),
            part("refused rows listed", len(result["refusals"]), "rows", equals=min(result["refused"], 1000)),
            part("sum of quantity x price", shop["amount"], "GBP", equals="9747747.934"),
            part("customers", shop["customers"], "", equals=4372),
        ]


def seconds(quick):
    folder = retail()
    times = []
    again = []
    for _ in range(1 if quick else 3):
        with scratch() as work:
            command = [ROOT / "run", folder, "--once", "--out", work / "shop"]
            began = time.monotonic()
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            times.append(time.monotonic() - began)
            began = time.monotonic()
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            again.append(time.monotonic() - began)
    return [
        part("./run on the real shop (median)", round(median(times), 2), "s", at_most=30, low=min(times), high=max(times)),
        part("./run again, nothing changed", round(median(again), 2), "s", at_most=2, low=min(again), high=max(again)),
    ]


def memory(quick):
    folder = retail()
    with scratch() as work:
        run = merx("up", folder, "--shop", work / "shop", "--quiet").must()
        return [part("peak resident memory of the whole job", round(run.peak_mb, 1), "MB", at_most=700)]


def bounded(quick):
    folder = retail()
    with scratch() as work:
        free = merx("up", folder, "--shop", work / "free" / "shop", "--quiet").must()
        tight = merx("up", folder, "--shop", work / "tight" / "shop", "--quiet", "--max-memory", "256M")
        if tight.code == 0:
            return [
                part("same report and models within --max-memory 256M", int(tight.out == free.out and digest(work / "free" / "shop") == digest(work / "tight" / "shop")), "", equals=1),
                part("peak resident memory", round(tight.peak_mb, 1), "MB", at_most=256),
            ]
        return [
            part("refused with exit code 1 and an estimate", int(tight.code == 1 and "needs about" in tight.err), "", equals=1),
            part("seconds until the refusal", round(tight.seconds, 2), "s", at_most=1),
        ]


def recommend(quick):
    folder = retail()
    with scratch() as work:
        merx("import", folder, "--shop", work / "shop", "--quiet").must()
        result = merx("evaluate", "recommend", "--shop", work / "shop", "--test-from", "2011-11-01", "--json", "--quiet").must().json()
        figures = {figure["name"]: figure for figure in result["recommend"]["figures"]}
        ndcg = figures["ndcg@20"]
        return [
            part("NDCG@20, new items, full ranking", ndcg["value"], "", at_least=0.095, low=ndcg["low"], high=ndcg["high"]),
            part(f"minus {ndcg['baseline_name']} ({ndcg['baseline']:.4f}): low end of the paired 95 % interval", ndcg["difference_low"], "",
                 at_least=1e-9, low=ndcg["difference_low"], high=ndcg["difference_high"]),
        ]


def digest(shop):
    return merx("models", "--shop", shop, "--digest", "--json", "--quiet").must().json()


def live(shop):
    versions = merx("models", "--shop", shop, "--json", "--quiet").must().json()
    return {version["answer"]: version["sha256"] for version in versions if version["live"]}


def without_customer(source, target, customer):
    """The same export as if the customer had never bought."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        head = next(reader)
        column = head.index("CustomerID")
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(head)
        for row in reader:
            if row[column] != customer:
                writer.writerow(row)
    target.parent.mkdir(parents=True)
    with gzip.open(target, "wt", encoding="utf-8", newline="", compresslevel=1) as out:
        out.write(text.getvalue())


def forget(quick):
    folder = retail()
    with scratch() as work:
        seen = work / "seen" / "shop"
        never = work / "never" / "shop"
        without_customer(folder / "online_retail.csv.gz", work / "export" / "online_retail.csv.gz", CUSTOMER)
        before = work / "before"
        merx("up", folder, "--shop", before, "--quiet").must()
        merx("up", folder, "--shop", seen, "--quiet").must()
        merx("up", work / "export", "--shop", never, "--quiet").must()
        # As a user meets it: right after the imports, whatever the system still has to write.
        receipt = merx("forget", CUSTOMER, "--shop", seen, "--json", "--quiet").must().json()
        # Beside it, for where the time goes: three copies, each forgotten with nothing else left to be written to the disk.
        settled = []
        for i in range(1 if quick else 3):
            copy = work / f"copy{i}" / "shop"
            shutil.copytree(before, copy)
            os.sync()
            settled.append(merx("forget", CUSTOMER, "--shop", copy, "--json", "--quiet").must().json()["seconds"])
        exact = [answer for answer, how in receipt["answers"].items() if how == "recomputed"]
        queued = [answer for answer, how in receipt["answers"].items() if how == "retrain queued"]
        after, wanted = live(seen), live(never)
        parts = [
            part("seconds of the receipt, right after the imports", round(receipt["seconds"], 3), "s", at_most=1),
            part("seconds of the receipt, nothing else to be written (median)", round(median(settled), 3), "s", at_most=1, low=min(settled), high=max(settled)),
            part("records and snapshot as if never seen", int(digest(seen)["records"] == digest(never)["records"]), "", equals=1),
            part(f"exact models byte-equal at once ({', '.join(exact)})", int(bool(exact) and all(after[a] == wanted[a] for a in exact)), "", equals=1),
        ]
        merx("train", "--shop", seen, "--quiet").must()
        parts.append(part(f"after the queued retrain ({', '.join(queued) or 'none'}) everything byte-equal",
                          int(live(seen) == wanted and digest(seen) == digest(never)), "", equals=1))
        return parts


def crash(quick):
    folder = retail()
    rounds = 5 if quick else 20
    moments = random.Random(20111209)
    with scratch() as work:
        clean = merx("up", folder, "--shop", work / "clean" / "shop", "--quiet").must()
        wanted = digest(work / "clean" / "shop")
        same = 0
        for i in range(rounds):
            shop = work / f"crash{i}" / "shop"
            process = subprocess.Popen([MERX, "up", str(folder), "--shop", str(shop), "--quiet"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, clean.seconds))
            process.send_signal(signal.SIGKILL)
            process.wait()
            run = merx("up", folder, "--shop", shop, "--quiet").must()
            same += run.out == clean.out and digest(shop) == wanted
        return [part(f"of {rounds} killed at random moments of import and training and run again, with the same report and state", same, "", equals=rounds)]


