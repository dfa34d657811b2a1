"""One line of a trace: something that was said, heard, or that happened to a connection."""

from enum import StrEnum
from typing import Any, NamedTuple

import orjson


class Direction(StrEnum):
    """Who speaks."""

    SAID = "said"  # by us
    HEARD = "heard"  # from the server
    EVENT = "event"


class Subject(NamedTuple):
    """The message that a line belongs to."""

    message_id: int
    delivery_id: int
    domain: str


class Line(NamedTuple):
    """As a transcript tells it. ``at`` is in seconds since the connection was begun."""

    at: float
    direction: Direction
    text: str
    subject: Subject | None = None
    answers: str | None = None  # what a reply answers: RCPT; on its first line
    waited: float | None = None  # seconds, likewise: since that was said, or the reply before it
    size: int | None = None  # bytes of content as written
    content: str | None = None  # the content itself, where it is wanted


class Ends(NamedTuple):
    """Whose connection it is and where it leads; ``began`` in epoch seconds."""

    worker: str
    lane: str
    connection: int  # counted by the worker
    host: str
    began: float


class Recorded(NamedTuple):
    """A line and its connection."""

    ends: Ends
    line: Line


def encode(ends: Ends, line: Line) -> bytes:
    """As one line of JSON (docs/json.md, "trace")."""
    return orjson.dumps(as_json(Recorded(ends, line)), option=orjson.OPT_APPEND_NEWLINE)


def as_json(recorded: Recorded) -> dict[str, Any]:
    ends, line = recorded
    subject = line.subject
    found = {
        "time": round(ends.began + line.at, 6),
        "worker": ends.worker,
        "lane": ends.lane,
        "connection": ends.connection,
        "host": ends.host,
        "began": round(ends.began, 6),
        "at": round(line.at, 6),
        "direction": str(line.direction),
        "text": line.text,
        "message": None if subject is None else subject.message_id,
        "delivery": None if subject is None else subject.delivery_id,
        "domain": None if subject is None else subject.domain,
        "answers": line.answers,
        "waited": None if line.waited is None else round(line.waited, 6),
        "size": line.size,
    }
    return found if line.content is None else {**found, "content": line.content}


def decode(text: bytes) -> Recorded | None:
    """Read a line of JSON; None for one that was cut off as a disk was full or a worker died."""
    try:
        found = orjson.loads(text)
        ends = Ends(
            found["worker"], found["lane"], found["connection"], found["host"], found["began"]
        )
        subject = None
        if found["message"] is not None:
            subject = Subject(found["message"], found["delivery"], found["domain"])
        line = Line(
            found["at"],
            Direction(found["direction"]),
            found["text"],
            subject,
            found["answers"],
            found["waited"],
            found["size"],
            found.get("content"),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return Recorded(ends, line)
