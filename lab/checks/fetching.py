"""Images that this machine itself serves are asked for; nobody else ever is."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from lab.checks.code import Code
from lab.checks.finding import Finding, shown
from lab.checks.images import IMAGE_MAX, too_large
from lab.checks.letter import Letter

ASKED_MAX: Final = 20  # images
TIMEOUT_S: Final = 2.0  # for each
_CHUNK: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Had:
    """What came of asking: a size in bytes, counted up to a megabyte, or why there is none."""

    size: int
    trouble: str = ""


Fetch = Callable[[str], Had]


def is_of_this_machine(url: str) -> bool:
    """Whether a URL leads to a loopback address, written as such."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False


def fetch(url: str) -> Had:
    """Ask for an image; redirects are not followed, they may lead elsewhere."""
    import httpx  # a tenth of a second, for those who have images here

    # Not by its name: whoever edits the hosts file would choose whom we ask.
    asked = url.replace("//localhost", "//127.0.0.1", 1)
    size = 0
    try:
        with (
            httpx.Client(trust_env=False, timeout=TIMEOUT_S, verify=False) as client,  # noqa: S501 - an image of this machine
            client.stream("GET", asked) as response,
        ):
            if response.status_code != httpx.codes.OK:
                return Had(0, f"the answer is {response.status_code}")
            for chunk in response.iter_bytes(_CHUNK):
                size += len(chunk)
                if size > 10 * IMAGE_MAX:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Had(0, f"{type(error).__name__}: {error}")
    return Had(size)


def ask_for_images(letter: Letter, fetch: Fetch) -> tuple[list[Finding], int, int]:
    """What is wrong with images on this machine; how many were asked for, and how many were not."""
    first: dict[str, int] = {}
    others: set[str] = set()
    for url, line in _images(letter):
        if is_of_this_machine(url) and (url in first or len(first) < ASKED_MAX):
            first.setdefault(url, line)
        elif url.lower().startswith(("http://", "https://")):
            others.add(url)
    return list(_told(first.items(), fetch)), len(first), len(others)


def _told(images: Iterable[tuple[str, int]], fetch: Fetch) -> Iterator[Finding]:
    for url, line in images:
        had = fetch(url)
        if had.trouble:
            what = f"the image {shown(url)!r} cannot be had: {shown(had.trouble)}"
            remedy = "Start its server, or mend the URL."
            yield Finding(Code.IMAGE_UNREACHABLE, line, what, remedy)
        elif had.size > IMAGE_MAX:
            yield too_large(line, shown(url), had.size)


def _images(letter: Letter) -> Iterator[tuple[str, int]]:
    for text in letter.pages:
        for image in text.page.images:
            yield image.url, text.line_of(image.line)
