"""What a fresh simulated lab costs a test: processor time of the process that has them.

    python -m tests.measure.fresh_lab

Times are per lab, over a hundred after ten to warm up; `make` is what the fixture does before a
test, `close` what it does after it, `send` twenty messages to their inbox.
"""

import statistics
import sys

import psutil

from mtalab_pytest.connection import Connection

LABS = 100
WARM = 10


def main() -> int:
    connection = Connection()
    process = psutil.Process(connection._process.pid)

    def spent() -> float:
        times = process.cpu_times()
        return 1000 * (times.user + times.system)

    costs: dict[str, list[float]] = {"make": [], "send": [], "close": []}
    started = spent()
    for number in range(WARM + LABS):
        marks = [spent()]
        lab = connection.ask("make")["lab"]
        marks.append(spent())
        connection.ask("submit", lab=lab, delivery={"messages": 20})
        assert connection.ask("run_until_done", lab=lab, within="1h")["done"]
        marks.append(spent())
        connection.ask("close", lab=lab)
        marks.append(spent())
        if number >= WARM:
            for name, before, after in zip(costs, marks, marks[1:], strict=False):
                costs[name].append(after - before)
    connection.close()
    # The kernel counts in hundredths of a second: only means tell anything.
    print(f"start: {started:.0f} ms")
    for name, each in costs.items():
        print(f"{name}: {statistics.fmean(each):.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
