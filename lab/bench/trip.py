"""The whole trip: from the queue by the workers to the receiver, and recorded."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.accounts import reconciled
from lab.background import Running
from lab.bench.processes import Use, Watch
from lab.bench.workload import AFFINITY, Workload
from lab.configuration import Loaded
from lab.stores import store_of
from lab.submit.submission import Order, submit
from mail.errors import EnvironmentFault
from mail.states import MessageStatus
from store import queues
from store.engine import Store
from world.clock import SystemClock

LOOK_EVERY_S: Final = 0.02
READY_WITHIN_S: Final = 60.0
STILL_FOR_S: Final = 30.0
WARM_UP: Final = 400  # messages: connections are open, every module is loaded

Tell = Callable[[str, int, int], None]  # what, done, of


class BenchStuck(EnvironmentFault):
    """The lab of a benchmark has stopped sending."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What one run of the whole trip took."""

    messages: int
    seconds: float  # from the moment the last of them was queued until the last was recorded
    messages_per_second: float
    submit_per_second: float  # CSV to queued
    uses: dict[str, Use]
    reconciliation: dict[str, Any]


def whole_trip(workload: Workload, folder: Path, tell: Tell, outside: str | None = None) -> Trip:
    """Run it once in a lab of real processes, made in ``folder``.

    Args:
        workload: what is sent.
        folder: where; it stays.
        tell: hears how far it is.
        outside: ``address:port`` of a receiver that is not ours; its mail is not reconciled.

    Raises:
        BenchStuck: nothing was sent for a while.
        LabDidNotStart, ListenAddressUnusable: as `mtalab up`.
    """
    loaded = workload.prepare(folder, outside)
    with contextlib.closing(store_of(loaded)) as store, _running(loaded, store):
        _warm_up(workload, loaded, store)
        began = time.perf_counter()
        queue_delivery(loaded, store, "people.csv", workload.messages)
        queued = time.perf_counter()
        total = WARM_UP + workload.messages
        with Watch() as watch:
            early = total - _pending(store)
            _wait(store, total, tell)
            seconds = time.perf_counter() - queued
        account = reconciled(store, loaded).as_json() if outside is None else {}
    return Trip(
        messages=workload.messages,
        seconds=seconds,
        messages_per_second=(total - early) / seconds,
        submit_per_second=workload.messages / (queued - began),
        uses=watch.uses(),
        reconciliation=account,
    )


@contextlib.contextmanager
def _running(loaded: Loaded, store: Store) -> Iterator[None]:
    running = Running(loaded)
    try:
        running.start(store, READY_WITHIN_S)
        yield
    finally:
        running.stop()


def _warm_up(workload: Workload, loaded: Loaded, store: Store) -> None:
    workload.write_people(loaded.path.with_name("warm.csv"), WARM_UP)
    queue_delivery(loaded, store, "warm.csv", WARM_UP)
    _wait(store, WARM_UP, lambda *_: None)


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


def _pending(store: Store) -> int:
    counts = store.read_now(queues.by_reason)
    return sum(each for status, _, each in counts if status == MessageStatus.PENDING)


def _wait(store: Store, total: int, tell: Tell) -> None:
    left, changed = total, time.monotonic()
    while left:
        now = _pending(store)
        if now != left:
            left, changed = now, time.monotonic()
        elif time.monotonic() - changed > STILL_FOR_S:
            raise BenchStuck(
                f"nothing was sent for {STILL_FOR_S:g} s; {left} messages are pending",
                remedy="Run it with --keep, and `mtalab status` in that folder.",
            )
        tell("whole trip", total - left, total)
        time.sleep(LOOK_EVERY_S)
