"""
The client against a running merx serve: MERX_URL, and keys of one shop in MERX_READER, MERX_WRITER, MERX_ADMIN. The shop has customers "ann" and "bob" and products "tea1" ...
"tea16". Skipped without MERX_URL.
"""
from __future__ import annotations

import os
import re
import threading
import unittest

from merx_client import MerxClient, MerxError

URL = os.environ.get("MERX_URL")


def of(role):
    return MerxClient(URL, os.environ["MERX_" + role])


def where(method):
    """What is asked only where the server has the route."""
    return unittest.skipUnless(hasattr(MerxClient, method) or hasattr(MerxClient("http://x").answers, method), f"left out: the server has no {method}")


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


@unittest.skipUnless(URL, "MERX_URL names no server")
class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.reader, cls.writer, cls.admin = of("READER"), of("WRITER"), of("ADMIN")

    def fails(self, status, code):
        test = self

        class Fails:
            def __enter__(self):
                self.context = test.assertRaises(MerxError)
                self.caught = self.context.__enter__()
                return self

            def __exit__(self, *error):
                done = self.context.__exit__(*error)
                self.error = self.caught.exception
                test.assertEqual((self.error.status, self.error.code), (status, code))
                test.assertTrue(self.error.request_id and self.error.hint, "an error says its request and what would be right")
                return done

        return Fails()

    def test_health(self):
        self.assertEqual(MerxClient(URL).live()["status"], "live")
        self.assertEqual(self.reader.ready()["status"], "ready")
        with self.fails(401, "unauthorized"):
            MerxClient(URL).ready()

    def test_an_answer_with_reasons_that_add_up(self):
        reply = self.reader.answers.recommend(customer="bob", n=3, why=True)
        self.assertEqual((reply["answer"], len(reply["items"])), ("recommend", 3))
        for item in reply["items"]:
            self.assertAlmostEqual(sum(reason["contribution"] for reason in item["reasons"]), item["score"], delta=1e-6 * max(1, abs(item["score"])))
        self.assertNotIn("reasons", self.reader.answers.recommend(customer="bob", n=2)["items"][0])

    def test_every_answer_of_the_server_has_its_method(self):
        answers = self.reader.list_answers()["answers"]
        self.assertGreaterEqual(len(answers), 7)
        for answer in answers:
            try:
                getattr(self.reader.answers, answer["name"])()
            except MerxError as error:  # what has no model yet, or needs an option, says so
                self.assertIn(error.status, (400, 404, 409), f"{answer['name']}: {error}")

    def test_every_route_of_the_server_has_its_method(self):
        for item in self.reader.openapi()["paths"].values():
            for operation in item.values():
                if "x-merx-answer" not in operation:
                    self.assertTrue(callable(getattr(self.reader, snake(operation["operationId"]))))

    def test_live_events_are_in_the_next_answer_and_counted_once(self):
        events = [{"kind": "purchase", "product": "tea2", "customer": "py-new", "price": "3.50"}, {"id": "py-1", "kind": "view", "product": "tea3", "customer": "py-new"}]
        taken = self.writer.add_events(events)
        self.assertEqual((taken["accepted"], taken["duplicates"]), (2, 0))
        again = self.writer.add_events(events[1])
        self.assertEqual((again["accepted"], again["duplicates"]), (0, 1))
        self.assertEqual(self.writer.get_customer("py-new")["events"], 2)
        self.assertGreaterEqual(self.reader.answers.recommend(customer="py-new")["data_offset"], taken["offset"])

    def test_products(self):
        self.writer.put_product("py/new ü", {"title": "New tea", "price": 4.5, "attributes": {"origin": "Assam"}})
        product = self.reader.get_product("py/new ü")
        self.assertEqual((product["title"], product["price"], product["attributes"]), ("New tea", "4.50", {"origin": "Assam"}))
        self.writer.delete_product("py/new ü")
        with self.fails(404, "not_found"):
            self.reader.get_product("py/new ü")

    def test_errors(self):
        with self.fails(403, "forbidden"):
            self.reader.add_events({"kind": "view", "product": "tea1"})
        with self.fails(400, "bad_request") as failure:
            self.reader._json("POST", "/v1/answers/recommend", repeatable=True, body={"custmer": "ann"})
        self.assertIn('did you mean "customer"', failure.error.message)
        with self.fails(422, "invalid_data") as failure:
            self.writer.add_events([{"id": "py-2", "kind": "buy", "product": "tea1"}])
        self.assertEqual([(error["index"], error["field"]) for error in failure.error.errors], [(0, "kind")])
        with self.fails(404, "not_found") as failure:
            self.reader.with_options(request_id="py-request").get_product("nothing")
        self.assertEqual(failure.error.request_id, "py-request")

    def test_erasing_with_a_receipt(self):
        self.writer.add_events({"kind": "view", "product": "tea1", "customer": "py-gone"})
        receipt = self.writer.erase_customer("py-gone")
        self.assertEqual(receipt["events"], 1)
        self.assertIn("recommend", receipt["answers"])
        with self.fails(404, "not_found"):
            self.writer.get_customer("py-gone")

    def test_metrics(self):
        self.assertIn("# HELP merx_", self.admin.metrics())
        with self.fails(403, "forbidden"):
            self.writer.metrics()

    @where("iterate_products")
    def test_listings_page_by_page(self):
        self.writer.add_products([{"id": f"py-list-{name}", "title": "Listed"} for name in "cab"])
        self.assertEqual([product["id"] for product in self.reader.iterate_products(q="py-list-", limit=2)], ["py-list-a", "py-list-b", "py-list-c"])
        page = self.reader.list_products(q="py-list-", limit=1)
        self.assertEqual((len(page["items"]), type(page["next"])), (1, str))
        self.writer.patch_product("py-list-a", {"title": "Changed"})
        self.assertEqual(self.reader.get_product("py-list-a")["title"], "Changed")

    @where("recommend_many")
    def test_many_questions_at_once(self):
        replies = self.reader.answers.recommend_many({"questions": [{"customer": "bob", "n": 1}, {"customer": "nobody-at-all"}]})["replies"]
        self.assertEqual(len(replies[0]["items"]), 1)
        self.assertTrue(replies[1]["error"]["message"])

    @where("stream_events")
    def test_the_stream_of_events(self):
        offset = self.writer.add_events({"id": "py-before", "kind": "view", "product": "tea1"})["offset"]
        timer = threading.Timer(0.3, self.writer.add_events, [{"id": "py-streamed", "kind": "view", "product": "tea1"}])
        timer.start()
        for event in self.writer.stream_events(after=offset):
            self.assertEqual(event.event, "events")
            if any(one["id"] == "py-streamed" for one in event.data["events"]):
                break
        timer.join()

    @where("start_job")
    def test_a_job_from_upload_to_end(self):
        csv = b"order_id,time,customer,product,quantity,unit_price\nPY1,2024-03-05,py-import,tea1,1,1.00\n"
        self.assertEqual(self.admin.put_upload("py.csv", csv)["bytes"], len(csv))
        job = self.admin.start_job({"kind": "import", "uploads": ["py.csv"]})
        last = list(self.admin.stream_job(job["id"]))[-1]
        self.assertEqual((last.event, last.data["state"]), ("end", "done"))
        self.assertEqual(self.writer.get_customer("py-import")["events"], 1)
        self.assertIsInstance(self.admin.get_job_log(job["id"]), str)
        self.assertIn(job["id"], [one["id"] for one in self.admin.iterate_jobs(limit=1)])
        self.admin.delete_upload("py.csv")


if __name__ == "__main__":
    unittest.main()
