"""The body of a source: MIME skeleton and fixed parts as ready bytes, with slots for the rest.

All that comes out is 7-bit text in short lines, so that any receiver takes it as it is.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import quote

from mta.errors import PersonalizationError
from mta.render import header_text
from mta.render.expression import HTML, PLAIN, Expression, Field, compile_text, is_expression
from mta.render.links import SAMPLE, LinkSlot, Tracking, slots_of
from mta.render.sealed import Sealed, joined, sealed
from mta.render.source import SourceHeader, SourcePart
from mta.render.splice import Encoded, Splice, lines_of, spliced

_HTML_TYPES: Final = frozenset({"text/html", "text/x-amp-html", "application/xhtml+xml"})
_LINKED_TYPES: Final = frozenset({"text/html", "text/plain"})  # whose links are tracked
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_NOT_7BIT: Final = re.compile(rb"[^\t\r\n -~]|[^\r\n]{77}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_LINE_MAX: Final = 70  # characters; quoted-printable breaks a line at 76, not before
_LONG: Final = 200  # characters from which on keeping a piece's encoding pays
_KNOWN_MAX: Final = 64
_PIECE_MAX: Final = 55  # of a parameter's continuation (RFC 2231, 3)


@dataclass(frozen=True, slots=True)
class PartSlot:
    """A text that differs from message to message."""

    text: Expression
    ends_message: bool = False
    lines: tuple[str | Splice | Encoded | Sealed, ...] = ()  # none: only the long way is sure
    _known: dict[str, "_Encoded"] = field(default_factory=dict, init=False, compare=False)

    @classmethod
    def of(cls, text: Expression, links: Sequence[LinkSlot] = ()) -> "PartSlot":
        if text.plain is None:
            return cls(text)
        growing = frozenset(each.name for each in links if not each.has_fixed_length)
        lines = [_line(each, growing) for each in lines_of(*text.plain, text.links)]
        return cls(text, lines=tuple(joined(lines)))

    def quick(self, values: Mapping[str, Any]) -> bytes | None:
        """As ``fill``, for harmless values; None where it has to go the long way.

        No dot begins a line of it that is not there for all such values.
        """
        if not self.lines:
            return None
        made: list[str] = []
        for line in self.lines:
            text = line if isinstance(line, str) else line.fill(values)
            if text is None:
                return None
            made.append(text)
        if self.ends_message and not made[-1].endswith("\r\n"):
            made.append("\r\n")
        return "".join(made).encode("ascii")

    def fill(self, values: Mapping[str, Any]) -> bytes:
        """The text in quoted-printable. Raises PersonalizationError."""
        pieces = self.text.pieces(values)
        try:
            encoded = self._joined(pieces)
        except UnicodeEncodeError as error:
            raise PersonalizationError(
                "a field holds half a surrogate pair, which is no text", part=self.text.what
            ) from error
        if self.ends_message and not encoded.endswith(b"\r\n"):
            encoded += b"\r\n"
        return encoded

    def _joined(self, pieces: Sequence[str]) -> bytes:
        """Encode what differs, with the lines around it; the long rest is encoded only once.

        Quoted-printable knows nothing beyond a line, so that lines can be encoded apart.
        """
        made: list[bytes] = []
        run: list[str] = []
        for piece in pieces:
            known = self._of(piece) if len(piece) >= _LONG else None
            if known is None:
                run.append(piece)
                continue
            run.append(known.before)
            made.append(quoted_printable("".join(run).encode("utf-8")))
            made.append(known.lines)
            run = [known.after]
        made.append(quoted_printable("".join(run).encode("utf-8")))
        return b"".join(made)

    def _of(self, piece: str) -> "_Encoded | None":
        known = self._known.get(piece)
        if known is None:
            first, last = piece.find("\n") + 1, piece.rfind("\n") + 1
            if first == last or "\r" in piece:
                return None
            known = _Encoded(
                piece[:first],
                quoted_printable(piece[first:last].encode("utf-8")),
                piece[last:],
            )
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()  # they are values of fields, and would grow for ever
            self._known[piece] = known
        return known


def _line(line: str | Splice, growing: Container[str]) -> str | Splice | Encoded | Sealed:
    """A raw line prepared; ``growing`` are links whose ends are not always as long."""
    if isinstance(line, str):
        return _quoted(line)
    if any(name in growing for _, name in line.links):
        return Encoded(line, _quoted)
    if not line.places:
        return sealed(line, _quoted, SAMPLE)
    return spliced(line, _quoted, _LINE_MAX, SAMPLE)


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A long piece of text: to the end of its first line, whole lines, and what is left."""

    before: str
    lines: bytes  # in quoted-printable
    after: str


@dataclass(slots=True)
class Skeleton:
    """What follows the message's own headers."""

    headers: str = ""  # MIME-Version and those of the content
    body: list[bytes | PartSlot] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    links: list[LinkSlot] = field(default_factory=list)
    html: Expression | str | None = None  # the first HTML part as it is read


def compile_body(root: SourcePart, source: bytes, tracking: Tracking | None = None) -> Skeleton:
    """Prepare the body; ``source`` is what the boundaries are made from. Raises BadTemplate."""
    made = Skeleton()
    writer = _Writer(made, _Boundaries(root, source), tracking)
    made.headers = "MIME-Version: 1.0\r\n" + writer.write(root, is_root=True)
    writer.finish()
    return made


def quoted_printable(data: bytes) -> bytes:
    """Quoted-printable with line ends CRLF, whatever line ends the data has."""
    if b"\r" in data:
        data = _LINE_END.sub(b"\n", data)
    return binascii.b2a_qp(data).replace(b"\n", b"\r\n")


def _quoted(text: str) -> str:
    return quoted_printable(text.encode("utf-8")).decode("ascii")


class _Boundaries:
    """Boundaries that are the same for the same source and stand in no content.

    Quoted-printable never holds ``=_``, base64 no ``_``: only texts that go out as they are need
    be searched. They are searched before they are encoded, with all others.
    """

    def __init__(self, root: SourcePart, source: bytes) -> None:
        self._contents = list(_contents(root))
        self._source = source
        self._count = 0

    def next(self) -> str:
        while True:
            self._count += 1
            seed = hashlib.sha256(self._count.to_bytes(4, "big") + self._source)
            boundary = f"=_{seed.hexdigest()[:32]}"
            mark = boundary.encode("ascii")
            if not any(mark in content for content in self._contents):
                return boundary


def _contents(part: SourcePart) -> Iterator[bytes]:
    yield part.content
    for child in part.children:
        yield from _contents(child)


@dataclass(slots=True)
class _Writer:
    made: Skeleton
    boundaries: _Boundaries
    tracking: Tracking | None

    @property
    def body(self) -> list[bytes | PartSlot]:
        return self.made.body

    def write(self, part: SourcePart, *, is_root: bool = False) -> str:
        """Append the part's content to the body and return the headers that go before it."""
        if part.is_multipart:
            headers = self._multipart(part)
        elif part.is_text:
            headers = self._text(part)
        else:
            headers = self._fixed(part)
        return headers + _own_headers(part, is_root=is_root)

    def finish(self) -> None:
        """End the message with a line end, and join neighbouring bytes."""
        last = self.body[-1]
        if isinstance(last, PartSlot):
            self.body[-1] = replace(last, ends_message=True)
        elif not last.endswith(b"\r\n"):
            self.body.append(b"\r\n")
        joined: list[bytes | PartSlot] = []
        for piece in self.body:
            if isinstance(piece, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += piece
            else:
                joined.append(piece)
        self.body[:] = joined

    def _multipart(self, part: SourcePart) -> str:
        boundary = self.boundaries.next()
        for child in part.children:
            mark = len(self.body)  # the headers are known only after the content
            headers = self.write(child)
            opening = f"--{boundary}\r\n{headers}\r\n"
            self.body.insert(mark, opening.encode("ascii"))
            self.body.append(b"\r\n")
        self.body.append(f"--{boundary}--\r\n".encode("ascii"))
        others = [each for each in part.parameters if each[0].lower() != "boundary"]
        return _header("Content-Type", part.type, [*others, ("boundary", boundary)])

    def _text(self, part: SourcePart) -> str:
        text = _read(part)
        others = [each for each in part.parameters if each[0].lower() != "charset"]
        kind = _header("Content-Type", part.type, [("charset", "utf-8"), *others])
        text, links = self._linked(part, text)
        if part.type == "text/html" and self.made.html is None:
            self.made.html = text
        if is_expression(text):
            environment = HTML if part.type in _HTML_TYPES else PLAIN
            names = frozenset(each.name for each in links)
            expression = compile_text(text, environment, part.place, names)
            self.made.fields.extend(expression.fields)
            if self.made.html is text:
                self.made.html = expression
            self.body.append(PartSlot.of(expression, links))
            return f"{kind}Content-Transfer-Encoding: quoted-printable\r\n"
        content = _LINE_END.sub(b"\r\n", text.encode("utf-8"))
        encoding, encoded = _fitting(content)
        self.body.append(encoded)
        return f"{kind}Content-Transfer-Encoding: {encoding}\r\n"

    def _linked(self, part: SourcePart, text: str) -> tuple[str, tuple[LinkSlot, ...]]:
        """The text with tracked links, and these."""
        if self.tracking is None or part.type not in _LINKED_TYPES:
            return text, ()
        is_html = part.type == "text/html"
        has_pixel = self.made.html is None  # one is enough
        rewritten = self.tracking.rewrite(text, is_html=is_html, has_pixel=has_pixel)
        links = slots_of(rewritten, self.tracking, part.place, is_html=is_html)
        self.made.fields.extend(
            field for link in links for each in link.values for field in each.fields
        )
        self.made.links.extend(links)
        return rewritten.text, links

    def _fixed(self, part: SourcePart) -> str:
        kind = _header("Content-Type", part.type, part.parameters)
        if part.type.startswith("message/"):
            self.body.append(part.content)
            return kind
        self.body.append(_base64(part.content))
        return f"{kind}Content-Transfer-Encoding: base64\r\n"


def _read(part: SourcePart) -> str:
    charset = next((text for key, text in part.parameters if key.lower() == "charset"), "utf-8")
    try:
        return part.content.decode(charset)
    except LookupError as error:
        raise part.place.wrong(
            f"{charset!r} is no known character set", remedy="Use utf-8."
        ) from error
    except UnicodeError as error:
        line = part.content.count(b"\n", 0, getattr(error, "start", 0)) + 1
        raise part.place.wrong(
            f"the text is not {charset}: {error}",
            line=line,
            remedy="Name the charset that the file is saved in, best utf-8.",
        ) from error


def _fitting(content: bytes) -> tuple[str, bytes]:
    """The transfer encoding that suits a fixed text, and the text in it."""
    if _NOT_7BIT.search(content) is None:
        return "7bit", content
    quoted, base = quoted_printable(content), _base64(content)
    return ("quoted-printable", quoted) if len(quoted) <= len(base) else ("base64", base)


def _base64(content: bytes) -> bytes:
    encoded = base64.b64encode(content)
    return b"\r\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))


def _own_headers(part: SourcePart, *, is_root: bool) -> str:
    """Content-ID, Content-Disposition and what else a part says about itself."""
    made = []
    for header in part.headers:
        name = header.name.lower()
        if name in {"content-type", "content-transfer-encoding", "mime-version"}:
            continue
        if is_root and not name.startswith("content-"):
            continue
        made.append(_own_header(name, header))
    return "".join(made)


def _own_header(name: str, header: SourceHeader) -> str:
    if is_expression(header.value):
        raise header.place.wrong("an expression cannot stand in a header of a part")
    try:
        if name == "content-disposition":
            head, parameters = header.structured()
            return _header(header.name, head, parameters)
        if name == "content-description":
            return header_text.unstructured(header.name, header.value)
        return header_text.tokens(header.name, header.value)
    except PersonalizationError as error:
        raise header.place.wrong(error.reason) from error


def _header(name: str, head: str, parameters: Sequence[tuple[str, str]]) -> str:
    """``Name: head; key=value`` with a line for each parameter, encoded where needed."""
    lines = [f"{name}: {head}"]
    for key, value in parameters:
        lines.extend(_parameter(key, value))
    return ";\r\n".join(lines) + "\r\n"


def _parameter(key: str, value: str) -> list[str]:
    header_text.refuse_controls(key, value)
    if value.isascii() and len(value) <= _PIECE_MAX and "\t" not in value:
        if _TOKEN.fullmatch(value):
            return [f" {key}={value}"]
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return [f' {key}="{escaped}"']
    pieces = [quote(char, safe="") for char in value]
    lines = [""]
    for piece in pieces:
        if len(lines[-1]) + len(piece) > _PIECE_MAX:
            lines.append("")
        lines[-1] += piece
    if len(lines) == 1:
        return [f" {key}*=utf-8''{lines[0]}"]
    lines[0] = f"utf-8''{lines[0]}"
    return [f" {key}*{number}*={line}" for number, line in enumerate(lines)]
