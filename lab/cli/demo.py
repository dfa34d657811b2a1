"""``mtalab demo``: two thousand messages through a whole lab, watched and held to account."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from lab.cli.options import JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.logs import make_log
from world.clock import SystemClock


def register(app: typer.Typer) -> None:
    @app.command()
    def demo(
        json: JsonOption = False,
        keep: Annotated[
            Path | None, typer.Option(help="Keep the lab in this folder, to look around in it.")
        ] = None,
        config: Annotated[
            Path | None,
            typer.Option(help="Use the instances and affinities of this configuration."),
        ] = None,
    ) -> None:
        """Send 2,000 messages through a temporary lab; exit 0 only if each is accounted for."""
        from lab.demo.run import run_demo
        from lab.demo.view import live, next_steps, summary

        own = None if config is None else loaded_from(config)
        with _live(quiet=json) as view:
            log = make_log(sys.stderr, "json" if json else "text", "demo", SystemClock())
            result = run_demo(keep, own, log, lambda *seen: view.update(live(*seen), refresh=True))
        if json:
            print_json(result.as_json())
        else:
            summary(console(), result)
            next_steps(console(), keep)
        raise typer.Exit(0 if result.is_complete else 1)


@contextlib.contextmanager
def _live(*, quiet: bool) -> Iterator[Live]:
    """A live view on a terminal; elsewhere nothing until the summary."""
    output = console()
    view = Live(console=output, refresh_per_second=8, transient=True, auto_refresh=False)
    if quiet or not output.is_terminal:
        yield view
        return
    with view:
        yield view
