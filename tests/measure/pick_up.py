"""How soon new work and due retries leave: ``python -m tests.measure.pick_up [RUNS]``.

A lab of real processes stands idle; a delivery of one message is put into the store, and the time
from the end of that transaction to the sink's receipt is taken. For a retry, the time from the
moment it was due. Both include rendering, connecting and the sink's own work.
"""

import sys
import tempfile
import time
from pathlib import Path

from lab.submit.submission import Order, submit
from sinks.receipts import read_receipts
from store import log
from tests.fakes.running_lab import CONFIGURATION, RunningLab, running_lab
from world.clock import SystemClock


def main(runs: int) -> None:
    text = CONFIGURATION.replace('delays = ["300ms"]', 'delays = ["1s"]')
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder), text=text) as lab:
        fresh = sorted(_one(lab, f"n{run}@b.test") for run in range(runs))
        late = sorted(_one(lab, "defer1x@b.test", is_retry=True) for _ in range(runs))
    for what, found in (("new work", fresh), ("due retry", late)):
        print(
            f"{what}: {len(found)} runs, median {found[len(found) // 2] * 1000:.0f} ms, "
            f"95 % {found[int(len(found) * 0.95)] * 1000:.0f} ms, most {found[-1] * 1000:.0f} ms"
        )


def _one(lab: RunningLab, address: str, *, is_retry: bool = False) -> float:
    people = lab.folder / "people.csv"
    people.write_text(f"address,name\n{address},N\n")
    clock = SystemClock()
    order = Order(
        message=lab.folder / "mail.eml",
        recipients=people,
        affinity="promo",
        label="one",
        contact_at=clock.now(),
        validity_s=600.0,
    )
    delivery = submit(lab.store, lab.loaded, clock, order, lambda *_: None).delivery_id
    since = clock.now()
    lab.wait(lambda: lab.sent(delivery) == 1, "it is sent")
    [message] = lab.messages(delivery)
    if is_retry:
        _, [deferral, *_] = lab.store.read_now(log.message, message.id)
        since = deferral.next_attempt_at
    arrived = max(each.time for each in read_receipts(lab.loaded.directory))
    time.sleep(0.01 * (message.id % 10))  # so that the next does not fall into step with the rounds
    return arrived - since


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
