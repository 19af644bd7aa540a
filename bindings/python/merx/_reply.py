"""What a shop answers: a reply, its items, and the reasons of each, which add up to its score."""
from ._record import Record, RecordList, frame, html_table, plain, show, text_table

_SHOWN = 20  # items that a repr lists


def value_of(kind, value, decimals=0):
    """A field's value in Python: text str, int, real and share float, money decimal.Decimal, date datetime in UTC."""
    if value is None or kind in ("text", "int", "real", "share"):
        return value
    if kind == "money":
        from decimal import Decimal

        return Decimal(value).scaleb(-decimals)
    if kind == "date":
        return time_of(value)
    raise ValueError(f"a value of kind {kind!r}")


def time_of(ms):
    """Milliseconds since 1970 as a datetime in UTC; None for 0, which stands for no time."""
    from datetime import datetime, timedelta, timezone

    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=ms) if ms else None


class Reason(Record):
    """One reason of an item.

    kind : str
        "purchase", "feature", "base", "trend" …
    id : str
        Of the product or column it speaks of; "" if none.
    text : str
        For a person: "bought WHITE LANTERN on 2011-03-02".
    contribution : float
        Its part of the item's score; those of all reasons sum to it (1e-6 relative).
    without : float or None
        The score computed again with this evidence removed; None where that means nothing (a base).
    """

    __slots__ = ("kind", "id", "text", "contribution", "without")


class Explanation:
    """Why an item has its score: `score`, `unit`, and `reasons`, by descending absolute contribution.

    >>> reply = shop.recommend(customer=customer, n=1, why=True)
    >>> why = reply[0].explain()
    >>> abs(sum(r.contribution for r in why.reasons) - why.score) <= 1e-6 * abs(why.score)
    True
    """

    def __init__(self, title, score, unit, reasons):
        self.title, self.score, self.unit, self.reasons = title, score, unit, reasons

    def _rows(self):
        return ["contribution", "without", "kind", "reason"], [[r.contribution, r.without, r.kind, r.text] for r in self.reasons]

    def __repr__(self):
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.title}: {show(self.score)}{unit}\n{text_table(*self._rows(), most=80)}"

    def _repr_html_(self):
        from html import escape

        unit = f" ({self.unit})" if self.unit else ""
        return f"<p><b>{escape(self.title)}</b>: {show(self.score)}{escape(unit)}</p>{html_table(*self._rows())}"

    def to_frame(self):
        """The reasons as a pandas.DataFrame: kind, id, text, contribution, without."""
        return frame({n: [getattr(r, n) for r in self.reasons] for n in Reason.__slots__})

    def plot(self, ax=None, most=12):
        """Draws the reasons as bars from the top on; what is beyond the `most` strongest is one bar.

        ax : matplotlib axes, optional
            Where to draw; a new figure without it.
        most : int, default=12
            Bars, 1 or more.

        Returns the axes. ImportError without matplotlib.
        """
        if most < 1:
            raise ValueError(f"most is {most}; 1 or more is expected")
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError("plot needs matplotlib: pip install matplotlib") from error
        own = ax is None
        if own:
            _, ax = pyplot.subplots(figsize=(8, 1.2 + 0.3 * min(len(self.reasons), most + 1)), layout="constrained")
        bars = [(r.text or r.kind, r.contribution) for r in self.reasons[:most]]
        rest = self.reasons[most:]
        if rest:
            bars.append((f"{len(rest)} more", sum(r.contribution for r in rest)))
        places = range(len(bars))
        ax.barh(places, [value for _, value in bars], color=["#2a78b5" if value >= 0 else "#c0504d" for _, value in bars])
        title, words = f"{self.title}: {show(self.score)}", [text if len(text) <= 60 else text[:59] + "…" for text, _ in bars]
        font = _font("".join([title, *words]))
        ax.set_yticks(list(places), words, **font)
        ax.invert_yaxis()
        ax.axvline(0, color="#444444", linewidth=0.8)
        ax.set_xlabel(f"contribution{f' ({self.unit})' if self.unit else ''}")
        if own:
            ax.figure.suptitle(title, **font)  # over the words too, which may leave the axes narrow
        else:
            ax.set_title(title, **font)
        return ax


def _font(text):
    """Words for matplotlib that let Chinese be read where a font of this system has it."""
    if text.isascii():
        return {}
    from matplotlib import font_manager, rcParams

    there = {font.name for font in font_manager.fontManager.ttflist}
    known = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "PingFang SC")
    return {"fontfamily": [*rcParams["font.family"], *(name for name in known if name in there)]}


class Item(Record):
    """One item of a reply.

    id, title : str
        Of the product, customer, group … and what it is called.
    score : float
        What items are ordered by; its unit is the reply's `score_unit`.
    fields : dict of str to value
        What the answer tells beside: str, int, float (shares: 0.25 is 25 %), money as decimal.Decimal, dates as datetime in UTC.
    reasons : list of Reason
        Empty unless asked with `why=True`.
    """

    __slots__ = ("id", "title", "score", "fields", "reasons", "_kinds", "_unit")

    def __repr__(self):
        told = ", ".join(f"{n}={self._show(n)}" for n in self.fields)
        why = f", {len(self.reasons)} reasons" if self.reasons else ""
        title = f" {self.title!r}" if self.title and self.title != self.id else ""
        return f"<Item {self.id!r}{title}: score {show(self.score)}{', ' if told else ''}{told}{why}>"

    def _show(self, name):
        value = self.fields.get(name)
        return f"{100 * value:.1f} %" if self._kinds.get(name) == "share" and value is not None else show(value)

    def explain(self):
        """The reasons of the score, which add up to it, as an Explanation: a table, a plot, a DataFrame.

        ValueError when the question was asked without `why=True`, or the answer has none for this item.
        """
        if not self.reasons:
            raise ValueError(f"item {self.id!r} has no reasons: ask with why=True")
        return Explanation(self.title or self.id, self.score, self._unit, self.reasons)

    def plot(self, ax=None, most=12):
        """Draws the reasons as bars; see Explanation.plot."""
        return self.explain().plot(ax, most)


class Reply(Record):
    """An answer.

    answer : str
        Which one: "recommend".
    sentence : str
        The answer in one plain sentence.
    score_unit : str
        What scores are: "blended rank score", "log-odds", …
    model_version : int
        Of the model that answered; 0: none.
    data_offset : int
        Of the last event it has seen.
    items : list of Item
        By descending score. A reply is a sequence of them: `reply[0]`, `len(reply)`, `for item in reply`.
    notes : list of str

    >>> reply = shop.recommend(customer=customer, n=3)
    >>> len(reply), reply.answer, type(reply[0].score).__name__
    (3, 'recommend', 'float')
    >>> [item.id for item in reply] == [row["id"] for row in reply.to_dict()["items"]]
    True
    """

    __slots__ = ("answer", "sentence", "score_unit", "model_version", "data_offset", "items", "notes")

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, at):
        return self.items[at]

    def __bool__(self):
        return True  # a reply without items is an answer too

    def _table(self, most):
        names = list(dict.fromkeys(n for item in self.items for n in item.fields))
        rows = [[i.id, i.title, i.score, *(_Shown(i, n) for n in names)] for i in self.items[:most]]
        return ["id", "title", "score", *names], rows

    def __repr__(self):
        parts = [self.sentence] if self.sentence else [f"{self.answer}:"]
        if self.items:
            parts.append(text_table(*self._table(_SHOWN)))
        if len(self.items) > _SHOWN:
            parts.append(f"… {len(self.items) - _SHOWN} more")
        return "\n".join(parts + [f"note: {note}" for note in self.notes])

    def _repr_html_(self):
        from html import escape

        table = html_table(*self._table(_SHOWN)) if self.items else ""
        more = f"<p>… {len(self.items) - _SHOWN} more</p>" if len(self.items) > _SHOWN else ""
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in self.notes)
        return f"<p>{escape(self.sentence or self.answer)}</p>{table}{more}{notes}"

    def to_frame(self):
        """The items as a pandas.DataFrame: id, title, score, and a column for each field; None where an item has not got it.

        Money stays decimal.Decimal: `frame["price"].astype(float)` makes it float. ImportError without pandas.
        """
        names = list(dict.fromkeys(n for item in self.items for n in item.fields))
        columns = {"id": [i.id for i in self.items], "title": [i.title for i in self.items], "score": [i.score for i in self.items]}
        return frame(columns | {n: [i.fields.get(n) for i in self.items] for n in names if n not in columns})

    def to_dict(self):
        """The reply as a dict of plain values: str, int, float, Decimal, datetime, lists and dicts."""
        return {n: plain(getattr(self, n)) for n in self.__slots__}


class _Shown:
    """A field's value in a table: as its kind is shown, aligned as numbers are."""

    def __init__(self, item, name):
        self.text, self.value = item._show(name), item.fields.get(name)

    def __str__(self):
        return self.text

    def __getattr__(self, name):
        if name == "__float__" and self.value is not None and not isinstance(self.value, str):
            return self.value.__float__
        raise AttributeError(name)


def reply_of(raw):
    """A Reply out of what _merx.Shop.ask gives."""
    answer, sentence, unit, version, offset, items, notes = raw
    made = []
    for id_, title, score, fields, reasons in items:
        values, kinds = {}, {}
        for name, kind, *value in fields:
            values[name], kinds[name] = value_of(kind, *value), kind
        made.append(
            Item(
                id=id_ or "",
                title=title or "",
                score=score,
                fields=values,
                reasons=[
                    Reason(kind=k or "", id=i or "", text=t or "", contribution=c, without=w) for k, i, t, c, w in reasons
                ],
                _kinds=kinds,
                _unit=unit or "",
            )
        )
    return Reply(
        answer=answer or "",
        sentence=sentence or "",
        score_unit=unit or "",
        model_version=version,
        data_offset=offset,
        items=made,
        notes=notes,
    )


# ---- evaluation ----


class Figure(Record):
    """One figure of quality with its 95 % interval, and what stands beside it.

    value, low, high : float
    baseline_name : str or None
        "popularity", …; None: nothing to compare with, and the next four are None.
    baseline, difference, difference_low, difference_high : float or None
        difference = value - baseline, paired over customers or series.
    best_reachable : float or None
        From a truth file; None when unknown.
    higher_is_better : bool
    """

    __slots__ = (
        "name",
        "value",
        "low",
        "high",
        "baseline_name",
        "baseline",
        "difference",
        "difference_low",
        "difference_high",
        "best_reachable",
        "higher_is_better",
    )


class Figures(RecordList):
    """Figures; the first is the one that the gate looks at."""

    columns = ("name", "value", "low", "high", "baseline_name", "baseline", "difference", "difference_low", "difference_high")


class Evaluation(Record):
    """How good a model is, measured on data after a split in time.

    split, until : datetime or None
        Learnt before split, tested from then to until; None: not split by time.
    train_rows, test_rows, test_units : int
    unit : str
        What intervals resample: "customers".
    protocol : str
        How it was measured.
    figures : Figures
    gate_passed : bool
    gate : str
        Why, in a sentence.
    """

    __slots__ = ("split", "until", "train_rows", "test_rows", "test_units", "unit", "protocol", "figures", "gate_passed", "gate")

    def __repr__(self):
        return f"{self.figures!r}\n{self.protocol}\n{self.gate}".rstrip()

    def _repr_html_(self):
        from html import escape

        return f"{self.figures._repr_html_()}<p>{escape(self.protocol)}</p><p>{escape(self.gate)}</p>"

    def __getitem__(self, name):
        """A figure by its name; KeyError names those there are."""
        for f in self.figures:
            if f.name == name:
                return f
        raise KeyError(f"no figure {name!r}: there are {', '.join(f.name for f in self.figures)}")


def evaluation_of(raw):
    """An Evaluation out of what the extension gives; None where nothing was evaluated."""
    if raw is None:
        return None
    times = {"split": time_of(raw["split"]), "until": time_of(raw["until"])}
    return Evaluation(**(raw | times | {"figures": Figures(Figure(**f) for f in raw["figures"])}))
