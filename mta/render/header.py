"""The headers of a source: each becomes fixed text, or a slot that is filled in per message."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import quoprimime
from typing import Any, Final, Protocol

from mail.address import is_usual
from mta.errors import PersonalizationError
from mta.render import header_text
from mta.render.expression import PLAIN, TOKEN, Expression, Field, compile_text, is_expression
from mta.render.source import Place, SourceHeader
from mta.render.splice import PHRASE, Splice

# Made anew for each message, or not for the recipient's eyes, or true of the source alone.
DROPPED: Final = frozenset(
    {"date", "message-id", "bcc", "return-path", "received", "dkim-signature"}
)
# Those of the content: the skeleton writes them.
_OF_CONTENT: Final = ("content-", "mime-version")
_ADDRESSES: Final = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "errors-to", "disposition-notification-to"}
)
_ONE_MAILBOX: Final = frozenset({"from", "sender"})
_TOKENS: Final = frozenset({"in-reply-to", "references", "auto-submitted", "precedence"})
_ONCE: Final = (_ADDRESSES | _TOKENS | {"subject", "list-id"}) - {"errors-to"}

_ENCODED_WORD: Final = re.compile(r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?\s]*)\?=")
_BETWEEN_WORDS: Final = re.compile(r"(?<=\?=)[ \t]+(?==\?)")


class HeaderSlot(Protocol):
    """A header that differs from message to message."""

    def fill(self, values: Mapping[str, Any]) -> str:
        """The header with its line end. Raises PersonalizationError."""
        ...


@dataclass(frozen=True, slots=True)
class _TextSlot:
    name: str
    text: Expression
    quick: Splice | None = None

    def fill(self, values: Mapping[str, Any]) -> str:
        found = None if self.quick is None else self.quick.fill(values)
        return found or header_text.unstructured(self.name, self.text.fill(values))


def _quick_text(name: str, text: Expression) -> Splice | None:
    """The header on one line, if harmless values leave it as it is."""
    if text.plain is None or not text.plain[1]:
        return None
    texts, names = text.plain
    pieces = (f"{name}: ", *texts, "\r\n")
    places = tuple((at + 1, field) for at, field in names)
    made = Splice(pieces, places)
    sample = made.sample()
    room = (header_text.LINE_SOFT - len(sample) + len("\r\n")) // len(places)
    try:
        is_as_is = header_text.unstructured(name, sample[len(pieces[0]) : -2]) == sample
    except PersonalizationError:  # for all of them: each is told so in its turn
        return None
    return Splice(pieces, places, room) if is_as_is and room > 0 else None


@dataclass(frozen=True, slots=True)
class _TokenSlot:
    name: str
    text: Expression

    def fill(self, values: Mapping[str, Any]) -> str:
        return header_text.tokens(self.name, self.text.fill(values))


@dataclass(frozen=True, slots=True)
class _AddressSlot:
    name: str
    boxes: tuple[tuple[Expression | str, Expression | str], ...]
    quick: "_QuickBox | None" = None

    def fill(self, values: Mapping[str, Any]) -> str:
        found = None if self.quick is None else self.quick.fill(values)
        return found or header_text.mailboxes(
            self.name,
            [(_filled(display, values), _filled(box, values)) for display, box in self.boxes],
        )


@dataclass(frozen=True, slots=True)
class _QuickBox:
    """One mailbox whose address is a field, and whose display name may be one."""

    name: str
    display: str  # a field, or nothing
    box: str  # a field

    def fill(self, values: Mapping[str, Any]) -> str | None:
        """The header; None where it is not sure to be one line without quotes."""
        address, display = values.get(self.box), values.get(self.display, "")
        if type(address) is not str or not is_usual(address):
            return None
        if not self.display:
            line = f"{self.name}: {address}\r\n"
        elif type(display) is str and PHRASE(display) is not None:
            line = f"{self.name}: {display} <{address}>\r\n"
        else:
            return None
        return line if len(line) <= header_text.LINE_SOFT else None


def _quick_box(
    name: str, boxes: Sequence[tuple[Expression | str, Expression | str]]
) -> _QuickBox | None:
    if len(boxes) != 1:
        return None
    display, box = (_only_field(each) for each in boxes[0])
    return None if display is None or not box else _QuickBox(name, display, box)


def _only_field(text: Expression | str) -> str | None:
    """The field that is the whole text, "" for no text at all, None for any other."""
    if isinstance(text, str):
        return None if text else ""
    texts, names = text.plain or ((), ())
    return names[0][1] if len(names) == 1 and not "".join(texts).strip(" ") else None


def _filled(text: Expression | str, values: Mapping[str, Any]) -> str:
    return text if isinstance(text, str) else text.fill(values).strip(" ")


@dataclass(slots=True)
class Headers:
    """The headers of a message, compiled, in the order of the source."""

    pieces: list[str | HeaderSlot] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    names: set[str] = field(default_factory=set)  # in lower case


def compile_headers(headers: Sequence[SourceHeader], file: str) -> Headers:
    """Compile all but those that the skeleton or the message itself brings.

    Raises:
        BadTemplate: a header is wrong, stands twice, or From is missing.
    """
    made = Headers()
    for header in headers:
        name = header.name.lower()
        if name in DROPPED or name.startswith(_OF_CONTENT):
            continue
        if name in made.names and name in _ONCE:
            raise header.place.wrong(f"a second {header.name}", remedy="Leave one of them.")
        made.names.add(name)
        try:
            made.pieces.append(_compiled(name, header, made.fields))
        except PersonalizationError as error:  # of a header that is the same for all
            raise header.place.wrong(error.reason) from error
    if "from" not in made.names:
        raise Place(file, "From", lambda line: line).wrong(
            "the message has no From header", remedy="Say who sends it: From: Name <address>."
        )
    return made


def _compiled(name: str, header: SourceHeader, fields: list[Field]) -> str | HeaderSlot:
    if name in _ADDRESSES:
        return _addresses(name, header, fields)
    text = _decoded(header, header.value)
    if name in _TOKENS or name.startswith("list-"):
        if not is_expression(text):
            return header_text.tokens(header.name, text)
        token = compile_text(text, TOKEN, header.place)
        fields.extend(token.fields)
        return _TokenSlot(header.name, token)
    if not is_expression(text):
        return header_text.unstructured(header.name, text)
    expression = compile_text(text, PLAIN, header.place)
    fields.extend(expression.fields)
    return _TextSlot(header.name, expression, _quick_text(header.name, expression))


def _addresses(name: str, header: SourceHeader, fields: list[Field]) -> str | HeaderSlot:
    def compiled(text: str) -> Expression | str:
        if not is_expression(text):
            return text
        made = compile_text(text, PLAIN, header.place)
        fields.extend(made.fields)
        return made

    compile_text(header.value, PLAIN, header.place)  # whole, for errors in the user's own words
    boxes = _Boxes(header).split()
    if not boxes:
        raise header.place.wrong("the header names no address")
    if len(boxes) > 1 and name in _ONE_MAILBOX:
        raise header.place.wrong(f"{header.name} names more than one address")
    made = tuple((compiled(_decoded(header, display)), compiled(box)) for display, box in boxes)
    slot = _AddressSlot(header.name, made, _quick_box(header.name, made))
    is_fixed = all(isinstance(each, str) for box in made for each in box)
    return slot.fill({}) if is_fixed else slot


class _Boxes:
    """Splits an address header into mailboxes *before* it is filled in.

    So the structure is the author's alone: a comma, a quote or a bracket in a personal field stays
    text of the name or address in which it stands.
    """

    def __init__(self, header: SourceHeader) -> None:
        self._header = header
        self._found: list[tuple[str, str]] = []
        self._raw = self._text = ""  # since the last comma: as written, and without quotes
        self._box: str | None = None  # what stands in angle brackets
        self._is_open = self._is_quoted = self._is_escaped = False

    def split(self) -> list[tuple[str, str]]:
        """Pairs of display name and address; each may hold expressions."""
        for _, kind, text in PLAIN.lex(self._header.value):
            if kind == "data":
                for char in text:
                    self._take(char)
            else:
                self._add(text, text)
        if self._is_open or self._is_quoted:
            raise self._wrong("a quote or an angle bracket is not closed")
        self._end()
        return self._found

    def _take(self, char: str) -> None:
        if self._is_quoted:
            self._take_quoted(char)
        elif char == '"':
            self._is_quoted = True
            self._add(char, char if self._is_open else "")
        elif char == "<" and self._box is None:
            self._is_open, self._box = True, ""
        elif char == ">" and self._is_open:
            self._is_open = False
        elif char == "," and not self._is_open:
            self._end()
        elif char in "()<>;" or (char == ":" and not self._is_open):
            raise self._wrong(f"{char!r} cannot stand here unquoted")
        else:
            self._add(char, char)

    def _take_quoted(self, char: str) -> None:
        if self._is_escaped or char not in '\\"':
            self._is_escaped = False
            self._add(char, char)
        elif char == "\\":
            self._is_escaped = True
            self._add(char, char if self._is_open else "")
        else:
            self._is_quoted = False
            self._add(char, char if self._is_open else "")

    def _add(self, raw: str, text: str) -> None:
        if self._is_open:
            self._box = (self._box or "") + text
        elif self._box is not None and raw.strip():
            raise self._wrong("after the closing angle bracket a comma must follow")
        else:
            self._raw += raw
            self._text += text

    def _end(self) -> None:
        if self._box is not None:
            self._found.append((self._text.strip(), self._box.strip()))
        elif self._raw.strip():
            self._found.append(("", self._raw.strip()))
        self._raw = self._text = ""
        self._box = None

    def _wrong(self, what: str) -> Exception:
        return self._header.place.wrong(
            what, remedy='Write addresses as Name <address>, or "Name, the Great" <address>.'
        )


def _decoded(header: SourceHeader, text: str) -> str:
    """The text with its encoded words (RFC 2047) read."""
    if "=?" not in text:
        return text

    def read(word: re.Match[str]) -> str:
        charset, way, inner = word[1], word[2].lower(), word[3]
        try:
            if way == "q":
                octets = quoprimime.header_decode(inner).encode("latin-1")
            else:
                octets = base64.b64decode(inner, validate=True)
            return octets.decode(charset)
        except (LookupError, UnicodeError, binascii.Error) as error:
            raise header.place.wrong(f"an encoded word cannot be read: {error}") from error

    return _ENCODED_WORD.sub(read, _BETWEEN_WORDS.sub("", text))
