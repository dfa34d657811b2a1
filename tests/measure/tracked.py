"""What tracked links cost: the same mail with three links, tracked and not, sent in turn.

    python -m tests.measure.tracked [MESSAGES [PAIRS]]

prints rate and CPU of each run and the ratios of the medians. Target: at least 0.85 of the rate.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from lab.bench.trip import whole_trip
from lab.bench.workload import Workload

LINKS = 3
TARGET = 0.85


def main(messages=40_000, pairs=4):
    rates, cpu = {False: [], True: []}, {False: [], True: []}
    with tempfile.TemporaryDirectory(prefix="mtalab-tracked-") as name:
        for number in range(pairs):
            # Each goes first in turn: a machine that tires or warms up favours neither.
            for tracking in (False, True) if number % 2 else (True, False):
                workload = Workload(messages=messages, links=LINKS, tracking=tracking)
                folder = Path(name) / f"{number}-{tracking}"
                trip = whole_trip(workload, folder, lambda *_: None)
                used = sum(use.cpu_s for use in trip.uses.values()) / messages * 1e6
                rates[tracking].append(trip.messages_per_second)
                cpu[tracking].append(used)
                said = f"{trip.messages_per_second:,.0f}/s, {used:.0f} µs of CPU a message"
                print(f"{'with' if tracking else 'without'}: {said}", flush=True)
    plain, tracked = (statistics.median(rates[each]) for each in (False, True))
    before, after = (statistics.median(cpu[each]) for each in (False, True))
    ratio = tracked / plain
    print(f"medians: {plain:,.0f}/s without, {tracked:,.0f}/s with {LINKS} tracked links")
    print(
        f"CPU of all processes: {before:.0f} µs, {after:.0f} µs: rate by CPU {before / after:.3f}"
    )
    print(f"ratio {ratio:.3f} (target {TARGET}): {'met' if ratio >= TARGET else 'not met'}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
