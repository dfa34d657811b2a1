"""``mtalab worker NAME``: one worker process; an instance starts it, nobody else need to."""

import typer

from lab.cli.instance_names import Name
from lab.cli.options import ConfigOption, LogOption, service
from lab.instance_lines import instance_of


def register(app: typer.Typer) -> None:
    @app.command(hidden=True)
    def worker(name: Name, log_format: LogOption = None, config: ConfigOption = None) -> None:
        """Run one worker process of an MTA instance."""
        from lab.machine import ThisMachine
        from lab.services.loop import in_loop
        from lab.services.worker import run_worker

        given = service(config, json=False, log=log_format)
        in_loop(
            run_worker(
                given.loaded,
                instance_of(given.loaded, name),
                given.reload,
                given.log,
                ThisMachine(),
            )
        )
