"""merx.recommend against closed forms and plain NumPy."""
import doctest
import inspect
import pickle
import threading

import numpy as np
import pytest

import merx
import merx.recommend
from merx.recommend import ALS, EASE, ItemNeighbours

CLASSES = [ALS, EASE, ItemNeighbours]


class CSR:
    """Sparse rows without SciPy."""

    def __init__(self, indptr, indices, data, shape):
        self.indptr, self.indices, self.data, self.shape = indptr, indices, data, shape

    @classmethod
    def of(cls, dense):
        rows, columns = np.nonzero(dense)
        indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
        return cls(indptr, columns, dense[rows, columns], dense.shape)

    def __getitem__(self, at):
        at = np.atleast_1d(at)
        dense = np.zeros((len(at), self.shape[1]))
        for i, user in enumerate(at):
            mine = slice(self.indptr[user], self.indptr[user + 1])
            dense[i, self.indices[mine]] = self.data[mine]
        return CSR.of(dense)


@pytest.fixture(scope="module")
def dense():
    """200 users of 30 items: four tastes, some chance, values 1 to 3."""
    random = np.random.default_rng(5)
    taste = random.integers(4, size=200)
    likely = np.where(np.arange(30)[None, :] % 4 == taste[:, None], 0.5, 0.06)
    x = (random.random((200, 30)) < likely) * random.integers(1, 4, (200, 30))
    x[:, 29] = 0  # nobody has it
    return x.astype(float)


@pytest.fixture(scope="module")
def rows(dense):
    return CSR.of(dense)


def test_defaults_come_from_the_table():
    for cls in CLASSES:
        table = {o["name"]: o for f in merx._merx.families() if f["name"] == cls._family for o in f["options"]}
        model = cls()
        assert set(cls._options.values()) == set(table)
        for name, option in cls._options.items():
            assert str(model.get_params()[name]) == table[option]["default"]
            assert table[option]["text"] in cls.__doc__
    assert list(inspect.signature(ALS).parameters)[:4] == ["factors", "regularization", "alpha", "iterations"]
    assert ALS().get_params() == {
        "factors": 64, "regularization": 20, "alpha": 1, "iterations": 15, "tolerance": 0.05, "random_state": None, "num_threads": 0,
    }
    assert ItemNeighbours().K == 20 and repr(ALS(factors=8)) == "ALS(factors=8)"


def test_ease_is_the_closed_form(dense, rows):
    model = EASE(regularization=7.5).fit(rows)
    p = np.linalg.inv(dense.T @ dense + 7.5 * np.eye(30))
    b = -p / np.diag(p)[None, :]
    np.fill_diagonal(b, 0)
    indptr, indices, data = model.item_weights_
    got = np.zeros((30, 30))
    for j in range(30):
        got[j, indices[indptr[j] : indptr[j + 1]]] = data[indptr[j] : indptr[j + 1]]
    assert np.abs(b).max() > 0.05 and np.abs(got - b).max() < 1e-6
    ids, scores = model.recommend(rows, N=5)
    expected = np.where(dense > 0, -np.inf, dense @ b)
    for user in range(200):
        order = np.argsort(-expected[user], kind="stable")[:5]
        assert np.allclose(scores[user], expected[user][order], atol=1e-5)
        assert not set(ids[user]) & set(np.flatnonzero(dense[user]))


def als_objective(dense, users, items, l2, alpha):
    error = (dense > 0) - users @ items.T
    return ((1 + alpha * dense) * error**2).sum() + l2 * ((users**2).sum() + (items**2).sum())


def fold_in(dense, items, l2, alpha):
    users = np.empty((len(dense), items.shape[1]))
    for u, row in enumerate(dense):
        c = 1 + alpha * row
        users[u] = np.linalg.solve((items.T * c) @ items + l2 * np.eye(items.shape[1]), items.T @ (c * (row > 0)))
    return users


def test_als_goes_down_and_ends_where_numpy_does(dense, rows):
    f, l2, alpha = 6, 2.0, 3.0
    told = []
    for iterations in (1, 2, 4, 30):
        items = ALS(factors=f, regularization=l2, alpha=alpha, iterations=iterations, tolerance=1e-6, random_state=1).fit(rows).item_factors
        told.append(als_objective(dense, fold_in(dense, items.astype(float), l2, alpha), items.astype(float), l2, alpha))
    assert all(b < a for a, b in zip(told, told[1:]))
    random = np.random.default_rng(0)
    items = random.normal(size=(30, f)) * 0.1
    for _ in range(60):
        users = fold_in(dense, items, l2, alpha)
        items = np.empty_like(items)
        for i in range(30):
            c = 1 + alpha * dense[:, i]
            items[i] = np.linalg.solve((users.T * c) @ users + l2 * np.eye(f), users.T @ (c * (dense[:, i] > 0)))
    assert told[-1] < 1.01 * als_objective(dense, fold_in(dense, items, l2, alpha), items, l2, alpha)


def test_als_folds_rows_in_exactly(dense, rows):
    model = ALS(factors=8, regularization=3, alpha=2, iterations=5).fit(rows)
    items = model.item_factors.astype(float)
    expected = fold_in(dense, items, 3, 2) @ items.T
    ids, scores = model.recommend(rows, N=30, filter_already_liked_items=False)
    assert np.abs(expected).max() > 0.3
    assert np.allclose(np.take_along_axis(expected, ids, 1), scores, atol=1e-6)
    cosine = items / np.maximum(np.linalg.norm(items, axis=1, keepdims=True), 1e-300)
    ids, similarity = model.similar_items(3, N=29)
    assert 3 not in ids and np.allclose(similarity, (cosine @ cosine[3])[ids], atol=1e-9)


def test_als_seed_and_threads(rows):
    a, b = ALS(factors=8, num_threads=1, random_state=4).fit(rows), ALS(factors=8, num_threads=2, random_state=4).fit(rows)
    assert np.array_equal(a.item_factors, b.item_factors)
    assert not np.array_equal(a.item_factors, ALS(factors=8, random_state=5).fit(rows).item_factors)
    seeded = [ALS(factors=8, random_state=np.random.default_rng(2)).fit(rows).item_factors for _ in range(2)]
    assert np.array_equal(*seeded)


def test_neighbours_are_the_cosine(dense, rows):
    had = (dense > 0).astype(float)
    together = had.T @ had
    sizes = np.sqrt(np.diag(together))
    with np.errstate(invalid="ignore"):
        cosine = np.nan_to_num(together / np.outer(sizes, sizes))
    np.fill_diagonal(cosine, 0)
    model = ItemNeighbours(K=6).fit(rows)
    for item in range(29):
        ids, similarity = model.similar_items(item, N=6)
        best = np.sort(cosine[item])[::-1][:6]
        assert np.allclose(similarity, best, atol=1e-6) and np.allclose(cosine[item][ids], similarity, atol=1e-6)
    assert model.similar_items(29)[0].size == 0  # nobody has it
    ids, _ = model.recommend(rows, N=30)
    assert not (ids == 29).any() and (ids == -1).any()


@pytest.mark.parametrize("cls", CLASSES)
def test_calls_of_implicit(cls, dense, rows):
    model = cls().fit(rows, show_progress=False)
    ids, scores = model.recommend(7, rows[7], N=4)
    assert ids.shape == scores.shape == (4,) and ids.dtype == np.int32 and scores.dtype == np.float64
    many, values = model.recommend(np.array([7, 8]), rows[[7, 8]], N=4)
    assert many.shape == (2, 4) and np.array_equal(many[0], ids) and np.array_equal(values[0], scores)
    assert np.array_equal(model.recommend(rows, N=4)[0][7:9], many)
    assert (np.diff(scores) <= 0).all()
    only = [2, 9, 5]
    ids, _ = model.recommend(0, rows[0], items=only, filter_already_liked_items=False)
    assert set(ids) <= set(only)
    ids, _ = model.recommend(0, rows[0], N=30, filter_items=only)
    assert not set(ids) & set(only)
    ids, _ = model.similar_items(3, N=5, filter_items=[4])
    assert not set(ids) & {3, 4}
    several, _ = model.similar_items(np.array([3, 5]), N=5)
    assert several.shape == (2, 5)
    score, parts, _ = model.explain(7, rows, itemid=int(many[0, 0]), N=30)
    assert score == pytest.approx(values[0, 0], rel=1e-6)
    assert sum(part for _, part in parts) == pytest.approx(score, rel=1e-6)
    assert {item for item, _ in parts} <= set(np.flatnonzero(dense[7]))
    assert len(model.explain(7, rows, itemid=0, N=1)[1]) <= 1


@pytest.mark.parametrize("cls", CLASSES)
def test_ties_and_blocks(cls, rows, monkeypatch):
    model = cls().fit(rows)
    whole = model.recommend(rows, N=7)
    monkeypatch.setattr(merx.recommend, "_BLOCK_CELLS", 100)
    assert all(np.array_equal(a, b) for a, b in zip(whole, model.recommend(rows, N=7)))
    row = np.array([1.0, 3, 3, -np.inf, 3, 2])
    assert merx.recommend._best(row, 2).tolist() == [1, 2] and merx.recommend._best(row, 9).tolist() == [1, 2, 4, 5, 0]


@pytest.mark.parametrize("cls", CLASSES)
def test_pickle_is_data(cls, rows):
    model = cls().fit(rows)
    copy = pickle.loads(pickle.dumps(model))
    assert type(copy) is cls and copy.get_params() == model.get_params()
    assert all(np.array_equal(a, b) for a, b in zip(model.recommend(rows), copy.recommend(rows)))
    assert pickle.loads(pickle.dumps(cls()))._model is None
    state = model.__getstate__()
    assert isinstance(state["model"], bytes)
    broken = cls.__new__(cls)
    with pytest.raises(merx.Error):
        broken.__setstate__(state | {"model": state["model"][:-9]})
    other = EASE if cls is not EASE else ALS
    with pytest.raises(merx.InputError, match="family"):
        other.__new__(other).__setstate__({"params": other().get_params(), "model": state["model"]})


@pytest.mark.parametrize("cls", CLASSES)
def test_params(cls, rows):
    model = cls()
    name = next(iter(cls._options))
    assert model.set_params(num_threads=1) is model and model.get_params()["num_threads"] == 1
    with pytest.raises(ValueError, match="no parameter"):
        model.set_params(nothing=1)
    with pytest.raises(TypeError):
        cls(nothing=1)
    model.set_params(**{name: "wrong"})
    with pytest.raises(merx.InputError):
        model.fit(rows)
    model.set_params(**{name: None})
    with pytest.raises(merx.InputError, match=name):
        model.fit(rows)
    sklearn = pytest.importorskip("sklearn.base")
    assert sklearn.clone(cls()).get_params() == cls().get_params()


def test_options_matter(rows):
    assert not np.array_equal(EASE(regularization=1).fit(rows).item_weights_[2], EASE(regularization=9).fit(rows).item_weights_[2])
    assert len(EASE(keep=3).fit(rows).item_weights_[2]) == 3 * 29
    with pytest.raises(merx.MemoryLimitError, match="max_items"):
        EASE(max_items=10).fit(rows)
    names = {s: ItemNeighbours(similarity=s).fit(rows).recommend(rows, N=3)[1].sum() for s in ("cosine", "jaccard", "lift", "tfidf", "bm25")}
    assert len(set(names.values())) == 5
    assert np.array_equal(ALS(factors=8.0, regularization=20.0).fit(rows).item_factors, ALS(factors=np.int64(8)).fit(rows).item_factors)


@pytest.mark.parametrize("cls", CLASSES)
def test_bad_input(cls, dense, rows):
    model = cls()
    with pytest.raises(merx.NotFittedError):
        model.recommend(rows)
    with pytest.raises(merx.NotFittedError):
        model.similar_items(0)
    with pytest.raises(merx.NotFittedError):
        model.explain(0, rows, 0)
    with pytest.raises(ValueError, match="CSR"):
        model.fit(dense)
    with pytest.raises(ValueError, match="CSR"):
        model.fit("text")

    def with_(**parts):
        made = CSR(rows.indptr, rows.indices, rows.data, rows.shape)
        for name, value in parts.items():
            setattr(made, name, value)
        return made

    nan, far, late, short = rows.data.copy(), rows.indices.copy(), rows.indptr.copy(), rows.indptr[:-1]
    nan[3], far[3], late[5] = np.nan, 30, 10**6
    for parts, words in (
        ({"data": nan}, "nan"),
        ({"data": rows.data * 1e300}, "too large"),
        ({"data": rows.data.astype(object)}, "object"),
        ({"data": rows.data[:-1]}, "as many indices"),
        ({"indices": far}, "0 to 29"),
        ({"indices": -far}, "0 to 29"),
        ({"indices": rows.indices.astype(float)}, "float64"),
        ({"indptr": late}, "ascending"),
        ({"indptr": short}, "indptr"),
        ({"shape": (200,)}, "dimensions"),
        ({"indptr": np.zeros(201, int), "indices": rows.indices[:0], "data": rows.data[:0]}, "nothing to learn"),
    ):
        with pytest.raises(ValueError, match=words):
            model.fit(with_(**parts))
    assert model._model is None
    model.fit(rows)
    before = model.recommend(rows)
    with pytest.raises(ValueError):
        model.fit(with_(data=nan))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.recommend(rows)))  # a failed fit keeps the old state
    for call, error in (
        (lambda: model.recommend(0, rows), ValueError),
        (lambda: model.recommend(0), ValueError),
        (lambda: model.recommend(0, CSR.of(dense[:1, :29])), ValueError),
        (lambda: model.recommend(rows, N=0), ValueError),
        (lambda: model.recommend(rows, N=2.5), ValueError),
        (lambda: model.recommend(rows, items=[1], filter_items=[2]), ValueError),
        (lambda: model.recommend(rows, items=[30]), IndexError),
        (lambda: model.similar_items(30), IndexError),
        (lambda: model.similar_items(-1), IndexError),
        (lambda: model.similar_items(1.5), ValueError),
        (lambda: model.explain(200, rows, 0), IndexError),
        (lambda: model.explain(0, rows, 30), IndexError),
    ):
        with pytest.raises(error):
            call()


def test_als_needs_values_above_zero(dense):
    with pytest.raises(ValueError, match="above 0"):
        ALS().fit(CSR.of(np.where(np.arange(30) == 3, -1.0, dense)))
    for state in (-1, "x", True):
        with pytest.raises(ValueError, match="random_state"):
            ALS(random_state=state).fit(CSR.of(dense))


@pytest.mark.parametrize("cls", CLASSES)
def test_rows_in_any_order(cls, dense, rows):
    """Repeats are added up, zeros left out, orders do not matter, dtypes neither."""
    users, items = np.nonzero(dense)
    values = dense[users, items]
    users, items, values = np.r_[users, users[:50], [0, 3]], np.r_[items, items[:50], [29, 29]], np.r_[values * 1.0, np.zeros(50), [0, 0]]
    values[:50] -= 0.5
    values[-52:-2] += 0.5
    order = np.lexsort((np.random.default_rng(1).random(len(users)), users))
    mixed = CSR(np.searchsorted(users[order], np.arange(201)).astype(np.int32), items[order].astype(np.int64), values[order], dense.shape)
    a, b = cls().fit(rows), cls().fit(mixed)
    assert pickle.dumps(a) == pickle.dumps(b)
    assert np.array_equal(a.recommend(rows)[0], a.recommend(mixed)[0])


def test_scipys_layouts(dense):
    sparse = pytest.importorskip("scipy.sparse")
    wanted = EASE().fit(sparse.csr_matrix(dense)).item_weights_[2]
    for make in (sparse.csr_array, sparse.csc_matrix, sparse.coo_matrix, sparse.lil_matrix):
        assert np.array_equal(EASE().fit(make(dense)).item_weights_[2], wanted)
    boolean = sparse.csr_matrix(dense > 0)
    assert np.array_equal(ItemNeighbours().fit(boolean).item_weights_[2], ItemNeighbours().fit(sparse.csr_matrix(dense)).item_weights_[2])


def test_many_threads_ask_at_once(rows):
    model = ALS(factors=8).fit(rows)
    wanted, same = model.recommend(rows), []
    threads = [threading.Thread(target=lambda: same.append(np.array_equal(model.recommend(rows)[1], wanted[1]))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert same == [True] * 8


def test_progress_can_stop_a_fit(rows):
    model = ALS(factors=8).fit(rows)
    before = model.item_factors

    def stop(*told):
        raise KeyError("enough")

    with pytest.raises(KeyError):
        model.set_params(iterations=500, factors=16).fit(rows, show_progress=stop)
    assert np.array_equal(model.item_factors, before)


def test_against_implicit(dense):
    """The same lists as implicit's, where it is installed."""
    sparse = pytest.importorskip("scipy.sparse")
    nearest = pytest.importorskip("implicit.nearest_neighbours")
    matrix = sparse.csr_matrix(dense)
    for theirs, ours in ((nearest.CosineRecommender(K=6), "cosine"), (nearest.TFIDFRecommender(K=7), "tfidf")):
        theirs.fit(sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), matrix.shape), show_progress=False)
        model = ItemNeighbours(similarity=ours, K=5).fit(sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), matrix.shape))
        ids, scores = theirs.similar_items(3, N=4)
        mine = model.similar_items(3, N=3)[1]
        assert np.allclose(np.sort(scores[ids != 3])[::-1][:3], mine, atol=1e-5)


def test_docstrings(rows):
    result = doctest.testmod(merx.recommend, extraglobs={"rows": rows})
    assert result.attempted > 5 and result.failed == 0
