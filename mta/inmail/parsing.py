"""A mail from anybody as the email package reads it, within bounds.

The package follows whatever structure it is shown, however deep; its time, and that of all who look
for words in a text, grows with the square of a line's length or of a field's. So no more is parsed
than a bounce has any need of: its beginning, with lines and fields of a length that mail has. Of a
mail with more parts than mail has, the header alone is read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from typing import Final

READ_MAX: Final = 128 * 1024  # bytes; what a bounce says comes before the mail that it returns
LINES_MAX: Final = 10_000
LINE_MAX: Final = 1000  # bytes; RFC 5322, 2.1.1 has 998
_FOLDED_MAX: Final = 10  # lines that go on with the one before
_CONTAINERS_MAX: Final = 30  # words that make one; bounces with a forwarded mail in it have six
_EDGES_MAX: Final = 300  # lines that may begin a part
_CONTAINER: Final = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_EDGE: Final = re.compile(rb"^--", re.MULTILINE)
_TEXT_MAX: Final = 16 * 1024  # characters of one part that are looked at
_VALUE_MAX: Final = 1000  # characters of a field's value


@dataclass(frozen=True, slots=True)
class Parsed:
    """The mail; ``is_whole`` tells that its parts were read."""

    message: "Message[str, str]"
    is_whole: bool


def parse(content: bytes) -> Parsed:
    """Read a mail."""
    bounded = b"\n".join(_bounded(content))
    containers = len(_CONTAINER.findall(bounded))
    if containers > _CONTAINERS_MAX or (containers and len(_EDGE.findall(bounded)) > _EDGES_MAX):
        return Parsed(BytesHeaderParser().parsebytes(bounded), is_whole=False)
    return Parsed(BytesParser().parsebytes(bounded), is_whole=True)


def _bounded(content: bytes) -> Iterator[bytes]:
    folded = 0
    for line in content[:READ_MAX].split(b"\n", LINES_MAX)[:LINES_MAX]:
        # A CR alone ends a line for some readers: what follows it is another line to none of them.
        whole = line.rstrip(b"\r").replace(b"\r", b" ")
        folded = folded + 1 if whole[:1] in (b" ", b"\t") else 0
        if folded <= _FOLDED_MAX:
            yield whole[:LINE_MAX]


def field(message: "Message[str, str]", name: str) -> str:
    """A header's value on one line, whatever stands in it; empty if it is absent."""
    value = message.get(name)
    return "" if value is None else " ".join(str(value)[:_VALUE_MAX].split())


def subject_of(message: "Message[str, str]") -> str:
    """The subject, decoded (RFC 2047) as well as it can be."""
    raw = field(message, "subject")
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return raw  # a broken encoded word is shown as it came


def text_of(message: "Message[str, str]") -> str:
    """The text of a part, decoded as well as it can be; HTML as it stands."""
    if message.is_multipart():
        return ""
    raw = message.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    raw = raw[: 4 * _TEXT_MAX]
    try:
        text = raw.decode(message.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):  # a charset that nobody knows, or one of no text
        text = raw.decode("utf-8", "replace")
    return text[:_TEXT_MAX]
