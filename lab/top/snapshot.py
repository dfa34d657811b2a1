"""How a lab stands at one moment, and from two such moments what moves: pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mail.states import MessageStatus
from monitor.lanes import LaneLine
from monitor.why.finding import Finding
from store.deliveries import Delivery
from store.modules import ALIVE, Worker
from store.queues import InHand
from store.reports import LaneReport

_OVER: Final = ("finished", "cancelled")
_GONE_AFTER_S: Final = 5.0  # a worker not heard of for so long is lost


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read at ``at`` (epoch seconds); ``transitions`` is the number of the newest one."""

    at: float
    transitions: int
    deliveries: Sequence[Delivery]
    findings: Sequence[Finding]
    lanes: Sequence[LaneLine]
    in_hand: Sequence[InHand]
    reports: Sequence[LaneReport]
    workers: Sequence[Worker]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Counts of messages; ``rate`` is outcomes per second, None where nothing was seen before."""

    delivery: int
    label: str
    status: str
    messages: int
    pending: int
    sent: int
    failed: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class CauseRow:
    """Pending messages with one cause; ``blocked`` of them move only if something is changed."""

    cause: str
    messages: int
    blocked: int
    words: str


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane; ``limit`` of its connections is None where no rule says one."""

    lane: str
    in_hand: int
    connections: int
    limit: int | None
    state: str


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker process."""

    worker: str
    state: str
    in_hand: int
    connections: int
    memory_bytes: int
    heartbeat_age_s: float
    trouble: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it; ``rate`` is attempts per second since the snapshot before, None for the first."""

    at: float
    rate: float | None
    pending: int
    in_hand: int
    deliveries: tuple[DeliveryRow, ...]
    causes: tuple[CauseRow, ...]
    lanes: tuple[LaneRow, ...]
    workers: tuple[WorkerRow, ...]
    # What the next one is compared with.
    transitions: int = field(default=0, repr=False)
    done: Mapping[int, int] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The shape in ``docs/json.md``."""
        found = asdict(self)
        del found["transitions"], found["done"]
        return found


def snapshot(facts: Facts, before: Snapshot | None) -> Snapshot:
    """How it stands; rates are since ``before``."""
    done = {
        each.id: _count(each, MessageStatus.SENT) + _count(each, MessageStatus.FAILED)
        for each in facts.deliveries
    }
    over = None if before is None or facts.at <= before.at else facts.at - before.at
    causes = _causes(facts.findings)
    return Snapshot(
        facts.at,
        _rate(facts.transitions, before.transitions if before else None, over),
        sum(each.messages for each in causes),
        sum(each.messages for each in facts.in_hand),
        tuple(
            _delivery(
                each, _rate(done[each.id], before.done.get(each.id) if before else None, over)
            )
            for each in sorted(facts.deliveries, key=_weight)
        ),
        causes,
        tuple(_lanes(facts)),
        tuple(_workers(facts)),
        facts.transitions,
        done,
    )


def _rate(now: int, before: int | None, over_s: float | None) -> float | None:
    if before is None or over_s is None:
        return None
    return max(0, now - before) / over_s


def _count(delivery: Delivery, status: MessageStatus) -> int:
    return delivery.counts.get(status, 0)


def _weight(delivery: Delivery) -> tuple[bool, int]:
    """Those that are not over first, the newest of them on top."""
    return delivery.status in _OVER, -delivery.id


def _delivery(delivery: Delivery, rate: float | None) -> DeliveryRow:
    return DeliveryRow(
        delivery.id,
        delivery.label,
        delivery.status,
        delivery.messages,
        _count(delivery, MessageStatus.PENDING),
        _count(delivery, MessageStatus.SENT),
        _count(delivery, MessageStatus.FAILED),
        rate,
    )


def _causes(findings: Iterable[Finding]) -> tuple[CauseRow, ...]:
    messages: Counter[str] = Counter()
    blocked: Counter[str] = Counter()
    words: dict[str, str] = {}
    for each in findings:
        messages[each.code] += each.messages
        blocked[each.code] += each.messages if each.blocked else 0
        words.setdefault(each.code, each.words)
    rows = [CauseRow(code, count, blocked[code], words[code]) for code, count in messages.items()]
    return tuple(sorted(rows, key=lambda row: (-row.blocked, -row.messages, row.cause)))


def _lanes(facts: Facts) -> Iterable[LaneRow]:
    connections: Counter[str] = Counter()
    for each in facts.reports:
        connections[each.lane] += each.taken
    rows = [
        LaneRow(
            each.lane,
            each.in_hand,
            connections[each.lane],
            each.max_connections,
            "suspended" if each.suspended_until is not None else "open",
        )
        for each in facts.lanes
    ]
    return sorted(rows, key=lambda row: (row.state == "open", -row.in_hand, -row.connections))


def _workers(facts: Facts) -> Iterable[WorkerRow]:
    in_hand: Counter[int] = Counter()
    for held in facts.in_hand:
        in_hand[held.worker_id] += held.messages
    connections: Counter[int] = Counter()
    for report in facts.reports:
        connections[report.worker_id] += report.taken
    for each in facts.workers:
        age = max(0.0, facts.at - each.heartbeat_at)
        yield WorkerRow(
            f"{each.instance}-{each.id}",
            _state(each, age),
            in_hand[each.id],
            connections[each.id],
            each.memory_bytes,
            round(age, 3),
            each.trouble or "",
        )


def _state(worker: Worker, age_s: float) -> str:
    if age_s > _GONE_AFTER_S:
        return "lost"
    return "running" if worker.state == ALIVE else worker.state
