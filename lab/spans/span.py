"""A span as OpenTelemetry knows it, without OpenTelemetry: an extra, which few have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

Value = str | int | float | bool

_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """Something that happened at one moment; ``at`` in epoch seconds."""

    name: str
    at: float
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Times in epoch seconds. ``parent_id`` None: it is the first of its trace."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    begin: float
    end: float
    attributes: Mapping[str, Value] = field(default_factory=dict)
    events: Sequence[SpanEvent] = ()
    error: str | None = None  # why it failed; None: it did not
    is_remote_call: bool = False  # what is done meanwhile is done by a server


@dataclass(frozen=True, slots=True)
class Numbering:
    """Numbers of traces and spans: the same for the same lab and the same rows, at each export."""

    lab: str

    def trace(self, message_id: int) -> int:
        return self._hash(f"message {message_id}", _TRACE_BYTES)

    def span(self, kind: str, row_id: int) -> int:
        """Of what is told of a row: its ``kind``, and the row's number."""
        return self._hash(f"{kind} {row_id}", _SPAN_BYTES)

    def _hash(self, what: str, size: int) -> int:
        digest = blake2b(f"{self.lab}\n{what}".encode(), digest_size=size).digest()
        return int.from_bytes(digest, "big") or 1  # a number of nothing but zeros means none
