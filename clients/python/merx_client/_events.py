"""Server-sent events (WHATWG HTML, 9.2)."""
from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, NamedTuple


class ServerEvent(NamedTuple):
    """One event of a stream; data is parsed JSON, or the text when it is none."""

    event: str
    data: Any
    id: str


def parse_events(lines: Iterable[bytes]) -> Iterator[ServerEvent]:
    """
    The events of a text/event-stream, given its lines with their ends: an empty one ends an event, those that begin with a colon keep the connection alive. What was begun
    and not ended is dropped.
    """
    event, data, last_id = "message", [], ""
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line:
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                event = value
            elif field == "data":
                data.append(value)
            elif field == "id" and "\0" not in value:
                last_id = value
            continue
        if data:
            text = "\n".join(data)
            try:
                yield ServerEvent(event, json.loads(text), last_id)
            except ValueError:
                yield ServerEvent(event, text, last_id)
        event, data = "message", []
