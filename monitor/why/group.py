"""Pending messages that stand alike: what the gates are asked about."""

from dataclasses import dataclass
from enum import StrEnum

from mail.cause import Cause
from store.deliveries import Delivery
from store.modules import Worker
from store.pending_one import Last


class Place(StrEnum):
    """Where messages are."""

    QUEUED = "queued"  # in parts that nobody holds, or due and about to be in one
    IN_HAND = "in hand"
    RETRYING = "retrying"  # their next attempt lies ahead


class Stand(StrEnum):
    """How messages in a worker's hand stand, as it says."""

    WAITING = "waiting"  # no connection has taken them yet
    IN_FLIGHT = "in flight"
    SLOW = "slow"  # in flight for long
    UNTOLD = "untold"  # lent just now, answered just now, or lost track of
    KNOWN = "known"  # their outcome is in the worker's journal


@dataclass(frozen=True, slots=True)
class Hand:
    """A worker that has a group in hand."""

    worker: Worker | None  # None: none of that number lives
    worker_id: int
    lane: str
    source_ip: str
    stand: Stand
    leased_at: float  # of the part lent first
    leased_until: float  # of the one lent last

    @property
    def name(self) -> str:
        if self.worker is None:
            return f"worker {self.worker_id}"
        return f"mta@{self.worker.instance}-{self.worker_id}"


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave of its delivery that has not begun."""

    number: int
    starts_at: float


@dataclass(frozen=True, slots=True)
class Group:
    """Messages of one delivery for one MX group that stand alike.

    ``planned`` are the source IPs that the masks admitted when they were planned. ``due_at`` is
    when the first of them may be tried; for what is due or was never tried the past.
    """

    place: Place
    delivery: Delivery
    mx_group: str
    messages: int
    planned: tuple[str, ...]
    due_at: float = 0.0
    waits_for: Cause | None = None  # as the last deferral said
    hand: Hand | None = None
    wave: Wave | None = None  # it waits for
    domain: str | None = None  # one that it goes to, if known
    first_part: int | None = None
    queued_at: float | None = None  # since when that part waits
    last: Last | None = None  # the last word on one of them
    part_messages: int = 1  # in a part of it, on average
    message_id: int | None = None  # where it is one message alone
    ahead: int = 0  # messages of its own kind before it, where it is one alone

    def comes_at(self, now: float) -> float:
        """When the first of it comes to the lanes, if nothing stops it before."""
        return max(now, self.due_at, self.delivery.contact_at)
