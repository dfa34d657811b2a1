"""How long five days of retries take in the simulation: ``python -m tests.measure.five_days``.

A thousand messages that are never taken, by the modelled system's retries (hourly, then daily): ten
attempts each. Not a test: it prints, and the machine decides.
"""

import tempfile
from pathlib import Path

from lab.scenario.read import read_case
from lab.scenario.run import run
from world.clock import SystemClock

SCENARIO = """
lasts = "122h"
tick = "5m"
[topology]
preset = "campaign"
[topology.mta.m1]
affinities = ["promo"]
workers = 2
[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }, { address = "127.0.1.2" }]
[topology.sink.inbox]
listen = "127.0.0.1:2601"
personality = "never"
[[topology.personality.never.refuse]]
stage = "rcpt"
share = 1.0
reply = "451 4.3.2 later"
[[delivery]]
affinity = "promo"
messages = 1000
[[expect]]
counts = { pending = 0, failed = 1000 }
"""


def main() -> None:
    """Three runs; the first also pays for imports and the store's schema."""
    with tempfile.TemporaryDirectory(prefix="mtalab-") as folder:
        file = Path(folder) / "five_days.toml"
        file.write_text(SCENARIO)
        for number in range(1, 4):
            found = run(read_case(file), "simulated", SystemClock())
            days = found.virtual_s / 86_400
            print(
                f"run {number}: {days:.1f} days in {found.wall_s:.1f} s, "
                f"{'as expected' if found.passed else found.failures}, {found.digest}"
            )


if __name__ == "__main__":
    main()
