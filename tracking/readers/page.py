"""A message as a mail program shows it: its links and images, of HTML and of text.

Malformed mail gives what can be found in it. The parser is the standard library's, and so are its
limits: a structure that it cannot follow is told as MessageNotRead.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from html.parser import HTMLParser
from typing import Final

from tracking.readers.errors import MessageNotRead

LINKS_MAX: Final = 20_000  # of each kind; the rest is not seen
_PART_MAX: Final = 2_000_000  # characters of one part that are looked at
_TEXT_MAX: Final = 200  # characters of a link's text
_WEB: Final = ("http://", "https://")
_IN_TEXT: Final = re.compile(r"https?://[^\s<>\"'()\[\]{}|\\^`]+", re.IGNORECASE)
_ENDS_SENTENCE: Final = ".,;:!?*_~"
_IN_HEADER: Final = re.compile(r"<\s*(https?://[^<>\s]+)\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A link and what is written on it."""

    url: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What there is to see and to click; URLs with http or https only, in the order of the mail."""

    html_links: tuple[Link, ...] = ()
    images: tuple[str, ...] = ()  # each once
    text_links: tuple[Link, ...] = ()
    one_click: str | None = None  # of List-Unsubscribe, where List-Unsubscribe-Post allows it
    has_html: bool = False

    def links(self, *, text_only: bool) -> tuple[Link, ...]:
        """What a person sees; a mail without HTML is read as text by all."""
        return self.text_links if text_only or not self.has_html else self.html_links

    def every_url(self) -> tuple[str, ...]:
        """All that a machine would follow, each once."""
        both = (*self.html_links, *self.text_links)
        return tuple(dict.fromkeys(each.url for each in both))


def page_of(content: bytes) -> Page:
    """Read a message.

    Raises:
        MessageNotRead: its structure is beyond what can be followed.
    """
    try:
        message = BytesParser(policy=compat32).parsebytes(content)
        texts = [(_is_html(each), _text_of(each)) for each in message.walk() if _is_shown(each)]
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        # The parser promises to raise nothing, and does on some hostile headers.
        raise MessageNotRead(f"the message cannot be parsed: {error!r}") from error
    html = [text for is_html, text in texts if is_html]
    seen = _Seen()
    for text in html:
        seen.read(text)
    return Page(
        tuple(seen.links),
        tuple(dict.fromkeys(seen.images)),
        tuple(link for is_html, text in texts if not is_html for link in _links_of_text(text)),
        _one_click(message),
        has_html=bool(html),
    )


def _is_html(part: "Message[str, str]") -> bool:
    return part.get_content_subtype() == "html"


def _is_shown(part: "Message[str, str]") -> bool:
    return (
        part.get_content_type() in ("text/html", "text/plain")
        and not part.is_multipart()
        and part.get_content_disposition() != "attachment"
    )


def _text_of(part: "Message[str, str]") -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset("utf-8")
    try:
        return raw.decode(charset, "replace")[:_PART_MAX]
    except (LookupError, ValueError):  # no charset that there is
        return raw.decode("utf-8", "replace")[:_PART_MAX]


def _links_of_text(text: str) -> Iterator[Link]:
    for number, found in enumerate(_IN_TEXT.finditer(text)):
        if number == LINKS_MAX:
            return
        yield Link(found[0].rstrip(_ENDS_SENTENCE), _line_around(text, found.start()))


def _line_around(text: str, place: int) -> str:
    """What stands before a bare URL says what it is."""
    start = max(text.rfind("\n", 0, place) + 1, place - _TEXT_MAX)
    return text[start:place].strip()


def _one_click(message: "Message[str, str]") -> str | None:
    post = str(message.get("List-Unsubscribe-Post", ""))
    if "list-unsubscribe=one-click" not in post.lower():
        return None
    found = _IN_HEADER.search(str(message.get("List-Unsubscribe", "")))
    return None if found is None else found[1]


class _Seen(HTMLParser):
    """Collects links and images."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[Link] = []
        self.images: list[str] = []
        self._open: str | None = None  # the link that we are in
        self._words: list[str] = []

    def read(self, text: str) -> None:
        self.reset()
        self.feed(text)
        self.close()
        self._end_link()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip() for name, value in attrs}
        if tag in ("a", "area"):
            self._end_link()
            url = _cleaned(given.get("href", ""))
            self._open = url if url.lower().startswith(_WEB) else None
            self._words = [given.get("title", "") or given.get("alt", "")]
            if tag == "area":
                self._end_link()
        elif tag == "img":
            url = _cleaned(given.get("src", ""))
            if url.lower().startswith(_WEB) and len(self.images) < LINKS_MAX:
                self.images.append(url)
            self._words.append(given.get("alt", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._words.append(data)

    def _end_link(self) -> None:
        if self._open is not None and len(self.links) < LINKS_MAX:
            text = " ".join(" ".join(self._words).split())[:_TEXT_MAX]
            self.links.append(Link(self._open, text))
        self._open, self._words = None, []


def _cleaned(url: str) -> str:
    """Without line ends and tabs, as browsers read it."""
    return url.translate({9: None, 10: None, 13: None})
