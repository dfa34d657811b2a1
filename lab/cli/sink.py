"""``mtalab sink``: the receiving servers alone."""

import typer

from lab.cli.options import ConfigOption, JsonOption, LogOption, service


def register(app: typer.Typer) -> None:
    @app.command()
    def sink(
        json: JsonOption = False, log_format: LogOption = None, config: ConfigOption = None
    ) -> None:
        """Run all configured sinks."""
        from lab.run import in_loop, run_sinks

        given = service(config, json=json, log=log_format)
        in_loop(run_sinks(given.loaded, given.reload, given.log("sinks")))
