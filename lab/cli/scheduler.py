"""``mtalab scheduler``: the scheduler alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service


def register(app: typer.Typer) -> None:
    @app.command()
    def scheduler(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run the scheduler; a second one waits until the first has ended."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.scheduler import run_scheduler

        given = service(config, json=json, log=log_format)
        in_loop(run_scheduler(given.loaded, given.reload, given.log("scheduler"), ThisMachine()))
