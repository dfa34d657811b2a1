"""``mtalab sink``: the receiving servers alone."""

import typer

from lab.cli.options import ConfigOption, loaded_from


def register(app: typer.Typer) -> None:
    @app.command()
    def sink(config: ConfigOption = None) -> None:
        """Run all configured sinks."""
        from lab.run import in_loop, run_sinks

        in_loop(run_sinks(loaded_from(config)))
