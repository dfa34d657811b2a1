"""What indexes cost the hot path: ``python -m tests.measure.index_cost NAME [NAME ...]``.

Two stores, one without the indexes named, take the same submissions and outcomes in turn; printed
are the medians of the microseconds for a message. Of ``NAME=COLUMNS WHERE CONDITION`` the second
store has an index of that name, but of these columns.
"""

import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

from mail.outcome import Verdict
from store import deliveries, leases, modules, parts, settlement, tables, transitions
from store.engine import Store
from store.schema import open_store
from tests.store.hand import ACCEPTED, DEFERRED

TURNS, PARTS, SIZE = 25, 40, 128
GROUP = 512  # outcomes of one commit
IPS = ("127.0.1.1", "127.0.1.2")
NOW = 1_800_000_000.0


def submit(store: Store, turn: int) -> float:
    new = deliveries.NewDelivery("d", "main", 0, SIZE, NOW, NOW, NOW + 1e6, "mail.eml", b"Hello")
    delivery_id = store.write_now(deliveries.create, new)
    made = [
        parts.NewPart(
            f"d{place % 20}",
            IPS,
            [
                parts.NewMessage(f"u{turn}-{place}-{each}@d{place % 20}.test",
                                 f"d{place % 20}.test", '{"name":"N","town":"Lyon"}')
                for each in range(SIZE)
            ],
        )
        for place in range(PARTS)
    ]  # fmt: skip
    began = time.perf_counter()
    store.write_now(parts.add, delivery_id, made, NOW)
    seconds = time.perf_counter() - began
    store.write_now(deliveries.confirm, delivery_id, NOW)
    return seconds / (PARTS * SIZE)


def settle(store: Store, author: transitions.Author, verdict: Verdict) -> float:
    """Answer for all that waits."""
    grants = [
        leases.Grant(each.part_id, each.delivery_id, author.worker_id, IPS[0], "lane")
        for each in store.read_now(parts.queued, NOW, 1000)
    ]
    store.write_now(leases.lease, grants, NOW, NOW + 15.0)
    lent = store.read_now(leases.leased_to, author.worker_id)
    found = store.read_now(leases.messages_of, [each.part_id for each in lent])
    retry_at = NOW + 600.0 if verdict is DEFERRED else None
    outcomes = [
        transitions.Outcome(
            *(each.message_id, part.delivery_id, part.part_id, part.epoch, each.address),
            *(each.attempts + 1, NOW, verdict, retry_at, IPS[0], part.mx_group, 3.5, 4096),
        )
        for part in lent
        for each in found[part.part_id]
    ]
    ends = [(each.part_id, each.epoch) for each in lent]
    began = time.perf_counter()
    for first in range(0, len(outcomes), GROUP):
        report = settlement.Settlement(outcomes[first : first + GROUP])
        store.write_now(settlement.settle, author, report, NOW)
    seconds = time.perf_counter() - began
    store.write_now(settlement.settle, author, settlement.Settlement(finished=ends), NOW)
    return seconds / len(outcomes)


def without(store: Store, wanted: list[str]) -> None:
    indexes = {each.name: each for each in tables.message.indexes | tables.part.indexes}
    with store.engine.begin() as connection:
        for each in wanted:
            name, _, columns = each.partition("=")
            connection.exec_driver_sql(f"DROP INDEX {name}")
            if columns:
                table = indexes[name].table.name
                of, where, condition = columns.partition(" WHERE ")
                connection.exec_driver_sql(
                    f"CREATE INDEX {name} ON {table} ({of}){where}{condition}"
                )


def main(wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        stores = {}
        for kind in ("with", "without"):
            store = stores[kind] = open_store(f"sqlite:///{Path(folder) / kind}.db")
            opened.callback(store.close)
        without(stores["without"], wanted)
        process = modules.Process("host", 4711, 1 << 20)
        times: dict[tuple[str, str], list[float]] = {}
        authors = {
            kind: transitions.Author(
                "m", store.write_now(modules.register_worker, "m", ["main"], "j", process, NOW)
            )
            for kind, store in stores.items()
        }
        for turn in range(TURNS):
            for kind, store in list(stores.items())[:: 1 if turn % 2 else -1]:
                verdict = DEFERRED if turn % 3 == 2 else ACCEPTED
                what = "defer" if verdict is DEFERRED else "send"
                times.setdefault(("submit", kind), []).append(submit(store, turn))
                times.setdefault((what, kind), []).append(settle(store, authors[kind], verdict))
    for what in ("submit", "send", "defer"):
        ours, other = (statistics.median(times[what, kind]) * 1e6 for kind in ("with", "without"))
        print(f"{what}: {ours:.2f} µs a message, {other:.2f} without: {ours / other - 1:+.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
