"""``mtalab worker NAME``: one worker process; an instance starts it, nobody else need to."""

import typer

from lab.cli.mta import Name, instance_of
from lab.cli.options import ConfigOption, loaded_from, reloader
from lab.cli.output import say


def register(app: typer.Typer) -> None:
    @app.command(hidden=True)
    def worker(name: Name, config: ConfigOption = None) -> None:
        """Run one worker process of an MTA instance."""
        from lab.run import in_loop, run_worker

        loaded = loaded_from(config)
        in_loop(run_worker(loaded, instance_of(loaded, name), reloader(config), say))
