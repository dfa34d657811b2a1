"""``mtalab sink``: the receiving servers alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import speaker


def register(app: typer.Typer) -> None:
    @app.command()
    def sink(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Run all configured sinks."""
        from lab.run import in_loop, run_sinks

        in_loop(run_sinks(loaded_from(config), speaker(as_json=json)))
