"""The one exception of the client."""
from __future__ import annotations

import json
from typing import Any


class MerxError(Exception):
    """
    A request that did not succeed.

    status: the HTTP status; 0: there was no reply
    code: one word: "bad_request", "not_found", "conflict" ...; "http_502" of what does not come from merx; without a reply "unreachable", "timeout" or "stream_lost"
    message: what was wrong
    where: the option, field or place; may be empty
    hint: what would be right
    request_id: the id of the request, as in the server's log
    errors: of data that was refused: each thing wrong (index, field, value, expected), the first 100
    """

    def __init__(self, status: int, code: str, message: str, where: str = "", hint: str = "", request_id: str = "",
                 errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.status = status
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        self.request_id = request_id
        self.errors: list[dict[str, Any]] = errors or []


def error_of(status: int, reason: str, request_id: str, body: bytes) -> MerxError:
    """The error that a reply of 400 or more is. A page of a proxy in between is none of merx's JSON."""
    try:
        reply = json.loads(body)
    except ValueError:
        reply = None
    if isinstance(reply, dict) and isinstance(reply.get("code"), str):
        return MerxError(status, reply["code"], str(reply.get("message", "")), str(reply.get("where", "")), str(reply.get("hint", "")),
                         str(reply.get("request_id", request_id)), reply.get("errors"))
    text = body[:200].decode("utf-8", "replace")
    return MerxError(status, f"http_{status}", f"{status} {reason}".strip() + (f": {text}" if text else ""), request_id=request_id)
