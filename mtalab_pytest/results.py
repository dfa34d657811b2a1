"""What a lab answers: frozen dataclasses of plain values; times in seconds since 1970-01-01 UTC."""

import base64
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of ``submit``: ``messages`` are queued, of them some ignored at once."""

    name: str
    id: int
    messages: int
    duplicates: int
    quarantined: int
    warnings: tuple[str, ...]  # why some of it will stay pending, in words


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as it stands."""

    name: str | None  # None: an application submitted it
    id: int
    label: str
    status: str
    affinity: str
    priority: int
    submitted_at: float
    contact_at: float
    expires_at: float
    started_at: float | None
    finished_at: float | None
    open_until: float | None
    messages: int
    counts: Mapping[str, int]  # every message status → messages


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's copy, as the delivery log has it."""

    id: int
    delivery: str | None
    address: str
    domain: str
    mx_group: str
    status: str
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
    from_status: str
    to_status: str
    attempt: int
    reason: str | None
    failure: str | None
    mta: str | None
    worker_id: int | None
    source_ip: str | None
    code: int | None  # of the server's reply
    enhanced: str | None
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
class Finding:
    """Messages that stand alike, and why they are pending."""

    code: str  # of the cause; or ready, in_flight
    messages: int
    delivery: str | None
    mx_group: str
    place: str  # queued, in hand, retrying
    lane: str | None
    worker: str | None
    words: str
    fix: str
    command: str | None
    evidence: Mapping[str, Any]
    earliest_at: float | None
    blocked: bool  # nothing but a change will move them
    also: tuple[str, ...]  # later causes that would stop them too

    def __str__(self) -> str:
        whose = "" if self.delivery is None else f" of {self.delivery!r}"
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.messages}{whose} to {self.mx_group}: {self.code}: {self.words}.{fix}"


@dataclass(frozen=True, slots=True)
class Step:
    """One gate's answer about one message."""

    cause: str
    answer: str  # passed, failed, not reached
    words: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Why:
    """Why what is pending is pending; ``chain`` has all gates where one message was asked for."""

    causes: Mapping[str, int]  # code → messages, in the order of the gates
    findings: tuple[Finding, ...]
    chain: tuple[Step, ...] = ()

    @property
    def messages(self) -> int:
        """How many are pending."""
        return sum(self.causes.values())

    def __str__(self) -> str:
        largest = sorted(self.findings, key=lambda each: -each.messages)
        return "\n".join(map(str, largest)) or "nothing is pending"


def made(kind: type[_T], row: Mapping[str, Any]) -> _T:
    """A result of the values of an answer; what a newer program tells besides is left out."""
    names = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    values = {name: row.get(name) for name in names}
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def received(row: Mapping[str, Any]) -> Received:
    """A received message of an answer."""
    source = base64.b64decode(row["source"])
    return made(Received, {**row, "sender": row["from"], "source": source})


def why(row: Mapping[str, Any]) -> Why:
    """A diagnosis of an answer."""
    return Why(
        row["causes"],
        tuple(made(Finding, each) for each in row["groups"]),
        tuple(made(Step, each) for each in row["chain"]),
    )
