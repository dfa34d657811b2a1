"""How long a step of pruning holds the store: 100,000 rows of each kind, on SQLite or a given URL.

``python -m tests.measure.pruning [URL]``; docs/housekeeping.md has the figures.
"""

import contextlib
import statistics
import sys
import tempfile
import time

from sqlalchemy import insert

from store import pruning, tables
from store.schema import open_store

ROWS = 100_000
OLD, NOW = 5.0, 1e9


def main() -> None:
    """Fill a store, prune it, and print what the steps took."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/lab.db"
        with contextlib.closing(open_store(url)) as store:
            store.write_now(fill)
            for kind in ("delivery_logs", "tracking_logs", "audit"):
                rows, took = steps(store, kind)
                found = statistics.quantiles(took, n=20)
                print(
                    f"{kind}: {rows} rows in {len(took)} steps; median {found[9] * 1e3:.1f} ms, "
                    f"95 % {found[18] * 1e3:.1f} ms, longest {max(took) * 1e3:.1f} ms, "
                    f"{rows / sum(took):.0f} rows/s"
                )


def steps(store, kind):
    """Prune one kind; returns how many rows went, and what each step took in seconds."""
    rows, took, after = 0, [], 0
    while after is not None:
        began = time.perf_counter()
        step = store.write_now(pruning.take, kind, NOW, after, NOW)
        took.append(time.perf_counter() - began)
        rows, after = rows + step.rows, step.after
    return rows, took


def fill(tx) -> None:
    """An old delivery with a log, and one message of a newer one."""
    for _ in range(2):
        given = {"label": "x", "status": "finished", "affinity": "a", "priority": 0, "part_size": 8}
        times = {"submitted_at": 0, "contact_at": 0, "expires_at": 9, "finished_at": OLD}
        rest = {"messages": ROWS, "source_file": "m", "source": b""}
        tx.connection.execute(insert(tables.delivery).values(**given, **times, **rest))
    numbers = range(ROWS + 1)
    fields = '{"name": "Somebody", "city": "Somewhere"}'
    put(
        tx,
        tables.message,
        "delivery_id address domain mx_group fields status attempts changed_at reply",
        (
            (of(n), f"user{n}@gmail.test", "gmail.test", "gmail", fields, "sent", 1, OLD, "250 ok")
            for n in numbers
        ),
    )
    put(
        tx,
        tables.transition,
        "message_id delivery_id at event from_status to_status attempt mta worker_id source_ip "
        "code",
        (
            (n + 1, of(n), OLD, "accepted", "pending", "sent", 1, "m", 1, "127.0.1.1", 250)
            for n in numbers
        ),
    )
    put(
        tx,
        tables.tracking_log,
        "event delivery_id message_id url kind at person agent ip",
        ((f"f:{n}", 1, n, 2, 1, OLD, "p" * 20, "Mozilla/5.0", "127.0.0.1") for n in numbers),
    )
    put(tx, tables.audit, "at level text", ((OLD, "info", f"note {n}") for n in numbers))


def of(n: int) -> int:
    return 1 if n < ROWS else 2


def put(tx, table, names, rows) -> None:
    tx.dialect.bulk_insert(tx.connection, table, names.split(), list(rows))


if __name__ == "__main__":
    main()
