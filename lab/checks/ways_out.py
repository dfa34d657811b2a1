"""Ways out of a mail: to unsubscribe, and to see it as a page."""

import re
from collections.abc import Iterator
from typing import Final

from lab.checks.code import Code
from lab.checks.finding import Finding
from lab.checks.letter import Letter
from mail.tracked import MIRROR_FIELD, UNSUBSCRIBE_FIELD

_UNSUBSCRIBE: Final = re.compile(
    r"unsubscri|opt[-_ ]?out|abmeld|abbestell|désabonn|desabonn|désinscri|desinscri|darse de baja"
    r"|cancelar suscripci|disiscri|afmeld|uitschrijv",
    re.IGNORECASE,
)
_MIRROR: Final = re.compile(
    r"mirror|view (it )?(online|in (your|a|the) browser)|im browser|online ansehen|dans (votre|un)"
    r" navigateur|en (el|tu|su) navegador|web ?version|webversion",
    re.IGNORECASE,
)


def check_ways_out(letter: Letter) -> Iterator[Finding]:
    """Whether a reader can leave, and can see the message where it is not shown well."""
    links = [f"{link.url} {link.label}" for text in letter.pages for link in text.page.links]
    texts = [each.text for each in letter.texts if not each.is_html]
    said = [*links, *texts]
    has_header = letter.header("list-unsubscribe") is not None
    if not has_header and not any(_UNSUBSCRIBE.search(each) for each in said):
        yield Finding(
            Code.UNSUBSCRIBE_MISSING,
            None,
            "no link lets the reader unsubscribe",
            f"Put a link to {{{{ {UNSUBSCRIBE_FIELD} }}}} into HTML and text: whoever finds no way "
            "out complains.",
        )
    if links and not any(_MIRROR.search(each) for each in said):
        yield Finding(
            Code.MIRROR_MISSING,
            None,
            "no link leads to the message as a page",
            f"Put a link to {{{{ {MIRROR_FIELD} }}}} at its beginning.",
        )
