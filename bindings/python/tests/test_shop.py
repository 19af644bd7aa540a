"""merx.shop on the generated sample shop: small, and trained for the quick answers only."""
import doctest
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import merx
import merx._reply
import merx.shop
from merx.shop import Shop, answers, write_sample


def best_customer(shop):
    return next(item.id for item in shop.insight(topic="customers") if item.id)  # who is not known has no id


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "export"
    write_sample(folder, products=100, customers=400, events=9000, seed=3)
    return folder


@pytest.fixture(scope="module")
def folder(export, tmp_path_factory):
    path = tmp_path_factory.mktemp("shop") / "shop"
    with Shop(path) as shop:
        shop.import_folder(export)
        shop.train(["recommend", "segment", "demand"], options={"recommend.factors": 8}, force=True)
    return path


@pytest.fixture
def shop(folder):
    with Shop(folder, create=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def customer(folder):
    with Shop(folder, read_only=True) as shop:
        return best_customer(shop)


def test_import_tells_files_and_what_the_shop_holds(export, tmp_path):
    with Shop(tmp_path / "s") as shop:
        first = shop.import_folder(export)
        assert first.changed and first.products == 100 and first.customers == 400
        assert {f.preset for f in first.files} >= {"products", "customers", "events"}
        assert isinstance(first.amount, Decimal) and first.amount > 0 and -first.amount.as_tuple().exponent == 2
        again = shop.import_folder(export)
        assert not again.changed and all(f.unchanged for f in again.files if f.preset != "pictures")
        assert again.amount == first.amount
        assert first.to_dict()["files"][0]["name"] == first.files[0].name
        assert "the shop holds" in repr(first)


def test_import_lists_refused_rows(tmp_path):
    (tmp_path / "export").mkdir()
    rows = ["customer,product,ts,quantity,price"] + [f"C{i % 7},P{i % 5},2024-0{1 + i % 9}-03,{1 + i % 3},2.50" for i in range(40)]
    rows[12] = "C1,P1,2024-13-01,1,2.50"
    (tmp_path / "export" / "orders.csv").write_text("\n".join(rows) + "\n")
    with Shop(tmp_path / "s") as shop:
        got = shop.import_folder(tmp_path / "export")
        assert got.refused == 1 and got.accepted == 39
        refusal = got.refusals[0]
        assert (refusal.file, refusal.line, refusal.column, refusal.value) == ("orders.csv", 13, "ts", "2024-13-01")
        assert refusal.message in repr(got)


def test_import_of_nothing_understood(tmp_path):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "x.csv").write_text("a,b\n1,2\n")
    with Shop(tmp_path / "s") as shop:
        with pytest.raises(merx.NotFoundError) as caught:
            shop.import_folder(tmp_path / "e")
        assert caught.value.code == "MERX_E_NOT_FOUND"
        with pytest.raises(merx.Error):
            shop.import_folder(tmp_path / "absent")


def test_every_answer_is_a_method_with_its_options():
    for info in answers():
        method = getattr(Shop, info.name)
        parameters = list(inspect.signature(method).parameters)
        wanted = [o["name"] + "_" if o["name"] == "from" else o["name"] for o in info.question]
        assert parameters == ["self", *wanted, "why"]
        assert info.text in method.__doc__ and all(o["text"] in method.__doc__ for o in info.question)
    assert inspect.signature(Shop.recommend).parameters["n"].default == 10
    assert inspect.signature(Shop.recommend).parameters["new_only"].default is True
    assert "--" not in answers()[0].examples and "shop.recommend(customer=" in answers()[0].examples


def test_method_and_ask_are_the_same(shop, customer):
    assert shop.recommend(customer=customer, n=4, why=True) == shop.ask("recommend", customer=customer, n=4, why=True)
    assert len(shop.recommend(customer=customer, n=4)) == 4
    with pytest.raises(TypeError, match="no option 'basked'"):
        shop.recommend(basked="P1")


def test_reasons_add_up(shop, customer):
    reply = shop.recommend(customer=customer, n=5, why=True)
    for item in reply:
        assert item.reasons and not shop.recommend(customer=customer, n=5)[0].reasons
        assert sum(r.contribution for r in item.reasons) == pytest.approx(item.score, rel=1e-6)
        sizes = [abs(r.contribution) for r in item.reasons]
        assert sizes == sorted(sizes, reverse=True)
    why = reply[0].explain()
    assert why.score == reply[0].score and repr(why).count("\n") == len(why.reasons) + 1
    with pytest.raises(ValueError, match="why=True"):
        shop.recommend(customer=customer)[0].explain()


def test_plot_of_reasons(shop, customer):
    pytest.importorskip("matplotlib").use("agg")
    item = shop.recommend(customer=customer, n=1, why=True)[0]
    axes = item.plot(most=1)
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(item.score, rel=1e-6)
    assert item.plot(ax=axes) is axes
    with pytest.raises(ValueError, match="most"):
        item.plot(most=0)


def test_values_are_pythons(shop):
    demand = shop.demand(n=3)
    fields = demand[0].fields
    assert isinstance(fields["price"], Decimal) and isinstance(fields["revenue"], Decimal)
    assert isinstance(fields["week"], datetime) and fields["week"].tzinfo is timezone.utc
    overview = {i.id: i for i in shop.insight()}
    share = overview["returns share of sales"].fields["value"]
    assert isinstance(share, float) and 0 < share < 1
    assert "%" in repr(overview["returns share of sales"])
    net = overview["net revenue"].fields["value"]
    with Shop(shop.folder, read_only=True) as other:
        assert net == Decimal(str(round(other.insight()[0].score, 2)))


def test_insight_takes_dates_and_keyword_names(shop):
    first = shop.insight(topic="revenue", from_="2025-03-01", to="2025-05-31", n=50)
    as_dates = shop.insight(topic="revenue", from_=datetime(2025, 3, 1).date(), to=datetime(2025, 5, 31).date(), n=np.int64(50))
    assert first == as_dates and [i.id for i in first] == ["2025-03", "2025-04", "2025-05"]
    assert first == shop.ask("insight", **{"topic": "revenue", "from": "2025-03-01", "to": "2025-05-31", "n": 50})


def test_lists_of_ids(shop):
    assert shop.recommend(basket=["P0000001", "P0000002"]) == shop.recommend(basket="P0000001,P0000002")
    assert shop.recommend(basket=np.array(["P0000001", "P0000002"])) == shop.recommend(basket="P0000001,P0000002")
    with pytest.raises(ValueError, match="comma"):
        shop.recommend(basket=["a,b", "c"])
    with pytest.raises(TypeError, match="basket is a dict"):
        shop.recommend(basket={"a": 1})


def test_reply_for_notebooks_and_frames(shop, customer):
    reply = shop.recommend(customer=customer, n=3)
    assert reply[0].id in repr(reply) and reply.sentence in repr(reply)
    assert reply._repr_html_().count("<tr>") == 4
    plain = reply.to_dict()
    assert plain["items"][0]["fields"] == reply[0].fields and "_kinds" not in plain["items"][0]
    assert pickle.loads(pickle.dumps(reply)) == reply
    assert bool(reply) and list(reply) == reply.items


def test_frames(shop, customer):
    pytest.importorskip("pandas")
    reply = shop.recommend(customer=customer, n=3, why=True)
    frame = reply.to_frame()
    assert list(frame.columns[:3]) == ["id", "title", "score"] and list(frame["id"]) == [i.id for i in reply]
    assert list(frame["price"]) == [i.fields["price"] for i in reply]
    assert list(reply[0].explain().to_frame()["contribution"]) == [r.contribution for r in reply[0].reasons]
    table = shop.train("recommend", factors=8).to_frame()
    assert list(table["answer"]) == ["recommend"] and table["low"][0] < table["value"][0]
    assert list(shop.versions().to_frame()["live"]) == [v.live for v in shop.versions()]


def test_without_pandas_and_matplotlib(shop, customer, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    reply = shop.recommend(customer=customer, n=1, why=True)
    with pytest.raises(ImportError, match="pip install pandas"):
        reply.to_frame()
    with pytest.raises(ImportError, match="pip install matplotlib"):
        reply[0].plot()


def test_html_is_escaped(shop):
    reply = shop.recommend(basket="P0000001", n=1)
    reply.items[0].title = "<script>alert(1)</script>"
    assert "<script>" not in reply._repr_html_()


def test_errors_of_questions(shop):
    with pytest.raises(merx.NotFoundError, match="recommend"):
        shop.ask("recomend")
    with pytest.raises(merx.NotFoundError, match="basket"):
        shop.ask("recommend", baskett="P1")
    with pytest.raises(merx.NotFoundError):
        shop.recommend(customer="nobody")
    with pytest.raises(merx.InputError, match="n"):
        shop.recommend(basket="P0000001", n=0)
    with pytest.raises(merx.NotFittedError, match="next"):
        shop.next(customer="C0000001")
    with pytest.raises(TypeError):
        shop.ask("recommend", basket=object())
    with pytest.raises(ValueError):
        shop.ask("recommend", basket="\ud800")


def test_training_outcomes_and_options(shop):
    training = shop.train("recommend", factors=8)
    assert training["recommend"].outcome == "unchanged" and training["recommend"].evaluation.figures
    figure = training["recommend"].evaluation["ndcg@20"]
    assert figure.low <= figure.value <= figure.high and figure.baseline_name and figure.higher_is_better
    assert figure.difference == pytest.approx(figure.value - figure.baseline, abs=1e-9)
    assert shop.train("insight")["insight"].outcome == "nothing to learn"
    with pytest.raises(KeyError, match="recommend"):
        training["demand"]
    with pytest.raises(merx.NotFoundError, match="factors"):
        shop.train("recommend", factorss=8)
    with pytest.raises(merx.InputError):
        shop.train("recommend", factors=0)
    with pytest.raises(TypeError, match="of which answer"):
        shop.train(factors=8)
    with pytest.raises(merx.NotFoundError):
        shop.train("nothing")
    assert training._cells()[1][0][4:6] == [figure.name, figure.value]


def test_versions_and_evaluate(shop):
    versions = shop.versions()
    live = {v.answer for v in versions if v.live}
    assert live == {"recommend", "segment", "demand"}
    assert all(v.size_bytes > 0 and len(v.sha256) == 64 and v.created.tzinfo is timezone.utc for v in versions)
    anew = shop.evaluate("recommend")
    assert len(anew.figures) >= 2 and anew.split < anew.until
    earlier = shop.evaluate("recommend", split="2025-09-01")
    assert earlier.split == datetime(2025, 9, 1, tzinfo=timezone.utc)
    assert earlier == shop.evaluate("recommend", split=datetime(2025, 9, 1))
    with pytest.raises(merx.InputError, match="learns nothing"):
        shop.evaluate("insight")
    with pytest.raises(TypeError, match="split"):
        shop.evaluate("recommend", split=7)


def test_evaluate_with_the_truth(shop, export):
    best = shop.evaluate("recommend", truth=f"{export}.truth.json").figures[0].best_reachable
    assert best is not None and 0 < best <= 1


def test_forget(export, tmp_path):
    with Shop(tmp_path / "s") as shop:
        shop.import_folder(export)
        shop.train("segment", force=True)
        who = best_customer(shop)
        before = shop.digest()
        receipt = shop.forget(who)
        assert receipt.customer == who and receipt.events > 0 and receipt.customers == 1
        assert set(receipt.answers) >= {"segment", "recommend"} and receipt.seconds >= 0
        assert shop.digest() != before and len(before) == 64
        with pytest.raises(merx.NotFoundError):
            shop.forget(who)
        assert not shop.import_folder(export).changed  # nor does he come back


def test_report(shop, tmp_path):
    page = tmp_path / "report.html"
    text = shop.report(html=page)
    assert "orders" in text and page.read_text().startswith("<!")
    assert shop.report(language="zh") != text
    with pytest.raises(ValueError):
        shop.report(language="xx")
    with pytest.raises(ValueError):
        shop.report(columns=0)


def test_opening(tmp_path, folder):
    with pytest.raises(merx.NotFoundError):
        Shop(tmp_path / "none", create=False)
    with pytest.raises(merx.NotFoundError):
        Shop(tmp_path / "none", read_only=True)
    with pytest.raises(TypeError):
        Shop(7)
    with pytest.raises(ValueError):
        Shop("a\0b")
    with Shop(folder, read_only=True) as reader, pytest.raises(merx.Error):
        reader.forget("C0000001")


def test_closed(folder):
    shop = Shop(folder)
    assert "closed" not in repr(shop)
    shop.close()
    shop.close()
    assert shop.closed and "closed" in repr(shop)
    for use in (shop.digest, shop.versions, shop.insight, shop.train, shop.report):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(TypeError):
        pickle.dumps(Shop(folder, read_only=True))


def test_progress_and_its_exceptions(export, tmp_path):
    told = []
    with Shop(tmp_path / "s", threads=1) as shop:
        shop.import_folder(export, progress=lambda *a: told.append(a))
        assert told and all(len(a) == 6 and a[1] <= 1 for a in told)

        def stop(*a):
            raise LookupError("enough")

        with pytest.raises(LookupError, match="enough"):
            shop.train("recommend", progress=stop)
        assert not shop.versions()
        with pytest.raises(RuntimeError, match="progress function"):
            shop.train("recommend", progress=lambda *a: shop.digest())
        with pytest.raises(TypeError, match="progress"):
            shop.train("recommend", progress="yes")
        assert shop.train("recommend", force=True, factors=4)["recommend"].live


def test_no_bar_without_a_terminal(export, tmp_path, capfd):
    with Shop(tmp_path / "s") as shop:
        shop.import_folder(export, progress=True)
    assert capfd.readouterr().err == ""


def test_bar():
    from io import StringIO

    from merx._bar import Bar

    stream = StringIO()
    bar = Bar(stream)
    bar("learn", 0.5, 20, "customers", 2.0, 2.0)
    assert "learn [############............]  50 % 20 customers, 2 s left" in stream.getvalue()
    bar("learn", 1.0, 40, "customers", 4.0, 0.0)
    assert stream.getvalue().endswith("\r\033[K")


def test_threads_wait_for_each_other(folder, customer):
    with Shop(folder, read_only=True) as shop:
        wanted = shop.recommend(customer=customer, why=True)
        got, errors = [], []

        def ask():
            try:
                for _ in range(30):
                    got.append(shop.recommend(customer=customer, why=True) == wanted)
            except BaseException as error:  # told by the main thread
                errors.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not errors and len(got) == 240 and all(got)


def test_another_handle_answers_while_one_trains(folder, customer):
    with Shop(folder) as writer, Shop(folder, read_only=True) as reader:
        wanted, got = reader.recommend(customer=customer), []
        writer.train("recommend", factors=8, again=True, force=True, progress=lambda *a: got.append(reader.recommend(customer=customer)))
        assert got and all([i.id for i in reply] == [i.id for i in wanted] for reply in got)


def test_close_while_others_ask(folder):
    shop, ended = Shop(folder, read_only=True), []

    def ask():
        try:
            while True:
                shop.insight()
        except ValueError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.05)
    shop.close()
    for t in threads:
        t.join()
    assert ended == ["the shop is closed"] * 4


def test_a_forked_process_is_told_to_open_anew(folder):
    shop = Shop(folder, read_only=True)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            shop.insight()
            text = "it answered"
        except RuntimeError as error:
            text = str(error)
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    assert "open it anew" in os.read(reading, 1000).decode()
    assert shop.insight().items


INTERRUPTED = """
import os, signal, sys, threading
from merx.shop import Shop
shop = Shop(sys.argv[1])
sent = []
def tell(*a):
    if not sent:
        sent.append(1)
        os.kill(os.getpid(), signal.SIGINT)
try:
    shop.train("recommend", again=True, progress=tell)
    print("it ended by itself")
except KeyboardInterrupt:
    print("interrupted", len(shop.versions()), shop.train("insight")[0].outcome)
"""


def test_interrupt_ends_a_training(export, tmp_path):
    with Shop(tmp_path / "s") as shop:
        shop.import_folder(export)
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, tmp_path / "s"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "interrupted 0 nothing to learn\n", done.stderr


def test_interrupt_ends_the_wait_for_another_thread(folder):
    begun, go_on = threading.Event(), threading.Event()

    def hold(*told):
        begun.set()
        go_on.wait(20)

    with Shop(folder) as shop:
        thread = threading.Thread(target=lambda: shop.train("recommend", factors=8, again=True, force=True, progress=hold))
        thread.start()
        begun.wait(20)
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            shop.insight()
        go_on.set()
        thread.join()
        assert shop.insight().items


def test_sample_is_checked(tmp_path):
    with pytest.raises(ValueError, match="products is 0"):
        write_sample(tmp_path / "x", products=0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(merx.Error):
        write_sample(tmp_path / "full")


@pytest.mark.parametrize("module", [merx.shop, merx._reply])
def test_docstrings(module, folder, export, customer):
    with Shop(folder) as shop:
        names = {"shop": shop, "export": str(export), "customer": customer}
        result = doctest.testmod(module, extraglobs=names)
    assert result.attempted > 0 and result.failed == 0


def test_readme(tmp_path, monkeypatch):
    readme = Path(merx.shop.__file__).resolve().parents[1] / "README.md"
    if not readme.is_file():
        pytest.skip("the package is installed without its README")
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(readme), module_relative=False, encoding="utf-8")
    assert result.attempted > 15 and result.failed == 0


def test_real_shop(tmp_path):
    data = os.environ.get("MERX_DATA")
    if not data or not (Path(data) / "uci-online-retail").is_dir():
        pytest.skip("MERX_DATA has no uci-online-retail")
    with Shop(tmp_path / "s") as shop:
        got = shop.import_folder(Path(data) / "uci-online-retail")
        assert got.events > 500000
        overview = {i.id: i.fields["value"] for i in shop.insight()}
        assert overview["net revenue"] == got.amount
