"""Records: plain objects with named fields, and tables of them for people, notebooks and pandas."""


class Record:
    """Fields by name (`__slots__`), equal when their fields are; `to_dict()` gives them as plain Python."""

    __slots__ = ()

    def __init__(self, **fields):
        for name in self.__slots__:
            setattr(self, name, fields.pop(name))
        if fields:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(fields))!r}")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in self.__slots__)})"

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    __hash__ = None

    def __getstate__(self):
        return {n: getattr(self, n) for n in self.__slots__}

    def __setstate__(self, state):
        for name, value in state.items():
            setattr(self, name, value)

    def to_dict(self):
        """The record as a dict, records within it too."""
        return {n: plain(getattr(self, n)) for n in self.__slots__ if not n.startswith("_")}


def plain(value):
    """Records as dicts, also within lists and dicts."""
    if isinstance(value, (Record, RecordList)):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def frame(columns):
    """A pandas.DataFrame of columns; pandas is imported here and nowhere else."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    return pandas.DataFrame(columns)


class RecordList(list):
    """A list of records that reads as a table, in a terminal and in a notebook.

    `columns` are attributes of the records; (name, function of the record) where it is no attribute. `most`: the widest cell.
    """

    columns = ()
    most = 60

    def _cells(self):
        names = [c if isinstance(c, str) else c[0] for c in self.columns]
        rows = [[getattr(r, c) if isinstance(c, str) else c[1](r) for c in self.columns] for r in self]
        return names, rows

    def __repr__(self):
        names, rows = self._cells()
        return text_table(names, rows, self.most) if rows else "(none)"

    def _repr_html_(self):
        return html_table(*self._cells())

    def to_frame(self):
        """The table as a pandas.DataFrame, one row for each record. ImportError without pandas."""
        names, rows = self._cells()
        return frame({name: [row[i] for row in rows] for i, name in enumerate(names)})

    def to_dict(self):
        """The records as a list of dicts."""
        return [plain(r) for r in self]


# ---- tables ----


def show(value):
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if hasattr(value, "isoformat"):
        text = value.isoformat(sep=" ", timespec="seconds") if hasattr(value, "hour") else value.isoformat()
        return text.removesuffix("+00:00").removesuffix(" 00:00:00")
    return str(value)


def _width(text):
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text, most):
    text = " ".join(text.split())
    while _width(text) > most:
        text = text[: len(text) - max(1, (_width(text) - most) // 2) - 1] + "…"
    return text


def text_table(names, rows, most=40):
    """Aligned columns; numbers to the right, words to the left, cells no wider than `most`."""
    cells = [[_cut(show(v), most) for v in row] for row in rows]
    right = [all(v is None or _is_number(v) for v in column) for column in zip(*rows)] or [False] * len(names)
    widths = [max([_width(n), *(_width(row[i]) for row in cells)]) for i, n in enumerate(names)]
    lines = []
    for row in [names, *cells]:
        parts = []
        for text, width, to_right in zip(row, widths, right):
            gap = " " * (width - _width(text))
            parts.append(gap + text if to_right else text + gap)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _is_number(value):
    return not isinstance(value, (str, bool)) and hasattr(value, "__float__")


def html_table(names, rows):
    """The same for a notebook."""
    from html import escape

    head = "".join(f"<th>{escape(n)}</th>" for n in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(show(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
