"""What a gate says, and what the diagnosis says of a group of messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mail.cause import Cause, Progress

Evidence = Mapping[str, Any]  # plain values, for people and for JSON


@dataclass(frozen=True, slots=True)
class Stop:
    """A gate lets a group not pass.

    ``until`` is when it ends by itself (epoch seconds). Without it the gate stays shut until
    somebody changes something, unless ``moves`` says that others' work will open it.
    """

    words: str
    fix: str
    evidence: Evidence = field(default_factory=dict)
    command: str | None = None
    until: float | None = None
    moves: bool = False

    @property
    def is_blocked(self) -> bool:
        """Whether nothing but a change will move the group."""
        return self.until is None and not self.moves


@dataclass(frozen=True, slots=True)
class Step:
    """One gate's answer about one message."""

    cause: Cause
    answer: Literal["passed", "failed", "not reached"]
    words: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Messages that stand alike and why they are pending: a ``cause``, or else their ``progress``.

    ``earliest_at`` is the earliest time at which the first of them can go if nothing changes, by
    all gates that it does not pass; None where there is no such time, or nobody knows it.
    """

    cause: Cause | None
    progress: Progress | None
    messages: int
    delivery_id: int
    mx_group: str
    place: str  # queued, in hand, retrying
    lane: str | None
    worker: str | None
    words: str
    evidence: Evidence
    fix: str
    command: str | None
    earliest_at: float | None
    blocked: bool
    also: tuple[Cause, ...] = ()  # later gates that would stop them too

    @property
    def code(self) -> str:
        """The cause's or the progress's."""
        found = self.cause or self.progress
        assert found is not None, "a finding has a cause, or progress"
        return str(found)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer. ``chain`` has all gates in their order where one message was asked for."""

    now: float
    findings: tuple[Finding, ...]
    chain: tuple[Step, ...] = ()

    @property
    def groups(self) -> tuple[Finding, ...]:
        return self.findings

    @property
    def messages(self) -> int:
        """How many are pending."""
        return sum(each.messages for each in self.findings)


def causes(diagnosis: Diagnosis) -> dict[str, int]:
    """Messages by code, of causes and of progress, in the order of the gates."""
    counts: dict[str, int] = {}
    for each in diagnosis.findings:
        counts[each.code] = counts.get(each.code, 0) + each.messages
    order = [str(each) for each in (*Cause, *Progress)]
    return {code: counts[code] for code in order if code in counts}
