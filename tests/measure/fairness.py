"""How evenly a lab of real processes spreads its load: ``python -m tests.measure.fairness``.

Three equal deliveries and a large one start at the same moment on two workers. Jain's index between
the workers, and between the deliveries, is taken of every window of five seconds from two seconds
after the start until the first of the three has ended; the least of each is printed. Exit code 1: a
least index is below 0.98.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sqlalchemy import select

from lab.background import Running
from lab.bench.trip import READY_WITHIN_S
from lab.bench.workload import AFFINITY, Workload
from lab.configuration import Loaded
from lab.submit.submission import Order, submit
from mail.states import DeliveryStatus
from store import deliveries, tables
from store.engine import Store, Tx
from store.schema import open_store
from world.clock import SystemClock

WANTED = 0.98
EQUALS, LARGE = 3, 4  # deliveries of one size, and one so many times as large
SETTLED_S, WINDOW_S, STEP_S = 2.0, 5.0, 0.5
SUBMITTED_PER_S = 20_000  # at least: they start when all are there

Outcome = tuple[float, int, int]  # time, worker, delivery


def jain(shares: Iterable[float]) -> float:
    """1: all have the same; 1/n: one has all."""
    found = list(shares)
    squares = sum(each * each for each in found)
    return sum(found) ** 2 / (len(found) * squares) if squares else 0.0


def windows(outcomes: list[Outcome], since: float, until: float) -> Iterator[list[Outcome]]:
    """The outcomes of each window, in steps of half a second."""
    begin = since
    while begin + WINDOW_S <= until:
        yield [each for each in outcomes if begin <= each[0] < begin + WINDOW_S]
        begin += STEP_S


def outcomes_of(tx: Tx) -> list[Outcome]:
    table = tables.transition
    query = select(table.c.at, table.c.worker_id, table.c.delivery_id).where(
        table.c.worker_id.is_not(None)
    )
    return [(row.at, row.worker_id, row.delivery_id) for row in tx.connection.execute(query)]


def queue(loaded: Loaded, store: Store, workload: Workload, each: int) -> float:
    """Submit all; returns when they start."""
    clock = SystemClock()
    starts = clock.now() + 2.0 + each * (EQUALS + LARGE) / SUBMITTED_PER_S
    for messages in [each] * EQUALS + [each * LARGE]:
        people = loaded.path.with_name("people.csv")
        workload.write_people(people, messages)
        order = Order(
            message=loaded.path.with_name("mail.eml"),
            recipients=people,
            affinity=AFFINITY,
            label="fairness",
            contact_at=starts,
            validity_s=loaded.configuration.validity,
        )
        submit(store, loaded, clock, order, lambda *_: None)
    assert clock.now() < starts, "all are there before they start"
    return starts


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.fairness")
    parser.add_argument("--messages", type=int, default=30_000, help="of each equal delivery")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    workload = Workload(messages=1, workers=wanted.workers)
    with tempfile.TemporaryDirectory() as folder:
        loaded = workload.prepare(Path(folder))
        running = Running(loaded)
        with contextlib.closing(open_store(loaded.store_url)) as store:
            try:
                running.start(store, READY_WITHIN_S)
                since = queue(loaded, store, workload, wanted.messages) + SETTLED_S
                equal = range(1, EQUALS + 1)
                while all(
                    store.read_now(deliveries.get, each).status is not DeliveryStatus.FINISHED
                    for each in equal
                ):
                    time.sleep(0.2)
            finally:
                running.stop()
            outcomes = store.read_now(outcomes_of)
    sent = Counter(delivery for _, _, delivery in outcomes)
    ended = [each for each in equal if sent[each] == wanted.messages]
    until = min(max(at for at, _, delivery in outcomes if delivery == each) for each in ended)
    workers = sorted({worker for _, worker, _ in outcomes})
    least = {"workers": 1.0, "equal deliveries": 1.0, "all deliveries": 1.0}
    looked = 0
    for window in windows(outcomes, since, until):
        looked += 1
        by_worker = Counter(worker for _, worker, _ in window)
        by_delivery = Counter(delivery for _, _, delivery in window)
        found = {
            "workers": jain(by_worker[each] for each in workers),
            "equal deliveries": jain(by_delivery[each] for each in equal),
            "all deliveries": jain(by_delivery[each] for each in sorted(sent)),
        }
        least = {name: min(least[name], index) for name, index in found.items()}
    rate = sum(since <= at < until for at, _, _ in outcomes) / (until - since)
    print(f"{looked} windows of {WINDOW_S:g} s, {len(workers)} workers, {rate:,.0f} messages/s")
    for name, index in least.items():
        print(f"least of Jain's index between {name}: {index:.4f}")
    if not looked:
        print("they ended too soon: give them more --messages")
    return int(not looked or min(least["workers"], least["equal deliveries"]) < WANTED)


if __name__ == "__main__":
    sys.exit(main())
