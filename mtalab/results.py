"""What a lab answers: frozen dataclasses of plain values; times in seconds since 1970-01-01 UTC."""

import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Final, Literal

MessageStatus = Literal["pending", "sent", "failed", "ignored", "cancelled"]
DeliveryStatus = Literal[
    "editing",
    "ready",
    "start_pending",
    "in_progress",
    "paused",
    "finished",
    "cancelled",
    "failed",
]
OVER: Final = frozenset({"finished", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of ``submit``: ``messages`` are queued, of them some ``ignored`` at once."""

    delivery: int  # its number
    messages: int
    duplicates: int  # of these messages; ignored
    quarantined: int  # likewise
    warnings: tuple[str, ...]  # why some of it will stay pending, in words


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands; ``counts`` has a number of messages for every message status."""

    id: int
    label: str
    status: DeliveryStatus
    affinity: str
    priority: int
    submitted_at: float
    contact_at: float
    expires_at: float
    started_at: float | None
    finished_at: float | None
    open_until: float | None  # applications may add to it until then
    messages: int
    counts: Mapping[MessageStatus, int]

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will be sent any more."""
        return self.status in OVER


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's copy, as the delivery log has it; ``reason`` is a word of that log."""

    id: int
    delivery: int
    address: str
    mx_group: str
    status: MessageStatus
    attempts: int
    next_attempt_at: float | None
    reason: str | None
    failure: str | None
    source_ip: str | None
    reply: str | None  # the last that a server said
    changed_at: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One thing that happened to a message."""

    at: float
    event: str
    from_status: MessageStatus
    to_status: MessageStatus
    attempt: int
    reason: str | None
    failure: str | None
    worker: str | None  # such as promo1-3
    source_ip: str | None
    code: int | None  # of the server's reply
    enhanced: str | None  # RFC 3463
    text: str | None
    duration_ms: float | None
    next_attempt_at: float | None


@dataclass(frozen=True, slots=True)
class Received:
    """One message that a sink accepted, for all its recipients; ``source`` as it was received."""

    id: str
    time: float
    sink: str
    peer_ip: str
    ehlo: str
    tls: bool
    mail_from: str
    rcpt_to: tuple[str, ...]
    message_id: str | None
    sender: str  # its From header, decoded
    subject: str
    source: bytes = field(repr=False)

    @property
    def email(self) -> EmailMessage:
        """The message, parsed anew at each use."""
        return BytesParser(EmailMessage, policy=email.policy.default).parsebytes(self.source)

    @property
    def text(self) -> str | None:
        """Its plain text, lines ending in LF, or None where there is none."""
        return self._body("plain")

    @property
    def html(self) -> str | None:
        """Its HTML likewise."""
        return self._body("html")

    def _body(self, kind: Literal["plain", "html"]) -> str | None:
        body = self.email.get_body((kind,))
        return None if body is None else str(body.get_content()).replace("\r\n", "\n")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Messages on which receipts and statuses differ in one way; ``ids`` are the first twenty."""

    messages: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The receivers' receipts against the delivery log (``docs/json.md``, reconcile)."""

    ok: bool
    receipts: int
    messages: int
    sent: int
    foreign: int  # receipts of mail that is not this lab's
    lost: Disagreement  # marked sent, never received
    unmarked: Disagreement  # received, marked failed, ignored or cancelled
    in_doubt: Disagreement  # received, still pending
    duplicated: Disagreement  # received more than once
    wrong_ip: Disagreement  # from an IP that the affinity does not have
