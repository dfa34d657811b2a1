"""A mail shown in a browser so that nothing of it acts: it is other people's HTML.

What keeps it still is the browser: the answer's policy allows no scripts, loads, forms and frames,
and ``sandbox`` takes the document's origin. The page shows it in ``<iframe sandbox>`` besides.
Pictures that came along stand in it as ``data:``, so it needs to ask for nothing.
"""

import re
from base64 import b64encode
from html.parser import HTMLParser
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from fastapi import Response

from lab.inbox.mime import Mail, Part

POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'; sandbox"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-DNS-Prefetch-Control": "off",
    "Referrer-Policy": "no-referrer",
}
# No policy governs to whom a browser connects beforehand: Chromium does so for rel=preconnect, and
# for a frame before it refuses to fill it. These elements become ones that mean nothing.
_ACTS: Final = re.compile(
    r"<(?=(?:link|base|meta|i?frame|frameset|fencedframe|portal|object|embed)\b)", re.IGNORECASE
)
_STILL: Final = "<x-"
# A click opens a new tab, which a sandbox forbids.
_HEAD: Final = '<!doctype html><base target="_blank">'
_CID: Final = re.compile(r"cid:([^\"'\s<>()]+)", re.IGNORECASE)
_SHOWN: Final = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp")
_MARKUP: Final = re.compile(r"html|xml|xsl|script", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")


class Link(NamedTuple):
    """Where a mail leads, and what it says there; ``words`` may be empty."""

    url: str
    words: str


class Leads(NamedTuple):
    """All that a mail refers to elsewhere."""

    links: list[Link]
    pictures: list[str]  # URLs of pictures that a mail program would fetch from elsewhere


def preview(mail: Mail) -> Response:
    """The HTML of a mail, or its text where it has none, as a document that does nothing."""
    if not mail.html:
        return Response(mail.text, media_type="text/plain; charset=utf-8", headers=_HEADERS)
    return still(with_pictures(mail))


def still(html: str) -> Response:
    """Some HTML of a mail as a document that does nothing."""
    content = _HEAD + _ACTS.sub(_STILL, html)
    return Response(content, media_type="text/html; charset=utf-8", headers=_HEADERS)


def with_pictures(mail: Mail) -> str:
    """The HTML with each ``cid:`` of a picture that came along replaced by the picture."""
    pictures = {
        each.content_id: each
        for each in mail.parts
        if each.content_id and each.media_type in _SHOWN
    }

    def put(found: re.Match[str]) -> str:
        part = pictures.get(found[1]) or pictures.get(unquote(found[1]))
        return found[0] if part is None else _as_data(part)

    return _CID.sub(put, mail.html) if pictures else mail.html


def part_answer(part: Part, *, download: bool = False) -> Response:
    """A part of a mail as a file; what a browser would run or render comes as a download."""
    media_type = part.media_type if _TOKEN.fullmatch(part.media_type) else ""
    acts = not media_type or _MARKUP.search(media_type) is not None
    if acts:
        media_type = "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    kind = "attachment" if acts or download else "inline"
    name = quote(part.name or part.content_id or f"part-{part.id}", safe="")
    return Response(
        part.text if media_type.startswith("text/") else part.content,
        headers={
            **_HEADERS,
            "Content-Type": media_type,  # without the charset that the framework would add
            "Content-Disposition": f"{kind}; filename=\"{name}\"; filename*=UTF-8''{name}",
        },
    )


def leads_of(mail: Mail) -> Leads:
    """The links of a mail in their order, each once, and its pictures from elsewhere."""
    reader = _Leads()
    reader.feed(mail.html)
    reader.close()
    links = reader.links if mail.html else [Link(url, "") for url in _URL.findall(mail.text)]
    return Leads(list(dict.fromkeys(links)), list(dict.fromkeys(reader.pictures)))


_URL: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)]", re.IGNORECASE)


def is_web(url: str) -> bool:
    """Whether it may be a link on a page: one of another scheme might act."""
    try:
        return urlsplit(url).scheme.lower() in {"http", "https", "mailto"}
    except ValueError:
        return False


class _Leads(HTMLParser):
    """Reads the links and pictures of some HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[Link] = []
        self.pictures: list[str] = []
        self._url: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in reversed(attrs) if value}  # the first one counts
        if tag in {"a", "area"} and "href" in found:
            self._end()
            self._url = found["href"].strip()
            if tag == "area":
                self._words = [found.get("alt", "")]
                self._end()
        elif tag == "img":
            self._words.append(found.get("alt", ""))
            source = found.get("src", "").strip()
            if source.lower().startswith(("http:", "https:", "//")):
                self.pictures.append(source)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def handle_data(self, data: str) -> None:
        if self._url is not None:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        if self._url:
            self.links.append(Link(self._url, " ".join("".join(self._words).split())))
        self._url, self._words = None, []


def _as_data(part: Part) -> str:
    return f"data:{part.media_type};base64,{b64encode(part.content).decode()}"
