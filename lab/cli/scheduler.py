"""``mtalab scheduler``: the scheduler alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from, reloader
from lab.cli.output import speaker


def register(app: typer.Typer) -> None:
    @app.command()
    def scheduler(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Run the scheduler; a second one waits until the first has ended."""
        from lab.run import in_loop, run_scheduler

        in_loop(run_scheduler(loaded_from(config), reloader(config), speaker(as_json=json)))
