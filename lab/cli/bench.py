"""``mtalab bench``: how fast this machine sends, beside what it is held against."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from lab.cli.options import JsonOption
from lab.cli.output import console, print_json, progress_bar, say
from mail.errors import UserError

if TYPE_CHECKING:
    from lab.bench.compare import Comparison
    from lab.bench.run import Result


class BadBenchOption(UserError):
    """Options that do not go together."""


def register(app: typer.Typer) -> None:
    bench = typer.Typer(invoke_without_command=True)
    app.add_typer(bench, name="bench")
    _register_run(bench)
    _register_compare(bench)


def _register_run(bench: typer.Typer) -> None:
    @bench.callback()
    def run(
        context: typer.Context,
        messages: Annotated[int, typer.Option(min=1, help="How many are sent in a run.")] = 40_000,
        size: Annotated[int, typer.Option(min=1, help="Bytes of a message, roughly.")] = 4096,
        workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
        connections: Annotated[
            int, typer.Option(min=1, help="Connections of a worker to one host, from each IP.")
        ] = 10,
        source_ips: Annotated[int, typer.Option(min=1, max=200, help="Source IPs.")] = 2,
        domains: Annotated[
            int, typer.Option(min=1, help="Recipient domains, the n-th with 1/n of the first's.")
        ] = 20,
        runs: Annotated[int, typer.Option(min=1, help="Runs of each kind, in turn.")] = 3,
        store: Annotated[
            str | None,
            typer.Option(help="URL of an empty database for one run; by default SQLite, in each."),
        ] = None,
        keep: Annotated[
            Path | None, typer.Option(help="Folder for the labs, which stay; otherwise none does.")
        ] = None,
        json: JsonOption = False,
    ) -> None:
        """Send through a lab of real processes, and the references beside it in the same run.

        References: our session into our sink without a queue (the bare loop), aiosmtplib into
        aiosmtpd (the plain loop) and, where Postfix is installed, its smtp-source into its
        smtp-sink. Exit code 1: not every message is accounted for.
        """
        if context.invoked_subcommand is not None:
            return
        from lab.bench.run import run_bench
        from lab.bench.workload import Workload

        if store is not None and runs > 1:
            raise BadBenchOption(
                "--store names one database, which only the first run would find empty",
                remedy="Add --runs 1, and give each run a database of its own.",
            )
        workload = Workload(messages, size, workers, connections, source_ips, domains, store)
        with progress_bar() as bar:
            task = bar.add_task("starting", total=None)

            def tell(what: str, done: int, of: int) -> None:
                bar.update(task, description=what, completed=done, total=of)

            found = run_bench(workload, runs, keep, tell)
        if json:
            print_json(found.as_json())
        else:
            _print(found)
        if not found.is_clean:
            say("not every message is accounted for: `mtalab reconcile` in a folder kept by --keep")
            raise typer.Exit(1)


def _register_compare(bench: typer.Typer) -> None:
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
    for name in ("", "before", "after", "change", "by chance", ""):
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


def _print(found: "Result") -> None:
    rates = Table(box=box.SIMPLE_HEAD)
    for name in ("", "messages/s", "least", "most", "whole trip is"):
        rates.add_column(name, justify="right" if name else "left")
    for kind, rate in found.rates.items():
        if rate is None:
            rates.add_row(kind.replace("_", " "), "not installed here")
            continue
        figures = (f"{each:,.0f}" for each in (rate.median, rate.least, rate.most))
        rates.add_row(kind.replace("_", " "), *figures, f"{found.ratio_to(kind):.2f} of it")
    uses = Table(box=box.SIMPLE_HEAD)
    for name in ("process", "CPU per message", "largest"):
        uses.add_column(name, justify="right" if name != "process" else "left")
    for kind in found.kinds:
        uses.add_row(kind, f"{found.cpu_us(kind):.0f} µs", f"{found.peak_rss_mb(kind):.0f} MB")
    console().print(rates, uses)
