"""The figures of a run, read from the store: what the live view and the summary show."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mail.reason import Reason
from mail.states import MessageStatus
from store import modules, queues
from store.engine import Store


@dataclass(slots=True)
class Tally:
    """Outcomes added up."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    bytes: int = 0

    @property
    def attempts(self) -> int:
        return self.sent + self.deferred + self.failed

    def add(self, traffic: queues.Traffic) -> None:
        self.sent += traffic.sent
        self.deferred += traffic.deferred
        self.failed += traffic.failed
        self.bytes += traffic.bytes


@dataclass(frozen=True, slots=True)
class Figures:
    """One look at the lab."""

    by_status: Mapping[str, int]
    by_reason: Mapping[tuple[str, Reason], int]
    by_source_ip: Mapping[str, Tally]
    by_worker: Mapping[str, Tally]
    by_mx_group: Mapping[str, Tally]
    total: Tally = field(default_factory=Tally)

    @property
    def messages(self) -> int:
        return sum(self.by_status.values())

    def count(self, status: MessageStatus) -> int:
        return self.by_status.get(status, 0)


def look(store: Store) -> Figures:
    """Read the roll-ups; cheap enough to do several times a second."""
    reasons = store.read_now(queues.by_reason)
    names = {each.id: f"{each.instance}-{each.id}" for each in store.read_now(modules.all_workers)}
    by_status: Counter[str] = Counter()
    for status, _, messages in reasons:
        by_status[status] += messages
    by_ip: dict[str, Tally] = {}
    by_worker: dict[str, Tally] = {}
    by_group: dict[str, Tally] = {}
    total = Tally()
    for each in store.read_now(queues.traffic):
        worker = names.get(each.worker_id, f"{each.mta}-{each.worker_id}")
        for tallies, key in (
            (by_ip, each.source_ip),
            (by_worker, worker),
            (by_group, each.mx_group),
        ):
            tallies.setdefault(key, Tally()).add(each)
        total.add(each)
    return Figures(
        dict(by_status),
        {(str(status), reason): messages for status, reason, messages in reasons},
        by_ip,
        by_worker,
        by_group,
        total,
    )
