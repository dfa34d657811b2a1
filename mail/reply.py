"""SMTP replies and enhanced status codes as values (RFC 5321 section 4.2, RFC 3463)."""

import functools
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

_ENHANCED: Final = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})(?:\s+|$)")

_OPENING: Final = len("5.255.255 ")  # as far as the expression looks


@dataclass(frozen=True, slots=True, order=True)
class EnhancedCode:
    """``class.subject.detail`` of RFC 3463, such as 5.1.1."""

    klass: int
    subject: int
    detail: int

    def __str__(self) -> str:
        return f"{self.klass}.{self.subject}.{self.detail}"


@functools.lru_cache(maxsize=1024)  # servers begin their replies with few different words
def _enhanced(klass: int, opening: str) -> EnhancedCode | None:
    found = _ENHANCED.match(opening)
    if found is None or int(found[1]) != klass:
        return None
    return EnhancedCode(klass, int(found[2]), int(found[3]))


class Reply(NamedTuple):
    """One reply of a server: its code and its text, the lines joined by newlines."""

    code: int
    text: str = ""

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return 500 <= self.code < 600

    @property
    def enhanced(self) -> EnhancedCode | None:
        """The enhanced code that opens the text, or None.

        A code whose class contradicts the reply's (250 with 5.x.x) is ignored (RFC 2034, 4).
        """
        return _enhanced(self.code // 100, self.text[:_OPENING])

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()
