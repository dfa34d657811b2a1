"""The whole trip: from the queue by the workers to the receiver, and recorded."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from lab.accounts import reconciled
from lab.background import Running
from lab.bench.histogram import Histogram
from lab.bench.latency import Phase, histogram_of
from lab.bench.measured import Measured, measuring, read_measured, wasted
from lab.bench.processes import Use, Watch
from lab.bench.shares import time_shares
from lab.bench.workload import AFFINITY, Workload
from lab.configuration import Loaded
from lab.services.measuring import WRITE_EVERY_S
from lab.stores import store_of
from lab.submit.submission import Order, submit
from mail.errors import EnvironmentFault
from mail.states import MessageStatus
from store import queues
from store.attempts import Attempts, attempts
from store.databases import database_beside
from store.engine import Store
from world.chance import SeededChance
from world.clock import SystemClock

LOOK_EVERY_S: Final = 0.02
READY_WITHIN_S: Final = 60.0
STILL_FOR_S: Final = 30.0

Tell = Callable[[str, int, int], None]  # what, done, of


class BenchStuck(EnvironmentFault):
    """The lab of a benchmark has stopped sending."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What one run of the whole trip took."""

    messages: int  # those that were sent in its seconds
    seconds: float  # from the moment the last of them was queued until the last was recorded
    messages_per_second: float
    submit_per_second: float  # CSV to queued
    uses: dict[str, Use]
    reconciliation: dict[str, Any]
    bits_per_second: float = 0.0  # of accepted contents
    latency: Mapping[Phase, Histogram] = field(default_factory=dict)  # microseconds
    shares: dict[str, dict[str, float]] = field(default_factory=dict)  # of time, by kind of process
    wasted: Mapping[str, float] = field(default_factory=dict)  # per message


@dataclass(frozen=True, slots=True)
class _Span:
    """What was seen from outside while the messages went."""

    since: float  # epoch seconds
    seconds: float
    messages: int
    submit_per_second: float
    uses: dict[str, Use]


def whole_trip(
    workload: Workload,
    folder: Path,
    tell: Tell,
    outside: str | None = None,
    *,
    keep: bool = False,
) -> Trip:
    """Run it once in a lab of real processes, made in ``folder``.

    Args:
        workload: what is sent. Of its store's server, the run has a database of its own.
        folder: where; it stays.
        tell: hears how far it is.
        outside: ``address:port`` of a receiver that is not ours; its mail is not reconciled.
        keep: whether the database on a server stays too.

    Raises:
        BenchStuck: nothing was sent for a while, or not everything.
        CannotMakeDatabase: the store's server refuses.
        LabDidNotStart, ListenAddressUnusable: as `mtalab up`.
    """
    with _own_store(workload, keep=keep) as own:
        loaded = own.prepare(folder, outside)
        measures = folder / "measures"
        with contextlib.closing(store_of(loaded)) as store:
            with measuring(measures), _running(loaded, store):
                span = _send(own, loaded, store, tell)
            # Only now has everybody written down the last of what they measured.
            measured = read_measured(measures, span.since, span.since + span.seconds)
            answered = store.read_now(attempts, span.since)
            account = reconciled(store, loaded).as_json() if outside is None else {}
    return Trip(
        messages=span.messages,
        seconds=span.seconds,
        messages_per_second=span.messages / span.seconds,
        submit_per_second=span.submit_per_second,
        uses=span.uses,
        reconciliation=account,
        bits_per_second=answered.accepted_bytes * 8 / span.seconds,
        latency=_latency(own, measured.get("worker", Measured()), answered),
        shares=time_shares(span.uses, measured, span.seconds),
        wasted=wasted(measured, span.messages),
    )


@contextlib.contextmanager
def _own_store(workload: Workload, *, keep: bool) -> Iterator[Workload]:
    if workload.store is None:
        yield workload
        return
    name = f"mtalab_bench_{SeededChance().token(8)}"
    with database_beside(workload.store, name, keep=keep) as url:
        yield replace(workload, store=url)


def _send(workload: Workload, loaded: Loaded, store: Store, tell: Tell) -> _Span:
    _warm_up(workload, loaded, store)
    began = time.perf_counter()
    queue_delivery(loaded, store, "people.csv", workload.messages)
    queued, since = time.perf_counter(), time.time()
    total = workload.warm_up + workload.messages
    with Watch() as watch:
        early = total - _count(store, MessageStatus.PENDING)
        _wait(store, total, tell)
        seconds = time.perf_counter() - queued
    sent = _count(store, MessageStatus.SENT)
    if sent != total:
        raise BenchStuck(f"{total - sent} of {total} messages were not sent", remedy=_LOOK)
    submit_per_second = workload.messages / (queued - began)
    messages = max(1, total - early)  # of very few, all may be early
    return _Span(since, seconds, messages, submit_per_second, watch.uses())


def _latency(workload: Workload, worker: Measured, answered: Attempts) -> dict[Phase, Histogram]:
    """By phase; only sending waits for the answer before, so that only it needs correction."""
    interval_s = workload.interval_s(len(worker.connects_s))
    return {
        Phase.QUEUE_WAIT: histogram_of(answered.queued_s),
        Phase.CONNECT: histogram_of(worker.connects_s),
        Phase.TRANSMIT: histogram_of(answered.transmit_s, interval_s),
        Phase.RECORD: histogram_of(worker.records_s),
    }


@contextlib.contextmanager
def _running(loaded: Loaded, store: Store) -> Iterator[None]:
    running = Running(loaded)
    try:
        running.start(store, READY_WITHIN_S)
        yield
    finally:
        running.stop()


def _warm_up(workload: Workload, loaded: Loaded, store: Store) -> None:
    if workload.warm_up:
        workload.write_people(loaded.path.with_name("warm.csv"), workload.warm_up)
        queue_delivery(loaded, store, "warm.csv", workload.warm_up)
        _wait(store, workload.warm_up, lambda *_: None)
        time.sleep(2 * WRITE_EVERY_S)  # until all of it is told that should not be measured


def queue_delivery(loaded: Loaded, store: Store, people: str, expected: int) -> None:
    """Submit a file of recipients of the lab's folder, all of them good ones."""
    clock = SystemClock()
    order = Order(
        message=loaded.path.with_name("mail.eml"),
        recipients=loaded.path.with_name(people),
        affinity=AFFINITY,
        label="bench",
        contact_at=clock.now(),
        validity_s=loaded.configuration.validity,
    )
    submitted = submit(store, loaded, clock, order, lambda *_: None)
    assert submitted.messages == expected, "every recipient is a good one"


def _count(store: Store, wanted: MessageStatus) -> int:
    counts = store.read_now(queues.by_reason)
    return sum(each for status, _, each in counts if status == wanted)


_LOOK: Final = "Run it with --keep, and `mtalab status` in that folder."


def _wait(store: Store, total: int, tell: Tell) -> None:
    left, changed = total, time.monotonic()
    while left:
        now = _count(store, MessageStatus.PENDING)
        if now != left:
            left, changed = now, time.monotonic()
        elif time.monotonic() - changed > STILL_FOR_S:
            raise BenchStuck(
                f"nothing was sent for {STILL_FOR_S:g} s; {left} messages are pending",
                remedy=_LOOK,
            )
        tell("whole trip", total - left, total)
        time.sleep(LOOK_EVERY_S)
