"""What every call goes through: the address, the key, connections, time limits, trying again, errors. The routes are in _generated.py."""
from __future__ import annotations

import copy
import http.client
import json
import os
import random
import select
import socket
import ssl
import threading
import time
import uuid
from email.utils import parsedate_to_datetime
from typing import Any, BinaryIO, Iterable, Iterator, Optional, Union
from urllib.parse import quote, urlencode, urlsplit

from ._errors import MerxError, error_of
from ._events import ServerEvent, parse_events

# What can be uploaded: bytes, a file opened for reading bytes, or pieces of bytes. Pieces are read once, so they are not tried again.
Uploadable = Union[bytes, bytearray, memoryview, BinaryIO, Iterable[bytes]]
# A JPEG, PNG or WebP: its bytes, or a file opened for reading bytes.
Picture = Union[bytes, bytearray, memoryview, BinaryIO]

_LATER = (429, 502, 503, 504)  # statuses that say: not now
_PIECE = 1 << 16
_STREAM_SILENCE_S = 60.0  # of a stream: taken for a lost connection; the server sends a line at least every 15 seconds
_LINE_MAX = 64 << 20  # of a stream: one that never ends a line must not fill the memory
_IDLE_MAX = 16  # connections that are kept


def part(value: str | int) -> str:
    """A part of a path."""
    text = quote(str(value), safe="")
    if text in ("", ".", ".."):
        raise ValueError(f"{value!r} can't be an id in a path")
    return text


def said(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def with_ids(events: Any) -> Any:
    """Events with the ids that are missing: made once, before the first try, so that the server counts each event once however often it is sent."""
    if isinstance(events, dict):
        return events if events.get("id") is not None else {**events, "id": str(uuid.uuid4())}
    return [with_ids(event) for event in events]


def _picture_type(data: bytes) -> str:
    if data[:2] == b"\xff\xd8":
        return "image/jpeg"
    if data[:4] == b"\x89PNG":
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError("the picture is neither JPEG, PNG nor WebP")


def _query_text(query: dict[str, Any] | None) -> str:
    def text(value: Any) -> str:
        return "true" if value is True else "false" if value is False else str(value)

    pairs = [(name, text(value)) for name, value in (query or {}).items() if value is not None]
    return "?" + urlencode(pairs) if pairs else ""


def _retry_after_s(headers: Any) -> float | None:
    """Retry-After: seconds, or a date."""
    text = headers.get("Retry-After")
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


class _Pool:
    """Connections to one server, kept for further requests. Safe for threads."""

    def __init__(self, scheme: str, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self.scheme, self.host, self.port, self.context = scheme, host, port, context
        self.idle: list[http.client.HTTPConnection] = []
        self.lock = threading.Lock()

    def take(self, timeout: float | None) -> http.client.HTTPConnection:
        while True:
            with self.lock:
                connection = self.idle.pop() if self.idle else None
            if connection is None:
                break
            # One that can be read while nothing was asked was closed by the server.
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                connection.sock.settimeout(timeout)
                return connection
            connection.close()
        if self.scheme == "https":
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def give(self, connection: http.client.HTTPConnection) -> None:
        with self.lock:
            if connection.sock is not None and len(self.idle) < _IDLE_MAX:
                self.idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self.lock:
            idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        self.close()


class Download:
    """A reply as it comes: read it whole, in pieces, or into a file. Closed by itself when it was read to its end, or at the end of `with`."""

    def __init__(self, pool: _Pool, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._pool, self._connection, self._response = pool, connection, response
        self.type: str = response.headers.get("Content-Type", "")

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def read(self, size: int = -1) -> bytes:
        data = self._response.read() if size < 0 else self._response.read(size)
        if self._response.isclosed() and self._connection is not None:
            self._pool.give(self._connection)
            self._connection = None  # type: ignore[assignment]
        return data

    def __iter__(self) -> Iterator[bytes]:
        while True:
            piece = self.read(_PIECE)
            if not piece:
                return
            yield piece

    def save(self, path: str | os.PathLike[str]) -> int:
        """Writes it to a file; how many bytes."""
        written = 0
        with self, open(path, "wb") as file:
            for piece in self:
                written += file.write(piece)
        return written

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None  # type: ignore[assignment]

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Core:
    """
    url: where merx serve is; a path before /v1 is kept
    key: what merx key create gave; it selects the shop
    shop: which shop, where several are served and none has a key
    timeout: seconds without progress after which a try is given up
    retries: how often a call is tried again
    backoff: seconds before the first new try, doubled for each further one; a Retry-After of the server goes first
    longest_wait: the longest wait before a new try; a server that says longer is believed, and the call fails
    ssl_context: in place of ssl.create_default_context(), for certificates of one's own

    Threads: any number may use one client.
    """

    def __init__(self, url: str = "http://127.0.0.1:7373", key: str | None = None, *, shop: str | None = None, timeout: float = 30.0, retries: int = 4,
                 backoff: float = 0.25, longest_wait: float = 30.0, ssl_context: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address (expected e.g. http://127.0.0.1:7373)")
        context = (ssl_context or ssl.create_default_context()) if parts.scheme == "https" else None
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._pool = _Pool(parts.scheme, parts.hostname, port, context)
        self._base = parts.path.rstrip("/")
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "merx-client-python/0.1.0"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        if shop:
            self._headers["Merx-Shop"] = shop
        self._timeout, self._retries, self._backoff, self._longest_wait = timeout, retries, backoff, longest_wait

    def with_options(self, *, timeout: float | None = None, retries: int | None = None, request_id: str | None = None) -> Any:
        """The same client, with its connections, for calls of another kind: client.with_options(timeout=600).answers.insight(). request_id: sent as X-Request-Id."""
        other = copy.copy(self)
        other._headers = dict(self._headers)
        if timeout is not None:
            other._timeout = timeout
        if retries is not None:
            other._retries = retries
        if request_id is not None:
            other._headers["X-Request-Id"] = request_id
        return other

    def close(self) -> None:
        """Closes the connections that are kept. The client can go on being used."""
        self._pool.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- one try ----

    def _send(self, method: str, path: str, query: dict[str, Any] | None, body: Any, data: Any,
              content_type: str | None) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        headers = dict(self._headers)
        payload: Any = None
        chunked = False
        if data is not None:
            payload = data
            headers["Content-Type"] = content_type or "application/octet-stream"
            size = _size_of(data)
            chunked = size is None
            headers["Transfer-Encoding" if chunked else "Content-Length"] = "chunked" if chunked else str(size)
        elif body is not None:
            payload = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            headers["Content-Type"] = "application/json"
        connection = self._pool.take(self._timeout)
        try:
            try:
                connection.request(method, self._base + path + _query_text(query), body=payload, headers=headers, encode_chunked=chunked)
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses a large body has closed: its reply may be there all the same
            return connection, connection.getresponse()
        except BaseException:
            connection.close()
            raise

    def _wait_before(self, attempt: int, repeatable: bool, status: int, headers: Any) -> float | None:
        """How long to wait before a new try; None: there is none."""
        # A refusal by the limit of rates comes before anything is done; of all else a call that may not be repeated may have been done.
        if attempt >= self._retries or (not repeatable and status != 429) or (status and status not in _LATER):
            return None
        told = _retry_after_s(headers) if status else None
        if told is not None:
            return told if told <= self._longest_wait else None
        most = min(self._backoff * 2.0 ** attempt, self._longest_wait)
        return most * random.uniform(0.5, 1.0)  # so that many clients don't come back together

    # ---- a call with its new tries ----

    def _call(self, method: str, path: str, repeatable: bool, query: dict[str, Any] | None, body: Any, data: Any, content_type: str | None,
              whole: bool) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse, bytes]:
        """The connection, the reply and, if wanted whole, what is in it. Of what is not read whole the connection is the caller's."""
        start = _start_of(data)
        for attempt in range(self._retries + 1):
            status, headers = 0, None
            try:
                if attempt > 0 and start is not None:
                    data.seek(start)
                connection, response = self._send(method, path, query, body, data, content_type)
                status, headers = response.status, response.headers
                try:
                    content = response.read() if whole or status >= 300 else b""
                except BaseException:
                    connection.close()
                    raise
                if whole or status >= 300:
                    self._pool.give(connection)
                if status < 300:
                    return connection, response, content
                error = error_of(status, response.reason, response.headers.get("X-Request-Id", ""), content)
            except (socket.timeout, TimeoutError) as cause:
                status, error = 0, MerxError(0, "timeout", f"no progress for {self._timeout:g} s")
                error.__cause__ = cause
            except (OSError, http.client.HTTPException) as cause:
                status, error = 0, MerxError(0, "unreachable", f"the server can't be reached: {cause}")
                error.__cause__ = cause
            once = data is not None and start is None and _size_of(data) is None
            wait = None if once else self._wait_before(attempt, repeatable, status, headers)
            if wait is None:
                raise error
            time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _json(self, method: str, path: str, *, repeatable: bool, query: dict[str, Any] | None = None, body: Any = None, data: Any = None,
              content_type: str | None = None) -> Any:
        return json.loads(self._call(method, path, repeatable, query, body, data, content_type, True)[2])

    def _text(self, method: str, path: str, *, repeatable: bool, query: dict[str, Any] | None = None, body: Any = None, data: Any = None,
              content_type: str | None = None) -> str:
        return self._call(method, path, repeatable, query, body, data, content_type, True)[2].decode()

    def _nothing(self, method: str, path: str, *, repeatable: bool, query: dict[str, Any] | None = None, body: Any = None, data: Any = None,
                 content_type: str | None = None) -> None:
        self._call(method, path, repeatable, query, body, data, content_type, True)

    def _download(self, method: str, path: str, *, repeatable: bool, query: dict[str, Any] | None = None, body: Any = None, data: Any = None,
                  content_type: str | None = None) -> Download:
        connection, response, _ = self._call(method, path, repeatable, query, body, data, content_type, False)
        return Download(self._pool, connection, response)

    def _picture(self, path: str, picture: Picture, question: dict[str, Any]) -> Any:
        """An answer about a picture: the picture is the body, the question the query."""
        data = bytes(picture) if isinstance(picture, (bytes, bytearray, memoryview)) else picture.read()
        return self._json("POST", path, repeatable=True, query=question, data=data, content_type=_picture_type(data))

    def _pages(self, path: str, query: dict[str, Any]) -> Iterator[Any]:
        while True:
            page = self._json("GET", path, repeatable=True, query=query)
            yield from page["items"]
            if page.get("next") is None:
                return
            query = {**query, "after": page["next"]}

    def _stream(self, method: str, path: str, *, repeatable: bool, query: Optional[dict[str, Any]] = None) -> Iterator[ServerEvent]:
        """
        A stream of server-sent events. It ends with the event "end", or when the loop is left. A lost connection is taken up again where the route can go on from an
        offset (events carry it); elsewhere it is the error "stream_lost".
        """
        resumable = query is not None
        query = dict(query or {})
        quick = 0
        while True:
            connection, response, _ = self._call(method, path, repeatable, query, None, None, None, False)
            try:
                if connection.sock is not None:
                    connection.sock.settimeout(_STREAM_SILENCE_S)
                for event in parse_events(iter(lambda: response.readline(_LINE_MAX), b"")):
                    quick = 0
                    if resumable and isinstance(event.data, dict) and isinstance(event.data.get("offset"), int):
                        query["after"] = event.data["offset"]
                    yield event
                    if event.event == "end":
                        return
                lost: Exception | None = None
            except (OSError, http.client.HTTPException) as cause:
                lost = cause
            finally:
                connection.close()
            if not resumable or quick >= self._retries:
                raise MerxError(0, "stream_lost", f"the stream broke off: {lost or 'it ended'}") from lost
            time.sleep(self._backoff * 2.0 ** quick)
            quick += 1


def _size_of(data: Any) -> int | None:
    """Bytes of what is uploaded; None: not known."""
    if isinstance(data, (bytes, bytearray)):
        return len(data)
    if isinstance(data, memoryview):
        return data.nbytes
    start = _start_of(data)
    if start is None:
        return None
    end = data.seek(0, os.SEEK_END)
    data.seek(start)
    return int(end - start)


def _start_of(data: Any) -> int | None:
    """Where a file that can be read again is; None: it can't."""
    try:
        return int(data.tell()) if data is not None and data.seekable() else None
    except (AttributeError, OSError):
        return None
