"""Recommenders of who had what: ALS, EASE and item neighbours, with the words of the package `implicit`; and of what comes next: SequenceRecommender.

>>> import numpy as np
>>> from merx.recommend import EASE
>>> class CSR:                       # or scipy.sparse.csr_matrix
...     shape = (4, 3)
...     indptr, indices, data = np.array([0, 2, 4, 5, 7]), np.array([0, 1, 0, 1, 2, 0, 2]), np.ones(7)
>>> model = EASE(regularization=1).fit(CSR)
>>> ids, scores = model.recommend(CSR, N=1)
>>> ids.tolist()                     # the third item to who had the first two
[[2], [2], [0], [1]]

A matrix is (n_users, n_items), sparse by rows: anything with `indptr`, `indices`, `data` and `shape`; other sparse layouts of SciPy are turned by their own
`tocsr()`. A value says how much: bought three times, watched for two hours. Stored zeros are left out.

No user is kept in a model: whoever is asked about is given with his rows, which are folded in exactly as in training, so that who is new is answered as well.
Each score is a sum over the items of a row, and `explain` tells the terms.

Sequences, what comes next after what was had or looked at, are learnt by SequenceRecommender, from lists of items. A shop's own answer to that,
`merx.shop.Shop.next`, blends such a network with counts.
"""
import numpy as np

from . import _merx
from ._bar import progress_function
from ._options import default_of
from ._ranking import best as _best
from ._ranking import count as _count
from ._ranking import single as _single
from ._sequence import SequenceRecommender

__all__ = ["ALS", "EASE", "ItemNeighbours", "SequenceRecommender"]

_BLOCK_CELLS = 4_000_000  # scores held at a time, 8 bytes each
_FAMILIES = {f["name"]: f for f in _merx.families()}


# ---- matrices ----


def _csr(matrix, name):
    """(n, d, indptr, indices, data): int64, int32, float32, rows ascending without repeats or zeros."""
    if getattr(matrix, "format", "csr") != "csr" and hasattr(matrix, "tocsr"):
        matrix = matrix.tocsr()
    for part in ("indptr", "indices", "data", "shape"):
        if not hasattr(matrix, part):
            raise _merx.InputError(
                f"{name} is a {type(matrix).__name__}; a CSR matrix is expected, such as scipy.sparse.csr_matrix({name})"
            )
    if len(matrix.shape) != 2:
        raise _merx.InputError(f"{name} has {len(matrix.shape)} dimensions; 2 are expected: users and items")
    n, d = (int(size) for size in matrix.shape)
    indptr, indices, data = (np.asarray(getattr(matrix, part)) for part in ("indptr", "indices", "data"))
    for part, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise _merx.InputError(f"{name}.{part} is {array.dtype} of {array.ndim} dimensions; whole numbers of 1 are expected")
    if data.ndim != 1 or data.dtype.kind not in "fiub":
        raise _merx.InputError(f"{name}.data is {data.dtype} of {data.ndim} dimensions; numbers of 1 are expected")
    if len(indptr) != n + 1 or len(indices) != len(data):
        raise _merx.InputError(
            f"{name} has {n} rows, {len(indptr)} indptr, {len(indices)} indices and {len(data)} data; rows + 1 indptr and as many indices as data are expected"
        )
    indptr = indptr.astype(np.int64, copy=False)
    if indptr[0] != 0 or indptr[-1] > len(indices) or (np.diff(indptr) < 0).any():
        raise _merx.InputError(f"{name}.indptr goes from {indptr[0]} to {indptr[-1]}; ascending from 0 to {len(indices)} is expected")
    indices, data = indices[: indptr[-1]], data[: indptr[-1]]
    if len(indices) and (indices.min() < 0 or indices.max() >= d):
        raise _merx.InputError(f"{name}.indices go from {indices.min()} to {indices.max()}; 0 to {d - 1} are expected")
    if not np.isfinite(data).all():
        raise _merx.InputError(f"{name}.data has {data[~np.isfinite(data)][0]} in it; finite numbers are expected")
    with np.errstate(over="ignore"):
        values = data.astype(np.float32)
    if not np.isfinite(values).all():
        raise _merx.InputError(f"{name}.data has {data[~np.isfinite(values)][0]} in it, which is too large for float32")
    return n, d, *_in_order(n, indptr, indices.astype(np.int32), values)


def _in_order(n, indptr, indices, data):
    """Rows ascending, repeats added up, zeros left out: as the library wants them; nothing is moved when they are so."""
    rows = np.repeat(np.arange(n), np.diff(indptr))
    same_row = rows[1:] == rows[:-1]
    if (same_row & (indices[1:] <= indices[:-1])).any():
        order = np.lexsort((indices, rows))
        rows, indices, data = rows[order], indices[order], data[order]
        first = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]) | (indices[1:] != indices[:-1])])
        rows, indices, data = rows[first], indices[first], np.add.reduceat(data, first)
    kept = data != 0
    if not kept.all() or len(data) != indptr[-1]:
        rows, indices, data = rows[kept], indices[kept], data[kept]
        indptr = np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)
    return indptr, np.ascontiguousarray(indices), np.ascontiguousarray(data)


def _ids(values, n_items, name):
    """Ids of items as an array of whole numbers in [0, n_items)."""
    array = np.atleast_1d(np.asarray(values))
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise _merx.InputError(f"{name} is {array.dtype} of {array.ndim} dimensions; ids of items, whole numbers of 1, are expected")
    if array.min() < 0 or array.max() >= n_items:
        raise IndexError(f"{name} goes from {array.min()} to {array.max()}; items of the model are 0 to {n_items - 1}")
    return array


# ---- recommenders ----


def _with_options(cls):
    """Gives the class an __init__ with the options of its family, so that one added in C appears here by itself."""
    from inspect import Parameter, Signature

    options = {cls._names.get(o["name"], o["name"]): o for o in _FAMILIES[cls._family]["options"]}
    defaults = {}
    for name, option in options.items():
        defaults[name] = _default(option)
    defaults |= cls._more

    def __init__(self, *args, **params):
        bound = signature.bind(self, *args, **params)
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)
        self._model = None

    signature = Signature(
        [Parameter("self", Parameter.POSITIONAL_ONLY), *(Parameter(n, Parameter.POSITIONAL_OR_KEYWORD, default=v) for n, v in defaults.items())]
    )
    __init__.__signature__ = signature
    cls.__init__ = __init__
    cls._options = {name: option["name"] for name, option in options.items()}
    cls._defaults = defaults
    lines = [f"{name} : {o['type']}, default={defaults[name]!r}\n    {_told(o)}" for name, o in options.items()]
    more = {
        "random_state": "int or None, default=None\n    Of the random start; None is 0: the same data and options give the same bits.",
        "num_threads": "int, default=0\n    0: all cores. Results do not depend on it.",
    }
    lines += [f"{name} : {more[name]}" for name in cls._more]
    cls.__doc__ += f"\n    {_FAMILIES[cls._family]['formula']}\n\n" + "\n".join(f"    {line}" for entry in lines for line in entry.split("\n")) + "\n"
    return cls


def _default(option):
    """As implicit writes them: whole numbers without a point."""
    value = default_of(option)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _told(option):
    if option["type"] == "choice":
        return f"{option['text']} One of {option['choices'].replace('|', ', ')}."
    return f"{option['text']} From {option['min']:.10g} to {option['max']:.10g}."


class _Recommender:
    _family = None
    _names = {"l2": "regularization"}
    _more = {"num_threads": 0}

    # ---- parameters ----

    def get_params(self, deep=True):
        """The options as a dict, as scikit-learn's estimators give them."""
        return {name: getattr(self, name) for name in self._defaults}

    def set_params(self, **params):
        """Sets options of the next fit; returns self. ValueError for a name that is none."""
        for name in params:
            if name not in self._defaults:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}: there are {', '.join(self._defaults)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self):
        changed = ", ".join(f"{n}={v!r}" for n, v in self.get_params().items() if v != self._defaults[n])
        return f"{type(self).__name__}({changed})"

    def __getstate__(self):
        return {"params": self.get_params(), "model": None if self._model is None else self._model.to_bytes()}

    def __setstate__(self, state):
        self.__init__(**state["params"])
        if state["model"] is not None:
            model = _merx.Model.from_bytes(state["model"])
            if model.family != self._family:
                raise _merx.InputError(f"the model is of the family {model.family}; {self._family} is expected")
            self._model = model

    # ---- fit ----

    def fit(self, user_items, show_progress=True):
        """Learns from who had what.

        user_items : CSR matrix (n_users, n_items)
            Values say how much; see the module.
        show_progress : bool or callable, default=True
            True: a bar on a terminal; a callable gets (stage, done, count, unit, elapsed_s, left_s).

        Returns self. A fit that fails or is interrupted keeps what was learnt before.
        Raises merx.InputError (a ValueError) for values or options out of range, merx.MemoryLimitError.
        """
        model = _merx.Model(self._family)
        for name, option in self._options.items():
            model.set(option, self._as_text(name))
        n, d, indptr, indices, data = _csr(user_items, "user_items")
        if len(data) == 0:
            raise _merx.InputError(f"there is nothing to learn from: {n} rows, {d} columns, no interactions")
        model.fit(
            _merx.Dataset.sparse(n, d, indptr, indices, data),
            threads=self.num_threads,
            seed=self._seed(),
            progress=progress_function(show_progress),
        )
        self._model = model
        return self

    def _as_text(self, name):
        value = getattr(self, name)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float, str)):
            # A whole number written as a float is one: regularization=20.0 and factors=64.0 alike.
            return repr(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)
        raise _merx.InputError(f"{name} is {value!r}; a number or a word is expected")

    def _seed(self):
        state = getattr(self, "random_state", None)
        if state is None:
            return 0
        if isinstance(state, np.random.Generator):
            return int(state.integers(2**63))
        if isinstance(state, np.random.RandomState):
            return int(state.randint(2**31 - 1))
        if isinstance(state, (bool, np.bool_)) or not isinstance(state, (int, np.integer)) or not 0 <= state < 2**64:
            raise _merx.InputError(f"random_state is {state!r}; None, a whole number of 0 or more, or a generator of NumPy's is expected")
        return int(state)

    def _fitted(self):
        if getattr(self, "_model", None) is None:
            raise _merx.NotFittedError(f"this {type(self).__name__} has learnt nothing yet: call fit first")
        return self._model

    @property
    def n_items_(self):
        """Items of the catalogue it was fitted on."""
        return len(self._fitted().outputs())

    def _rows(self, user_items):
        n, d, *parts = _csr(user_items, "user_items")
        if d != self.n_items_:
            raise _merx.InputError(f"user_items has {d} items; the model was fitted on {self.n_items_}")
        return n, d, *parts

    # ---- asking ----

    def recommend(
        self,
        userid,
        user_items=None,
        N=10,
        filter_already_liked_items=True,
        filter_items=None,
        recalculate_user=True,
        items=None,
    ):
        """The best items for users.

        userid : int, array of int, or CSR matrix
            As in `implicit`: which users the rows of user_items are; it only says how many. Or the rows themselves: recommend(rows, N=5).
        user_items : CSR matrix (n, n_items)
            A row for each user.
        N : int, default=10
            How many items, at most as many as there are.
        filter_already_liked_items : bool, default=True
            Leave out what a row holds.
        filter_items : array of int, optional
            Leave out these.
        recalculate_user : bool
            Taken for `implicit`'s sake: users are always computed from their rows.
        items : array of int, optional
            Rank these alone; not together with filter_items.

        Returns (ids, scores): int32 and float64 arrays, (N,) for a single userid, else (n, N); best first, ties to the lower id. Where fewer are
        left, the single user's are shorter, and rows end with id -1 and score -inf.
        Raises merx.NotFittedError, merx.InputError, IndexError for ids that are not in the model.
        """
        model = self._fitted()
        if user_items is None:
            if not hasattr(userid, "shape") or not hasattr(userid, "indptr"):
                raise _merx.InputError("user_items is missing: a CSR matrix with a row for each user is expected, for no user is kept in the model")
            single, user_items = False, userid
        else:
            single = np.ndim(userid) == 0
        n, d, indptr, indices, data = self._rows(user_items)
        if user_items is not userid and n != np.size(userid):
            raise _merx.InputError(f"user_items has {n} rows for {np.size(userid)} users; one for each is expected")
        N = min(_count(N, "N"), d)
        left_out = self._left_out(d, filter_items, items)
        ids, scores = np.full((n, N), -1, np.int32), np.full((n, N), -np.inf)
        step = max(1, _BLOCK_CELLS // d)
        for start in range(0, n, step):
            stop = min(start + step, n)
            first, last = indptr[start], indptr[stop]
            block = model.predict(_merx.Dataset.sparse(stop - start, d, indptr[start : stop + 1] - first, indices[first:last], data[first:last]))
            if self._zero_is_nothing:
                block[block == 0] = -np.inf
            block[:, left_out] = -np.inf
            for row, user in zip(block, range(start, stop)):
                if filter_already_liked_items:
                    row[indices[indptr[user] : indptr[user + 1]]] = -np.inf
                best = _best(row, N)
                ids[user, : len(best)], scores[user, : len(best)] = best, row[best]
        return _single(ids[0], scores[0]) if single else (ids, scores)

    _zero_is_nothing = False

    @staticmethod
    def _left_out(d, filter_items, items):
        if filter_items is not None and items is not None:
            raise _merx.InputError("filter_items and items can't both be given")
        left_out = np.zeros(d, bool)
        if filter_items is not None:
            left_out[_ids(filter_items, d, "filter_items")] = True
        if items is not None:
            left_out[:] = True
            left_out[_ids(items, d, "items")] = False
        return left_out

    def similar_items(self, itemid, N=10, filter_items=None, items=None):
        """The items most like one, or like each of several; the item itself is not among them.

        itemid : int or array of int
        N : int, default=10
        filter_items, items : array of int, optional
            Leave out these; or rank these alone.

        Returns (ids, scores) as `recommend` does. What the scores are: see the class.
        """
        self._fitted()
        d = self.n_items_
        wanted = _ids(itemid, d, "itemid")
        N, left_out = min(_count(N, "N"), d), self._left_out(d, filter_items, items)
        ids, scores = np.full((len(wanted), N), -1, np.int32), np.full((len(wanted), N), -np.inf)
        for at, item in enumerate(wanted):
            row = self._alike(int(item), d)
            row[left_out] = -np.inf
            row[item] = -np.inf
            best = _best(row, N)
            ids[at, : len(best)], scores[at, : len(best)] = best, row[best]
        return _single(ids[0], scores[0]) if np.ndim(itemid) == 0 else (ids, scores)

    def explain(self, userid, user_items, itemid, user_weights=None, N=10):
        """Why an item has its score for a user: what each item of his row adds to it.

        userid : int
            The row of user_items.
        user_items : CSR matrix (n, n_items)
        itemid : int
        user_weights : ignored; taken for `implicit`'s sake
        N : int, default=10
            How many contributions to tell.

        Returns (score, contributions, None): contributions is a list of (itemid, contribution) by descending absolute value, and all of them
        sum to the score (1e-6 relative). The third stands where `implicit` returns a factorisation for user_weights.
        """
        model = self._fitted()
        n, d, indptr, indices, data = self._rows(user_items)
        if not 0 <= userid < n:
            raise IndexError(f"userid is {userid}; rows of user_items are 0 to {n - 1}")
        item = int(_ids(itemid, d, "itemid")[0])
        first, last = indptr[userid], indptr[userid + 1]
        row = _merx.Dataset.sparse(1, d, indptr[userid : userid + 2] - first, indices[first:last], data[first:last])
        told = model.explain(row, 0, item)
        return told["score"], [(int(name), part) for name, _, part in told["contributions"][: _count(N, "N")]], None


class _ItemLists(_Recommender):
    @property
    def item_weights_(self):
        """(indptr, indices, data) of a CSR matrix (n_items, n_items): what item j, its row, adds to the scores of the others, largest first."""
        tensors = self._fitted().tensors()
        return tuple(tensors[f"{self._family}.{part}"] for part in ("starts", "items", "weights"))

    def _alike(self, item, d):
        indptr, indices, data = self._lists()
        row = np.full(d, -np.inf)
        mine = slice(indptr[item], indptr[item + 1])
        row[indices[mine]] = data[mine]
        return row

    def _lists(self):
        # Copies of a whole model are made once for each fit, not for each question.
        held = self.__dict__.get("_held")
        if held is None or held[0] is not self._model:
            held = self._held = (self._model, self.item_weights_)
        return held[1]


@_with_options
class ALS(_Recommender):
    """Implicit matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008), as implicit's AlternatingLeastSquares.

    Users are folded in exactly. similar_items: the cosine of the items' factors. Values must be above 0.

    >>> from merx.recommend import ALS
    >>> ALS(factors=8).fit(rows, show_progress=False).recommend(0, rows[0], N=2)[0].shape
    (2,)
    """

    _family = "als"
    _more = {"random_state": None, "num_threads": 0}

    @property
    def item_factors(self):
        """(n_items, factors) of float32."""
        return self._fitted().tensors()["als.item_factors"]

    def _alike(self, item, d):
        held = self.__dict__.get("_held")
        if held is None or held[0] is not self._model:
            factors = self.item_factors.astype(np.float64)
            norms = np.linalg.norm(factors, axis=1, keepdims=True)
            held = self._held = (self._model, factors / np.where(norms > 0, norms, 1))
        return held[1] @ held[1][item]


@_with_options
class EASE(_ItemLists):
    """Linear item-to-item model in closed form (Steck 2019, "Embarrassingly shallow autoencoders for sparse data").

    similar_items: the weight of an item in the scores of the others; below zero it speaks against them.

    >>> from merx.recommend import EASE
    >>> score, parts, _ = EASE(regularization=10).fit(rows).explain(0, rows, itemid=3)
    >>> abs(score - sum(part for _, part in parts)) < 1e-9
    True
    """

    _family = "ease"


@_with_options
class ItemNeighbours(_ItemLists):
    """Item-to-item neighbours by the users they share, as implicit's CosineRecommender, TFIDFRecommender and BM25Recommender.

    similar_items: the similarity. Only items that a neighbour speaks for are recommended.

    >>> from merx.recommend import ItemNeighbours
    >>> ids, similarity = ItemNeighbours(K=5).fit(rows).similar_items(0, N=3)
    >>> len(ids), bool((np.diff(similarity) <= 0).all())
    (3, True)
    """

    _family = "neighbours"
    _names = {"keep": "K"}
    _zero_is_nothing = True
