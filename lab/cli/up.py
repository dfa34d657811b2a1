"""``mtalab up``: the whole lab in the foreground."""

import typer

from lab.cli.options import ConfigOption, loaded_from, reloader
from lab.cli.output import say


def register(app: typer.Typer) -> None:
    @app.command()
    def up(config: ConfigOption = None) -> None:
        """Run scheduler, MTA instances and sinks until Ctrl-C; follows changes of the file."""
        from lab.run import in_loop, run_up

        loaded = loaded_from(config)
        say(f"lab {loaded.configuration.lab.name!r}: {loaded.store_url}")
        in_loop(run_up(loaded, reloader(config), say))
        say("stopped")
