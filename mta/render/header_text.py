"""Text of headers as bytes on the wire want it: encoded words, quoted names, folded lines.

Every value passes ``refuse_controls`` on its way, or consists of characters that a pattern names
one by one: no value can end its header and begin another.
"""

import base64
import re
from collections.abc import Iterable
from typing import Final

from mail.address import BadAddress, parse_address
from mta.errors import PersonalizationError

LINE_SOFT: Final = 78  # RFC 5322, 2.1.1
LINE_HARD: Final = 998
_ENCODED_LINE: Final = 76  # RFC 2047, 2: lines that hold an encoded word
_WORD_MAX: Final = 75  # the same: one encoded word
_WORD_FRAME: Final = len("=?utf-8?q??=")
_UNFOLDABLE: Final = 900  # a run without spaces that would come near the hard limit

# C0 and C1 controls, the separators that some readers take for line ends, and halves of
# surrogates. Tab is allowed: it is white space in a header.
_CONTROL: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_NAMES: Final = {"\r": "a line break", "\n": "a line break", "\0": "a NUL"}
_PRINTABLE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_PIECES: Final = re.compile(r" *[^ ]+")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# Safe in a phrase as well (RFC 2047, 5 (3)); a space is written as an underscore.
_QUOTED: Final = tuple(
    chr(byte)
    if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "!*+-/")
    else "_"
    if byte == 0x20
    else f"={byte:02X}"
    for byte in range(256)
)


def refuse_controls(name: str, value: str) -> None:
    """Raise PersonalizationError if the value could be more than the value of this header."""
    found = _CONTROL.search(value)
    if found is not None:
        what = _CONTROL_NAMES.get(found[0], f"the control character U+{ord(found[0]):04X}")
        raise PersonalizationError(f"the value holds {what}", part=name)


def unstructured(name: str, value: str) -> str:
    """A header of free text, such as Subject, with its line end."""
    if _PRINTABLE.fullmatch(value) and "=?" not in value:
        if len(name) + len(value) <= LINE_SOFT - 2:
            return f"{name}: {value}\r\n"
        if _is_foldable(value):
            return fold(name, value)
    if not value:
        return f"{name}:\r\n"
    refuse_controls(name, value)
    return fold(name, encode_words(value, len(name) + 2))


def tokens(name: str, value: str) -> str:
    """A header of links or identifiers, such as List-Unsubscribe; RFC 2047 bars encoding it."""
    if len(name) + len(value) <= LINE_SOFT - 2 and _PRINTABLE.fullmatch(value):
        return f"{name}: {value}\r\n"
    refuse_controls(name, value)
    value = value.strip()
    if not value.isascii() or "\t" in value:
        raise PersonalizationError(
            "the value may hold ASCII alone; add | urlencode to the field in a link", part=name
        )
    if not _is_foldable(value):
        raise PersonalizationError("a word is too long for a header line", part=name)
    return fold(name, value) if value else f"{name}:\r\n"


def mailboxes(name: str, boxes: Iterable[tuple[str, str]]) -> str:
    """A header of addresses, from pairs of display name and address."""
    column = len(name) + 2
    return fold(name, ", ".join(_mailbox(name, display, box, column) for display, box in boxes))


def _mailbox(name: str, display: str, box: str, column: int) -> str:
    address = address_text(name, box)
    return f"{_phrase(name, display, column)} <{address}>" if display else address


def _phrase(name: str, text: str, column: int) -> str:
    """A display name: bare, quoted or encoded."""
    if "=?" not in text and _is_foldable(text):
        if _ATOMS.fullmatch(text):
            return text
        if _PRINTABLE.fullmatch(text):
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
    refuse_controls(name, text)
    return encode_words(text, column)


def address_text(name: str, address: str) -> str:
    """An address as a header holds it: the domain in ASCII, a non-ASCII local part as it is."""
    refuse_controls(name, address)
    try:
        return str(parse_address(address))
    except BadAddress as error:
        raise PersonalizationError(
            f"{address[:100]!r} is not an address: {error.reason}", part=name
        ) from error


def encode_words(text: str, column: int) -> str:
    """The text as encoded words of UTF-8 (RFC 2047), the first of which begins at a column."""
    sizes = [len(char.encode()) for char in text]
    quoted = ["".join(map(_QUOTED.__getitem__, char.encode())) for char in text]
    is_quoted = sum(map(len, quoted)) <= sum(sizes) * 4 / 3
    costs = [len(each) for each in quoted] if is_quoted else sizes
    words: list[str] = []
    start, used = 0, 0
    room = _room(_ENCODED_LINE - column, is_quoted=is_quoted)
    for position, cost in enumerate(costs):
        if used + cost > room:
            words.append(_word(text, quoted, start, position, is_quoted=is_quoted))
            start, used, room = position, 0, _room(_WORD_MAX, is_quoted=is_quoted)
        used += cost
    words.append(_word(text, quoted, start, len(text), is_quoted=is_quoted))
    return " ".join(words)


def _room(length: int, *, is_quoted: bool) -> int:
    """What fits into an encoded word of this length: characters if quoted, else octets."""
    inner = max(length, 28) - _WORD_FRAME
    return inner if is_quoted else inner // 4 * 3


def _word(text: str, quoted: list[str], start: int, end: int, *, is_quoted: bool) -> str:
    if is_quoted:
        return f"=?utf-8?q?{''.join(quoted[start:end])}?="
    return f"=?utf-8?b?{base64.b64encode(text[start:end].encode()).decode('ascii')}?="


def _is_foldable(value: str) -> bool:
    return len(value) <= _UNFOLDABLE or max(map(len, _PIECES.findall(value))) <= _UNFOLDABLE


def fold(name: str, value: str) -> str:
    """The header with its line end, broken before spaces so that lines stay short.

    The value neither begins nor ends with a space. Unfolding gives back exactly the value.
    """
    if len(name) + len(value) <= LINE_SOFT - 2:
        return f"{name}: {value}\r\n"
    lines: list[str] = []
    line = f"{name}:"
    for piece in _PIECES.findall(f" {value}"):
        if len(line) + len(piece) > LINE_SOFT and (lines or len(line) > len(name) + 1):
            lines.append(line)
            line = piece
        else:
            line += piece
    lines.append(line)
    return "\r\n".join(lines) + "\r\n"
