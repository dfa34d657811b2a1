"""How fast `mtalab export` writes a large log, and in how much memory.

``python -m tests.measure.exports [TRANSITIONS]``: one line for each format.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert

from lab.cli.export import Format
from store import tables
from store.schema import open_store

PER_MESSAGE = 2  # each is deferred once, then accepted
BATCH = 10_000
CONFIGURATION = '[mta.m1]\naffinities = ["a"]\n[affinity.a]\nip = [{ address = "127.0.1.1" }]\n'


def fill(store, transitions):
    def delivery(tx):
        given = dict.fromkeys(("submitted_at", "contact_at", "expires_at"), 1.7e9)
        given |= {"label": "large", "status": "finished", "affinity": "a", "priority": 0}
        given |= {"part_size": 256, "messages": transitions // PER_MESSAGE, "source_file": "x"}
        tx.connection.execute(insert(tables.delivery).values(**given, source=b""))

    def batch(tx, begin, end):
        names = ("id", "delivery_id", "address", "domain", "mx_group", "fields", "status")
        rows = [
            (n, 1, f"u{n}@a.test", "a.test", "a", "{}", "sent", 2, 1.7e9) for n in range(begin, end)
        ]
        tx.dialect.bulk_insert(
            tx.connection, tables.message, (*names, "attempts", "changed_at"), rows
        )
        names = ("message_id", "delivery_id", "at", "event", "from_status", "to_status", "attempt")
        more = ("source_ip", "mta", "worker_id", "code", "enhanced", "text", "duration_ms")
        by = ("127.0.1.1", "m1", 1)
        rows = [
            row
            for n in range(begin, end)
            for row in (
                (
                    n,
                    1,
                    1.7e9 + n,
                    "deferred",
                    "pending",
                    "pending",
                    1,
                    *by,
                    451,
                    "4.7.1",
                    "later",
                    9.0,
                ),
                (n, 1, 1.7e9 + n, "accepted", "pending", "sent", 2, *by, 250, "2.0.0", "Ok", 9.0),
            )
        ]
        tx.dialect.bulk_insert(tx.connection, tables.transition, (*names, *more), rows)

    store.write_now(delivery)
    messages = transitions // PER_MESSAGE
    for begin in range(1, messages + 1, BATCH):
        store.write_now(batch, begin, min(begin + BATCH, messages + 1))


def main(transitions):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "mtalab.toml").write_text(CONFIGURATION)
        store = open_store(f"sqlite:///{folder / '.mtalab' / 'lab.db'}")
        fill(store, transitions)
        store.close()
        for form in Format:
            begun = time.perf_counter()
            with (folder / "out").open("wb") as out:
                subprocess.run(
                    [sys.executable, "-m", "lab", "export", "--format", form],
                    cwd=folder,
                    stdout=out,
                    check=True,
                )
            seconds = time.perf_counter() - begun
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = (folder / "out").stat().st_size / 1e6
            print(
                f"{form}: {transitions} transitions in {seconds:.1f} s, "
                f"{transitions / seconds:,.0f} per s, {size:.0f} MB written, "
                f"largest process so far {peak:.0f} MB"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
