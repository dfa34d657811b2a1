"""A benchmark's result as one HTML page that needs nothing else: style and plots are in it."""

from pathlib import Path
from typing import Final

import jinja2

from lab.bench import charts
from lab.bench.kinds import LEFT_OUT, Kind
from lab.bench.result import Result

_TEMPLATE: Final = Path(__file__).with_name("report.html")
_COLOURS: Final = {  # of what a process does: by meaning, the same in each bar
    "rendering": 1,
    "sending": 2,
    "computing": 2,
    "replies": 3,
    "store": 4,
    "throttle": 5,
    "idle": 0,
}


def write_report(found: Result, file: Path) -> None:
    """Write the page."""
    file.write_text(page(found), encoding="utf-8")


def page(found: Result) -> str:
    """The page of a result."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    histograms = {each.replace("_", " "): of for each, of in found.histograms().items() if of.count}
    return template.render(
        found=found,
        trip=found.rates[Kind.TRIP],
        charts=charts,
        rates=_rates(found),
        missing=[
            (kind.replace("_", " "), why) for kind, why in found.absent.items() if why != LEFT_OUT
        ],
        curves=charts.curves(
            {
                name: [value / 1000 for value in of.at(charts.percentiles())]
                for name, of in histograms.items()
            }
        ),
        latency={phase.replace("_", " "): each for phase, each in found.latency().items()},
        stacks=charts.stacks(found.time_share()),
        colours=_COLOURS,
        memory=charts.bars(
            [(kind, mb, f"{mb:.0f} MB") for kind in found.kinds for mb in [found.peak_rss_mb(kind)]]
        ),
        cpu=charts.bars(
            [(kind, us, f"{us:.1f} µs") for kind in found.kinds for us in [found.cpu_us(kind)]]
        ),
        wasted={name.replace("_", " "): each for name, each in found.wasted().items()},
        workload={name.replace("_", " "): each for name, each in found.workload.as_json().items()},
    )


def _rates(found: Result) -> list[charts.Bar]:
    return charts.bars(
        [
            (kind.replace("_", " "), rate.median, f"{rate.median:,.0f}/s")
            for kind, rate in found.rates.items()
        ],
        [(rate.least, rate.most) for rate in found.rates.values()],
    )
