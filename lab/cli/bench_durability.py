"""``mtalab bench durability``: what safety from power cuts costs on this machine."""

import typer

from lab.cli.bench_options import (
    Connections,
    Deferred,
    Dkim,
    Domains,
    Keep,
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


def register(bench: typer.Typer) -> None:
    @bench.command()
    def durability(
        messages: Messages = 40_000,
        size: Size = 4096,
        workers: Workers = 2,
        connections: Connections = 10,
        source_ips: SourceIps = 2,
        domains: Domains = 20,
        deferred: Deferred = 0.0,
        dkim: Dkim = False,
        rate: Rate = None,
        warm_up: WarmUp = 400,
        runs: Runs = 3,
        store: StoreUrl = None,
        keep: Keep = None,
        json: JsonOption = False,
    ) -> None:
        """Send one workload at each level of durability; say what a power cut may lose at each.

        SQLite: off, normal, full. PostgreSQL (--store): off, full. Exit code 1: not every message
        is accounted for.
        """
        from lab.bench.durability import turn_dial
        from lab.bench.workload import Workload
        from lab.cli.bench_tables import print_dial

        kept = checked_keep(keep)
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
            rate=rate,
            warm_up=warm_up,
        )
        with told() as tell:
            found = turn_dial(workload, runs, kept, tell)
        if json:
            print_json(found.as_json())
        else:
            print_dial(found)
        if not found.is_clean:
            say("not every message is accounted for: `mtalab reconcile` in a folder kept by --keep")
            raise typer.Exit(1)
