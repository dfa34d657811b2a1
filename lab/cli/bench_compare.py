"""``mtalab bench compare``: whether two benchmarks really differ."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from lab.cli.options import JsonOption
from lab.cli.output import console, print_json, say

if TYPE_CHECKING:
    from lab.bench.compare import Comparison


def register(bench: typer.Typer) -> None:
    @bench.command()
    def compare(
        before: Annotated[Path, typer.Argument(help="What `mtalab bench --json` wrote before.")],
        after: Annotated[Path, typer.Argument(help="What it wrote after.")],
        json: JsonOption = False,
    ) -> None:
        """Say of each figure whether it really differs, or may do so by chance.

        Fewer than four runs in each file (`--runs 4`) cannot tell. Exit code 1: the whole trip
        is really slower.
        """
        from lab.bench.compare import compare_files

        found = compare_files(before, after)
        if json:
            print_json(
                {
                    "workload": found.workload,
                    "differences": [asdict(each) for each in found.differences],
                    "worse": found.is_worse,
                }
            )
        else:
            _print_comparison(found)
        if found.is_worse:
            raise typer.Exit(1)


def _print_comparison(found: "Comparison") -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "before", "after", "change of means", "by chance", ""):
        table.add_column(name, justify="right" if name else "left")
    for each in found.differences:
        digits = 2 if each.name.startswith("ratio") else 0
        table.add_row(
            each.name.replace("_", " "),
            f"{each.before:,.{digits}f}",
            f"{each.after:,.{digits}f}",
            f"{each.ratio - 1:+.1%}",
            "" if each.finding == "too few runs" else f"{each.chance:.3f}",
            each.finding,
        )
    console().print(table)
    for key, (first, second) in found.workload.items():
        say(f"the workloads differ: {key} was {first}, is {second}")
