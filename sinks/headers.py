"""The few headers of a received message that are shown: Message-ID, Subject, From, To."""

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Final

_MESSAGE_ID: Final = re.compile(rb"message-id:(?:[ \t]|\r\n[ \t])*(<[^>\r\n]*>|\S+)", re.IGNORECASE)
_NAME: Final = b"message-id:"
_FOLD: Final = re.compile(r"\r?\n[ \t]+")


def header_block(content: bytes) -> bytes:
    """What stands before the first empty line."""
    if content.startswith(b"\r\n"):
        return b""
    end = content.find(b"\r\n\r\n")
    return content if end < 0 else content[: end + 2]


def message_id(content: bytes) -> str | None:
    """The Message-ID as written, or None."""
    block = header_block(content)
    # An expression that ignores case would try each byte: twenty times the time of this.
    lowered = block.lower()
    start = 0 if lowered.startswith(_NAME) else lowered.find(b"\n" + _NAME) + 1
    found = _MESSAGE_ID.match(block, start)
    return None if found is None else found[1].decode("utf-8", "replace")


def header(content: bytes, name: str) -> str:
    """The first header of this name, unfolded and decoded (RFC 2047); empty if it is absent."""
    pattern = rb"(?:\A|\n)" + re.escape(name.encode()) + rb":[ \t]*((?:[^\n]|\n[ \t])*)"
    found = re.search(pattern, header_block(content), re.IGNORECASE)
    if found is None:
        return ""
    raw = _FOLD.sub(" ", found[1].decode("utf-8", "replace")).strip()
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return raw  # a broken encoded word is shown as it came
