"""The client against a server that misbehaves as told: new tries, time limits, errors, streams, uploads."""
from __future__ import annotations

import io
import json
import socket
import threading
import time
import unittest
from email.utils import formatdate

from fake_server import FakeServer, hang_up, stream

from merx_client import MerxClient, MerxError
from merx_client._events import parse_events

GOOD = (200, {"id": "p", "offset": 1}, {})
ERROR = {"code": "unavailable", "message": "too much waits", "where": "", "hint": "try again soon", "request_id": "r1"}


def client(server, **options):
    return MerxClient(server.url, "merx_key", **{"backoff": 0.01, **options})


class Tries(unittest.TestCase):
    def test_unavailable_then_good(self):
        with FakeServer([(503, ERROR, {}), (429, ERROR, {"Retry-After": "0"}), GOOD]) as server:
            self.assertEqual(client(server).put_product("a/b ä", {"title": "A"})["offset"], 1)
            self.assertEqual({path for _, path, _, _ in server.requests}, {"/v1/products/a%2Fb%20%C3%A4"})
            self.assertEqual(len(server.requests), 3)
            self.assertEqual(server.requests[0][2]["Authorization"], "Bearer merx_key")

    def test_retry_after_is_waited_for(self):
        with FakeServer([(503, ERROR, {"Retry-After": "1"}), GOOD]) as server:
            began = time.monotonic()
            client(server).put_product("p", {})
            self.assertGreaterEqual(time.monotonic() - began, 1)

    def test_retry_after_as_a_date(self):
        def later(handler):
            handler.send_response(503)
            handler.send_header("Retry-After", formatdate(time.time() + 2, usegmt=True))  # whole seconds: more than one is left
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with FakeServer([later, GOOD]) as server:
            began = time.monotonic()
            client(server).put_product("p", {})
            self.assertGreaterEqual(time.monotonic() - began, 0.9)

    def test_a_wait_that_is_too_long_is_an_error(self):
        with FakeServer([(503, ERROR, {"Retry-After": "3600"})]) as server:
            with self.assertRaises(MerxError) as caught:
                client(server).put_product("p", {})
            self.assertEqual((caught.exception.status, caught.exception.code, caught.exception.request_id), (503, "unavailable", "r1"))

    def test_no_more_tries_than_asked_for(self):
        with FakeServer([(503, ERROR, {})] * 9) as server:
            with self.assertRaises(MerxError):
                client(server, retries=2).put_product("p", {})
            self.assertEqual(len(server.requests), 3)
            with self.assertRaises(MerxError):
                client(server).with_options(retries=0).put_product("p", {})
            self.assertEqual(len(server.requests), 4)

    def test_a_lost_connection_is_tried_again(self):
        with FakeServer([hang_up, hang_up, GOOD]) as server:
            self.assertEqual(client(server).delete_product("p")["id"], "p")
            self.assertEqual(len(server.requests), 3)

    def test_a_closed_connection_is_not_used_again(self):
        def close_after(handler):
            handler.send_response(200)
            handler.send_header("Content-Length", "2")
            handler.end_headers()
            handler.wfile.write(b"{}")
            handler.close_connection = True

        with FakeServer([close_after, GOOD]) as server:
            merx = client(server, retries=0)
            merx.live()
            time.sleep(0.2)
            merx.live()

    def test_what_may_not_be_repeated(self):
        with FakeServer([(503, ERROR, {}), hang_up, (429, ERROR, {"Retry-After": "0"}), GOOD]) as server:
            merx = client(server)
            for code in ("unavailable", "unreachable"):
                with self.assertRaises(MerxError) as caught:
                    merx._json("POST", "/v1/jobs", repeatable=False, body={})
                self.assertEqual(caught.exception.code, code)
            merx._json("POST", "/v1/jobs", repeatable=False, body={})  # a limit of rates refuses before anything is done
            self.assertEqual(len(server.requests), 4)

    def test_other_errors_are_final(self):
        with FakeServer([(404, {**ERROR, "code": "not_found", "where": "id"}, {}), (422, {**ERROR, "errors": [{"index": 3}]}, {})]) as server:
            with self.assertRaises(MerxError) as caught:
                client(server).get_product("p")
            self.assertEqual((caught.exception.status, caught.exception.hint, str(caught.exception)), (404, "try again soon", "id: too much waits"))
            with self.assertRaises(MerxError) as caught:
                client(server).add_events([])
            self.assertEqual(caught.exception.errors, [{"index": 3}])

    def test_a_page_of_a_proxy(self):
        with FakeServer([(500, b"<h1>oops</h1>", {"X-Request-Id": "r9"})]) as server:
            with self.assertRaises(MerxError) as caught:
                client(server).live()
            self.assertEqual((caught.exception.code, caught.exception.request_id), ("http_500", "r9"))
            self.assertIn("oops", caught.exception.message)

    def test_a_server_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            began = time.monotonic()
            with self.assertRaises(MerxError) as caught:
                MerxClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2, retries=1, backoff=0.01).live()
            self.assertEqual((caught.exception.code, caught.exception.status), ("timeout", 0))
            self.assertLess(time.monotonic() - began, 5)

    def test_no_server(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with self.assertRaises(MerxError) as caught:
            MerxClient(f"http://127.0.0.1:{port}", retries=0).live()
        self.assertEqual(caught.exception.code, "unreachable")

    def test_addresses(self):
        for bad in ("", "localhost:80", "ftp://x"):
            with self.assertRaises(ValueError):
                MerxClient(bad)
        for bad in ("", ".", ".."):
            with self.assertRaises(ValueError):
                MerxClient().get_product(bad)
        with FakeServer([GOOD]) as server:
            MerxClient(server.url + "/merx/", shop="tea").live()
            self.assertEqual(server.requests[0][1], "/merx/v1/health/live")
            self.assertEqual(server.requests[0][2]["Merx-Shop"], "tea")


class Events(unittest.TestCase):
    def test_ids_are_made_once(self):
        taken = (200, {"accepted": 1, "duplicates": 0, "offset": 1}, {})
        with FakeServer([hang_up, (503, ERROR, {}), taken, taken]) as server:
            merx, events = client(server), [{"kind": "view", "product": "p"}, {"id": "mine", "kind": "view", "product": "p"}]
            merx.add_events(events)
            bodies = [json.loads(body) for *_, body in server.requests]
            self.assertEqual(bodies[0], bodies[1])
            self.assertEqual(bodies[0], bodies[2])
            self.assertEqual(len(bodies[0][0]["id"]), 36)
            self.assertEqual(bodies[0][1]["id"], "mine")
            self.assertNotIn("id", events[0])
            merx.add_events({"kind": "view", "product": "p"})
            self.assertNotEqual(json.loads(server.requests[3][3])["id"], bodies[0][0]["id"])

    def test_stream_of_lines(self):
        text = b"\xef: hello\nevent: job\ndata: {\"a\":\ndata: 1}\nid: 7\n\ndata: plain\n\n\ndata: never ended"
        events = list(parse_events(io.BytesIO(text)))
        self.assertEqual([(e.event, e.data, e.id) for e in events], [("job", {"a": 1}, "7"), ("message", "plain", "7")])

    def test_stream_is_taken_up_again(self):
        with FakeServer([stream('event: events\ndata: {"offset":5}\n\n', ": alive\n\n", "data: {"), (503, ERROR, {}), stream('event: events\ndata: {"offset":6}\n\n'),
                         stream("event: end\ndata: {}\n\n")]) as server:
            seen = [e.data.get("offset") for e in client(server)._stream("GET", "/v1/events/stream", repeatable=True, query={"after": 3})]
            self.assertEqual(seen, [5, 6, None])
            self.assertEqual([path.split("=")[1] for _, path, _, _ in server.requests], ["3", "5", "5", "6"])

    def test_stream_that_can_not_go_on(self):
        with FakeServer([stream('event: log\ndata: {"text":"x"}\n\n')]) as server:
            seen = client(server)._stream("GET", "/v1/jobs/1/events", repeatable=True)
            self.assertEqual(next(seen).event, "log")
            with self.assertRaises(MerxError) as caught:
                next(seen)
            self.assertEqual(caught.exception.code, "stream_lost")


class Bodies(unittest.TestCase):
    def test_uploads(self):
        kinds = [b"abc" * 50000, bytearray(b"xyz"), memoryview(b"view"), io.BytesIO(b"skip" + b"file" * 1000), (piece for piece in (b"one", b"two"))]
        kinds[3].seek(4)
        wanted = [b"abc" * 50000, b"xyz", b"view", b"file" * 1000, b"onetwo"]
        with FakeServer([(503, ERROR, {}), GOOD, GOOD, GOOD, (503, ERROR, {}), GOOD, GOOD]) as server:
            for data in kinds:
                client(server)._json("PUT", "/v1/uploads/x", repeatable=True, data=data, content_type="application/octet-stream")
            self.assertEqual([body for *_, body in server.requests], [wanted[0], wanted[0], *wanted[1:3], wanted[3], wanted[3], wanted[4]])

    def test_pieces_are_sent_once(self):
        with FakeServer([(503, ERROR, {}), GOOD]) as server:
            with self.assertRaises(MerxError):
                client(server)._json("PUT", "/v1/uploads/x", repeatable=True, data=iter([b"a"]))
            self.assertEqual(len(server.requests), 1)

    def test_downloads(self):
        data = bytes(range(256)) * 1000
        with FakeServer([(200, data, {"Content-Type": "application/octet-stream"})] * 2) as server:
            merx = client(server)
            with merx._download("GET", "/v1/file", repeatable=True) as download:
                self.assertEqual(download.type, "application/octet-stream")
                self.assertEqual(download.read(10) + b"".join(download), data)
            self.assertEqual(len(merx._pool.idle), 1)
            with merx._download("GET", "/v1/file", repeatable=True) as download:
                download.read(10)
            self.assertEqual(len(merx._pool.idle), 0)  # what was not read to its end is closed

    def test_pictures(self):
        with FakeServer([GOOD, GOOD]) as server:
            merx = client(server)
            merx._picture("/v1/answers/classify", b"\xff\xd8\xff", {"n": 3, "product": None, "why": True})
            merx._picture("/v1/answers/classify", io.BytesIO(b"\x89PNG"), {})
            self.assertEqual([(path, headers["Content-Type"]) for _, path, headers, _ in server.requests],
                             [("/v1/answers/classify?n=3&why=true", "image/jpeg"), ("/v1/answers/classify", "image/png")])
            with self.assertRaises(ValueError):
                merx._picture("/v1/answers/classify", b"GIF89a", {})

    def test_pages(self):
        with FakeServer([(200, {"items": [1, 2], "next": "c1"}, {}), (200, {"items": [], "next": "c2"}, {}), (200, {"items": [3], "next": None}, {})]) as server:
            self.assertEqual(list(client(server)._pages("/v1/products", {"limit": 2, "after": None})), [1, 2, 3])
            self.assertEqual([path for _, path, _, _ in server.requests], ["/v1/products?limit=2", "/v1/products?limit=2&after=c1", "/v1/products?limit=2&after=c2"])

    def test_threads_share_a_client(self):
        with FakeServer([GOOD] * 64) as server:
            merx, failed = client(server), []

            def work():
                try:
                    for _ in range(8):
                        merx.put_product("p", {})
                except Exception as error:  # what a thread raises is shown by the test
                    failed.append(error)

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failed, [])
            self.assertEqual(len(server.requests), 64)
            merx.close()


if __name__ == "__main__":
    unittest.main()
