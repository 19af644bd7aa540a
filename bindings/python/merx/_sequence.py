"""What comes next: a recurrent network over sequences of items, merx.recommend.SequenceRecommender.

Letters: x_k the k-th item of a sequence, h_0 = 0, t an item of the catalogue.

    h_k = GRU(embedding[x_k], h_{k-1}),  score(t) = log softmax(h_m W + b)_t

GRU4Rec (Hidasi et al. 2016; Hidasi & Karatzoglou 2018) as layers of merx's networks. In training each step is an example, whose label is the item that follows. The
network that answers is another one with the same weights: it gives the last step's logits alone, in place of every step's.
"""
import json
import time
import warnings

import numpy as np

from . import _merx
from ._bar import progress_function
from ._base import Estimator, Interval, not_fitted, seed_of
from ._ranking import best, count

_BLOCK_CELLS = 4_000_000  # scores held at a time, 8 bytes each
_WHOLE_SOFTMAX = 2_000  # items up to which "auto" sums over all: sampled softmax looks at 1024 of them in each step
_MOST_ITEMS = 2**24 - 2  # numbers of items reach the network as float32
_MOST_VALIDATION = 2_000  # sequences
_VALIDATION = 1  # what the draw of validation sequences is keyed by, beside the seed


# ---- sequences ----


def _is_item(value):
    return isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0


def _items(flat, name):
    """The items of all sequences as one array of int64 or of text."""
    try:
        array = np.asarray(flat)
    except ValueError:
        array = None
    if array is None or array.ndim != 1:
        raise _merx.InputError(f"{name} has lists within its sequences; a list of sequences, each a list or an array of items, is expected")
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind in "OU":
        strange = [value for value in flat if not isinstance(value, str)]
        if strange:
            odd = next((value for value in strange if not isinstance(value, (int, np.integer))), strange[0])
            raise _merx.InputError(f"{name} has the item {odd!r}; all whole numbers (of 64 bits) or all text are expected")
        return array.astype(str)
    if array.dtype.kind not in "iu" or (array.dtype.kind == "u" and array.max() > np.iinfo(np.int64).max):
        raise _merx.InputError(f"{name} has items of {array.dtype}, {array[0].item()!r} the first; whole numbers or text are expected")
    return array.astype(np.int64)


def _flat(values, name):
    """(starts (n + 1), items) of lists of items, or of a pair (starts, items)."""
    if isinstance(values, tuple) and len(values) == 2 and not any(_is_item(part) for part in values):
        starts, items = (np.asarray(part) for part in values)
        if starts.ndim != 1 or items.ndim != 1 or starts.dtype.kind not in "iu" or len(starts) < 1:
            raise _merx.InputError(f"{name} is a tuple; (starts, items) is expected, two arrays, or a list of sequences")
        starts = starts.astype(np.int64)
        if starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
            raise _merx.InputError(
                f"{name}: starts goes from {starts[0]} to {starts[-1]}; ascending from 0 to {len(items)}, the number of items, is expected"
            )
        return starts, _items(items, name)
    parts = list(values)
    for at, part in enumerate(parts):
        if _is_item(part) or getattr(part, "ndim", 1) != 1:
            what = repr(part) if _is_item(part) else f"an array of {part.ndim} dimensions"
            raise _merx.InputError(f"{name}[{at}] is {what}; a list or an array of items is expected")
    starts = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    parts = [part for part in parts if len(part)]
    if parts and all(isinstance(part, np.ndarray) and part.dtype == parts[0].dtype for part in parts):
        return starts, _items(np.concatenate(parts), name)
    return starts, _items([value for part in parts for value in part], name)


def _check_container(values, name):
    if isinstance(values, (str, bytes, dict, set)) or hasattr(values, "columns") or not hasattr(values, "__len__") or not hasattr(values, "__iter__"):
        raise _merx.InputError(f"{name} is a {type(values).__name__}; a list of sequences is expected, each a list or an array of items")


# ---- the recommender ----


class _Progress:
    """The progress of one fit out of that of its epochs."""

    def __init__(self, told, epochs):
        self._told, self._epochs, self._epoch, self._began = told, epochs, 0, time.monotonic()

    def __call__(self, stage, done, count, unit, elapsed_s, left_s):
        share = (self._epoch + max(done, 0.0)) / self._epochs
        elapsed = time.monotonic() - self._began
        left = elapsed * (1 / share - 1) if share > 0 else -1.0
        self._told(f"epoch {self._epoch + 1}/{self._epochs}", share, count, "sequences", elapsed, left)

    def next_epoch(self):
        self._epoch += 1

    def end(self, count):
        self._told("learnt", 1.0, count, "sequences", time.monotonic() - self._began, 0.0)


class SequenceRecommender(Estimator):
    """What comes next after a sequence of items: a recurrent network (GRU) that ranks the whole catalogue.

    score(t) = log softmax(h W + b)_t, h the GRU's state after the items' embeddings: the log of the probability that the network gives t as the next item. It
    is learnt by cross-entropy of each next item, by Adam. GRU4Rec: Hidasi et al. 2016, Hidasi & Karatzoglou 2018.

    units : int, default=64
        Numbers of the GRU's state.
    embedding : int, default=64
        Numbers that an item is described with.
    epochs : int, default=20
        Most passes over all sequences.
    learning_rate : float, default=0.01
        Of Adam.
    batch_size : int, default=128
        Sequences (or pieces of them) in a step.
    dropout : float, default=0.3
        Share of the embeddings' and of the state's numbers that are set to zero while learning, [0, 1).
    max_length : int, default=50
        The last so many items of a sequence are looked at; longer ones are learnt in pieces.
    loss : {"auto", "softmax", "sampled_softmax"}, default="auto"
        Over the whole catalogue, or over the right item and 1024 drawn by popularity in each step (Bengio & Senecal 2008). "auto": sampled for more than 2000
        items.
    validation_fraction : float, default=0.1
        Of this share of sequences, at most 2000, the last item is not learnt but ranked after each epoch; 0: none, and all epochs are made.
    patience : int, default=3
        Ends when the mean reciprocal rank of those items has not risen for so many epochs (nor, at the same rank, their probability); the weights of the best
        epoch are kept.
    random_state : int, RandomState, Generator or None, default=None
        Of initial weights, order, dropout, drawn items and who is held out; None is 0: the same data and parameters give the same bits.
    num_threads : int, default=0
        0: all cores. Results do not depend on it.

    Attributes
    ----------
    items_ : (n_items)
        The catalogue, ascending: int64 or text, as the sequences had it.
    n_items_ : int · n_iter_ : int, epochs that were made · best_epoch_ : int, from 1
    history_ : dict of lists, one number an epoch: "loss", and with validation "validation_loss", "mrr" (reciprocal rank over the full catalogue), "hit_rate_10"

    Cost: a step of training goes over all weights, n_items (embedding + units) and more, and all rows of its batch are as long as the longest sequence or
    max_length: a smaller max_length is faster where most sequences are short. Memory: about four times the weights, in float32.

    >>> from merx.recommend import SequenceRecommender
    >>> sequences = [["tea", "cup", "kettle"], ["cup", "kettle", "sugar"], ["kettle", "sugar", "tea"], ["sugar", "tea", "cup"]] * 25
    >>> model = SequenceRecommender(units=8, embedding=8, epochs=60, dropout=0).fit(sequences)
    >>> ids, scores = model.recommend(["tea", "cup"], N=2)
    >>> ids.tolist()
    ['kettle', 'sugar']
    >>> bool(scores[0] > -0.1)           # nearly sure
    True
    """

    _constraints = {
        "units": [Interval(int, 1, 4096)], "embedding": [Interval(int, 1, 4096)], "epochs": [Interval(int, 1, 100000)],
        "learning_rate": [Interval(float, 0, 10, open_low=True)], "batch_size": [Interval(int, 1, 2**20)],
        "dropout": [Interval(float, 0, 1, open_high=True)], "max_length": [Interval(int, 1, 100000)],
        "loss": [{"auto", "softmax", "sampled_softmax"}], "validation_fraction": [Interval(float, 0, 1, open_high=True)],
        "patience": [Interval(int, 1, None)], "random_state": ["random_state"], "num_threads": [Interval(int, 0, 2**15)],
    }

    def __init__(
        self, units=64, embedding=64, epochs=20, learning_rate=0.01, batch_size=128, dropout=0.3, max_length=50, loss="auto", validation_fraction=0.1,
        patience=3, random_state=None, num_threads=0,
    ):
        self.units = units
        self.embedding = embedding
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.dropout = dropout
        self.max_length = max_length
        self.loss = loss
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.random_state = random_state
        self.num_threads = num_threads

    # ---- state ----

    def __getstate__(self):
        # The network goes as the bytes of its file: data, which nothing executes on loading.
        state = dict(self.__dict__)
        if "_network" in state:
            state["_network"] = state["_network"].to_bytes()
        return state

    def __setstate__(self, state):
        state = dict(state)
        if "_network" in state:
            network = _merx.Network.from_bytes(state["_network"])
            if network.nodes()[-1][2] != (len(state["items_"]),):
                raise _merx.InputError(f"the network has outputs {network.nodes()[-1][2]}; {len(state['items_'])}, one for each item, are expected")
            state["_network"] = network
        self.__dict__.update(state)

    def _is_fitted(self):
        return "_network" in self.__dict__

    def _fitted(self):
        if not self._is_fitted():
            raise not_fitted(self)
        return self._network

    @property
    def n_items_(self):
        """Items of the catalogue."""
        self._fitted()
        return len(self.items_)

    # ---- fit ----

    def fit(self, sequences, y=None, show_progress=True):
        """Learns what follows what.

        sequences : list of sequences, or (starts, items)
            Each a list or an array of items in their order: whole numbers, or text. As a pair of arrays: sequence i is items[starts[i]:starts[i + 1]], starts
            (n + 1) from 0 to len(items).
        y : ignored; taken for scikit-learn's sake
        show_progress : bool or callable, default=True
            True: a bar on a terminal; a callable gets (stage, done, count, unit, elapsed_s, left_s).

        Returns self. Sequences of no item or of one teach nothing, but how often there is which item. A fit that fails or is interrupted keeps what was
        learnt before.
        Raises merx.InputError (a ValueError) for items that are neither whole numbers nor text, and when no sequence has two items.
        """
        self._validate_params()
        _check_container(sequences, "sequences")
        starts, flat = _flat(sequences, "sequences")
        lengths = np.diff(starts)
        if not (lengths > 1).any():
            raise _merx.InputError(f"there is nothing to learn from: none of the {len(lengths)} sequences has two items")
        items, codes = np.unique(flat, return_inverse=True)
        codes = codes.reshape(-1).astype(np.int32)
        if not 2 <= len(items) <= _MOST_ITEMS:
            raise _merx.InputError(f"sequences has {len(items)} different items; 2 to {_MOST_ITEMS} are expected")
        seed, told = seed_of(self.random_state), progress_function(show_progress)
        held = self._held_out(lengths, seed)
        ends = starts[1:].copy()
        ends[held] -= 1
        steps = int(min(self.max_length, lengths.max() - 1))
        x, labels = _pieces(starts[:-1], ends, codes, steps)
        if len(x) == 0:  # all that could be learnt from was held out
            held, ends = held[:0], starts[1:]
            x, labels = _pieces(starts[:-1], ends, codes, steps)
        shares = np.bincount(codes, minlength=len(items)) + 1.0
        learner, network = self._networks(len(items), steps, seed)
        validation = (_last(starts[held], ends[held], codes, steps), codes[ends[held]]) if len(held) else None
        history, best_epoch = self._learn(learner, network, x, labels, validation, _Progress(told, self.epochs) if told else None)
        self.items_, self._shares, self._steps, self._network = items, np.log(shares / shares.sum()), steps, network
        self.history_, self.n_iter_, self.best_epoch_ = history, len(history["loss"]), best_epoch
        return self

    def _held_out(self, lengths, seed):
        """Sequences whose last item is not learnt, ascending."""
        able = np.flatnonzero(lengths > 1)
        n = min(int(self.validation_fraction * len(able)), _MOST_VALIDATION)
        return np.sort(np.random.default_rng([seed, _VALIDATION]).permutation(able)[:n])

    def _networks(self, items, steps, seed):
        """One to learn with, one to answer with."""
        embedding = {"layer": "embedding", "vocabulary": items + 1, "units": int(self.embedding), "mask_zero": True}
        gru, dense = {"layer": "gru", "units": int(self.units)}, {"layer": "dense", "units": items}
        whole = self.loss == "softmax" or (self.loss == "auto" and items <= _WHOLE_SOFTMAX)
        dropout = [{"layer": "dropout", "rate": float(self.dropout)}] if self.dropout > 0 else []
        layers = [embedding, *dropout, gru | {"return_sequences": True}, *dropout, dense | ({"activation": "softmax"} if whole else {})]
        learner, network = (
            _merx.Network(json.dumps({"input": [steps], "layers": made}), seed=seed) for made in (layers, [embedding, gru, dense])
        )
        learner.compile("categorical_crossentropy" if whole else "sampled_softmax", optimizer="adam", learning_rate=float(self.learning_rate))
        return learner, network

    def _learn(self, learner, network, x, labels, validation, told):
        """Epoch by epoch; the answering network has the best weights in the end. (history, best epoch)."""
        history = {"loss": []} | ({"validation_loss": [], "mrr": [], "hit_rate_10": []} if validation is not None else {})
        best_epoch, best_weights, best_found = 0, None, None
        for epoch in range(1, self.epochs + 1):
            [(loss, *_)] = learner.fit(x, labels=labels, epochs=1, batch_size=min(int(self.batch_size), len(x)), threads=self.num_threads, progress=told)
            if told:
                told.next_epoch()
            history["loss"].append(loss)
            weights = [learner.get_weight(i) for i in range(len(learner.weights()))]
            for i, values in enumerate(weights):
                network.set_weight(i, values)
            if validation is None:
                best_epoch = epoch
                continue
            ranks, losses = self._ranks(network, *validation)
            history["validation_loss"].append(float(losses.mean()))
            history["mrr"].append(float((1 / ranks).mean()))
            history["hit_rate_10"].append(float((ranks <= 10).mean()))
            # Ranks and not the loss, which rises again long before they are at their best where items are many and events few; it decides between equal ranks.
            found = (history["mrr"][-1], -history["validation_loss"][-1])
            if best_found is None or found > best_found:
                best_epoch, best_weights, best_found = epoch, weights, found
            elif epoch - best_epoch >= self.patience:
                break
        for i, values in enumerate(best_weights or ()):
            network.set_weight(i, values)
        if told:
            told.end(len(x))
        return history, best_epoch

    def _ranks(self, network, x, right):
        """Of the right item: the rank among all, from 1, ties count half; and minus the log of its probability."""
        ranks, losses = np.empty(len(x)), np.empty(len(x))
        items = network.nodes()[-1][2][0]
        step = max(1, _BLOCK_CELLS // items)
        for at in range(0, len(x), step):
            scores = network.predict(x[at : at + step], threads=self.num_threads)
            own = np.take_along_axis(scores, right[at : at + step, None], 1)
            ranks[at : at + step] = 1 + (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
            losses[at : at + step] = np.log(np.exp(scores.astype(np.float64) - own).sum(axis=1))
        return ranks, losses

    # ---- asking ----

    def _known(self, flat, name):
        """Items as their places in items_, -1: not known."""
        if len(flat) == 0:
            return np.empty(0, np.int64)
        if flat.dtype.kind != self.items_.dtype.kind:
            words = {"i": "whole numbers", "U": "text"}
            raise _merx.InputError(f"{name} has items of {words[flat.dtype.kind]}; the model was fitted on {words[self.items_.dtype.kind]}")
        at = np.minimum(np.searchsorted(self.items_, flat), len(self.items_) - 1)
        return np.where(self.items_[at] == flat, at, -1)

    def _asked(self, sequences, name="sequences"):
        """(whether it is one sequence, starts, places) without the items that are not known, of which a warning tells."""
        _check_container(sequences, name)
        if isinstance(sequences, np.ndarray) and sequences.dtype != object:
            single = sequences.ndim == 1
        else:
            single = all(_is_item(value) for value in sequences)
        starts, flat = _flat([sequences] if single else sequences, name)
        places = self._known(flat, name)
        there = places >= 0
        if not there.all():
            warnings.warn(
                f"{len(there) - there.sum()} of {len(there)} items are not in the catalogue of the fit ({flat[~there][0].item()!r} the first); they are passed over",
                UserWarning, stacklevel=3,
            )
            starts = np.concatenate([[0], np.cumsum(there)])[starts]
        return single, starts, places[there]

    def _log_probabilities(self, starts, places):
        """(n, n_items) after each sequence; of an empty one by popularity."""
        x = _last(starts[:-1], starts[1:], places, self._steps)
        logits = self._network.predict(x, threads=self.num_threads).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        logits[np.diff(starts) == 0] = self._shares
        return logits

    def _ids(self, values, name):
        """Places in items_ of what a question names."""
        array = np.atleast_1d(np.asarray(values))
        places = self._known(_items(array, name), name)
        if (places < 0).any():
            raise _merx.NotFoundError(f"{name}: item {array[places < 0][0].item()!r} is not in the catalogue of the fit, which has {len(self.items_)} items")
        return places

    def _left_out(self, filter_items, items):
        if filter_items is not None and items is not None:
            raise _merx.InputError("filter_items and items can't both be given")
        left_out = np.full(len(self.items_), items is not None)
        if filter_items is not None:
            left_out[self._ids(filter_items, "filter_items")] = True
        if items is not None:
            left_out[self._ids(items, "items")] = False
        return left_out

    def _named(self, places, scores, single):
        """Places in items_ as items: where there is none, -1 or "" with the score -inf."""
        if single:
            there = places[0] >= 0
            return self.items_[places[0][there]], scores[0][there]
        nothing = -1 if self.items_.dtype.kind == "i" else ""
        return np.where(places >= 0, self.items_[places], nothing), scores

    def recommend(self, sequences, N=10, filter_already_liked_items=True, filter_items=None, items=None):
        """The items that are most likely to come next.

        sequences : a sequence, a list of sequences, or (starts, items)
            As in fit; a list of items alone, [] too, is one sequence. A sequence of no item, or of none that is known, is answered by popularity. Items that
            were not in the fit are passed over, with a UserWarning.
        N : int, default=10
            How many items, at most as many as there are.
        filter_already_liked_items : bool, default=True
            Leave out what a sequence holds; False where the same item may well come again.
        filter_items : array of items, optional
            Leave out these.
        items : array of items, optional
            Rank these alone; not together with filter_items.

        Returns (ids, scores): items as they were in fit, and float64 log probabilities, (N,) for one sequence, else (n, N); best first, ties to the lower
        item. Where fewer are left, the one sequence's are shorter, and rows end with id -1 (or "") and score -inf.
        Raises NotFittedError, merx.InputError, merx.NotFoundError (a LookupError) for filter_items and items that are not in the catalogue.
        """
        self._fitted()
        single, starts, places = self._asked(sequences)
        n, d = len(starts) - 1, len(self.items_)
        N = min(count(N, "N"), d)
        left_out = self._left_out(filter_items, items)
        ids, scores = np.full((n, N), -1, np.int64), np.full((n, N), -np.inf)
        step = max(1, _BLOCK_CELLS // d)
        for first in range(0, n, step):
            last = min(first + step, n)
            block = self._log_probabilities(starts[first : last + 1], places)
            block[:, left_out] = -np.inf
            for row, at in zip(block, range(first, last)):
                if filter_already_liked_items:
                    row[places[starts[at] : starts[at + 1]]] = -np.inf
                top = best(row, N)
                ids[at, : len(top)], scores[at, : len(top)] = top, row[top]
        return self._named(ids, scores, single)

    def similar_items(self, itemid, N=10, filter_items=None, items=None):
        """The items most like one, or like each of several, by the cosine of their embeddings; the item itself is not among them.

        itemid : item or array of items
        N : int, default=10
        filter_items, items : array of items, optional
            Leave out these; or rank these alone.

        Returns (ids, scores) as `recommend` does.
        """
        network = self._fitted()
        wanted = self._ids(itemid, "itemid")
        N, left_out = min(count(N, "N"), len(self.items_)), self._left_out(filter_items, items)
        vectors = network.get_weight(0)[1:].astype(np.float64)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(norms > 0, norms, 1)
        ids, scores = np.full((len(wanted), N), -1, np.int64), np.full((len(wanted), N), -np.inf)
        for at, item in enumerate(wanted):
            row = vectors @ vectors[item]
            row[left_out] = -np.inf
            row[item] = -np.inf
            top = best(row, N)
            ids[at, : len(top)], scores[at, : len(top)] = top, row[top]
        return self._named(ids, scores, np.ndim(itemid) == 0)

    def explain(self, sequence, itemid, N=None):
        """Why an item has its score after a sequence: by how much each event changed it.

        sequence : list or array of items, or (starts, items) of one
            The last max_length of them are looked at.
        itemid : item
        N : int, optional
            How many contributions to tell; all of them without it.

        Returns (score, contributions, base): contributions is a list of (item, contribution) by descending absolute value, ties in the order of the
        sequence. base, the log of the item's share of all events, and all contributions sum to the score.

        >>> score, parts, base = sequence_model.explain([3, 4], 5)
        >>> abs(base + sum(part for _, part in parts) - score) < 1e-9
        True
        """
        self._fitted()
        most = None if N is None else count(N, "N")
        item = int(self._ids([itemid], "itemid")[0])
        single, starts, places = self._asked(sequence, "sequence")
        if not single and len(starts) != 2:
            raise _merx.InputError(f"sequence holds {len(starts) - 1} sequences; one is expected")
        places = places[-self._steps :]
        lengths = np.arange(len(places) + 1)
        ends = np.cumsum(lengths)
        prefixes = np.concatenate([places[:n] for n in lengths]) if len(places) else places
        told = self._log_probabilities(np.concatenate([[0], ends]), prefixes)[:, item]
        parts = [(self.items_[place].item(), float(part)) for place, part in zip(places, np.diff(told))]
        return float(told[-1]), sorted(parts, key=lambda one: -abs(one[1]))[:most], float(told[0])


def _pieces(starts, ends, codes, steps):
    """Rows of `steps` items, codes + 1 and 0 behind the last, and what follows each, -1 behind the last."""
    lengths = np.maximum(ends - starts - 1, 0)  # with a follower
    counts = -(-lengths // steps)
    first = np.repeat(starts, counts) + (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)) * steps
    left = np.repeat(ends - 1, counts) - first
    at = first[:, None] + np.arange(steps)
    there = np.arange(steps) < left[:, None]
    at = np.where(there, at, 0)
    x = np.where(there, codes[at] + 1, 0).astype(np.float32)
    return x, np.where(there, codes[np.minimum(at + 1, len(codes) - 1)], -1).astype(np.int32)


def _last(starts, ends, codes, steps):
    """The last `steps` items of each sequence, codes + 1, as rows with 0 behind the last one."""
    first = np.maximum(starts, ends - steps)
    there = np.arange(steps) < (ends - first)[:, None]
    if len(codes) == 0:
        return np.zeros(there.shape, np.float32)
    at = np.where(there, first[:, None] + np.arange(steps), 0)
    return np.where(there, codes[at] + 1, 0).astype(np.float32)
