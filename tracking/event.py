"""What came back of a message, as a line of the server's log.

A line is a JSON object: an event, a request that was refused, or a note of events that could not be
written. Whoever reads it trusts nothing: files are cut, and disks fail.
"""

import math
from typing import Any, Final, NamedTuple

import orjson

from mail.tracked import Kind

TEXT_MAX: Final = 500  # characters of what a client says
_ID_MAX: Final = 2**63 - 1
_INT_MAX: Final = 2**31 - 1
_CONTROL: Final = dict.fromkeys((*range(32), 127), " ")
_LABELS: Final = {each: each.label for each in Kind}
_KINDS: Final = {each.label: each for each in Kind}


class NotALine(ValueError):
    """What should be a line of the log is none."""


class Event(NamedTuple):
    """Something that was done with a message."""

    at: float  # epoch seconds of the server's clock
    kind: Kind
    delivery_id: int
    message_id: int
    url: int  # number of the tracked URL; 0: none
    person: str  # the browser's cookie; empty: it has none
    agent: str
    ip: str
    method: str
    page: str | None = None
    amount: float | None = None
    articles: int | None = None


class Lost(NamedTuple):
    """So many events before this could not be written."""

    at: float
    events: int


def said(text: str) -> str:
    """What a client says, as it may stand in a log: one line, without control characters."""
    return text[:TEXT_MAX].translate(_CONTROL)


def encode(event: Event) -> bytes:
    """A line, with its end."""
    line: dict[str, Any] = {
        "at": event.at,
        "kind": _LABELS[event.kind],
        "delivery": event.delivery_id,
        "message": event.message_id,
        "url": event.url,
        "person": event.person,
        "agent": event.agent,
        "ip": event.ip,
        "method": event.method,
    }
    if event.page is not None:
        for name in ("page", "amount", "articles"):
            value = getattr(event, name)
            if value is not None:
                line[name] = value
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def encode_refusal(at: float, why: str, *, path: str, agent: str, ip: str) -> bytes:
    """The line of a request that was refused."""
    line = {"at": at, "refused": why, "path": path, "agent": agent, "ip": ip}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def encode_loss(lost: Lost) -> bytes:
    return orjson.dumps({"at": lost.at, "lost": lost.events}, option=orjson.OPT_APPEND_NEWLINE)


def decode(line: bytes) -> Event | Lost | None:
    """What a line says; None: a request that was refused.

    Raises:
        NotALine: it is no line of ours, or a damaged one.
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise NotALine(str(error)) from error
    if not isinstance(found, dict):
        raise NotALine("it is no object")
    if "refused" in found:
        return None
    at = _number(found, "at")
    if "lost" in found:
        return Lost(at, _whole(found, "lost", _ID_MAX))
    kind = _KINDS.get(_text(found, "kind"))
    if kind is None:
        raise NotALine("it is of no known kind")
    return Event(
        at,
        kind,
        _whole(found, "delivery", _ID_MAX),
        _whole(found, "message", _ID_MAX),
        _whole(found, "url", _INT_MAX),
        _text(found, "person"),
        _text(found, "agent"),
        _text(found, "ip"),
        _text(found, "method"),
        _text(found, "page") if "page" in found else None,
        _number(found, "amount") if "amount" in found else None,
        _whole(found, "articles", _INT_MAX) if "articles" in found else None,
    )


def _number(line: dict[str, Any], name: str) -> float:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotALine(f"{name} is no number")
    found = float(value)
    if not math.isfinite(found):
        raise NotALine(f"{name} is not finite")
    return found


def _whole(line: dict[str, Any], name: str, most: int) -> int:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise NotALine(f"{name} is no whole number up to {most}")
    return value


def _text(line: dict[str, Any], name: str) -> str:
    value = line.get(name)
    # PostgreSQL has no text with NUL; ours are without.
    if not isinstance(value, str) or len(value) > TEXT_MAX or "\0" in value:
        raise NotALine(f"{name} is no text of at most {TEXT_MAX} characters")
    return value
