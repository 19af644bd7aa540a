"""Nearest neighbours among 100,000 vectors of 64 numbers beside hnswlib and faiss: queries a second at equal recall, building, exact search."""
from . import peers
from .tools import build, part, scratch

ROWS, COLUMNS, QUERIES, NEIGHBOURS, SIMILARITY, SEED = 100_000, 64, 10_000, 10, "euclidean", 7
LINKS, EF_CONSTRUCTION = 16, 200
RECALL = 0.95
EFS = (10, 11, 12, 13, 14, 15, 16, 18, 20, 23, 26, 30, 35, 40, 50, 65, 80, 120, 200, 400)


def ours_on(where):
    return peers.Worker(peers.program("bench_neighbour_search"), ROWS, COLUMNS, QUERIES, NEIGHBOURS, SIMILARITY, where / "x.float32", where / "queries.float32")


def peer_on(where, kind):
    return peers.Worker(peers.python("neighbour_search.py"), kind, where, ROWS, COLUMNS, QUERIES, NEIGHBOURS, SIMILARITY)


def least_ef(side):
    """The first ef whose recall is at least RECALL, and that recall."""
    for ef in EFS:
        recall = side.go(f"graph {ef}")["recall"]
        if recall >= RECALL:
            return ef, recall
    raise RuntimeError(f"{side.name}: no ef reaches recall {RECALL}")


def turns(ours, peer, our_words, peer_words, rounds):
    """As peers.paired, with words of its own for each side."""
    runs = ([], [])
    for i in range(1 + rounds):
        order = ((0, ours, our_words), (1, peer, peer_words))
        for which, side, words in order if i % 2 == 0 else reversed(order):
            run = side.go(words)
            if i > 0:
                runs[which].append(run)
    return peers.Pair(*runs, (ours.facts, peer.facts))


def search(quick):
    build()
    parts = []
    with scratch() as folder:
        peers.run_python("neighbour_search.py", "data", folder, ROWS, COLUMNS, QUERIES, SEED)
        with ours_on(folder) as ours:
            ours_build = ours.go(f"build {LINKS} {EF_CONSTRUCTION}")
            our_ef, our_recall = least_ef(ours)
            parts.append(part(f"recall@{NEIGHBOURS} at ef {our_ef}", round(our_recall, 4), "", at_least=RECALL))
            for kind in ("hnswlib", "faiss"):
                with peer_on(folder, kind) as peer:
                    peer_build = peer.go(f"build {LINKS} {EF_CONSTRUCTION}")
                    peer_ef, peer_recall = least_ef(peer)
                    title = f"{kind}, recall@{NEIGHBOURS} {our_recall:.3f} at ef {our_ef}, peer {peer_recall:.3f} at ef {peer_ef}"
                    pair = turns(ours, peer, f"graph {our_ef}", f"graph {peer_ef}", peers.rounds_for(quick))
                    parts.append(pair.speed(f"{title}: queries all at once", at_least=1.5, aim=2))
                    parts[-1]["note"] += f"; {QUERIES / pair.our_s:,.0f} and {QUERIES / pair.peer_s:,.0f} queries/s"
                    pair = turns(ours, peer, f"one {our_ef}", f"one {peer_ef}", peers.rounds_for(quick))
                    parts.append(pair.speed(f"{title}: one query after the other, from C and from Python", at_least=1.5))
                    parts.append(part(f"{kind}: building M {LINKS}, ef_construction {EF_CONSTRUCTION}", round(peer_build["seconds"] / ours_build["seconds"], 3), "×",
                                      at_least=1, note=f"merx {ours_build['seconds']:.1f} s, peer {peer_build['seconds']:.1f} s, once each"))
                    if kind == "faiss":
                        parts.append(turns(ours, peer, "exact", "exact", peers.rounds_for(quick)).speed("faiss: exact search of the same queries", at_least=1))
    return parts
