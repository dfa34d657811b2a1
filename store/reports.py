"""What workers say of what they do: each beat carries it, so that nobody has to ask a worker.

A worker's report is one row for each lane on which it has something to do, and a few words beside
its heartbeat. Rows are written when they changed; they go when the lane is done or the worker ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import orjson
from sqlalchemy import and_, or_, select

from mail.cause import Cause
from store import modules, tables
from store.engine import Tx

SLOW_AFTER_S: Final = 3.0  # usual receivers answer within one second


@dataclass(frozen=True, slots=True)
class Phase:
    """Connections that await the same step of the session; ``since`` of the one longest there."""

    connections: int
    since: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the last attempt to connect failed; ``since`` the first of them in a row."""

    text: str
    stage: str
    cause: Cause | None
    since: float


@dataclass(frozen=True, slots=True)
class LaneReport:
    """What one worker does on a lane from one source IP. Times in epoch seconds.

    ``taken`` of ``allowed`` connections are used, by all source IPs of a shared lane together.
    """

    worker_id: int
    lane: str
    source_ip: str
    waiting: int = 0  # messages for which no connection has room yet
    in_flight: int = 0  # messages on connections
    slow: int = 0  # of these, how many are for longer than SLOW_AFTER_S
    taken: int = 0
    allowed: int = 0
    phases: Mapping[str, Phase] = field(default_factory=dict)
    tat: float | None = None  # the limiter's
    down_until: float | None = None  # until then no host is tried
    trouble: Trouble | None = None

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.waiting or self.in_flight or self.taken or self.down_until)


@dataclass(frozen=True, slots=True)
class News:
    """What changed since the last beat: rows to write, lanes that are done."""

    words: modules.Words = modules.NO_WORDS
    changed: Sequence[LaneReport] = ()
    done: Sequence[tuple[str, str]] = ()  # lane, source IP


class Telling:
    """What was told last, so that only news is told again."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], LaneReport] = {}
        self._next: dict[tuple[str, str], LaneReport] = {}

    def news(self, words: modules.Words, found: Iterable[LaneReport]) -> News:
        """What to write; ``told`` is to follow when it is written."""
        self._next = {(each.lane, each.source_ip): each for each in found if not each.is_idle}
        return News(
            words,
            [each for key, each in self._next.items() if each != self._told.get(key)],
            sorted(self._told.keys() - self._next.keys()),
        )

    def told(self) -> None:
        """The store has it."""
        self._told = self._next


def beat(
    tx: Tx,
    worker_id: int,
    memory_bytes: int,
    leases: Sequence[int],
    now: float,
    until: float,
    news: News,
) -> bool:
    """As ``modules.beat_worker``, with what the worker has to tell."""
    if not modules.beat_worker(tx, worker_id, memory_bytes, leases, now, until, news.words):
        return False
    if news.changed:
        rows = [_row(replace(each, worker_id=worker_id), now) for each in news.changed]
        tx.dialect.put(tx.connection, tables.lane_report, rows)
    if news.done:
        table = tables.lane_report
        tx.connection.execute(
            table.delete().where(
                table.c.worker_id == worker_id,
                or_(
                    *(
                        and_(table.c.lane == lane, table.c.source_ip == source_ip)
                        for lane, source_ip in news.done
                    )
                ),
            )
        )
    return True


def reports(tx: Tx) -> list[LaneReport]:
    """All that workers told last, by worker and lane."""
    table = tables.lane_report
    query = select(table).order_by(table.c.worker_id, table.c.lane, table.c.source_ip)
    return [
        LaneReport(
            row.worker_id,
            row.lane,
            row.source_ip,
            row.waiting,
            row.in_flight,
            row.slow,
            row.taken,
            row.allowed,
            {name: Phase(*each) for name, each in orjson.loads(row.phases).items()},
            row.tat,
            row.down_until,
            None
            if row.trouble is None
            else Trouble(
                row.trouble,
                row.trouble_stage,
                None if row.trouble_cause is None else Cause(row.trouble_cause),
                row.trouble_since,
            ),
        )
        for row in tx.connection.execute(query)
    ]


def _row(each: LaneReport, now: float) -> dict[str, object]:
    trouble = each.trouble
    phases = {name: (phase.connections, phase.since) for name, phase in each.phases.items()}
    return {
        "worker_id": each.worker_id,
        "lane": each.lane,
        "source_ip": each.source_ip,
        "at": now,
        "waiting": each.waiting,
        "in_flight": each.in_flight,
        "slow": each.slow,
        "taken": each.taken,
        "allowed": each.allowed,
        "phases": orjson.dumps(phases, option=orjson.OPT_SORT_KEYS).decode(),
        "tat": each.tat,
        "down_until": each.down_until,
        "trouble": None if trouble is None else trouble.text,
        "trouble_stage": None if trouble is None else trouble.stage,
        "trouble_cause": None if trouble is None or trouble.cause is None else str(trouble.cause),
        "trouble_since": None if trouble is None else trouble.since,
    }
