"""What an application submitted, checked and made ready: a pure function of its bytes.

Nothing in it is rendered. Its trace is added, Message-ID and Date where they are missing (RFC 6409,
section 8); what is meant for us or for nobody is taken out: X-Mtalab headers, Bcc, Return-Path.
"""

import re
from dataclasses import dataclass
from email.header import decode_header, make_header
from typing import Final

from mail.reply import Reply

AFFINITY: Final = b"x-mtalab-affinity"
DELIVERY: Final = b"x-mtalab-delivery"
LINE_MAX: Final = 998  # RFC 5322, 2.1.1, without the line end
_LABEL_MAX: Final = 200
_TAKEN_OUT: Final = frozenset({AFFINITY, DELIVERY, b"bcc", b"resent-bcc", b"return-path"})
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LONG: Final = re.compile(rb"[^\r\n]{%d}" % (LINE_MAX + 1))
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)\r\n")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Trace:
    """What the port adds; each value is a header's, without line end."""

    received: str
    message_id: str
    date: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that can be stored; ``affinity`` and ``label`` where its headers name them."""

    content: bytes
    affinity: str | None
    label: str | None
    needs_smtputf8: bool


def ready(content: bytes, trace: Trace) -> Ready | Reply:
    """The message as it will go out, or why it is refused.

    A bare CR or LF is refused, as RFC 5321 (2.3.8) has it: a server behind us that takes it for a
    line end could find other commands in the message (SMTP smuggling).
    """
    fault = _fault(content)
    if fault is not None:
        return Reply(554, fault)
    fields: list[tuple[bytes, bytes, bytes]] = []  # name in small letters, value, whole
    place = 0
    while not content.startswith(b"\r\n", place) and place < len(content):
        found = _FIELD.match(content, place)
        if found is None:
            return Reply(
                554,
                f"5.6.0 Line {_line(content, place)} is no header field, nor empty before the body",
            )
        fields.append((found[1].lower(), found[2], found[0]))
        place = found.end()
    try:
        affinity, label = _named(fields, AFFINITY), _named(fields, DELIVERY)
    except ValueError as error:
        return Reply(554, f"5.6.0 {error}")
    kept = [whole for name, _, whole in fields if name not in _TAKEN_OUT]
    names = {name for name, _, _ in fields}
    head = [f"Received: {trace.received}\r\n".encode(), *kept]
    if b"date" not in names:
        head.append(f"Date: {trace.date}\r\n".encode())
    if b"message-id" not in names:
        head.append(f"Message-ID: {trace.message_id}\r\n".encode())
    header = b"".join(head)
    try:
        header.decode()
    except UnicodeDecodeError:
        return Reply(554, "5.6.7 The header holds bytes that are neither ASCII nor UTF-8")
    return Ready(header + (content[place:] or b"\r\n"), affinity, label, not header.isascii())


def _fault(content: bytes) -> str | None:
    for pattern, what in (
        (_BARE, "holds a CR or LF alone: lines end with CRLF"),
        (_LONG, f"is longer than {LINE_MAX} bytes"),
    ):
        found = pattern.search(content)
        if found is not None:
            return f"5.6.0 Line {_line(content, found.start())} {what}"
    nul = content.find(b"\0")
    if nul >= 0:
        return f"5.6.0 Line {_line(content, nul)} holds a NUL byte"
    return None


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _named(fields: list[tuple[bytes, bytes, bytes]], wanted: bytes) -> str | None:
    """The value of one of our headers.

    Raises:
        ValueError: it is empty, too long, unreadable or there with two values.
    """
    name = wanted.decode().title()
    values = {value.replace(b"\r\n", b"").strip() for found, value, _ in fields if found == wanted}
    if not values:
        return None
    if len(values) > 1:
        raise ValueError(f"{name} is there more than once, with different values")
    try:
        text = str(make_header(decode_header(values.pop().decode()))).strip()
    except (ValueError, LookupError) as error:  # an unknown charset is a LookupError
        raise ValueError(f"{name} cannot be read: {error}") from error
    if not text or len(text) > _LABEL_MAX or _UNPRINTABLE.search(text) is not None:
        raise ValueError(f"{name} is empty, longer than {_LABEL_MAX} characters or unprintable")
    return text
