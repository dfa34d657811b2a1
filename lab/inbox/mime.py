"""One mail taken apart: its headers, its bodies, its attachments. The ``email`` package reads it.

A mail from anywhere may be broken in any way; what cannot be decoded is shown as it came.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape
from typing import Any, Final, NamedTuple

_FOLD: Final = re.compile(r"\r?\n[ \t]*")
_UNSEEN: Final = re.compile(
    r"<!--.*?-->|<(style|script|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE
)
_TEXTS: Final = ("text/plain", "text/html")


class Mailbox(NamedTuple):
    """One address of a header, with the name that stands before it."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a mail's tree."""

    id: str  # "0": the mail is one part; "2.1": the first of the second
    media_type: str  # lower case, without parameters
    charset: str  # as the mail says it; empty: it does not
    name: str  # of a file; may be empty
    content_id: str  # without its angle brackets; may be empty
    disposition: str  # "attachment", "inline", or empty
    content: bytes  # decoded

    @property
    def is_body(self) -> bool:
        """Whether it is text of the mail rather than something that comes along."""
        is_file = self.disposition == "attachment" or bool(self.name)
        return self.media_type in _TEXTS and not is_file

    @property
    def is_attachment(self) -> bool:
        return not self.is_body and (
            self.disposition == "attachment" or self.media_type == "application/octet-stream"
        )

    @property
    def is_inline(self) -> bool:
        """Whether it comes along to be shown within the mail, such as a picture."""
        return not self.is_body and not self.is_attachment and bool(self.name or self.content_id)

    @property
    def text(self) -> str:
        try:
            return _whole(self.content.decode(self.charset or "utf-8", "replace"))
        except (LookupError, ValueError):  # no such character set, or one that is none
            return self.content.decode("utf-8", "replace")


class Mail:
    """One mail; ``raw`` is as it was received."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._message = message_from_bytes(raw)
        self.parts = tuple(_leaves(self._message, ""))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All of them in their order: names as written, values unfolded and not decoded."""
        return [(name, _plain(value)) for name, value in self._message.items()]

    def header(self, name: str) -> str:
        """The first of this name, decoded (RFC 2047); empty if there is none."""
        return decoded(self._raw(name))

    def mailboxes(self, name: str) -> list[Mailbox]:
        """The addresses of all headers of this name."""
        values = [_plain(each) for each in self._message.get_all(name, ())]
        found = getaddresses(values)
        return [Mailbox(decoded(name), address) for name, address in found if address or name]

    @property
    def date(self) -> float | None:
        """Epoch seconds of its Date header; None: it has none that can be read."""
        try:
            return parsedate_to_datetime(self._raw("Date")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def html(self) -> str:
        return "".join(each.text for each in self._bodies("text/html"))

    @property
    def text(self) -> str:
        return "\n".join(each.text for each in self._bodies("text/plain"))

    @property
    def readable(self) -> str:
        """What a person reads, without markup: the text, or the words of the HTML."""
        return self.text or words_of(self.html)

    @property
    def inlines(self) -> list[Part]:
        return [each for each in self.parts if each.is_inline]

    @property
    def attachments(self) -> list[Part]:
        return [each for each in self.parts if each.is_attachment]

    def part(self, part_id: str) -> Part | None:
        return next((each for each in self.parts if each.id == part_id), None)

    def _bodies(self, media_type: str) -> Iterator[Part]:
        return (each for each in self.parts if each.is_body and each.media_type == media_type)

    def _raw(self, name: str) -> str:
        return _plain(self._message.get(name, ""))


def decoded(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) read; a broken one as it came."""
    if "=?" not in value:
        return value
    try:
        return _whole(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return value


def words_of(html: str) -> str:
    """The words of some HTML: for lists and for searching, and no more than that."""
    return _whole(unescape(_UNSEEN.sub(" ", html)))


def _whole(text: str) -> str:
    """Half characters, which some character sets can have, become question marks."""
    return text.encode("utf-8", "replace").decode()


def _plain(value: Any) -> str:
    """A value unfolded; bytes beyond ASCII, which no header may have, are taken for UTF-8."""
    text = str(value)
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _FOLD.sub(" ", text).strip()


def _leaves(message: Message, place: str) -> Iterator[Part]:
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        for number, each in enumerate(_below(message), start=1):
            yield from _leaves(each, f"{place}.{number}" if place else str(number))
        return
    yield Part(
        id=place or "0",
        media_type=message.get_content_type(),
        charset=_charset(message),
        name=_name(message),
        content_id=_plain(message.get("Content-ID", "")).strip("<>"),
        disposition=message.get_content_disposition() or "",
        content=_content(message),
    )


def _below(message: Message) -> list[Message]:
    payload: Any = message.get_payload()
    return [each for each in payload if isinstance(each, Message)]


def _content(message: Message) -> bytes:
    if message.is_multipart():  # a mail within the mail, as it came
        return b"\n".join(each.as_bytes() for each in _below(message))
    try:
        found = message.get_payload(decode=True)
    except (LookupError, TypeError, ValueError):  # it minds a character set that is none
        message.del_param("charset")
        found = message.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _charset(message: Message) -> str:
    found = message.get_param("charset", "")
    return str(found[2] if isinstance(found, tuple) else found)


def _name(message: Message) -> str:
    try:
        return decoded(_plain(message.get_filename("")))
    except (LookupError, UnicodeError, ValueError):  # RFC 2231 with a character set of no meaning
        return ""
