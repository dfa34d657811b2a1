"""A message source, compiled, and the message that it makes for one recipient."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Any, NamedTuple

from mail.address import Address, is_usual
from mail.errors import Where
from mta.errors import UnknownField
from mta.render import header_text
from mta.render.expression import GLOBALS, Expression, Field
from mta.render.header import HeaderSlot, compile_headers
from mta.render.links import SAMPLE as LINK_SAMPLE
from mta.render.links import (
    UNSUBSCRIBE_HEADERS,
    UNTRACKED,
    GivenSlot,
    LinkSlot,
    Tracking,
    UnsubscribeHeaders,
    given_slots,
    unsubscribe_headers,
)
from mta.render.mime import PartSlot, Skeleton, compile_body
from mta.render.source import read_source
from mta.render.splice import SAMPLE

ADDRESS_FIELD = "address"  # always known: the recipient's address


class Personal(NamedTuple):
    """What one message has of its own. ``date`` is in seconds since 1970-01-01 UTC."""

    message_id: int
    delivery_id: int
    address: Address | str
    fields: Mapping[str, str]
    date: float
    message_id_header: str  # with its angle brackets
    return_path: str  # of the envelope; not written into the message (RFC 5321, 4.4)
    list_id: str | None = None  # with its angle brackets; a List-Id of the source comes first


class Rendered(NamedTuple):
    """One message: line ends are CRLF, dots are not yet doubled."""

    content: bytes
    needs_smtputf8: bool  # the sender must offer it with SMTPUTF8 (RFC 6531) or not at all
    is_dotless: bool  # no line is known to begin with a dot: nothing is to be doubled


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled source; ``compile_source`` makes it."""

    file: str
    asked: Mapping[str, Field]  # by name; each at its first line
    _head: tuple[str | HeaderSlot, ...]
    _has_to: bool
    _has_list_id: bool
    has_own_unsubscribe: bool  # List-Unsubscribe or what makes it one click
    _content_headers: str
    _body: tuple[bytes | PartSlot, ...]
    _is_dotless: bool  # for harmless values
    _links: tuple[LinkSlot | GivenSlot, ...] = ()
    _unsubscribe: UnsubscribeHeaders | None = None
    _html: Expression | str | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The personal fields that the source asks for."""
        return frozenset(self.asked)

    def unknown_fields(self, columns: Collection[str]) -> tuple[UnknownField, ...]:
        """One error for each field that must be there and is not among the columns."""
        known = {*columns, ADDRESS_FIELD, *UNTRACKED}
        return tuple(
            self._unknown(each, known)
            for each in sorted(self.asked.values(), key=lambda field: (field.line, field.name))
            if each.name not in known and not each.is_optional
        )

    def _unknown(self, field: Field, known: Collection[str]) -> UnknownField:
        near = difflib.get_close_matches(field.name, known, n=1)
        return UnknownField(
            f"field {field.name!r} is not among the columns",
            where=Where(self.file, line=field.line),
            remedy=f"Did you mean {near[0]}?"
            if near
            else f"The columns are {', '.join(sorted({*known} - {*UNTRACKED}))}.",
        )

    def render(self, message: Personal) -> Rendered:
        """Make the message for one recipient.

        Raises:
            PersonalizationError: it cannot be made from these fields; nothing else is wrong.
        """
        address = str(message.address)
        values = self._values(message, address)
        pieces = [each if isinstance(each, str) else each.fill(values) for each in self._head]
        if not self._has_to:
            pieces.append(_to_header(address))
        pieces.append(_date_header(int(message.date)))
        pieces.append(header_text.tokens("Message-ID", message.message_id_header))
        if message.list_id is not None and not self._has_list_id:
            pieces.append(_list_id_header(message.list_id))
        if self._unsubscribe is not None:
            pieces.append(self._unsubscribe.fill(message.message_id))
        pieces.append(self._content_headers)
        head = "".join(pieces)
        content = [head.encode("utf-8")]
        is_dotless = self._is_dotless
        for piece in self._body:
            if isinstance(piece, bytes):
                content.append(piece)
                continue
            quick = piece.quick(values)
            if quick is None:
                is_dotless, quick = False, piece.fill(values)
            content.append(quick)
        return Rendered(
            b"".join(content),
            # Raw UTF-8 stands in the headers only where an address left no other way.
            not (head.isascii() and _is_ascii_local(address)),
            is_dotless,
        )

    def html(self, message: Personal) -> str | None:
        """The HTML of one message as it is read, or None if it has none.

        Raises:
            PersonalizationError: it cannot be made from these fields.
        """
        if self._html is None or isinstance(self._html, str):
            return self._html
        return self._html.fill(self._values(message, str(message.address)))

    def _values(self, message: Personal, address: str) -> dict[str, Any]:
        values = {**GLOBALS, **message.fields, ADDRESS_FIELD: address}
        for link in self._links:
            link.put(message.message_id, values)
        return values


def compile_source(source: bytes, file: str, tracking: Tracking | None = None) -> Template:
    """Compile a message source.

    Args:
        source: an RFC 5322 message with Jinja2 expressions.
        file: its name in errors.
        tracking: what becomes of its links; None: they stay.

    Raises:
        BadTemplate: the source cannot be read, or an expression cannot be compiled.
    """
    root = read_source(source, file)
    headers = compile_headers(root.headers, file)
    skeleton = compile_body(root, source, tracking)
    asked: dict[str, Field] = {}
    for field in (*headers.fields, *skeleton.fields):
        first = asked.get(field.name, field)
        asked[field.name] = Field(
            field.name, min(first.line, field.line), first.is_optional and field.is_optional
        )
    return Template(
        file,
        asked,
        _joined(headers.pieces),
        "to" in headers.names,
        "list-id" in headers.names,
        not UNSUBSCRIBE_HEADERS.isdisjoint(headers.names),
        skeleton.headers + "\r\n",
        tuple(skeleton.body),
        # Folded lines begin with a space: of a header only its name may bring a dot.
        _is_dotless(skeleton) and not any(each.startswith(".") for each in headers.names),
        # Fields of ours first: the values that links carry may hold them.
        (*given_slots(tracking, asked), *skeleton.links),
        unsubscribe_headers(tracking, headers.names),
        skeleton.html,
    )


def _is_dotless(skeleton: Skeleton) -> bool:
    """Whether no line begins with a dot, whatever harmless values are filled in."""
    links = {link.name: LINK_SAMPLE for link in skeleton.links}
    for piece in skeleton.body:
        if isinstance(piece, bytes):
            sample: bytes | None = piece
        else:
            sample = piece.quick(links | {field.name: SAMPLE for field in piece.text.fields})
        if sample is None or sample.startswith(b".") or b"\n." in sample:
            return False
    return True


def _joined(pieces: list[str | HeaderSlot]) -> tuple[str | HeaderSlot, ...]:
    """The same with neighbouring texts in one."""
    joined: list[str | HeaderSlot] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(joined)


def _is_ascii_local(address: str) -> bool:
    return address.isascii() or address.rpartition("@")[0].isascii()


def _to_header(address: str) -> str:
    if is_usual(address):
        return f"To: {address}\r\n"
    return header_text.mailboxes("To", [("", address)])


@lru_cache(maxsize=64)  # one a delivery
def _list_id_header(value: str) -> str:
    return header_text.tokens("List-Id", value)


@lru_cache(maxsize=8)  # thousands of messages share a second
def _date_header(second: int) -> str:
    return f"Date: {format_datetime(datetime.fromtimestamp(second, UTC))}\r\n"
