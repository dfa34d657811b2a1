"""The HTML of a mail with figures beside its links, for the report of hot clicks.

The mail is shown as its source has it, fields and all. Whatever it holds, the page that shows it
runs nothing of it and loads nothing: a policy is written before it, and its frame is a sandbox.
"""

import email
import email.policy
import html
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final

_POLICY: Final = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
)
_BADGE: Final = (
    '<span style="display:inline-block;background:{colour};color:#fff;font:bold 11px/16px '
    'sans-serif;padding:0 5px;border-radius:8px;margin-right:3px">{text}</span>'
)
_COLOURS: Final = ((0.3, "#c9503f"), (0.1, "#b87a10"), (0.0, "#1f6fb2"))


def html_of(source: bytes) -> str | None:
    """The HTML part of a message source; None: it has none that can be read."""
    message = email.message_from_bytes(source, policy=email.policy.default)
    part = message.get_body(preferencelist=("html",))
    if part is None:
        return None
    try:
        content = part.get_content()
    except (LookupError, UnicodeError):  # a charset that nobody knows
        return None
    return content if isinstance(content, str) else None


def with_shares(content: str, shares: Mapping[str, float]) -> str:
    """The HTML with a badge within each link that is among the URLs; ``shares`` are of 1."""
    links = _Links(content)
    pieces, at = [_POLICY], 0
    for place, url in links.found:
        if url in shares:
            pieces += [content[at:place], _badge(shares[url])]
            at = place
    return "".join([*pieces, content[at:]])


def _badge(share: float) -> str:
    colour = next(colour for least, colour in _COLOURS if share >= least)
    return _BADGE.format(colour=colour, text=html.escape(f"{100 * share:.1f} %"))


class _Links(HTMLParser):
    """Where the content of each link begins, and the URL of the link as the source has it."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._starts = [0]
        for line in content.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        text = self.get_starttag_text()
        if tag in {"a", "area"} and href and text:
            line, column = self.getpos()
            self.found.append((self._starts[line - 1] + column + len(text), href.strip()))
