"""``mtalab config apply``: the running lab goes by the file as it is now."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from lab.cli.durations import seconds_of
from lab.cli.finding_lines import print_findings
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from world.clock import SystemClock

_STYLES = {"follows": "green", "needs a restart": "yellow"}


def register(config_app: typer.Typer) -> None:
    @config_app.command()
    def apply(
        within: Annotated[str, typer.Option(help="How long to wait for an answer.")] = "10s",
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Validate the file and see every running process of this lab follow it.

        Exit code 1: one does not, or needs a restart; or the file cannot work; or no lab runs.
        """
        from lab.applying import apply as apply_now
        from lab.findings import findings_of

        loaded, within_s = loaded_from(config), seconds_of(within, "--within")
        errors = [each for each in findings_of(loaded) if each.severity == "error"]
        found = asyncio.run(apply_now(loaded, SystemClock(), within_s))
        is_done = bool(found) and all(each.state == "follows" for each in found) and not errors
        if json:
            print_json(
                {
                    "ok": is_done,
                    "file": str(loaded.path),
                    "errors": [each.as_json() for each in errors],
                    "processes": [asdict(each) for each in found],
                }
            )
            raise typer.Exit(0 if is_done else 1)
        output = console()
        print_findings(output, errors)
        if not found:
            print(f"no process of the lab in {loaded.directory} runs on this machine")
            raise typer.Exit(1)
        table = Table(box=box.SIMPLE_HEAD)
        for column in ("process", "pid", "configuration", ""):
            table.add_column(column)
        for each in found:
            state = Text(each.state, _STYLES.get(each.state, "red"))
            table.add_row(each.name, str(each.pid or ""), state, each.detail)
        output.print(table)
        if any(each.state == "needs a restart" for each in found):
            print("restart: `mtalab down` and `mtalab up`")
        raise typer.Exit(0 if is_done else 1)
