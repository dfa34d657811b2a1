"""What the questions of scheduler, worker and user cost, whatever is queued or over.

``python -m tests.measure.many_queued 100000 10000000`` fills a store with each number of queued
messages, and two more with the first number and ``--also`` deferred or finished ones, times every
operation in each and prints the ratios to the first. Exit code 1: behind the last number a claim, a
status or a log took more than twice as long as behind the first.

Ten million messages take 1.6 GB of disk in ``--folder``, the two others 0.7; all of it takes a
minute.
"""

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from affinity.configuration import Affinity, Configuration, MtaInstance, Route, SourceIp
from affinity.plan import plan_of
from mail.outcome import Verdict
from mail.states import DeliveryEvent, MessageEvent, MessageStatus
from monitor.status import status
from scheduler.decide.expire import expiry_event
from scheduler.decide.spread import Memory, spread
from scheduler.housekeeping import CUT_MAX, EXPIRE_MAX
from scheduler.service import PARTS_PER_WAY, _snapshot
from scheduler.settings import settings_from
from store import (
    deliveries,
    expiry,
    leases,
    log,
    modules,
    operator,
    parts,
    replan,
    scheduling,
    settlement,
    transitions,
)
from store.engine import Store
from store.schema import open_store
from tests.fakes import postgresql
from tests.measure.backlog import AFFINITY, VALIDITY_S, Backlog, fill

MOST = 2.0
JUDGED = ("claim", "status", "log")  # the first words of operations
REPEATS = 9  # runs of an operation, all stores in turn: a busy machine is so to all alike
LEASED = 32  # parts
CLAIMED = 256  # messages, whatever the size of parts
SUBMITTED = 5_000
NOW = 1_800_000_000.0
IPS = ("127.0.1.1", "127.0.1.2")
CONFIGURATION = Configuration(
    mta={"bench": MtaInstance(affinities=(AFFINITY,))},
    affinity={AFFINITY: Affinity(ip=tuple(SourceIp(address=each) for each in IPS))},
    route={"open": Route(domains=("*.test",), host="127.0.0.1:2525")},
)
SETTINGS = settings_from(CONFIGURATION)
PROCESS = modules.Process("host", 4711, 1 << 20)
ACCEPTED = Verdict(MessageEvent.ACCEPTED, None, None, "2.0.0 Accepted", 250, "2.0.0")

Times = dict[str, list[float]]  # by operation, seconds


@dataclass
class Lab:
    """A filled store with one worker; time stands still."""

    store: Store
    now: float
    times: Times = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.do = self.store.write_now
        self.ask = self.store.read_now
        number = self.do(modules.register_worker, "bench", [AFFINITY], "j.log", PROCESS, self.now)
        self.author = transitions.Author("bench", number)
        self.do(modules.announce_instance, "bench", [AFFINITY], 1, PROCESS, self.now)
        self.do(modules.announce_module, modules.SCHEDULER, PROCESS, "", self.now)

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.times.setdefault(what, []).append(time.perf_counter() - began)

    def again(self, what: str, operation: Callable[[], object]) -> Iterator[None]:
        """Run an operation several times."""
        for _ in range(REPEATS):
            with self.timed(what):
                operation()
            yield

    def send_some(self) -> None:
        """One turn of scheduler and worker."""
        with self.timed("round: read and spread"):
            view = self.ask(
                scheduling.view, self.now, PARTS_PER_WAY, 0.0, SETTINGS.pace.lane_window
            )
            grants, self.memory = spread(
                _snapshot(view, self.now), SETTINGS.rules, SETTINGS.pace, self.memory
            )
        chosen = [
            leases.Grant(
                each.part_id, each.delivery_id, each.worker_id, each.source_ip, each.lane_key
            )
            for each in grants[:LEASED]
        ]
        with self.timed(f"lease {LEASED} parts"):
            self.do(leases.lease, chosen, self.now, self.now + 15.0)
        with self.timed(f"claim {CLAIMED} messages"):
            lent = self.ask(leases.leased_to, self.author.worker_id)
            sizes = itertools.accumulate(each.size for each in lent)
            some = [
                part.part_id
                for part, end in zip(lent, sizes, strict=True)
                if end - part.size < CLAIMED
            ]
            found = self.ask(leases.messages_of, some)
        outcomes = [
            transitions.Outcome(
                *(each.message_id, part.delivery_id, part.part_id, part.epoch, each.address),
                *(each.attempts + 1, self.now, ACCEPTED, None, part.source_ip, part.mx_group),
                *(3.5, 4096),
            )
            for part in lent
            for each in found.get(part.part_id, ())
        ][:64]
        ends = [(each.part_id, each.epoch) for each in lent]
        with self.timed("settle 64 messages"):
            self.do(settlement.settle, self.author, settlement.Settlement(outcomes), self.now)
        self.do(settlement.settle, self.author, settlement.Settlement(finished=ends), self.now)

    def submit(self) -> None:
        new = deliveries.NewDelivery(
            "more", AFFINITY, 0, 8, self.now, self.now, self.now + VALIDITY_S, "mail.eml", b"Hi"
        )
        delivery_id = self.do(deliveries.create, new)
        made = [
            parts.NewPart(
                "open",
                IPS,
                [
                    parts.NewMessage(f"u{number}@d1.test", "d1.test", '{"name":"N","town":"L"}')
                    for number in range(first, first + 8)
                ],
            )
            for first in range(0, SUBMITTED, 8)
        ]
        with self.timed(f"submit {SUBMITTED:,}: add"):
            self.do(parts.add, delivery_id, made, self.now)
        with self.timed(f"submit {SUBMITTED:,}: confirm"):
            self.do(deliveries.confirm, delivery_id, self.now)

    def steps(self) -> Iterator[None]:
        """Measure everything; the same steps in every store."""
        for _ in range(REPEATS):
            self.send_some()
            yield
        now, ask, do = self.now, self.ask, self.do
        newest = ask(deliveries.find, limit=1)[0].id
        tried = next(iter(ask(log.transitions, log.Filter(), limit=1, newest=True)))
        last = ask(log.last_transition_id)
        logs: Mapping[str, log.Filter] = {
            "latest 20": log.Filter(),
            "of the newest delivery": log.Filter(delivery_id=newest),
            "of the first delivery": log.Filter(delivery_id=1),
            "of a domain": log.Filter(domain="d19.*"),
            "of an unknown domain": log.Filter(domain="d20.*"),
            "pending": log.Filter(status=MessageStatus.PENDING),
            "sent": log.Filter(status=MessageStatus.SENT),
            "failed": log.Filter(status=MessageStatus.FAILED),
        }
        questions: Mapping[str, Callable[[], object]] = {
            "status": lambda: status(self.store, CONFIGURATION, now, ["scheduler"]),
            **{
                f"log {name}": lambda wanted=wanted: ask(
                    log.messages, wanted, limit=20, newest=True
                )
                for name, wanted in logs.items()
            },
            "log of transitions": lambda: ask(log.transitions, log.Filter(), limit=20, newest=True),
            "log of a delivery's transitions": lambda: ask(
                log.transitions, log.Filter(delivery_id=newest), limit=20, newest=True
            ),
            "log followed": lambda: ask(log.transitions, log.Filter(), after_id=last),
            "deliveries": lambda: ask(deliveries.find, limit=50),
            "message": lambda: ask(log.message, tried.message_id),
            "house: is anything unfinished": lambda: ask(deliveries.is_any_unfinished),
            "house: expire, nothing late": lambda: do(expiry.expire, now, EXPIRE_MAX, expiry_event),
            "house: plans": lambda: ask(replan.standing),
            "house: cut, nothing due": lambda: ask(parts.due, now, CUT_MAX),
            "house: reclaim": lambda: ask(leases.leases),
            "house: withdraw, nothing cancelled": lambda: do(
                operator.withdraw_cancelled, EXPIRE_MAX, now
            ),
            "house: finish": lambda: do(deliveries.finish_complete, now),
            "house: abandoned": lambda: do(deliveries.discard_abandoned, now - 600.0, now),
        }
        for what, question in questions.items():
            yield from self.again(what, question)
        for _ in range(3):
            self.submit()
            yield
        later = now + 3600.0
        yield from self.again(f"house: {CUT_MAX} due", lambda: ask(parts.due, later, CUT_MAX))
        do(operator.steer, newest, DeliveryEvent.CANCELLED, now)
        yield from self.again(
            f"house: withdraw {EXPIRE_MAX}",
            lambda: do(operator.withdraw_cancelled, EXPIRE_MAX, now),
        )
        late = now + 2 * VALIDITY_S
        yield from self.again(
            f"house: expire {EXPIRE_MAX}",
            lambda: do(expiry.expire, late, EXPIRE_MAX, expiry_event),
        )


def filled(url: str, backlog: Backlog) -> Store:
    store = open_store(url)
    began = time.perf_counter()
    fill(store, backlog, plan_of(CONFIGURATION), NOW)
    print(f"{backlog}: filled in {time.perf_counter() - began:.1f} s", flush=True)
    if not url.startswith("sqlite"):
        with store.engine.connect() as connection:  # what the server's own daemon does in time
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM ANALYZE"
            )
    return store


def measured(stores: Sequence[Store]) -> list[dict[str, float]]:
    """For each store the medians by operation, in ms."""
    labs = [Lab(store, NOW) for store in stores]
    for _ in zip(*(lab.steps() for lab in labs), strict=True):
        pass
    return [
        {what: statistics.median(found) * 1000 for what, found in lab.times.items()} for lab in labs
    ]


@contextlib.contextmanager
def databases(folder: Path | None, *, is_postgresql: bool) -> Iterator[Callable[[], object]]:
    """Makes contexts of an empty database each; they yield its URL."""
    if is_postgresql:
        with postgresql.server_for_run() as server:
            yield lambda: server.database("template0")
        return

    @contextlib.contextmanager
    def file() -> Iterator[str]:
        with tempfile.TemporaryDirectory(dir=folder) as inner:
            yield f"sqlite:///{inner}/lab.db"
            print(f"  {(Path(inner) / 'lab.db').stat().st_size / 1e6:,.0f} MB of disk")

    yield file


def report(titles: Sequence[str], columns: Sequence[Mapping[str, float]]) -> None:
    print(f"\n{'ms, median (times the first)':36}" + "".join(f"{each:>20}" for each in titles))
    for what, first in columns[0].items():
        shown = [f"{first:.2f}"]
        shown += [f"{each[what]:.2f} ({each[what] / first:.1f} x)" for each in columns[1:]]
        print(f"{what:36}" + "".join(f"{each:>20}" for each in shown))


def compare(
    backlogs: Iterable[Backlog], folder: Path | None = None, *, is_postgresql: bool = False
) -> list[dict[str, float]]:
    """For each backlog what each operation takes in a store of its own, in ms."""
    with (
        databases(folder, is_postgresql=is_postgresql) as new_database,
        contextlib.ExitStack() as opened,
    ):
        stores = []
        for backlog in backlogs:
            store = filled(opened.enter_context(new_database()), backlog)
            opened.callback(store.close)
            stores.append(store)
        return measured(stores)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.many_queued")
    parser.add_argument("queued", type=int, nargs="+", help="100000 10000000")
    parser.add_argument("--also", type=int, default=1_000_000, help="deferred, finished; 0: none")
    parser.add_argument("--folder", type=Path, help="where the stores are made")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    wanted = parser.parse_args()
    least = wanted.queued[0]
    backlogs = {f"{each:,} queued": Backlog(each) for each in wanted.queued}
    if wanted.also:
        backlogs[f"+ {wanted.also:,} deferred"] = Backlog(least, deferred=wanted.also)
        backlogs[f"+ {wanted.also:,} finished"] = Backlog(least, finished=wanted.also)
    columns = compare(backlogs.values(), wanted.folder, is_postgresql=wanted.postgresql)
    report(list(backlogs), columns)
    big = columns[len(wanted.queued) - 1]
    worse = [
        what
        for what, first in columns[0].items()
        if what.partition(" ")[0] in JUDGED and big[what] > MOST * first
    ]
    for what in worse:
        print(f"more than {MOST:g} times: {what}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
