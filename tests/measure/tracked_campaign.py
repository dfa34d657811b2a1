"""Five days of a tracked campaign in the simulation: ``python -m tests.measure.tracked_campaign``.

Ten thousand recipients of ``examples/tracked-campaign``, with the shares of its processor time by
where they go. Not a test: it prints, and the machine decides. ``--quick``: without the profile,
which makes it twice as slow.
"""

import cProfile
import pstats
import sys
import time
from pathlib import Path

from lab.scenario.read import read_case
from lab.scenario.run import run
from world.clock import SystemClock

SCENARIO = Path(__file__).parents[2] / "examples" / "tracked-campaign" / "scenario.toml"
# Calls whose time with all that they call is told; none of them calls another one.
WHERE = {
    "readers": ("tracking/readers/reading.py", "_do"),
    "tracking server": ("tracking/server/app.py", "__call__"),
    "log into the store": ("tracking/ingest.py", "look"),
    "sinks and workers' sessions": ("lab/simulation/transport.py", "read_on"),
    "submission": ("lab/submit/submission.py", "submit"),
    "scheduler": ("scheduler/service.py", "run"),
    "reconcile --tracking": ("lab/tracking_accounts.py", "tracking_account"),
}


def main() -> None:
    for number in (1, 2):
        began = time.process_time()
        found = run(read_case(SCENARIO), "simulated", SystemClock())
        print(
            f"run {number}: {found.virtual_s / 86_400:.1f} days in {found.wall_s:.1f} s "
            f"({time.process_time() - began:.1f} s of processor), "
            f"{'as expected' if found.passed else found.failures or found.error}, {found.digest}"
        )
    if "--quick" not in sys.argv:
        _profile()


def _profile() -> None:
    profile = cProfile.Profile()
    profile.runcall(run, read_case(SCENARIO), "simulated", SystemClock())
    stats = pstats.Stats(profile)
    every = stats.stats.items()  # type: ignore[attr-defined]
    for name, (file, function) in WHERE.items():
        took = sum(value[3] for key, value in every if key[0].endswith(file) and key[2] == function)
        print(f"{name}: {took / stats.total_tt:.0%}")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
