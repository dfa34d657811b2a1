"""What an idle lab costs: ``python -m tests.measure.idle 20``.

Starts a lab of real processes, waits until it is quiet and prints the share of one core that all of
them together use in so many seconds.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

from lab.background import Running
from lab.bench.processes import Watch
from lab.bench.trip import READY_WITHIN_S
from lab.bench.workload import Workload
from lab.stores import store_of

QUIET_AFTER_S = 3.0


def idle_share(seconds: float) -> float:
    """Seconds of CPU for each second that passes."""
    with tempfile.TemporaryDirectory() as folder:
        loaded = Workload(messages=100).prepare(Path(folder))
        running = Running(loaded)
        with contextlib.closing(store_of(loaded)) as store:
            try:
                running.start(store, READY_WITHIN_S)
                time.sleep(QUIET_AFTER_S)
                began = time.perf_counter()
                with Watch() as watch:
                    time.sleep(seconds)
                took = time.perf_counter() - began
            finally:
                running.stop()
    return sum(each.cpu_s for each in watch.uses().values()) / took


if __name__ == "__main__":
    print(f"{idle_share(float(sys.argv[1])):.2%} of a core")
