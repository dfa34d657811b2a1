"""``mtalab bench``: how fast this machine sends, beside what it is held against."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from lab.cli.options import JsonOption
from lab.cli.output import console, print_json, progress_bar, say

if TYPE_CHECKING:
    from lab.bench.run import Result


def register(app: typer.Typer) -> None:
    @app.command()
    def bench(
        messages: Annotated[int, typer.Option(min=1, help="How many are sent in a run.")] = 20_000,
        size: Annotated[int, typer.Option(min=1, help="Bytes of a message, roughly.")] = 4096,
        workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
        connections: Annotated[
            int, typer.Option(min=1, help="Connections of a worker to one host, from each IP.")
        ] = 4,
        source_ips: Annotated[int, typer.Option(min=1, max=200, help="Source IPs.")] = 2,
        domains: Annotated[
            int, typer.Option(min=1, help="Recipient domains, the n-th with 1/n of the first's.")
        ] = 20,
        runs: Annotated[int, typer.Option(min=1, help="Runs of each kind, in turn.")] = 3,
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
        from lab.bench.run import run_bench
        from lab.bench.workload import Workload

        workload = Workload(messages, size, workers, connections, source_ips, domains)
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
