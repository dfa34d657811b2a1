"""Texts of failures with all that differs from message to message masked.

As the modelled system has them: variables become ``#xxx#``, addresses ``*``. Two texts that are
equal then are one text, whose meaning needs to be decided once.
"""

import functools
import hashlib
import re
from typing import Final, NamedTuple

VARIABLE: Final = "#xxx#"
ADDRESS: Final = "*"
KEY_LENGTH: Final = 12  # hexadecimal digits; a few thousand texts do not meet in 48 bits

# In this order: what a later one would cut to pieces goes first.
_MASKS: Final = (
    (re.compile(r"<?[^\s<>@:;,()\"'\[\]]+@[\w.-]+\w>?"), ADDRESS),
    (re.compile(r"https?://\S+", re.IGNORECASE), VARIABLE),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?:/\d+)?\b"), VARIABLE),
    (
        re.compile(r"(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE),
        VARIABLE,
    ),
    # Host names, but no abbreviations and no codes such as 5.1.1: they end in letters.
    (re.compile(r"\b(?:[a-z0-9_-]+\.)+[a-z]{2,24}\b", re.IGNORECASE), VARIABLE),
    # Identifiers: digits and letters mixed, and numbers of more than one digit.
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{6,}\b", re.IGNORECASE), VARIABLE),
    (re.compile(r"(?<![\w.#])\d{2,}(?![\w#]|\.\d)"), VARIABLE),
)
_REPEATED: Final = re.compile(rf"{re.escape(VARIABLE)}(?:[\s.,:/_-]*{re.escape(VARIABLE)})+")
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")


class FailureText(NamedTuple):
    """A masked text and its key; the reply code belongs to it, None for what is no reply."""

    key: str
    code: int | None
    text: str


@functools.lru_cache(maxsize=8192)
def failure_text(code: int | None, text: str) -> FailureText:
    """The text that stands for this one and all that differ from it in nothing that matters."""
    found = masked(text)
    digest = hashlib.sha256(f"{code or ''} {found}".encode()).hexdigest()
    return FailureText(digest[:KEY_LENGTH], code, found)


def masked(text: str) -> str:
    """A text with variables and addresses masked; an enhanced code that opens it stays."""
    opening = _ENHANCED.match(text)
    head = "" if opening is None else opening[0]
    rest = text[len(head) :]
    for expression, mask in _MASKS:
        rest = expression.sub(mask, rest)
    return (head + _REPEATED.sub(VARIABLE, rest)).strip()


def expression_of(text: str) -> str:
    """A regular expression for the texts that a masked one stands for."""
    pieces = re.split(f"({re.escape(VARIABLE)}|{re.escape(ADDRESS)})", text)
    made = "".join(
        r".+?" if piece == VARIABLE else r"\S+?" if piece == ADDRESS else _literal(piece)
        for piece in pieces
    )
    return f"^{made}" if text.endswith("…") else f"^{made}$"  # that one was cut


def _literal(text: str) -> str:
    return re.escape(text.removesuffix("…")).replace(r"\ ", " ").replace("\\'", "'")
