"""``mtalab bench``: how fast this machine sends, beside what it is held against."""

from pathlib import Path
from typing import Annotated

import typer

from lab.cli import bench_compare, bench_durability
from lab.cli.bench_options import (
    BadBenchOption,
    Connections,
    Deferred,
    Dkim,
    Domains,
    Keep,
    Level,
    Messages,
    Rate,
    Runs,
    Size,
    SourceIps,
    StoreUrl,
    WarmUp,
    Workers,
    checked_keep,
    checked_store,
    told,
)
from lab.cli.options import JsonOption
from lab.cli.output import print_json, say
from mail.errors import Where
from store.durability import Durability


def register(app: typer.Typer) -> None:
    bench = typer.Typer(invoke_without_command=True)
    app.add_typer(bench, name="bench")
    _register_run(bench)
    bench_durability.register(bench)
    bench_compare.register(bench)


def _register_run(bench: typer.Typer) -> None:
    @bench.callback()
    def run(
        context: typer.Context,
        messages: Messages = 40_000,
        size: Size = 4096,
        workers: Workers = 2,
        connections: Connections = 10,
        source_ips: SourceIps = 2,
        domains: Domains = 20,
        deferred: Deferred = 0.0,
        dkim: Dkim = False,
        durability: Level = Durability.NORMAL,
        rate: Rate = None,
        warm_up: WarmUp = 400,
        runs: Runs = 3,
        references: Annotated[
            str,
            typer.Option(help="What runs beside it: all, none, or names with commas between."),
        ] = "all",
        store: StoreUrl = None,
        html: Annotated[
            Path | None,
            typer.Option(help="File for a report with plots, one page.", show_default=False),
        ] = None,
        keep: Keep = None,
        json: JsonOption = False,
    ) -> None:
        """Send through a lab of real processes, and the references beside it in the same run.

        References: bare_loop (our session into our sink without a queue), plain_loop (aiosmtplib
        into aiosmtpd) and, where Postfix is installed, smtp_source (its smtp-source into its
        smtp-sink), smtp_source_reconnecting (for each message), bare_into_smtp_sink,
        whole_trip_into_smtp_sink and postfix (a private instance of it, which only root can run).
        Exit code 1: not every message is accounted for.
        """
        if context.invoked_subcommand is not None:
            return
        from lab.bench.kinds import chosen
        from lab.bench.report import write_report
        from lab.bench.run import run_bench
        from lab.bench.workload import Workload
        from lab.cli.bench_tables import print_result

        wanted, kept = chosen(references), checked_keep(keep)
        workload = Workload(
            messages=messages,
            size=size,
            workers=workers,
            connections=connections,
            source_ips=source_ips,
            domains=domains,
            store=checked_store(store),
            deferred=deferred,
            dkim=dkim,
            durability=durability,
            rate=rate,
            warm_up=warm_up,
        )
        if html is not None:
            _check_writable(html)
        with told() as tell:
            found = run_bench(workload, runs, wanted, kept, tell)
        if html is not None:
            write_report(found, html)
            say(f"wrote {html}")
        if json:
            print_json(found.as_json())
        else:
            print_result(found)
        if not found.is_clean:
            say("not every message is accounted for: `mtalab reconcile` in a folder kept by --keep")
            raise typer.Exit(1)


def _check_writable(file: Path) -> None:
    """Rather now than after minutes of measuring."""
    try:
        with file.open("ab"):
            pass
    except OSError as error:
        raise BadBenchOption(
            f"cannot be written: {error.strerror}",
            where=Where(str(file)),
            remedy="Name a file in a folder that is there with --html.",
        ) from error
