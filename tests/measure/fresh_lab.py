"""What a fresh simulated lab costs a test, in processor time.

    python -m tests.measure.fresh_lab

``make`` is what the fixture asks for before a test and ``close`` after it; ``send`` is twenty
messages on their way to an inbox. Medians over a hundred labs, after ten to warm up; the pipe
between plugin and process, which is not in it, adds some tenths of a millisecond to each request.
"""

import statistics
import sys
import time
from typing import Any

import orjson

from lab.serving.service import Service
from world.clock import SystemClock

LABS = 100
WARM = 10


def main() -> int:
    service = Service(SystemClock())

    def ask(do: str, **values: Any) -> Any:
        return orjson.loads(service.answer(orjson.dumps({"id": 0, "do": do, **values})))["ok"]

    costs: dict[str, list[float]] = {"make": [], "send": [], "close": []}
    for number in range(WARM + LABS):
        marks = [time.process_time()]
        lab = ask("make")["lab"]
        marks.append(time.process_time())
        ask("submit", lab=lab, delivery={"messages": 20})
        assert ask("run_until_done", lab=lab, within="1h")["done"]
        marks.append(time.process_time())
        ask("close", lab=lab)
        marks.append(time.process_time())
        if number >= WARM:
            for name, before, after in zip(costs, marks, marks[1:], strict=False):
                costs[name].append(1000 * (after - before))
    for name, each in costs.items():
        print(f"{name}: {statistics.median(each):.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
