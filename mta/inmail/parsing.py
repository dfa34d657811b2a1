"""A mail from anybody as the email package reads it, within bounds.

The package follows whatever structure it is shown, however deep, and its time grows with depth
times lines. So no more is parsed than a bounce has any need of: the beginning, up to a size; and of
a mail with more parts than mail has, the header alone.
"""

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from typing import Final

READ_MAX: Final = 256 * 1024  # bytes; what a bounce says comes before the mail that it returns
LINES_MAX: Final = 20_000
_CONTAINERS_MAX: Final = 30  # words that make one; bounces with a forwarded mail in it have six
_EDGES_MAX: Final = 300  # lines that may begin a part
_CONTAINER: Final = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_EDGE: Final = re.compile(rb"^--", re.MULTILINE)
_TEXT_MAX: Final = 32 * 1024  # characters of one part that are looked at


@dataclass(frozen=True, slots=True)
class Parsed:
    """The mail; ``is_whole`` tells that its parts were read."""

    message: "Message[str, str]"
    is_whole: bool


def parse(content: bytes) -> Parsed:
    """Read a mail."""
    bounded = content[:READ_MAX]
    lines = bounded.split(b"\n", LINES_MAX)
    if len(lines) > LINES_MAX:
        bounded = b"\n".join(lines[:LINES_MAX])
    containers = len(_CONTAINER.findall(bounded))
    if containers > _CONTAINERS_MAX or (containers and len(_EDGE.findall(bounded)) > _EDGES_MAX):
        return Parsed(BytesHeaderParser().parsebytes(bounded), is_whole=False)
    return Parsed(BytesParser().parsebytes(bounded), is_whole=True)


def field(message: "Message[str, str]", name: str) -> str:
    """A header's value on one line, whatever stands in it; empty if it is absent."""
    value = message.get(name)
    return "" if value is None else " ".join(str(value).split())


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
