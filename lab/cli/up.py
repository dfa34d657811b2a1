"""``mtalab up``: the whole lab in the foreground."""

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from, reloader
from lab.cli.output import speaker


def register(app: typer.Typer) -> None:
    @app.command()
    def up(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Run scheduler, MTA instances and sinks until Ctrl-C; follows changes of the file."""
        from lab.run import in_loop, run_up

        loaded = loaded_from(config)
        say = speaker(as_json=json)
        say(f"lab {loaded.configuration.lab.name!r} in {loaded.directory}; Ctrl-C stops it")
        in_loop(run_up(loaded, reloader(config), say))
        say("stopped")
