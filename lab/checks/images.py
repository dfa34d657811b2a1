"""Images: whether their sources can be read, are there, and say what they show."""

import re
from collections.abc import Iterator
from typing import Final

from lab.checks.code import Code
from lab.checks.finding import Finding, shown
from lab.checks.letter import Letter
from lab.checks.links import host_of

IMAGE_MAX: Final = 100 * 1024  # bytes; the modelled system's advice
_EXPRESSION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


def check_images(letter: Letter) -> Iterator[Finding]:
    """Each image of each HTML text, as far as the source tells."""
    embedded = {each.lower(): len(part) for each, part in _embedded(letter)}
    for text in letter.pages:
        for image in text.page.images:
            line, url = text.line_of(image.line), image.url
            said, lowered = shown(url), url.lower()
            if image.alt is None:
                what = f"the image {said!r} has no alt"
                remedy = 'Say what it shows: alt="…"; alt="" if it is decoration.'
                yield Finding(Code.IMAGE_WITHOUT_ALT, line, what, remedy)
            if lowered.startswith("cid:"):
                size = embedded.get(lowered.removeprefix("cid:"))
                if size is None:
                    what = f"no part has the Content-ID of {said!r}"
                    remedy = "Add the part to a multipart/related, or link to the image."
                    yield Finding(Code.IMAGE_EMBEDDED_MISSING, line, what, remedy)
                elif size > IMAGE_MAX:
                    yield too_large(line, said, size)
            elif lowered.startswith("data:"):
                what = "an image stands in the HTML itself"
                remedy = "Put it on a server, or embed it as a part (cid:)."
                yield Finding(Code.IMAGE_DATA, line, what, remedy)
            elif not _EXPRESSION.match(url) and not _is_web(_EXPRESSION.sub("x", url)):
                what = f"the image's source {said!r} is no URL of http or https"
                yield Finding(
                    Code.IMAGE_BROKEN, line, what, "Write the whole URL, from https:// on."
                )


def too_large(line: int | None, said: str, size: int) -> Finding:
    what = f"the image {said!r} has {size / 1024:.0f} KB"
    remedy = "Scale it down to what is shown; 100 KB are enough."
    return Finding(Code.IMAGE_LARGE, line, what, remedy)


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://")) and host_of(url) is not None


def _embedded(letter: Letter) -> Iterator[tuple[str, bytes]]:
    for part in letter.parts:
        for header in part.headers:
            if header.name.lower() == "content-id":
                yield header.value.strip().strip("<>"), part.content
