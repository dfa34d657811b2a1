"""``mtalab config check``: what the configuration can and cannot do."""

from dataclasses import asdict

import typer
from rich.text import Text

from affinity.check import check
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.destinations import findings as destination_findings
from sinks.catalogue import personality_named
from world.network import HostNetwork


def register(app: typer.Typer) -> None:
    config_app = typer.Typer(no_args_is_help=True, help="The configuration file.")
    app.add_typer(config_app, name="config")

    @config_app.command(name="check")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Validate the file and tell what cannot work. Exit code 1: there are errors."""
        loaded = loaded_from(config)
        configuration = loaded.configuration
        for settings in configuration.sink.values():
            personality_named(settings.personality, configuration.personality)
        network = HostNetwork.allowing(configuration.lab.allow_networks)
        sinks = {name: each.listen for name, each in configuration.sink.items()}
        findings = [
            *check(configuration, network.bind_error, sinks),
            *destination_findings(loaded),
        ]
        errors = sum(each.severity == "error" for each in findings)
        if json:
            print_json(
                {
                    "ok": not errors,
                    "file": str(loaded.path),
                    "findings": [asdict(each) for each in findings],
                }
            )
            raise typer.Exit(1 if errors else 0)
        output = console()
        for each in findings:
            style = "red" if each.severity == "error" else "yellow"
            line = Text.assemble((each.severity, style), f" {each.key}: {each.what}")
            output.print(line, highlight=False)
            output.print(f"    {each.remedy}", highlight=False)
        warnings = len(findings) - errors
        what = "readable, but cannot work as it is" if errors else "valid"
        print(f"{loaded.path}: {what}; {errors} errors, {warnings} warnings")
        raise typer.Exit(1 if errors else 0)
