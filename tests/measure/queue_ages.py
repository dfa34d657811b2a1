"""What `mtalab queue` costs behind many messages: ``python -m tests.measure.queue_ages 1000000``.

Half of them are queued and half wait for a retry; as many more were sent. Prints the median of five
runs of each question, on SQLite, or on PostgreSQL with ``--postgresql``.
"""

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from affinity.plan import plan_of
from monitor.queue import By, queue_now, queue_then
from store.engine import Store
from store.schema import open_store
from tests.fakes import postgresql
from tests.measure.backlog import Backlog, fill
from tests.measure.many_queued import CONFIGURATION, NOW

RUNS = 5


@contextlib.contextmanager
def filled(messages: int, *, is_server: bool) -> Iterator[Store]:
    with contextlib.ExitStack() as stack:
        if is_server:
            server = stack.enter_context(postgresql.server_for_run())
            url = stack.enter_context(server.database())
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = f"sqlite:///{folder / 'lab.db'}"
        store = stack.enter_context(contextlib.closing(open_store(url)))
        half = messages // 2
        backlog = Backlog(queued=messages - half, deferred=half, finished=messages)
        fill(store, backlog, plan_of(CONFIGURATION), NOW)
        if is_server:
            with store.engine.connect() as connection:
                bare = connection.execution_options(isolation_level="AUTOCOMMIT")
                bare.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does sooner or later
        yield store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=int)
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    now = NOW + 120.0
    with filled(given.messages, is_server=given.postgresql) as store:
        questions = {
            "queue": lambda: queue_now(store, CONFIGURATION, now, None),
            "queue --by domain": lambda: queue_now(store, CONFIGURATION, now, By.DOMAIN),
            "queue --as-of 1m": lambda: queue_then(store, now - 60.0, None),
            "queue --as-of 3h": lambda: queue_then(store, now - 10_800.0, None),
        }
        for name, ask in questions.items():
            times = []
            for _ in range(RUNS):
                began = time.perf_counter()
                found = ask()
                times.append(time.perf_counter() - began)
            print(f"{name:20} {statistics.median(times):8.3f} s, {sum(found.totals)} messages")


if __name__ == "__main__":
    main()
