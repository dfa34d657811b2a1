"""How long ``mtalab why`` takes for many pending messages of five causes, and whether it is right.

``python -m tests.measure.why 1000000`` fills a store, in which nothing runs but heartbeats are
fresh, and asks: the program, as a user does, and the function that it calls. With ``--postgresql``
on that database too. Exit code 1: a wrong answer, or one that took longer than two seconds.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from affinity.plan import plan_of
from lab.configuration import load
from mail.cause import Cause
from mail.states import DeliveryEvent
from monitor.why.diagnosis import causes, diagnose
from store import modules, operator, tables
from store.engine import Store, Tx
from store.schema import open_store
from tests.fakes import postgresql
from tests.measure.backlog import AFFINITY, Backlog, fill

MOST_S = 2.0
REPEATS = 5
CONFIGURATION = f"""
[lab]
store = "STORE"
[mta.bench]
affinities = ["{AFFINITY}"]
[affinity.{AFFINITY}]
ip = [{{ address = "127.0.1.1" }}, {{ address = "127.0.1.2" }}]
[route.open]
domains = ["*.test"]
host = "127.0.0.1:2525"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--postgresql", action="store_true", help="on PostgreSQL too")
    options = parser.parse_args()
    is_well = True
    with tempfile.TemporaryDirectory(prefix="mtalab-why-") as folder:
        urls = [f"sqlite:///{folder}/lab.db"]
        with contextlib.ExitStack() as servers:
            if options.postgresql:
                urls.append(servers.enter_context(_server()))
            for url in urls:
                is_well &= _measure(url, Path(folder), options.messages)
    return 0 if is_well else 1


@contextlib.contextmanager
def _server() -> Iterator[str]:
    with postgresql.server_for_run() as found, found.database() as url:
        yield url


def _measure(url: str, folder: Path, messages: int) -> bool:
    file = folder / "mtalab.toml"
    file.write_text(CONFIGURATION.replace("STORE", url))
    loaded = load(file, {})
    with contextlib.closing(open_store(url)) as store:
        each = messages // 5
        backlog = Backlog(queued=4 * each, deferred=messages - 4 * each, deliveries=4)
        fill(store, backlog, plan_of(loaded.configuration), time.time())
        store.write_now(five_causes)
        expected = {
            Cause.CONTACT_DATE_AHEAD: each,
            Cause.DELIVERY_PAUSED: each,
            Cause.AFFINITY_NOT_CONFIGURED: each,
            Cause.ORPHANED_SOURCE_IP: each,
            Cause.GREYLISTED: messages - 4 * each,
        }
        inside = []
        for _ in range(REPEATS):
            beat(store)
            began = time.perf_counter()
            found = diagnose(store, loaded.configuration, time.time())
            inside.append(time.perf_counter() - began)
            assert causes(found) == {str(code): count for code, count in expected.items()}
        one = time.perf_counter()
        diagnose(store, loaded.configuration, time.time(), message=messages // 2)
        one = time.perf_counter() - one
    whole = []
    is_right = True
    for _ in range(REPEATS):
        with contextlib.closing(open_store(url)) as store:
            beat(store)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "lab", "why", "--all", "--json", "-c", str(file)],
            capture_output=True,
            check=False,
        )
        whole.append(time.perf_counter() - began)
        is_right &= orjson.loads(done.stdout)["causes"] == expected
    print(
        f"{url.partition(':')[0]}, {messages:,} pending: `mtalab why --all --json` "
        f"{min(whole):.2f} s (its start is most of that), diagnose() {min(inside):.3f} s, one "
        f"message {one:.3f} s; {'right' if is_right else 'WRONG'}"
    )
    return is_right and min(whole) <= MOST_S  # a busy machine is no slow program


def five_causes(tx: Tx) -> None:
    """Turn what waits into what waits for different things; deferred ones come first."""
    delivery, part = tables.delivery, tables.part
    numbers = [
        row.id
        for row in tx.connection.execute(
            delivery.select().where(delivery.c.label == "queued").order_by(delivery.c.id)
        )
    ]
    ahead, paused, unknown, orphaned = numbers
    change = delivery.update()
    later = time.time() + 86_400
    tx.connection.execute(change.where(delivery.c.id == ahead).values(contact_at=later))
    tx.connection.execute(change.where(delivery.c.id == unknown).values(affinity="bnech"))
    operator.steer(tx, paused, DeliveryEvent.PAUSED, time.time())
    tx.connection.execute(
        part.update().where(part.c.delivery_id == orphaned).values(source_ips="127.0.9.9")
    )


def beat(store: Store) -> None:
    """Let scheduler and instance say that they live."""
    now, process = time.time(), modules.Process("elsewhere", 4711, 1 << 20)

    def said(tx: Tx) -> None:
        modules.announce_module(tx, modules.SCHEDULER, process, "", now)
        modules.announce_instance(tx, "bench", [AFFINITY], 1, process, now)
        if not modules.live_workers(tx):
            modules.register_worker(tx, "bench", [AFFINITY], "j", process, now)
        modules.beat_worker(tx, 1, 1 << 20, [], now, now + 15)

    store.write_now(said)


if __name__ == "__main__":
    sys.exit(main())
