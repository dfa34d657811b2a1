"""Parts, sizes, and what does not belong into a mail."""

from collections.abc import Iterator
from typing import Final

from lab.checks.code import Code
from lab.checks.finding import Finding, shown
from lab.checks.heads import UNFILLED
from lab.checks.letter import Letter

MESSAGE_MAX: Final = 10 * 1024 * 1024  # bytes; the smaller ones of the large receivers' limits
HTML_CLIPPED: Final = 102 * 1024  # bytes of HTML, at which Gmail cuts
HTML_LARGE: Final = 60 * 1024  # bytes; the modelled system's advice, which would rather have 35 KB
HTML_ADVISED: Final = 35 * 1024


def check_parts(letter: Letter) -> Iterator[Finding]:
    """A text for those who see no HTML, not more than one attachment, nothing that runs."""
    plain = [each for each in letter.texts if not each.is_html]
    if not any(each.text.strip() for each in plain):
        yield Finding(
            Code.TEXT_MISSING,
            None,
            "there is no text part",
            "Send multipart/alternative, text/plain first: filters distrust HTML alone.",
        )
    attached = [each for each in letter.parts if each.is_attachment]
    if len(attached) > 1:
        size = sum(len(each.content) for each in attached)
        yield Finding(
            Code.ATTACHMENTS,
            attached[1].place.line_of(1),
            f"{len(attached)} attachments of {size / 1024:.0f} KB go to each recipient",
            "Put them on a server, and links to them into the message.",
        )
    for text in letter.pages:
        for name, line in text.page.foreign:
            what = f"<{name}> is taken out by mail programs"
            yield Finding(Code.HTML_RUNS, text.line_of(line), what, "Remove it; link to a page.")


def check_unfilled(letter: Letter) -> Iterator[Finding]:
    """Marks of personalisation that nobody filled in."""
    for made in letter.made:
        for _, text in made.texts:
            found = UNFILLED.search(text)
            if found is not None:
                around = shown(text[max(0, found.start() - 20) : found.end() + 20])
                yield Finding(
                    Code.BODY_UNFILLED,
                    _line_of(letter, found[0]),
                    f"a text goes out to {made.address} with {around!r}",
                    "Fields are written {{ name }}; the columns of the recipients are their names.",
                )
                return


def _line_of(letter: Letter, mark: str) -> int | None:
    """The first line of the source that has the mark."""
    for text in letter.texts:
        at = text.text.find(mark)
        if at >= 0:
            return text.line_of(text.text.count("\n", 0, at) + 1)
    return None


def check_sizes(letter: Letter) -> Iterator[Finding]:
    """What is too large to be taken, shown whole, or sent fast."""
    size = max((each.size for each in letter.made), default=0)
    if size > MESSAGE_MAX:
        what = f"the message has {size / 1024 / 1024:.1f} MB"
        yield Finding(Code.MESSAGE_TOO_LARGE, None, what, "Put large files on a server.")
    made = [text for each in letter.made for is_html, text in each.texts if is_html]
    given = made or [each.text for each in letter.pages]
    largest = max((len(each.encode("utf-8", "replace")) for each in given), default=0)
    line = next((each.line_of(1) for each in letter.pages), None)
    said = f"the HTML has {largest / 1024:.0f} KB"
    if largest > HTML_CLIPPED:
        remedy = "Keep it below 102 KB; what is behind the cut is not seen, the open pixel neither."
        yield Finding(Code.HTML_CLIPPED, line, said, remedy)
    elif largest > HTML_LARGE:
        remedy = f"Take out styles that are not used; {HTML_ADVISED // 1024} KB are advised."
        yield Finding(Code.HTML_LARGE, line, said, remedy)
