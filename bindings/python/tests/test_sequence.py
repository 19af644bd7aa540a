"""merx.recommend.SequenceRecommender: a chain whose best prediction is known, real sequences, and everything that can be asked wrongly."""
import copy
import doctest
import gzip
import pickle
import threading
import warnings

import numpy as np
import pytest

import merx
import merx._sequence as module
from merx.recommend import SequenceRecommender

ITEMS = 40


@pytest.fixture(scope="module")
def chain():
    """(transition probabilities, sequences to learn (800, 12), sequences to ask (800, 12))."""
    random = np.random.default_rng(3)
    p = random.dirichlet(np.full(ITEMS, 0.03), ITEMS)
    cumulative = np.cumsum(p, axis=1)

    def draw(n, m):
        x = np.empty((n, m), int)
        x[:, 0] = random.integers(ITEMS, size=n)
        for t in range(1, m):
            x[:, t] = np.minimum((cumulative[x[:, t - 1]] < random.random(n)[:, None]).sum(axis=1), ITEMS - 1)
        return x

    return p, draw(800, 12), draw(800, 12)


@pytest.fixture(scope="module")
def model(chain):
    return SequenceRecommender(units=32, embedding=32, random_state=1).fit(chain[1])


def small(**params):
    return SequenceRecommender(**({"units": 8, "embedding": 8, "epochs": 3, "validation_fraction": 0} | params))


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b))


# ---- how good it is ----


def test_finds_the_next_item_of_a_chain(chain, model):
    p, learnt, asked = chain
    ids, scores = model.recommend(asked[:, :-1], N=5, filter_already_liked_items=False)
    assert ids.shape == scores.shape == (800, 5) and scores.dtype == np.float64 and (np.diff(scores) <= 0).all()
    right = asked[:, -1]
    hit, reachable = (ids[:, 0] == right).mean(), p[asked[:, -2]].max(axis=1).mean()
    popular = np.bincount(learnt.ravel()).argmax()
    assert hit > 0.93 * reachable, (hit, reachable)
    assert hit > 3 * (right == popular).mean()
    # Scores are log probabilities, near those of the chain.
    assert np.abs(np.exp(scores[:, 0]) - np.take_along_axis(p[asked[:, -2]], ids[:, :1], 1)[:, 0]).mean() < 0.1


@pytest.mark.parametrize("loss", ["softmax", "sampled_softmax"])
def test_both_losses_and_long_dependence(loss):
    """What comes third depends on the first, not on the second: more than transitions know."""
    random = np.random.default_rng(0)
    first = random.integers(20, size=600)
    sequences = np.stack([first, 20 + random.integers(5, size=600), 25 + first], axis=1)
    model = SequenceRecommender(units=32, embedding=32, epochs=40, loss=loss, dropout=0.1, batch_size=32, validation_fraction=0).fit(sequences)
    asked = np.stack([np.arange(20), 20 + np.arange(20) % 5], axis=1)
    assert (model.recommend(asked, N=1)[0][:, 0] == 25 + np.arange(20)).mean() > 0.9


def test_beats_popularity_on_real_sequences(real_data):
    path = real_data / "amazon-beauty-seq" / "beauty.txt.gz"
    if not path.exists():
        pytest.skip("MERX_DATA has no amazon-beauty-seq")
    with gzip.open(path) as file:
        users, items = np.loadtxt(file, dtype=np.int64).T
    sample = np.isin(users, np.random.default_rng(0).permutation(np.unique(users))[:4000])
    users, items = users[sample], items[sample]
    sequences = np.split(items, np.flatnonzero(np.diff(users)) + 1)
    learnt, right = [s[:-1] for s in sequences], np.array([s[-1] for s in sequences])
    model = SequenceRecommender(units=32, embedding=32, epochs=12, max_length=10, random_state=1, validation_fraction=0).fit(learnt)
    ids, _ = model.recommend(learnt)
    hit = (ids == right[:, None]).any(axis=1).mean()
    found, counts = np.unique(np.concatenate(learnt), return_counts=True)
    by_count = found[np.argsort(-counts, kind="stable")]
    popular = np.mean([r in [i for i in by_count[: 10 + len(s)] if i not in s][:10] for s, r in zip(learnt, right)])
    print(f"HR@10 {hit:.4f}, popularity {popular:.4f}, {model.n_items_} items")
    assert hit > 1.4 * popular > 0, (hit, popular)


# ---- the fit ----


def test_validation_stops_and_keeps_the_best(chain):
    learnt = chain[1][:300]
    model = SequenceRecommender(units=16, embedding=16, epochs=60, patience=2, learning_rate=0.03).fit(learnt)
    mrr = model.history_["mrr"]
    assert model.n_iter_ == len(mrr) == len(model.history_["loss"]) == len(model.history_["hit_rate_10"]) < 60
    assert max(mrr) == mrr[model.best_epoch_ - 1] and model.best_epoch_ == model.n_iter_ - 2
    # The weights kept are those of a fit that ends there.
    shorter = SequenceRecommender(units=16, embedding=16, epochs=model.best_epoch_, patience=99, learning_rate=0.03).fit(learnt)
    assert same(model.recommend(learnt), shorter.recommend(learnt))
    # What was held out was not learnt: the last items of a tenth, drawn by the seed.
    held = model._held_out(np.full(300, 12), 0)
    assert len(held) == 30 and len(np.unique(held)) == 30 and not np.array_equal(held, model._held_out(np.full(300, 12), 1))
    changed = learnt.copy()
    changed[held, -1] = 0
    other = SequenceRecommender(units=16, embedding=16, epochs=2, patience=99).fit(changed)
    assert other.history_["loss"] == SequenceRecommender(units=16, embedding=16, epochs=2, patience=99).fit(learnt).history_["loss"]
    # Where every rank is right at once, probabilities still rise.
    cycle = [[i % 5, (i + 1) % 5, (i + 2) % 5] for i in range(100)]
    sure = SequenceRecommender(units=8, embedding=8, epochs=40, dropout=0).fit(cycle)
    assert sure.history_["mrr"].count(1.0) > 10 and sure.n_iter_ == 40 and sure.history_["validation_loss"][-1] < 0.2
    assert "mrr" not in small().fit(learnt).history_ and small().fit(learnt).best_epoch_ == 3


def test_same_bits(chain):
    learnt = chain[1][:200]
    a = small(random_state=4, num_threads=1).fit(learnt)
    wanted = a.recommend(learnt)
    for params in ({"num_threads": 2}, {"num_threads": 0}):
        assert same(wanted, small(random_state=4, **params).fit(learnt).recommend(learnt))
    assert not same(wanted, small(random_state=5).fit(learnt).recommend(learnt))
    assert same(small().fit(learnt).recommend(learnt), small(random_state=0).fit(learnt).recommend(learnt))
    seeded = [small(random_state=np.random.RandomState(2)).fit(learnt).recommend(learnt) for _ in range(2)]
    assert same(*seeded)
    # Twice the same object is once.
    assert same(a.fit(learnt).recommend(learnt), wanted)


def test_parameters_matter(chain):
    learnt = chain[1][:200]
    plain = small().fit(learnt).recommend(learnt)[1]
    for name, value in (("units", 9), ("embedding", 9), ("epochs", 4), ("learning_rate", 0.02), ("batch_size", 64), ("dropout", 0.0), ("max_length", 4),
                        ("loss", "sampled_softmax"), ("validation_fraction", 0.5)):
        assert not np.array_equal(plain, small(**{name: value}).fit(learnt).recommend(learnt)[1]), name


def test_pieces():
    starts, codes = np.array([0, 5, 6, 6, 9]), np.arange(9)
    x, y = module._pieces(starts[:-1], starts[1:], codes, 3)
    assert x.tolist() == [[1, 2, 3], [4, 0, 0], [7, 8, 0]] and y.tolist() == [[1, 2, 3], [4, -1, -1], [7, 8, -1]]
    assert x.dtype == np.float32 and y.dtype == np.int32
    last = module._last(starts[:-1], starts[1:], codes, 3)
    assert last.tolist() == [[3, 4, 5], [6, 0, 0], [0, 0, 0], [7, 8, 9]]
    # Every event but a sequence's first is a label once, whatever the length of pieces.
    random = np.random.default_rng(1)
    lengths = random.integers(0, 12, 200)
    starts = np.r_[0, np.cumsum(lengths)]
    codes = np.arange(starts[-1])
    for steps in (1, 2, 5, 20):
        x, y = module._pieces(starts[:-1], starts[1:], codes, steps)
        assert np.array_equal(np.sort(y[y >= 0]), np.setdiff1d(codes, starts[:-1]))
        assert (x[y >= 0] == y[y >= 0]).all() and (x[y < 0] == 0).all()


def test_input_forms(chain, model):
    learnt = chain[1][:60]
    ragged = [list(s[: 2 + i % 9]) for i, s in enumerate(learnt.tolist())]
    starts = np.r_[0, np.cumsum([len(s) for s in ragged])]
    flat = np.concatenate(ragged)
    wanted = small().fit(ragged).recommend(ragged)
    for form in ((starts, flat), (starts.astype(np.int32), flat.astype(np.uint8)), [np.array(s) for s in ragged], [tuple(s) for s in ragged],
                 np.array([np.array(s) for s in ragged] + [None], dtype=object)[:-1], ragged + [[], [3]]):
        assert same(wanted, [part[:60] for part in small().fit(form if len(form) != 62 else ragged).recommend(form)])
    words = [[f"item {i:02d}" for i in s] for s in ragged]
    fitted = small().fit(words)
    ids, scores = fitted.recommend(words)
    assert fitted.items_.dtype.kind == "U" and np.array_equal(scores, wanted[1])
    assert ids.tolist() == [[f"item {i:02d}" if i >= 0 else "" for i in row] for row in wanted[0].tolist()]
    pandas = pytest.importorskip("pandas")
    assert same(wanted, small().fit(pandas.Series(ragged)).recommend(pandas.Series(ragged)))
    assert same(model.recommend(pandas.Series(ragged[0])), model.recommend(ragged[0]))


# ---- asking ----


def test_one_and_many(chain, model):
    asked = chain[2][:5, :6]
    many, scores = model.recommend(asked, N=3)
    for form in (asked[2], asked[2].tolist(), tuple(asked[2].tolist())):
        ids, values = model.recommend(form, N=3)
        assert ids.shape == (3,) and np.array_equal(ids, many[2]) and np.array_equal(values, scores[2])
    assert model.recommend([asked[2]], N=3)[0].shape == (1, 3)
    assert not set(many[2]) & set(asked[2].tolist())
    assert model.recommend(asked, N=1000)[0].shape == (5, ITEMS)
    ids, scores = model.recommend(asked, N=1000)
    held = [len(set(s)) for s in asked.tolist()]
    assert ((ids == -1).sum(axis=1) == held).all() and ((scores == -np.inf) == (ids == -1)).all()
    assert len(model.recommend(asked[0], N=1000)[0]) == ITEMS - held[0]
    ids, _ = model.recommend(asked, N=ITEMS, filter_already_liked_items=False)
    assert (np.sort(ids, axis=1) == np.arange(ITEMS)).all()
    assert set(model.recommend(asked[0], items=[3, 9, 5], filter_already_liked_items=False)[0]) == {3, 5, 9}
    assert not set(model.recommend(asked[0], N=ITEMS, filter_items=[3, 9])[0]) & {3, 9}


def test_scores_are_log_probabilities(chain, model, monkeypatch):
    asked = chain[2][:30, :6]
    ids, scores = model.recommend(asked, N=ITEMS, filter_already_liked_items=False)
    assert np.allclose(np.exp(scores).sum(axis=1), 1, atol=1e-9)
    monkeypatch.setattr(module, "_BLOCK_CELLS", 100)
    assert np.array_equal(ids, model.recommend(asked, N=ITEMS, filter_already_liked_items=False)[0])


def test_only_the_last_items_are_looked_at(chain):
    model = small(max_length=4).fit(chain[1][:100])
    long, short = model.recommend(chain[2][0], filter_already_liked_items=False), model.recommend(chain[2][0][-4:], filter_already_liked_items=False)
    assert same(long, short)
    assert not set(model.recommend(chain[2][0], N=ITEMS)[0]) & set(chain[2][0])  # what was had long ago is left out all the same


def test_nothing_known_is_answered_by_popularity(chain, model):
    counts = np.bincount(chain[1].ravel(), minlength=ITEMS)
    ids, scores = model.recommend([], N=ITEMS)
    assert np.array_equal(ids, np.argsort(-counts, kind="stable")) and np.allclose(np.exp(scores).sum(), 1)
    with pytest.warns(UserWarning, match="2 of 2 items are not in the catalogue"):
        assert np.array_equal(model.recommend([1000, -7], N=ITEMS)[0], ids)
    with pytest.warns(UserWarning, match="1 of 3 .*1000"):
        assert same(model.recommend([5, 1000, 6]), model.recommend([5, 6]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(model.recommend([[3], []], N=ITEMS)[0][1], ids)


def test_similar_items(model):
    vectors = model._network.get_weight(0)[1:].astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = vectors @ vectors.T
    ids, scores = model.similar_items(7, N=6)
    assert 7 not in ids and np.allclose(scores, cosine[7][ids]) and np.allclose(scores, np.sort(np.delete(cosine[7], 7))[::-1][:6])
    assert model.similar_items([7, 9], N=4)[0].shape == (2, 4)
    assert set(model.similar_items(7, items=[1, 2])[0]) == {1, 2}


def test_explanations_add_up(chain, model):
    for sequence in chain[2][:5, :9]:
        ids, scores = model.recommend(sequence, N=2)
        score, parts, base = model.explain(sequence, ids[0])
        assert score == pytest.approx(scores[0], abs=1e-5) and base + sum(p for _, p in parts) == pytest.approx(score, rel=1e-9)
        assert sorted(item for item, _ in parts) == sorted(sequence.tolist())
        assert [abs(p) for _, p in parts] == sorted((abs(p) for _, p in parts), reverse=True)
        assert len(model.explain(sequence, ids[0], N=2)[1]) == 2
        # The last item decides in a chain.
        before = model.explain(sequence[:-1], ids[0])[0]
        assert any(item == sequence[-1] and part == pytest.approx(score - before, abs=1e-5) for item, part in parts)
    score, parts, base = model.explain([], 3)
    assert parts == [] and score == base


# ---- parameters and state ----


def test_parameters(chain):
    model = SequenceRecommender()
    assert repr(model) == "SequenceRecommender()" and repr(SequenceRecommender(units=9)) == "SequenceRecommender(units=9)"
    assert model.set_params(units=3) is model and model.get_params()["units"] == 3
    with pytest.raises(ValueError, match="nothing"):
        model.set_params(nothing=1)
    with pytest.raises(TypeError):
        SequenceRecommender(nothing=1)
    for name, values in {
        "units": (0, 2.5, "x", None, True), "embedding": (0,), "epochs": (0, -1), "learning_rate": (0, -1, np.nan, "x"), "batch_size": (0,),
        "dropout": (-0.1, 1, np.nan), "max_length": (0,), "loss": ("bpr", None), "validation_fraction": (-0.1, 1.0, np.nan), "patience": (0,),
        "random_state": (-1, "x"), "num_threads": (-1, None),
    }.items():
        for value in values:
            with pytest.raises(ValueError, match=name):
                small(**{name: value}).fit(chain[1])
    sklearn = pytest.importorskip("sklearn.base")
    assert sklearn.clone(small()).get_params() == small().get_params()


def test_pickle_is_data(chain, model):
    asked = chain[2][:20, :6]
    wanted = model.recommend(asked)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert same(other.recommend(asked), wanted) and other.get_params() == model.get_params() and other.history_ == model.history_
    assert isinstance(model.__getstate__()["_network"], bytes)
    with pytest.raises(merx.NotFittedError):
        pickle.loads(pickle.dumps(small())).recommend([1])
    state = model.__getstate__()
    with pytest.raises(merx.Error):
        SequenceRecommender.__new__(SequenceRecommender).__setstate__(state | {"_network": state["_network"][:-9]})
    with pytest.raises(merx.InputError, match="outputs"):
        SequenceRecommender.__new__(SequenceRecommender).__setstate__(state | {"items_": state["items_"][:-1]})


def test_bad_input(chain, model):
    for bad, words in (
        ("text", "list of sequences"), ({1: [2, 3]}, "list of sequences"), (5, "list of sequences"), (iter([[1, 2]]), "list of sequences"),
        ([1, 2, 3], r"sequences\[0\] is 1"), ([[1, 2], 3], r"sequences\[1\] is 3"), (["ab", "cd"], r"sequences\[0\] is 'ab'"),
        ([[1.5, 2.0]], "float64"), ([[True, False]], "bool"), ([[1, "a"]], "1"), ([[1, None]], "None"), ([[[1], [2]]], "lists within"), ([[1, [2]]], "lists within"),
        ([np.ones((2, 2), int)], "2 dimensions"), ([[2**70, 1]], "64 bits"), ([np.array([2**63, 1], np.uint64)], "uint64"),
        ([], "nothing to learn"), ([[]], "nothing to learn"), ([[1], [2]], "none of the 2"), ([[4, 4, 4]], "1 different"),
        ((np.array([0, 2]), np.array([1, 2, 3])), "starts"), ((np.array([1, 3]), np.array([1, 2, 3])), "starts"),
        ((np.array([0, 3, 1, 3]), np.array([1, 2, 3])), "starts"), ((np.array([0.0, 3.0]), np.array([1, 2, 3])), "starts"),
    ):
        with pytest.raises(merx.InputError, match=words):
            small().fit(bad)
    for ask in (lambda m: m.recommend([1]), lambda m: m.similar_items(1), lambda m: m.explain([1], 1), lambda m: m.n_items_):
        with pytest.raises(merx.NotFittedError):
            ask(small())
    for call, error, words in (
        (lambda: model.recommend(["a"]), merx.InputError, "items of text"),
        (lambda: model.recommend([1.5]), merx.InputError, "float64"),
        (lambda: model.recommend([1], N=0), merx.InputError, "N is 0"),
        (lambda: model.recommend([1], items=[1], filter_items=[2]), merx.InputError, "both"),
        (lambda: model.recommend([1], items=[400]), LookupError, "item 400"),
        (lambda: model.recommend([1], filter_items=["a"]), merx.InputError, "text"),
        (lambda: model.similar_items(400), merx.NotFoundError, "item 400"),
        (lambda: model.explain([1], 400), LookupError, "item 400"),
        (lambda: model.explain([[1], [2]], 4), merx.InputError, "one is expected"),
    ):
        with pytest.raises(error, match=words):
            call()


def test_a_fit_that_ends_early_keeps_the_old_state(chain):
    model = small().fit(chain[1][:100])
    wanted, told = model.recommend(chain[2][:9]), []

    def stop(stage, done, *more):
        told.append((stage, done))
        if done > 0.4:
            raise KeyError("enough")

    with pytest.raises(KeyError):
        model.set_params(units=16, epochs=10).fit(chain[1], show_progress=stop)
    assert same(model.recommend(chain[2][:9]), wanted)
    with pytest.raises(merx.InputError):
        model.fit([[1.5, 2]])
    assert same(model.recommend(chain[2][:9]), wanted)
    assert [d for _, d in told] == sorted(d for _, d in told) and told[0][0] == "epoch 1/10"
    told.clear()
    small().fit(chain[1][:100], show_progress=lambda *a: told.append(a))
    assert told[-1][:2] == ("learnt", 1.0) and all(0 <= a[1] <= 1 for a in told) and all(len(a) == 6 for a in told)


def test_many_threads_ask_at_once(chain, model):
    asked = chain[2][:200, :6]
    wanted, equal = model.recommend(asked), []
    threads = [threading.Thread(target=lambda: equal.append(same(model.recommend(asked), wanted))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert equal == [True] * 8


def test_docstrings(model):
    result = doctest.testmod(module, extraglobs={"sequence_model": model})
    assert result.attempted > 5 and result.failed == 0
