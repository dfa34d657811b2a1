"""Tags of mails as Mailpit allows them: letters, digits, spaces and ``- . _ @``."""

import re
from collections.abc import Iterable
from typing import Final

from mail.errors import UserError

_TAG: Final = re.compile(r"[\w \-.@]{1,100}")


class BadTag(UserError):
    """A tag holds characters that none may have."""


def tags_from(texts: Iterable[str]) -> list[str]:
    """The tags among texts that came with a mail, sorted, each once; others are passed over."""
    found = {each.lower(): each for each in map(_clean, texts) if _TAG.fullmatch(each)}
    return sorted(found.values())


def checked_tags(texts: Iterable[str]) -> list[str]:
    """Tags that somebody sets, sorted, each once; raises BadTag."""
    cleaned = [each for each in map(_clean, texts) if each]
    for each in cleaned:
        if _TAG.fullmatch(each) is None:
            raise BadTag(
                f"{each!r} is no tag", remedy="Use letters, digits, spaces and - . _ @ only."
            )
    return tags_from(cleaned)


def _clean(text: str) -> str:
    return " ".join(text.split())
