"""Reads a message source: an RFC 5322 file into headers and parts that know their lines."""

import email.policy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.feedparser import BytesFeedParser
from email.message import EmailMessage
from email.policy import Policy
from typing import Any, Final

from mail.errors import Where
from mta.errors import BadTemplate

_NAME: Final = re.compile(rb"[!-9;-~]{1,70}")  # RFC 5322, 2.2; a longer one leaves no room to fold
_ENCODINGS: Final = frozenset({"7bit", "8bit", "binary", "base64", "quoted-printable"})
_Lines = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands in the source."""

    file: str
    what: str  # "Subject", "text/html part"
    line_of: Callable[[int], int]  # line of the text, from 1 → line of the file

    def wrong(self, what: str, *, line: int = 1, remedy: str = "") -> BadTemplate:
        """The error to raise about a line of this text."""
        return _wrong(self.file, self.line_of(line), what, key=self.what, remedy=remedy)


@dataclass(frozen=True, slots=True)
class SourceHeader:
    """A header as written, unfolded; encoded words still stand in it."""

    name: str
    value: str
    place: Place

    def structured(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """``head; name=value`` of Content-Type or Content-Disposition, its parameters decoded."""
        if "{{" in self.value or "{%" in self.value:
            raise self.place.wrong(
                "an expression cannot stand here",
                remedy="Filled in are the texts and the message's own headers, such as Subject.",
            )
        parsed: Any = email.policy.default.header_factory(self.name, self.value)
        if parsed.defects:
            raise self.place.wrong(f"the header cannot be read: {parsed.defects[0]}")
        is_type = self.name.lower() == "content-type"
        head = parsed.content_type if is_type else parsed.content_disposition
        parameters = parsed.params.items()
        return str(head).lower(), tuple((str(key), str(text)) for key, text in parameters)


@dataclass(frozen=True, slots=True)
class SourcePart:
    """One MIME part: the message itself, or a part of a multipart."""

    headers: tuple[SourceHeader, ...]
    type: str  # of the content, such as text/html
    parameters: tuple[tuple[str, str], ...]  # of the content type
    is_attachment: bool
    children: tuple["SourcePart", ...]  # of a multipart
    content: bytes  # of any other, without its transfer encoding
    place: Place  # of the content

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    @property
    def is_text(self) -> bool:
        """Whether it is a text to be read, which may hold expressions."""
        return self.type.startswith("text/") and not self.is_attachment


class _Part(EmailMessage):
    """A part that knows its first line."""

    first_line = 1


def read_source(source: bytes, file: str) -> SourcePart:
    """Read a file's content; ``file`` is its name in errors. Raises BadTemplate."""
    lines = source.splitlines(keepends=True)
    if not lines:
        raise _wrong(file, 1, "the message source is empty")
    if lines[0].startswith(b"From "):
        raise _wrong(
            file,
            1,
            "this line belongs to a mailbox file, not to a message",
            remedy="Remove it: a message begins with its headers.",
        )
    fed = 1

    def make(policy: Policy | None = None) -> _Part:
        # The parser makes a part when it was fed that part's first line, and not a line more.
        part = _Part(policy)
        part.first_line = fed
        return part

    parser = BytesFeedParser(make, policy=email.policy.default)
    try:
        for fed, line in enumerate(lines, start=1):  # noqa: B007 - make() reads it
            parser.feed(line)
        root = parser.close()
    except RecursionError:
        raise _wrong(
            file, fed, "its parts stand one within the other, hundreds deep", remedy="Remove some."
        ) from None
    except MessageError as error:
        raise _wrong(file, fed, f"this is not a readable message: {error}") from error
    assert isinstance(root, _Part)
    return _part(root, lines, file)


def _wrong(file: str, line: int, what: str, *, key: str = "", remedy: str = "") -> BadTemplate:
    return BadTemplate(what, where=Where(file, key or None, line), remedy=remedy)


def _part(part: _Part, lines: _Lines, file: str) -> SourcePart:
    headers, body_line = _headers(lines, part.first_line, file)
    named = {each.name.lower(): each for each in headers}
    for defect in part.defects:
        what = " ".join((type(defect).__doc__ or type(defect).__name__).split())
        raise _wrong(file, part.first_line, f"this is not a readable message: {what}")
    kind: str = part.get_content_type()
    parameters: tuple[tuple[str, str], ...] = ()
    if "content-type" in named:
        kind, parameters = named["content-type"].structured()
    is_attachment = (
        "content-disposition" in named
        and named["content-disposition"].structured()[0] == "attachment"
    )
    encoding = _transfer_encoding(named.get("content-transfer-encoding"))
    children: tuple[SourcePart, ...] = ()
    content = b""
    if kind.startswith("multipart/"):
        children = tuple(_part(each, lines, file) for each in _parts_of(part))
        if not children:
            raise _wrong(file, part.first_line, f"this {kind} part has no parts")
    elif kind.startswith("message/"):
        content = _enclosed(part, kind, file)
    else:
        decoded = part.get_payload(decode=True)
        content = decoded if isinstance(decoded, bytes) else b""
        if part.defects:
            what = " ".join((type(part.defects[0]).__doc__ or "").split())
            raise _wrong(file, body_line, f"the {encoding} content cannot be decoded: {what}")
    place = Place(file, f"{kind} part", _line_finder(lines, body_line, encoding))
    return SourcePart(headers, kind, parameters, is_attachment, children, content, place)


def _parts_of(part: _Part) -> list[_Part]:
    payload = part.get_payload()
    return [each for each in payload if isinstance(each, _Part)] if part.is_multipart() else []


def _enclosed(part: _Part, kind: str, file: str) -> bytes:
    """A message within the message, which RFC 2046 (5.2.1) does not allow to be encoded."""
    inner = _parts_of(part)
    if kind == "message/rfc822" and len(inner) == 1:
        content = inner[0].as_bytes(policy=email.policy.SMTP)
        if content.isascii() and max(map(len, content.split(b"\r\n"))) <= 998:
            return content
    raise _wrong(
        file,
        part.first_line,
        f"this {kind} part cannot be sent as it is",
        remedy="Attach it as application/octet-stream.",
    )


def _headers(lines: _Lines, first: int, file: str) -> tuple[tuple[SourceHeader, ...], int]:
    """The headers that begin at a line of the file, and the line where the content begins."""
    found: list[tuple[int, str, list[bytes]]] = []
    number = first
    for number in range(first, len(lines) + 1):
        line = lines[number - 1].rstrip(b"\r\n")
        if not line:
            break
        if line[:1] in b" \t" and found:
            found[-1][2].append(line)
            continue
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name):
            raise _wrong(
                file,
                number,
                "this is neither a header nor the empty line after the headers",
                remedy="A header is written Name: value; a longer one goes on after a space.",
            )
        found.append((number, name.decode("ascii"), [value]))
    return tuple(_header(*each, file) for each in found), number + 1


def _header(line: int, name: str, pieces: list[bytes], file: str) -> SourceHeader:
    try:
        value = b"".join(pieces).decode("utf-8").strip(" \t")
    except UnicodeDecodeError as error:
        raise _wrong(
            file, line, "the header is not UTF-8", key=name, remedy="Save the file as UTF-8."
        ) from error
    return SourceHeader(name, value, Place(file, name, lambda _: line))


def _transfer_encoding(header: SourceHeader | None) -> str:
    encoding = "7bit" if header is None else header.value.lower()
    if header is not None and encoding not in _ENCODINGS:
        raise header.place.wrong(
            f"{header.value!r} is no known transfer encoding",
            remedy="Use one of " + ", ".join(sorted(_ENCODINGS)) + ".",
        )
    return encoding


def _line_finder(lines: _Lines, body_line: int, encoding: str) -> Callable[[int], int]:
    """Line of the decoded content → line of the file."""
    if encoding == "base64":
        return lambda _: body_line
    if encoding == "quoted-printable":
        starts = [body_line] + [
            number + 1
            for number in range(body_line, len(lines))
            if not lines[number - 1].rstrip().endswith(b"=")  # a soft line break
        ]
        return lambda line: starts[min(line, len(starts)) - 1]
    return lambda line: body_line + line - 1
