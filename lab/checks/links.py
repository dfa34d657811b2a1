"""Links: whether they lead anywhere, and whether filters will believe them."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from lab.checks.code import Code
from lab.checks.finding import Finding, shown
from lab.checks.letter import Letter, TextPart
from lab.checks.page import Link

LINKS_MAX: Final = 50  # each is a row, a redirect and a reason for a filter to look
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_RUNNING: Final = frozenset({"javascript", "data", "vbscript"})
_WEB: Final = frozenset({"http", "https"})
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SPACE: Final = re.compile(r"[\s\x00-\x1f]")
_DROPPED: Final = re.compile(r"[\t\r\n]")  # browsers do, also within "java\nscript:"
_URL_LABEL: Final = re.compile(r"(?:https?://|www\.)([^\s/?#:]+)", re.IGNORECASE)
_DOMAIN_LABEL: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?=$|/)", re.IGNORECASE)


def check_links(letter: Letter) -> Iterator[Finding]:
    """Each link of each HTML text."""
    for text in letter.pages:
        for link in text.page.links:
            yield from _check(link, text, is_tracked=letter.around.is_tracked)
    count = sum(len(each.page.links) for each in letter.pages)
    if count > LINKS_MAX:
        remedy = f"Keep to {LINKS_MAX}: filters count them, and nobody reads that many."
        yield Finding(Code.LINKS_MANY, None, f"there are {count} links", remedy)


def _check(link: Link, text: TextPart, *, is_tracked: bool) -> Iterator[Finding]:
    line = text.line_of(link.line)
    url = _DROPPED.sub("", link.url)
    fixed = _EXPRESSION.sub("x", url)
    scheme = _SCHEME.match(fixed)
    name = scheme[1].lower() if scheme is not None else ""
    said = shown(link.url)
    if not url or url == "#":
        what = f"the link {shown(link.label)!r} leads nowhere"
        yield Finding(Code.LINK_EMPTY, line, what, "Give it a URL, or make it plain text.")
    elif name in _RUNNING:
        what = f"{said!r} runs or shows what it holds itself"
        yield Finding(Code.LINK_RUNS, line, what, "Link to a page by http or https.")
    elif url.startswith("#") or (name and name not in _WEB):
        return  # within the message; mailto, tel
    elif name in _WEB:
        yield from _check_web(link, fixed, line, is_tracked=is_tracked)
    elif not _EXPRESSION.match(url):
        what = f"{said!r} names no host"
        yield Finding(Code.LINK_RELATIVE, line, what, "Write the whole URL, from https:// on.")


def _check_web(link: Link, url: str, line: int, *, is_tracked: bool) -> Iterator[Finding]:
    host = host_of(url)
    if host is None:
        what = f"{shown(link.url)!r} is no readable URL"
        yield Finding(
            Code.LINK_BROKEN, line, what, "Write it as https://host/path, without spaces."
        )
        return
    if is_ip(host):
        what = f"{shown(link.url)!r} leads to an IP address"
        yield Finding(Code.LINK_TO_IP, line, what, "Give the host a name.")
    label = shown_host(link.label)
    if label is None:
        return
    if _EXPRESSION.search(link.url.partition("//")[2].partition("/")[0]):
        return  # whose host is known for a recipient only
    if _plain(label) != _plain(host):
        what = f"a link shows {shown(link.label)!r} and leads to {host}"
        remedy = "Let words stand there, or the host that it leads to."
        yield Finding(Code.LABEL_DIFFERS, line, what, remedy)
    elif is_tracked:
        what = f"a link shows the URL {shown(link.label)!r}; tracked, it leads elsewhere first"
        remedy = "Let words stand there, or do not track this URL (`mtalab urls`)."
        yield Finding(Code.LABEL_IS_URL, line, what, remedy)


def host_of(url: str) -> str | None:
    """The host of a web URL; None: it cannot be read."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0 or _SPACE.search(url):
        return None
    is_named = "." in host.strip(".") or host == "localhost" or ":" in host
    return host if is_named and ".." not in host else None


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.isdigit()  # some browsers read 2130706433 as 127.0.0.1
    return True


def shown_host(label: str) -> str | None:
    """The host that a label shows, if it looks like a URL or a domain."""
    found = _URL_LABEL.match(label) or None
    if found is not None:
        return found[1].lower()
    domain = _DOMAIN_LABEL.fullmatch(label.partition("/")[0]) if " " not in label else None
    return None if domain is None else domain[0].lower()


def _plain(host: str) -> str:
    return host.lower().removeprefix("www.").rstrip(".")
