"""A shop: import its files, train, ask with reasons, forget a customer.

>>> import tempfile
>>> from merx.shop import Shop, write_sample
>>> folder = tempfile.TemporaryDirectory()
>>> write_sample(folder.name + "/export", products=100, customers=800, events=20000)
>>> with Shop(folder.name + "/shop") as shop:
...     imported = shop.import_folder(folder.name + "/export")
...     training = shop.train("recommend", factors=8)
...     reply = shop.recommend(basket=["P0000001", "P0000002"], n=3, why=True)
>>> imported.products, training["recommend"].live, len(reply)
(100, True, 3)
>>> reply[0].explain().score == reply[0].score
True
>>> folder.cleanup()

What a shop can be asked stands in one table in C, and `answers()` tells it: each of them is a method of Shop (`shop.recommend(customer=…)`), and
`shop.ask("recommend", customer=…)` is the same by name.
"""
import keyword
import os

from . import _merx
from ._bar import progress_function
from ._options import default_of
from ._record import Record, RecordList, text_table
from ._reply import Evaluation, Explanation, Figure, Figures, Item, Reason, Reply, evaluation_of, reply_of, time_of, value_of

__all__ = [
    "AnswerInfo",
    "Evaluation",
    "Explanation",
    "Figure",
    "Figures",
    "Import",
    "Item",
    "ModelVersion",
    "Reason",
    "Receipt",
    "Reply",
    "Shop",
    "Trained",
    "Training",
    "answers",
    "write_sample",
]


# ---- what calls return ----


class ImportedFile(Record):
    """A file of an import: name, how it was understood (preset; "ignored" with its note), its rows, and how many of them were kept."""

    __slots__ = ("name", "preset", "note", "rows", "accepted", "duplicates", "refused", "unchanged")


class ImportedFiles(RecordList):
    columns = ImportedFile.__slots__


class Refusal(Record):
    """A row that was not taken: file, line (0: the file itself), column, value, and why."""

    __slots__ = ("file", "line", "column", "value", "message")


class Refusals(RecordList):
    columns = Refusal.__slots__
    most = 120


class Import(Record):
    """What an import read, and what the shop holds since.

    files : list of ImportedFile
    refusals : list of Refusal
        The first 1000; all are in refused.csv of the shop's folder.
    rows, accepted, duplicates, refused : int
        Sums over the files of this import.
    events, customers, products, orders : int
        What the shop holds now.
    amount : decimal.Decimal
        The exact sum of quantity times price over all its events.
    changed : bool
        Whether something new was stored.
    """

    __slots__ = (
        "files",
        "refusals",
        "rows",
        "accepted",
        "duplicates",
        "refused",
        "events",
        "customers",
        "products",
        "orders",
        "amount",
        "changed",
    )

    def __repr__(self):
        refused = f"\n{self.refused} refused rows, such as:\n{Refusals(self.refusals[:5])!r}" if self.refusals else ""
        return (
            f"{self.files!r}{refused}\nthe shop holds {self.events} events, {self.customers} customers, {self.products} products, "
            f"{self.orders} orders; quantity x price sums to {self.amount}"
        )


class Trained(Record):
    """What became of an answer's training.

    answer : str
    outcome : str
        "trained", "unchanged" (data, options and code are those of the newest version), "not better" (than its baseline: kept, not
        live), "no data", "nothing to learn".
    note : str or None
        Why not.
    version : int
        0: none.
    live : bool
        Whether questions are answered with it.
    evaluation : Evaluation or None
    """

    __slots__ = ("answer", "outcome", "note", "version", "live", "evaluation")


def _first(name):
    return lambda r: getattr(r.evaluation.figures[0], name) if r.evaluation else None


_FIRST_FIGURE = (
    ("figure", _first("name")),
    *((n, _first(n)) for n in ("value", "low", "high", "baseline_name", "baseline")),
)


class Training(RecordList):
    """The answers of a training; `training["recommend"]` is one of them."""

    columns = ("answer", "outcome", "version", "live", *_FIRST_FIGURE, "note")

    def __getitem__(self, at):
        if not isinstance(at, str):
            return super().__getitem__(at)
        for trained in self:
            if trained.answer == at:
                return trained
        raise KeyError(f"{at!r} is not in this training: there are {', '.join(t.answer for t in self)}")


class ModelVersion(Record):
    """A model that was trained: of which answer, when (datetime in UTC), of what data, whether it is live, and its evaluation."""

    __slots__ = ("answer", "version", "created", "data_offset", "live", "size_bytes", "sha256", "evaluation")


class ModelVersions(RecordList):
    columns = ("answer", "version", "created", "live", "size_bytes", *_FIRST_FIGURE)


class Receipt(Record):
    """What forgetting a customer did.

    customer : str
    events, orders, messages, reviews, customers : int
        Rows erased.
    answers : dict of str to str
        What became of each model: "recomputed", "retrain queued" (the next train does it), "nothing learnt".
    seconds : float
    """

    __slots__ = ("customer", "events", "orders", "messages", "reviews", "customers", "answers", "seconds")


class AnswerInfo(Record):
    """What a shop can be asked: name, title, text, the data it needs, and its options (of training and of a question).

    An option is a dict: name, type ("bool", "int", "real", "choice", "text"), min, max, default (as text; None: unset), choices, text.
    """

    __slots__ = ("name", "title", "text", "needs", "examples", "training", "question", "learns")

    def __repr__(self):
        rows = [[o["name"], _takes(o), o["default"], o["text"]] for o in self.question]
        table = text_table(["option", "takes", "default", "text"], rows, most=100) if rows else "no options"
        return f"{self.name}: {self.title}. {self.text}\nneeds {self.needs}\n{table}"


class Answers(RecordList):
    columns = ("name", "title", "learns", "needs", "text")


def answers():
    """Every answer of this build, in a fixed order, as AnswerInfo.

    >>> [a.name for a in answers()][:2]
    ['recommend', 'next']
    """
    return Answers(AnswerInfo(**(a | {"examples": _in_python(a["examples"] or "")})) for a in _merx.answers())


def write_sample(folder, products=500, customers=2000, events=60000, seed=0, progress=True):
    """Writes a generated shop's export into a folder, and what is true of it to "<folder>.truth.json" beside it.

    folder : str or path
        Made when absent; must be empty.
    products, customers, events : int
        How many.
    seed : int
        Of what is drawn: the same files for the same seed.
    progress : bool or callable, default=True
        True: a bar, on a terminal only; a callable gets (stage, done, count, unit, elapsed_s, left_s).

    Raises merx.InputError for a folder that is not empty or numbers out of range, merx.FileError when it can't be written.
    """
    for name, value in (("products", products), ("customers", customers), ("events", events)):
        if value < 1:
            raise _merx.InputError(f"{name} is {value}; 1 or more are expected")
    _merx.write_sample(folder, products, customers, events, seed, progress_function(progress))


# ---- options as text ----


def _takes(option):
    if option["type"] == "choice":
        return option["choices"]
    if option["type"] in ("int", "real"):
        words = f", {option['choices']}" if option["choices"] else ""
        return f"{option['type']}, {option['min']:.15g} to {option['max']:.15g}{words}"
    return {"bool": "bool", "text": "str"}[option["type"]]


def _text_of(name, value):
    """An option's value as the C library reads it."""
    if isinstance(value, str):
        return value
    if hasattr(value, "item") and not hasattr(value, "__len__"):  # a number of NumPy's
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "__iter__") and not isinstance(value, (bytes, dict)):
        parts = [_text_of(name, v) for v in value]
        if any("," in p for p in parts):
            raise _merx.InputError(f"{name}: an id with a comma in it can't be one of a list: {next(p for p in parts if ',' in p)!r}")
        return ",".join(parts)
    if hasattr(value, "as_tuple"):  # decimal.Decimal; without an exponent
        return format(value, "f")
    raise TypeError(f"{name} is a {type(value).__name__}; text, a number, a bool, a date or a list of these is expected")


def _python_name(name):
    return name + "_" if keyword.iskeyword(name) else name


def _option_name(name):
    return name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name


def _milliseconds(when):
    from datetime import date, datetime, timezone

    if when is None:
        return 0
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, date) and not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)
    if not isinstance(when, datetime):
        raise TypeError(f"split is a {type(when).__name__}; a datetime, a date or ISO 8601 text is expected")
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    ms = round(when.timestamp() * 1000)
    if ms <= 0:
        raise _merx.InputError(f"split is {when.isoformat()}; a time after 1970 is expected")
    return ms


class Shop:
    """A shop in a folder, opened.

    folder : str or path
    create : bool, default=True
        Make the folder and an empty shop when there is none.
    read_only : bool, default=False
        Ask only; nothing is made.
    threads : int, default=0
        Of long calls; 0: all cores. Results do not depend on it.

    A handle is used by one thread at a time; a second thread waits for the first. Open the folder once more to ask while another handle trains: several
    handles and processes may open one shop, one of them writes at a time, and readers are never blocked. Long calls let the other threads of
    the interpreter run, and Ctrl-C ends them with KeyboardInterrupt; what was finished is kept. Close a shop, or use it in a `with` block;
    after that its methods raise ValueError.

    Each answer is a method, made from the registry: see `merx.shop.answers()`.

    Raises merx.NotFoundError when there is no shop and create is False, merx.InputError for a folder with something else in it, merx.FileError.

    >>> shop.closed
    False
    """

    def __init__(self, folder, create=True, read_only=False, threads=0):
        self.folder = os.fspath(folder)
        self.threads = threads
        self._shop = _merx.Shop(folder, create=create and not read_only, read_only=read_only)

    def __repr__(self):
        return f"Shop({self.folder!r}{', closed' if self.closed else ''})"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        """Ends the use of the shop. A second time does nothing."""
        self._shop.close()

    @property
    def closed(self):
        """Whether the shop was closed."""
        return self._shop.closed

    # ---- data ----

    def import_folder(self, path, mapping=None, replace=False, max_refused=0, progress=True):
        """Imports the files of a folder, or one file.

        path : str or path
            CSV and JSON lines (also .gz, .zst) of products, customers, events, orders …, recognised by their column names, and product pictures.
        mapping : str or path, optional
            A file that says what columns mean; without it "shop.json" of the folder when there is one.
        replace : bool, default=False
            A file whose already imported rows were changed replaces what came from it, instead of being an error.
        max_refused : int, default=0
            More refused rows than this stop the import, and nothing of that file is kept; 0: no limit.
        progress : bool or callable, default=True

        Each file is kept whole or not at all; files already imported and unchanged are not read again. Returns Import.
        Raises merx.NotFoundError when nothing in the folder is understood, merx.InputError, merx.FileError.

        >>> shop.import_folder(export).changed   # a second time: nothing new
        False
        """
        if max_refused < 0:
            raise _merx.InputError(f"max_refused is {max_refused}; 0 or more are expected")
        raw = self._shop.import_(
            path, mapping=mapping, replace=replace, max_refused=max_refused, threads=self.threads, progress=progress_function(progress)
        )
        return Import(
            **(
                raw
                | {
                    "files": ImportedFiles(ImportedFile(**f) for f in raw["files"]),
                    "refusals": Refusals(Refusal(**f) for f in raw["refusals"]),
                    "amount": value_of("money", *raw["amount"]),
                }
            )
        )

    def forget(self, customer, progress=True):
        """Erases a customer from rows, snapshots and models.

        customer : str

        What was learnt exactly is recomputed to the bytes of never having seen him; elsewhere a retrain is queued, and the receipt says so. Returns Receipt.
        Raises merx.NotFoundError when there is no such customer.
        """
        return Receipt(**self._shop.forget(_text_of("customer", customer), self.threads, progress_function(progress)))

    def digest(self, with_models=True):
        """SHA-256 over what the shop holds, times of training aside, as 64 hexadecimal digits.

        >>> len(shop.digest())
        64
        """
        return self._shop.digest(with_models)

    # ---- models ----

    def train(self, answer=None, /, *, options=None, force=False, again=False, seed=0, progress=True, **settings):
        """Trains answers, evaluates them by time, and makes live what is better than its baseline.

        answer : str or list of str, optional
            Which; all of them without it.
        options : dict, optional
            Options of training by the answer's name and theirs: {"recommend.factors": 32}. See `answers()`.
        force : bool, default=False
            Make live also what is not better than its baseline.
        again : bool, default=False
            Train also where data, options and code are those of the newest version.
        seed : int, default=0
            Of random numbers.
        progress : bool or callable, default=True
            True: a bar with the time left, on a terminal only; a callable gets (stage, done, count, unit, elapsed_s, left_s).
        **settings
            Options of the one answer that is trained: train("recommend", factors=32).

        Returns Training. Raises merx.NotFoundError for an unknown answer or option, merx.InputError for a value out of range,
        merx.MemoryLimitError; KeyboardInterrupt leaves the live models as they are.

        >>> shop.train("recommend", factors=8)["recommend"].outcome
        'unchanged'
        """
        names = [answer] if answer is None or isinstance(answer, str) else list(answer)
        if settings and (len(names) != 1 or names[0] is None):
            raise TypeError(f"{next(iter(settings))}: of which answer? Write options={{\"ANSWER.{next(iter(settings))}\": …}}")
        given = dict(options or {}) | {f"{names[0]}.{_option_name(n)}": v for n, v in settings.items()}
        words = [f"{name}={_text_of(name, value)}" for name, value in given.items()]
        training = Training()
        for name in names:
            raw = self._shop.train(
                name, words, force=force, again=again, threads=self.threads, seed=seed, progress=progress_function(progress)
            )
            training.extend(Trained(**(t | {"evaluation": evaluation_of(t["evaluation"])})) for t in raw)
        return training

    def evaluate(self, answer, split=None, truth=None, seed=0, progress=True):
        """Evaluates an answer anew, without storing anything.

        answer : str
        split : datetime, date or ISO 8601 text, optional
            Learn before it, test from then on; in UTC where it says nothing else. Without it the answer's own.
        truth : str or path, optional
            What `write_sample` wrote beside the folder: adds the best reachable score.

        Returns Evaluation. Raises merx.InputError for an answer that learns nothing, and for a split that leaves too little on a side.
        """
        raw = self._shop.evaluate(
            answer,
            split=_milliseconds(split),
            truth=truth,
            threads=self.threads,
            seed=seed,
            progress=progress_function(progress),
        )
        return evaluation_of(raw)

    def versions(self):
        """Every model that was trained, as ModelVersion, a table of them.

        >>> {v.answer for v in shop.versions()} >= {"recommend"}
        True
        """
        return ModelVersions(
            ModelVersion(**(v | {"created": time_of(v["created"]), "evaluation": evaluation_of(v["evaluation"])}))
            for v in self._shop.versions()
        )

    # ---- questions ----

    def ask(self, answer, /, *, why=False, **options):
        """Asks a question.

        answer : str
            "recommend", "next" …; see `answers()`.
        why : bool, default=False
            With the reasons of each item, whose contributions add up to its score.
        **options
            Of the question: text, numbers, bools, dates, lists of ids; None: not set. A name that is a Python keyword ends in "_": from_="2011-01-01".

        Returns Reply. Raises merx.NotFoundError for an unknown answer, option, customer or product (it names the nearest), merx.InputError for a
        value out of range, merx.NotFittedError when there is no live model.

        >>> shop.ask("recommend", customer=customer, n=2).answer
        'recommend'
        """
        words = {_option_name(n): _text_of(n, v) for n, v in options.items() if v is not None}
        return reply_of(self._shop.ask(answer, words, why))

    def report(self, html=None, language="en", columns=100, progress=True):
        """The report on the shop, as text to print.

        html : str or path, optional
            Where to write it as one self-contained page.
        language : {"en", "zh"}
        columns : int, default=100
            Width of the text.

        >>> print(shop.report().splitlines()[0] != "")
        True
        """
        if columns < 1:
            raise _merx.InputError(f"columns is {columns}; 1 or more are expected")
        return self._shop.report(html, language, columns, False, self.threads, progress_function(progress))


# ---- a method for each answer ----


def _in_python(examples):
    """`merx ask recommend --customer 12347 --why` as shop.recommend(customer="12347", why=True)."""
    lines = []
    for line in examples.splitlines():
        words = line.split()
        if words[:2] != ["merx", "ask"] or len(words) < 3:
            continue
        arguments, at = [], 3
        while at < len(words):
            name = _python_name(words[at].removeprefix("--").replace("-", "_"))
            has_value = at + 1 < len(words) and not words[at + 1].startswith("--")
            if name not in ("json", "shop"):
                arguments.append(f"{name}={words[at + 1]!r}" if has_value else f"{name}=True")
            at += 2 if has_value else 1
        lines.append(f"shop.{_python_name(words[2])}({', '.join(arguments)})")
    return "\n".join(dict.fromkeys(lines))


def _make_method(info):
    """shop.recommend(customer=…), with the signature and the text of the answer's table of options."""
    from inspect import Parameter, Signature

    answer, names = info["name"], [_python_name(o["name"]) for o in info["question"]]

    def method(self, *, why=False, **options):
        for name in options:
            if name not in names:
                raise TypeError(f"{method.__name__}() has no option {name!r}: there are {', '.join([*names, 'why'])}")
        return self.ask(answer, why=why, **options)

    parameters = [Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)]
    lines = [f"{info['title']}.", "", info["text"], "", f"Needs {info['needs']}.", ""]
    for name, option in zip(names, info["question"]):
        parameters.append(Parameter(name, Parameter.KEYWORD_ONLY, default=default_of(option)))
        default = f", default={default_of(option)!r}" if option["default"] is not None else ", optional"
        lines += [f"{name} : {_takes(option)}{default}", f"    {option['text']}"]
    parameters.append(Parameter("why", Parameter.KEYWORD_ONLY, default=False))
    lines += ["why : bool, default=False", "    With the reasons of each item.", "", "Returns Reply; raises as `ask`."]
    examples = _in_python(info["examples"] or "")
    if examples:
        lines += ["", *examples.splitlines()]
    method.__name__ = _python_name(answer)
    method.__qualname__ = f"Shop.{method.__name__}"
    method.__doc__ = "\n".join(lines)
    method.__signature__ = Signature(parameters)
    return method


for _info in _merx.answers():
    if not hasattr(Shop, _python_name(_info["name"])):  # what a Shop does itself is not hidden; `ask` reaches all
        setattr(Shop, _python_name(_info["name"]), _make_method(_info))
del _info
