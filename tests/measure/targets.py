"""What mtalab is to reach, measured: ``make bench``, or ``python -m tests.measure.targets``.

Every row names the command that measures the same alone. Rows of one run share a machine and its
noise: ratios are what they are judged by. Exit code 1: a run was not reconciled; a target that is
missed is told, and is no failure of the run. ``--write`` puts the table into docs/benchmarks.md.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.bench.kinds import Kind, chosen
from lab.bench.result import Result
from lab.bench.run import run_bench
from lab.bench.workload import Workload
from tests.fakes.postgresql import durable_server
from tests.measure import many_queued
from tests.measure.backlog import Backlog
from tests.measure.behind_many import behind
from tests.measure.idle import idle_share

TIMES = "\u00d7"
DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- begin targets -->", "<!-- end targets -->"
BASE = Workload()
SHARED = ("worker", "scheduler", "sink")


@dataclass(frozen=True)
class Row:
    """One line of the table; ``is_met`` None: it cannot be said here."""

    what: str
    target: str
    measured: str
    is_met: bool | None
    command: str


def tell(*_: object) -> None:
    """Nobody watches."""


def trip(workload: Workload, runs: int = 1, references: str = "none") -> Result:
    found = run_bench(workload, runs, chosen(references), None, tell)
    if not found.is_clean:
        sys.exit(f"not every message is accounted for: {workload}")
    return found


def rate(result: Result, kind: Kind = Kind.TRIP) -> float | None:
    spread = result.rates.get(kind)
    return None if spread is None else spread.median


def cpu_us(result: Result) -> float:
    """Of all processes that a message costs."""
    return sum(result.cpu_us(kind) for kind in SHARED)


def ratio_row(result: Result, of: Kind, least: float, what: str, command: str, over: Kind) -> Row:
    above, below = rate(result, over), rate(result, of)
    if above is None or below is None:
        return Row(what, f"≥ {least:g} {TIMES}", f"not run: {result.absent.get(of)}", None, command)
    ratio = above / below
    measured = f"{ratio:.2f} {TIMES} ({above:,.0f} over {below:,.0f})"
    return Row(what, f"≥ {least:g} {TIMES}", measured, ratio >= least, command)


def main_rows(messages: int, runs: int) -> Iterator[Row]:
    """Whole trip and references, in one run."""
    result = trip(replace(BASE, messages=messages), runs, "all")
    command = f"mtalab bench --messages {messages} --runs {runs}"
    whole = result.rates[Kind.TRIP]
    spread = f"{whole.median:,.0f} ({whole.least:,.0f} to {whole.most:,.0f})"
    yield Row("whole trip, messages/s", "≥ 12,000", spread, whole.median >= 12_000, command)
    trips = (
        (Kind.BARE, 0.75, "whole trip, of the bare loop (BDAT as well)"),
        (Kind.SOURCE, 1.0, "whole trip, of smtp-source → smtp-sink"),
        (Kind.SOURCE_RECONNECTING, 1.0, "the same, smtp-source reconnecting as by default"),
        (Kind.POSTFIX, 20.0, "whole trip, of Postfix's"),
    )
    for kind, least, what in trips:
        yield ratio_row(result, kind, least, what, command, Kind.TRIP)
    what = "whole trip into smtp-sink, of smtp-source"
    yield ratio_row(result, Kind.SOURCE, 1.0, what, command, Kind.TRIP_INTO_SMTP_SINK)
    what = "bare session into smtp-sink, of smtp-source"
    yield ratio_row(result, Kind.SOURCE, 1.3, what, command, Kind.BARE_INTO_SMTP_SINK)
    used = result.cpu_us("worker")
    yield Row("worker CPU for one message", "≤ 80 µs", f"{used:.0f} µs", used <= 80, command)
    submit = result.submit_per_second.median
    yield Row("submit, messages/s", "≥ 100,000", f"{submit:,.0f}", submit >= 100_000, command)


def workload_rows(messages: int) -> Iterator[Row]:
    """Other workloads over the clean one, each pair in one run after the other."""
    clean = trip(replace(BASE, messages=messages))
    base = rate(clean)
    assert base is not None
    large = trip(replace(BASE, messages=messages // 2, size=40_960))
    yield _share(
        "40 KB messages, of the 4 KB rate", 0.5, rate(large), base, "mtalab bench --size 40960"
    )
    storm = trip(replace(BASE, messages=messages, deferred=0.3))
    command = "mtalab bench --deferred 0.3"
    yield _share("30 % deferred twice, of the clean rate", 0.5, rate(storm), base, command)
    wasted = storm.wasted()
    vain = sum(wasted[name] for name in ("claims_in_vain", "pulls_in_vain", "rounds_in_vain"))
    vain += wasted["given_back"]
    yield Row("wasted wake-ups per message, of these", "< 0.1", f"{vain:.3f}", vain < 0.1, command)
    with durable_server() as url:
        there = trip(replace(BASE, messages=messages, store=url))
    command = "mtalab bench --store postgresql+psycopg://…"
    yield _share("PostgreSQL, of SQLite's rate", 0.6, rate(there), base, command)


def _share(what: str, least: float, part: float | None, whole: float, command: str) -> Row:
    assert part is not None
    ratio = part / whole
    return Row(
        what, f"≥ {least:g} {TIMES}", f"{ratio:.2f} {TIMES} ({part:,.0f})", ratio >= least, command
    )


def scale_rows(many: int, most: int) -> Iterator[Row]:
    """What a long queue costs."""
    few = trip(replace(BASE, messages=10_000), 3)
    long = trip(replace(BASE, messages=many))
    command = f"mtalab bench --messages {many} --references none --runs 1"
    ratio = cpu_us(long) / cpu_us(few)
    measured = f"{ratio:.2f} {TIMES} ({cpu_us(long):.0f} µs of CPU over {cpu_us(few):.0f})"
    what = f"{many:,} queued: cost per message, of that at 10,000"
    yield Row(what, f"≤ 1.15 {TIMES}", measured, ratio <= 1.15, command)
    memory = {kind: long.peak_rss_mb(kind) for kind in ("scheduler", "worker")}
    measured = ", ".join(f"{kind} {each:.0f} MB" for kind, each in memory.items())
    yield Row(
        f"{many:,} queued: memory", "≤ 200 MB each", measured, max(memory.values()) <= 200, command
    )
    seconds, *_ = behind(many)
    command = f"python -m tests.measure.behind_many {many}"
    yield Row(f"100 messages behind {many:,}", "≤ 5 s", f"{seconds:.1f} s", seconds <= 5, command)
    ratios = queue_ratios(100_000, most)
    worst = max(ratios, key=lambda name: ratios[name])
    command = f"python -m tests.measure.many_queued 100000 {most}"
    measured = f"at most {ratios[worst]:.1f} {TIMES} ({worst})"
    what = f"{most:,} queued: claim, status, log, of their time at 100,000"
    yield Row(what, f"≤ 2 {TIMES}", measured, ratios[worst] <= 2, command)


def queue_ratios(few: int, most: int) -> Mapping[str, float]:
    """Of each question its time behind many over that behind few."""
    first, last = many_queued.compare([Backlog(few), Backlog(most)])
    return {
        what: last[what] / first[what]
        for what in first
        if what.partition(" ")[0] in many_queued.JUDGED
    }


def idle_row(seconds: float) -> Row:
    share = idle_share(seconds)
    command = f"python -m tests.measure.idle {seconds:g}"
    return Row(
        "idle lab, all processes, of one core", "< 1 %", f"{share:.1%}", share < 0.01, command
    )


def rows(*, is_short: bool) -> Iterator[Row]:
    scale = 20 if is_short else 1
    yield from main_rows(100_000 // scale, 1 if is_short else 3)
    yield from workload_rows(40_000 // scale)
    yield from scale_rows(1_000_000 // scale, 10_000_000 // scale)
    yield idle_row(2 if is_short else 20)


def as_markdown(found: list[Row]) -> str:
    verdict = {True: "yes", False: "no", None: "-"}
    lines = ["| what | target | measured | met | by |", "|---|---|---|---|---|"]
    for each in found:
        cells = (each.what, each.target, each.measured, verdict[each.is_met], f"`{each.command}`")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measure.targets")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    parser.add_argument("--short", action="store_true", help="a twentieth of each, to try it out")
    wanted = parser.parse_args()
    began = time.monotonic()
    console, found = Console(), []
    table = Table("what", "target", "measured", "met")
    with contextlib.suppress(KeyboardInterrupt):
        for row in rows(is_short=wanted.short):
            found.append(row)
            console.print(f"{time.monotonic() - began:4.0f} s  {row.what}: {row.measured}")
    for row in found:
        mark = {True: "yes", False: "[bold]no[/]", None: "-"}[row.is_met]
        table.add_row(row.what, row.target, row.measured, mark)
    console.print(table)
    if wanted.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        made = f"{head}{BEGIN}\n{as_markdown(found)}\n{END}{tail}"
        DOCUMENT.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
