"""Pictures: what `classify` and `similar` recognise, from scratch, and what they say of a clip."""
import csv
import tarfile

from . import peers
from .network import binomial
from .tools import Run, build, data, merx, part, scratch


def share(what, right, rows, at_least, note, aim=None):
    low, high = binomial(right, rows)
    return part(what, round(right / rows, 4), "", at_least=at_least, aim=aim, low=round(low, 4), high=round(high, 4), note=note)


def fashion(quick):
    build()
    run = Run([*peers.program("bench_pictures"), "idx", data("fashion-mnist"), peers.CORES, *(["epochs=1"] if quick else RECIPE)]).must().json()
    note = (f"{run['weights']:,} weights, {run['epochs']} epochs of {run['learnt']:,} pictures on {peers.CORES} cores, log loss {run['log_loss']:.4f}; "
            f"{run['rows']:,} classified in {run['asked_seconds']:.1f} s; options {' '.join(RECIPE)}")
    return [share("test accuracy, classify's own recipe", run["right"], run["rows"], 0.940, note, aim=0.950),
            part("time to learn", round(run["seconds"] / 60, 2), "min", at_most=15)]


# What is set of classify's options beside the defaults, as a user would.
RECIPE = ["filters=24", "epochs=15"]
GROCERY = ["--side", "96", "--augment", "1", "--epochs", "90"]


def grocery_shop(folder):
    """An export of a shop: the 81 products with their categories, and the pictures of train.txt as theirs. Returns the lists of val.txt by product and by category."""
    source = data("grocery-store-images")
    with open(source / "classes.csv", newline="") as rows:
        classes = [row[:3] for row in csv.reader(rows)][1:]
    names, coarse = {row[1]: row[0] for row in classes}, {row[1]: row[2] for row in classes}
    export = folder / "export"
    (export / "pictures").mkdir(parents=True)
    with open(export / "products.csv", "w", newline="") as out:
        csv.writer(out).writerows([["product_id", "title", "category"], *([name, name.replace("-", " "), category] for name, _, category in classes)])
    lists = {}
    with tarfile.open(source / "images_trainval_iconic.tar") as tar:
        for which in ("train", "val"):
            lists[which] = [line.strip().split(", ") for line in (source / f"{which}.txt").read_text().splitlines() if line.strip()]
            for path, fine, _ in lists[which]:
                name = path.rsplit("/", 1)[-1]
                where = export / "pictures" / names[fine] if which == "train" else folder / "val"
                where.mkdir(exist_ok=True)
                (where / name).write_bytes(tar.extractfile(path).read())
    for what, of in (("product", names), ("category", coarse)):
        (folder / f"{what}.txt").write_text("".join(f"{path.rsplit('/', 1)[-1]}, {of[fine]}\n" for path, fine, _ in lists["val"]))
    return export, len(lists["train"])


def grocery(target, folder, quick):
    """A shop that has learnt classes of one kind, asked about every picture of val.txt."""
    export, pictures = grocery_shop(folder)
    shop = folder / "shop"
    merx("import", export, "--shop", shop).must()
    settings = ["--epochs", "2"] if quick else GROCERY
    run = merx("train", "classify", "--shop", shop, "--target", target, "--force", *settings).must()
    answers = Run([*peers.program("bench_pictures"), "shop", shop, folder / "val", folder / f"{target}.txt"]).must().json()
    answers["note"] = (f"from scratch on {pictures:,} pictures; merx train classify --target {target} {' '.join(settings)} took {run.seconds:.0f} s with its own evaluation; "
                       f"{answers['rows']} pictures of val.txt asked for in {answers['seconds']:.1f} s")
    return answers


def grocery_classify(quick):
    build()
    parts = []
    for target, title, least in (("product", "fine", 0.50), ("category", "coarse", 0.62)):
        with scratch() as folder:
            found = grocery(target, folder, quick)
        parts.append(share(f"accuracy on val.txt, {title} classes", found["classified"], found["rows"], least, found["note"]))
    return parts


def grocery_similar(quick):
    build()
    with scratch() as folder:
        found = grocery("product", folder, quick)
    return [share("recall@1 by product of val.txt against train.txt, similar --picture", found["similar"], found["rows"], 0.45, found["note"])]


def video_frames(quick):
    """The clip as `classify` sees it, by what it has learnt of the grocery products: every frame, its time, its scene, a label or "not sure"."""
    build()
    clip = data("product-video") / "bottle-detection.mp4"
    with scratch() as folder:
        export, _ = grocery_shop(folder)
        shop = folder / "shop"
        merx("import", export, "--shop", shop).must()
        merx("train", "classify", "--shop", shop, "--force", "--epochs", "2" if quick else "10").must()
        run = merx("ask", "classify", "--shop", shop, "--clip", clip, "--every_ms", "0", "--json").must()
        reply = run.json()
        listed = merx("frames", clip, "--json").must().json()
    items = reply["items"]
    fields = [item["fields"] for item in items]
    times = [field["time_ms"] for field in fields]
    apart = max(abs(time - field["frame"] * 1000 / 29.83) for time, field in zip(times, fields, strict=True)) if items else float("inf")
    known = sum(bool(item["title"]) for item in items)
    unsure = sum(item["title"] == "not sure" for item in items)
    scenes = fields[-1]["scene"] if fields else 0
    begun = sum(bool(frame["scene_change"]) for frame in listed["frames"])
    return [part("frames decoded and answered about", len(items), "", equals=1189, note=f"{run.seconds:.1f} s with the start of the program; {len(listed['frames'])} frames by merx frames"),
            part("times: largest distance from frame / 29.83 s", round(apart, 2), "ms", at_most=1000 / 29.83),
            part("frames with a label or \"not sure\"", known, "", equals=1189, note=f"{unsure} not sure"),
            part("scenes: as many as merx frames finds", scenes, "", equals=begun),
            part("the answer is one JSON object with the model's version", int(reply.get("model_version", 0) > 0), "", equals=1)]
