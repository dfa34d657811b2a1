"""What addresses and failure texts cost the hot path: ``python -m tests.measure.address_cost``.

Three stores take the same submissions and outcomes in turn: in one no address has errors, in one
a thousand have, in one every message goes to an address with errors. Printed are the medians of
the CPU microseconds for an outcome, so that other load of the machine matters little.
"""

import contextlib
import statistics
import tempfile
import time
from pathlib import Path

from mail.outcome import Verdict
from mail.reason import FailureType, Reason
from store import addresses, modules, tables, transitions
from store.engine import Store
from store.schema import open_store
from tests.measure import index_cost
from tests.measure.index_cost import NOW, submit
from tests.store.hand import ACCEPTED, DEFERRED, UNKNOWN_USER

TURNS = 15
WITH_ERRORS = {"none": 0, "a thousand": 1000, "all": 0}


def failed(number: int) -> list[addresses.AddressError]:
    return [
        addresses.AddressError(
            f"old{each}@d1.test", FailureType.SOFT, Reason.MAILBOX_FULL, "full", 1, NOW
        )
        for each in range(number)
    ]


def spoil(store: Store) -> None:
    """Let every message that waits be for an address with errors."""

    def do(tx: object) -> None:
        connection = tx.connection  # type: ignore[attr-defined]
        waiting = connection.execute(
            tables.message.select().where(tables.message.c.status == "pending")
        )
        errors = [
            addresses.AddressError(
                row.address, FailureType.SOFT, Reason.MAILBOX_FULL, "full", 1, NOW
            )
            for row in waiting
        ]
        addresses.count_errors(tx, errors)  # type: ignore[arg-type]

    store.write_now(do)


def main() -> None:
    verdicts: list[Verdict] = [ACCEPTED, DEFERRED, UNKNOWN_USER]
    names = {id(ACCEPTED): "send", id(DEFERRED): "defer", id(UNKNOWN_USER): "fail"}
    index_cost.time.perf_counter = time.process_time  # type: ignore[assignment]
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as opened:
        for kind, number in WITH_ERRORS.items():
            store = open_store(f"sqlite:///{Path(folder) / kind}.db")
            opened.callback(store.close)
            process = modules.Process("host", 4711, 1 << 20)
            worker = store.write_now(modules.register_worker, "m", ["main"], "j", process, NOW)
            author = transitions.Author("m", worker)
            store.write_now(addresses.count_errors, failed(number))
            for turn in range(TURNS):
                verdict = verdicts[turn % 3]
                submit(store, turn)
                if kind == "all":
                    spoil(store)
                times.setdefault((names[id(verdict)], kind), []).append(
                    index_cost.settle(store, author, verdict)
                )
    for (what, kind), found in sorted(times.items()):
        print(f"{what}, {kind} with errors: {statistics.median(found) * 1e6:.2f} µs of CPU")


if __name__ == "__main__":
    main()
