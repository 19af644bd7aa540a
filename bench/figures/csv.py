"""csv-read: a 1 GB CSV of mixed columns into a typed table, beside the fastest of pandas, pyarrow, polars and duckdb."""
from . import peers
from .tools import Missing, build, part, scratch

LIBRARIES = ("polars", "duckdb", "pyarrow", "pandas")


def differences(ours, theirs):
    """Columns whose missing values or sums are not the same (sums of floats to 1e-9, the order of adding them being each reader's own)."""
    wrong = [] if ours["rows"] == theirs["rows"] else ["rows"]
    for name, (missing, total) in theirs["columns"].items():
        our_missing, our_total = ours["columns"][name]
        if missing != our_missing or abs(total - our_total) > 1e-9 * max(abs(total), 1):
            wrong.append(name)
    return wrong


def read(quick):
    build()
    megabytes = 200 if quick else 1000
    with scratch() as folder:
        path = folder / "orders.csv"
        peers.run_program("bench_csv_read", "generate", path, megabytes)
        found, missing = {}, []
        with peers.Worker(peers.program("bench_csv_read"), "worker", path) as ours:
            same = ours.go("check")
            wrong = {}
            for library in LIBRARIES:
                try:
                    peer = peers.Worker(peers.python("csv_read.py"), library, path)
                except (RuntimeError, Missing):
                    missing.append(library)
                    continue
                with peer:
                    slow = library == "pandas"  # one round says enough
                    found[library] = peers.paired(ours, peer, 1 if slow else peers.rounds_for(quick, 5), warm=0 if slow else 1)
                    different = differences(same, peer.go("check"))
                    if different:
                        wrong[library] = different
        if not found:
            raise Missing("none of pandas, pyarrow, polars and duckdb is there")
        best = min(found, key=lambda library: found[library].peer_s)
        pair = found[best]
        speed = megabytes / 1000 / pair.our_s
        others = ", ".join(f"{library} {peers.seconds(other.peer_s)} ({other.ratio:.1f}×)" for library, other in found.items() if library != best)
        parts = [pair.speed(f"{megabytes} MB read into a typed table, beside the fastest ({best})", at_least=1.5, aim=3)]
        parts[0]["note"] += f"; {speed:.2f} GB/s; {others}" + (f"; not there: {', '.join(missing)}" if missing else "")
        parts.append(part("libraries whose rows, missing values or sums differ", len(wrong), "", equals=0, note="; ".join(f"{k}: {', '.join(v)}" for k, v in wrong.items())))
        parts.append(part("memory beyond the table", round(same["beyond_mb"], 1), "MB", at_most=64, note=f"the table itself {same['table_mb']:.0f} MB"))
        return parts
