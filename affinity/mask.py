"""Domain masks: ``*`` and ``?`` anywhere, everything else literal, case does not count.

A domain has two spellings, as A-labels (``xn--bcher-kva.example``) and in Unicode
(``bücher.example``). A mask names a domain if it does so in either spelling.
"""

import functools
import re
from collections.abc import Sequence
from typing import Final

import idna

from mail.address import canonical_domain

_FORBIDDEN: Final = re.compile(r"[\s@,;<>\"]")


@functools.lru_cache(maxsize=4096)
def valid_mask(mask: str) -> str:
    """The mask itself.

    Raises:
        ValueError: nothing that it could match is a domain.
    """
    if not mask or _FORBIDDEN.search(mask) is not None:
        raise ValueError("expected one domain mask such as yahoo.* or *.example.com")
    _patterns(mask)
    if not is_pattern(mask):
        _spellings(mask)  # it names one domain, which must be one
    return mask


def is_pattern(mask: str) -> bool:
    """Whether the mask has wildcards, so that it does not name a single domain."""
    return "*" in mask or "?" in mask


def matches(mask: str, domain: str) -> bool:
    """Whether the mask names the domain.

    Raises:
        BadAddress: a label outside ASCII that no domain can have.
    """
    ascii_pattern, unicode_pattern = _patterns(mask)
    ascii_domain, unicode_domain = _spellings(domain)
    if ascii_pattern.fullmatch(ascii_domain) is not None:
        return True
    return unicode_domain is not None and unicode_pattern.fullmatch(unicode_domain) is not None


def covers(mask: str, other: str) -> bool:
    """Whether ``mask`` names what ``other``, a mask or domain, names: its wildcards are letters.

    Raises:
        BadAddress: ``other`` has a label outside ASCII, without wildcards, that no domain can have.
    """
    labels = _ascii_labels(other)
    ascii_pattern, unicode_pattern = _patterns(mask)
    if ascii_pattern.fullmatch(".".join(labels)) is not None:
        return True
    in_unicode = ".".join(_unicode(label) for label in labels)
    return unicode_pattern.fullmatch(in_unicode) is not None


def admits(include: Sequence[str], exclude: Sequence[str], domain: str) -> bool:
    """Whether mail to the domain may go: ``include`` is asked first (empty: all), then exclude."""
    if include and not any(matches(mask, domain) for mask in include):
        return False
    return not any(matches(mask, domain) for mask in exclude)


def spellings_of_mask(mask: str) -> tuple[str, str]:
    """The mask for domains as A-labels and the mask for domains in Unicode, in lower case."""
    ascii_labels = _ascii_labels(mask)
    unicode_labels = [label if is_pattern(label) else _unicode(label) for label in ascii_labels]
    return ".".join(ascii_labels), ".".join(unicode_labels)


@functools.lru_cache(maxsize=4096)
def _patterns(mask: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """For the A-label and for the Unicode spelling."""
    in_ascii, in_unicode = spellings_of_mask(mask)
    return _compiled(in_ascii), _compiled(in_unicode)


def _ascii_labels(mask: str) -> list[str]:
    return [
        label if is_pattern(label) or label.isascii() else canonical_domain(label)
        for label in mask.lower().split(".")
    ]


def _compiled(mask: str) -> re.Pattern[str]:
    """``*`` takes as little as it can and gives nothing back, so that no mask is slow to match."""
    first, *others = [_literal(each) for each in re.split(r"\*+", mask)]
    if not others:
        return re.compile(first)
    *middle, last = others
    return re.compile(first + "".join(f"(?>.*?{each})" for each in middle) + f".*{last}")


def _literal(text: str) -> str:
    return ".".join(re.escape(each) for each in text.split("?"))


@functools.lru_cache(maxsize=65536)
def _spellings(domain: str) -> tuple[str, str | None]:
    """As A-labels and, where that differs, in Unicode."""
    # What is ASCII may also be the name of a host, which need not be a mail domain.
    name = domain.lower() if domain.isascii() else canonical_domain(domain)
    if "xn--" not in name:
        return name, None
    return name, ".".join(_unicode(label) for label in name.split("."))


def _unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except idna.IDNAError:
        return label  # it only looks like an A-label, and is then compared as it stands
