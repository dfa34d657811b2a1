"""How long a small delivery takes that is submitted behind a large one.

``python -m tests.measure.behind_many 1000000``: queues so many messages in a lab of real processes,
then a delivery of a hundred, and prints the seconds from its submission until all of them are sent,
and the most memory that a process of each kind had meanwhile.
"""

import contextlib
import sys
import tempfile
import time
from pathlib import Path

from lab.background import Running
from lab.bench.processes import Use, Watch
from lab.bench.trip import READY_WITHIN_S, queue_delivery
from lab.bench.workload import Workload
from mail.states import DeliveryStatus
from store import deliveries
from store.schema import open_store

SMALL = 100
GOES_ON_S = 10.0  # the memory of a lab that works on


def behind(messages: int, goes_on_s: float = 0.0) -> tuple[float, int, dict[str, Use]]:
    """Seconds that the small one took, what still waited of the large one, and what was used."""
    with tempfile.TemporaryDirectory() as folder:
        workload = Workload(messages=messages)
        loaded = workload.prepare(Path(folder))
        running = Running(loaded)
        with contextlib.closing(open_store(loaded.store_url)) as store:
            try:
                running.start(store, READY_WITHIN_S)
                with Watch() as watch:
                    queue_delivery(loaded, store, "people.csv", messages)
                    workload.write_people(loaded.path.with_name("few.csv"), SMALL)
                    began = time.perf_counter()
                    queue_delivery(loaded, store, "few.csv", SMALL)
                    while True:
                        large, small = (store.read_now(deliveries.get, each) for each in (1, 2))
                        if small.status is DeliveryStatus.FINISHED:
                            break
                        time.sleep(0.05)
                    seconds = time.perf_counter() - began
                    time.sleep(goes_on_s)
                return seconds, large.counts.get("pending", 0), watch.uses()
            finally:
                running.stop()


def main(messages: int) -> None:
    seconds, left, uses = behind(messages, GOES_ON_S)
    print(f"{SMALL} messages in {seconds:.2f} s behind {left:,} that still waited")
    for kind, use in uses.items():
        print(f"{kind}: {use.peak_rss_mb:.0f} MB, {use.cpu_s:.1f} s of processor")


if __name__ == "__main__":
    main(int(sys.argv[1]))
