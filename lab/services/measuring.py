"""Measures of our processes, written down for ``mtalab bench`` while it asks for them.

``MTALAB_MEASURE=FOLDER`` lets each worker and scheduler write a line of JSON to a file of its own
there five times a second: counts that only grow, and what it saw since the line before. Without it
nothing is measured.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from mta.measures import Measures
from store.tally import Tally
from world.clock import Clock

if TYPE_CHECKING:  # a scheduler need not import all of a worker, nor a worker all of a scheduler
    from mta.worker import Worker
    from scheduler.service import Scheduler

VARIABLE: Final = "MTALAB_MEASURE"
WRITE_EVERY_S: Final = 0.2
LOOK_EVERY_S: Final = 0.01

Line = Callable[[], Mapping[str, Any]]


def new_measures() -> Measures:
    """Measures for a worker; details are kept if anybody asks for them."""
    return Measures(is_detailed=VARIABLE in os.environ)


def _by_name(tally: Tally) -> dict[str, int]:
    """Its counts; their names are members of enumerations, which JSON does not know."""
    return {str(name): count for name, count in tally.counts.items()}


async def measure_worker(worker: "Worker", measures: Measures, clock: Clock) -> None:
    """Look at a worker and write its measures until cancelled."""
    if not measures.is_detailed:
        await asyncio.Event().wait()
        return

    def line() -> Mapping[str, Any]:
        connects, measures.connects_s = measures.connects_s, []
        records, measures.records_s = measures.records_s, []
        return {
            "connects_s": connects,
            "records_s": records,
            "counts": {
                "rendering_s": measures.rendering_s,
                **_by_name(worker.tally),
                **{f"seen_{doing}": times for doing, times in measures.seen.items()},
            },
        }

    def look() -> None:
        measures.seen[worker.doing()] += 1

    await _write("worker", clock, look, line)


async def measure_scheduler(scheduler: "Scheduler", clock: Clock) -> None:
    """Write a scheduler's measures until cancelled."""
    if VARIABLE not in os.environ:
        await asyncio.Event().wait()

    def line() -> Mapping[str, Any]:
        return {"counts": _by_name(scheduler.tally)}

    await _write("scheduler", clock, lambda: None, line)


async def _write(kind: str, clock: Clock, look: Callable[[], None], line: Line) -> None:
    folder = Path(os.environ[VARIABLE])
    with (folder / f"{kind}-{os.getpid()}.jsonl").open("ab") as file:

        def write() -> None:
            found = {"kind": kind, "at": clock.now(), **line()}
            file.write(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()

        try:
            while True:
                write()
                end = clock.monotonic() + WRITE_EVERY_S
                while clock.monotonic() < end:
                    look()
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            write()
