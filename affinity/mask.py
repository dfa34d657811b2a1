"""Domain masks: ``*`` and ``?`` anywhere, everything else literal, case and IDN spelling alike."""

import functools
import re
from collections.abc import Sequence

from mail.address import canonical_domain


@functools.lru_cache(maxsize=4096)
def _compiled(mask: str) -> re.Pattern[str]:
    labels = [_canonical_label(label) for label in mask.strip().split(".")]
    pattern = re.escape(".".join(labels)).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(pattern, re.DOTALL)


def _canonical_label(label: str) -> str:
    """A label without wildcards is compared in its A-label form."""
    if label.isascii() or "*" in label or "?" in label:
        return label.lower()
    return canonical_domain(label)


@functools.lru_cache(maxsize=65536)
def matches(mask: str, domain: str) -> bool:
    """Whether a mask names a domain."""
    name = domain.lower() if domain.isascii() else canonical_domain(domain)
    return _compiled(mask).fullmatch(name) is not None


def admits(include: Sequence[str], exclude: Sequence[str], domain: str) -> bool:
    """Include first (empty: all), then exclude."""
    if include and not any(matches(mask, domain) for mask in include):
        return False
    return not any(matches(mask, domain) for mask in exclude)
