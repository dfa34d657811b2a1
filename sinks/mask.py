"""Masks of addresses: ``*`` stands for any characters, ``?`` for one, case does not count."""

import re
from collections.abc import Iterable
from typing import Final

_TRANSLATED: Final = {"*": ".*", "?": "."}


def mask_pattern(masks: Iterable[str]) -> re.Pattern[str] | None:
    """One pattern that matches whatever any of the masks matches; None for no masks."""
    parts = ["".join(_TRANSLATED.get(c, re.escape(c)) for c in mask) for mask in masks]
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL) if parts else None
