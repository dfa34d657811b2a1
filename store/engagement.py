"""What new tracking logs change in what is known of messages, browsers and recipients' domains.

Pure: what was known before is handed in, what is known then and the counters come out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mail.tracked import Kind

ALL: Final = 0  # of ``humans``: what machines did counts too
HUMANS: Final = 1
SLOT_S: Final = 300  # seconds of a counter's slot

VisitorKey = tuple[int, str]  # delivery, cookie
_RollupKey = tuple[int, int, int, int, bool]  # delivery, URL, kind, slot, is it a machine's
_EngagementKey = tuple[int, str, int]  # delivery, domain, ALL or HUMANS


@dataclass(frozen=True, slots=True)
class NewLog:
    """One log to be; ``event`` is its name in the server's log."""

    event: str
    delivery_id: int
    message_id: int
    url: int
    kind: Kind
    at: float
    person: str
    agent: str
    ip: str
    machine: str | None
    page: str | None = None
    amount: float | None = None
    articles: int | None = None


@dataclass(slots=True)
class Firsts:
    """When something first came back of a message: of all, and of humans."""

    opened: list[float | None] = field(default_factory=lambda: [None, None])
    clicked: list[float | None] = field(default_factory=lambda: [None, None])


@dataclass(slots=True)
class Engagement:
    """What is known of the messages and browsers of a piece; ``count`` changes it.

    ``clicks`` holds for a browser when it first clicked in a delivery: of all, and as a human's.
    """

    messages: dict[int, Firsts]
    clicks: dict[VisitorKey, list[float | None]]
    rollups: dict[_RollupKey, list[float]] = field(default_factory=dict)
    domains: dict[_EngagementKey, list[int]] = field(default_factory=dict)

    def count(self, logs: Iterable[NewLog], domain_of: Mapping[int, str]) -> None:
        for each in logs:
            self._roll_up(each)
            for humans in (ALL,) if each.machine is not None else (ALL, HUMANS):
                self._engage(each, domain_of[each.message_id], humans)

    def _roll_up(self, log: NewLog) -> None:
        is_machine = log.machine is not None
        key = (log.delivery_id, log.url, int(log.kind), int(log.at // SLOT_S), is_machine)
        sums = self.rollups.setdefault(key, [0, 0.0, 0])
        sums[0] += 1
        sums[1] += log.amount or 0.0
        sums[2] += log.articles or 0

    def _engage(self, log: NewLog, domain: str, humans: int) -> None:
        sums = self.domains.setdefault((log.delivery_id, domain, humans), [0, 0, 0, 0])
        firsts = self.messages.setdefault(log.message_id, Firsts())
        sums[0] += _earlier(firsts.opened, humans, log.at)  # whatever comes back implies an open
        if log.kind is Kind.CLICK:
            sums[1] += _earlier(firsts.clicked, humans, log.at)
            if log.person:
                key = (log.delivery_id, log.person)
                sums[3] += _earlier(self.clicks.setdefault(key, [None, None]), humans, log.at)
        elif log.kind is Kind.OPT_OUT:
            sums[2] += 1


def _earlier(firsts: list[float | None], humans: int, at: float) -> int:
    """Remember the earliest time; returns 1 if there was none, or else 0."""
    before = firsts[humans]
    firsts[humans] = at if before is None else min(before, at)
    return int(before is None)
