"""What benchmarks found, as tables for people."""

from rich import box
from rich.table import Table

from lab.bench.durability import ALWAYS, IN_MEMORY, Dial
from lab.bench.kinds import LEFT_OUT, Kind
from lab.bench.result import Result
from lab.cli.output import console, say


def print_result(found: Result) -> None:
    console().print(_rates(found))
    console().print(
        f"{found.messages_per_hour:,.0f} messages per hour, "
        f"{found.bits_per_second / 1e6:,.1f} Mbit per second, "
        f"{found.submit_per_second.median:,.0f} messages per second submitted"
    )
    console().print(_latency(found))
    console().print(_processes(found))
    named = (f"{name.replace('_', ' ')} {each:.3f}" for name, each in found.wasted().items())
    console().print(f"per message: {', '.join(named)}")


def print_dial(found: Dial) -> None:
    table = _table("durability", "messages/s", "least", "most", "of full", "a power cut may lose")
    for column in table.columns[:1] + table.columns[-1:]:
        column.justify = "left"
    for level in found.trips:
        rate = found.rate(level)
        figures = (f"{each:,.0f}" for each in (rate.median, rate.least, rate.most))
        ratio = f"{found.ratio_to_full(level):.2f}"
        table.add_row(level, *figures, ratio, found.power_cut(level))
    console().print(table)
    say(ALWAYS)
    if found.filesystem in IN_MEMORY:
        say(
            f"the files were on {found.filesystem}, which is memory: no level waits for a disk "
            "there. --keep FOLDER takes one on a disk."
        )


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left")
    return table


def _rates(found: Result) -> Table:
    table = _table("", "messages/s", "least", "most", "whole trip is")
    for kind in Kind:
        name, rate = kind.replace("_", " "), found.rates.get(kind)
        if rate is None:
            if found.absent[kind] != LEFT_OUT:
                table.add_row(name, "-", "", "", found.absent[kind])
            continue
        figures = (f"{each:,.0f}" for each in (rate.median, rate.least, rate.most))
        ratio = "" if kind is Kind.TRIP else f"{found.ratio_to(kind):.2f} of it"
        table.add_row(name, *figures, ratio)
    return table


def _latency(found: Result) -> Table:
    table = _table("ms", "p50", "p90", "p99", "max", "count")
    for phase, each in found.latency().items():
        times = (f"{value:,.2f}" for value in (each.p50, each.p90, each.p99, each.max))
        table.add_row(phase.replace("_", " "), *times, f"{each.count:,}")
    return table


def _processes(found: Result) -> Table:
    table = _table("process", "CPU per message", "largest", "its time")
    table.columns[-1].justify = "left"
    shares = found.time_share()
    for kind in found.kinds:
        spent = (f"{name} {share:.0%}" for name, share in shares.get(kind, {}).items())
        use = f"{found.cpu_us(kind):.0f} µs", f"{found.peak_rss_mb(kind):.0f} MB"
        table.add_row(kind, *use, ", ".join(spent))
    return table
