"""``mtalab config check``: what the configuration can and cannot do."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from affinity.read_toml import read
from lab.cli import config_apply
from lab.cli.finding_lines import counted, print_findings
from lab.cli.init import WouldOverwrite
from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.configuration import FILE, LabConfiguration
from mail.errors import EnvironmentFault


def register(app: typer.Typer) -> None:
    config_app = typer.Typer(
        no_args_is_help=True,
        help="The configuration file: check it, apply it, import a serverConf.xml.",
    )
    app.add_typer(config_app, name="config")

    @config_app.command(name="check")
    def command(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Validate the file and tell what cannot work, here or at all. Exit code 1: errors.

        What is so on any machine, `mtalab lint` tells too; docs/lint.md describes each finding.
        """
        from lab.findings import findings_of

        loaded = loaded_from(config)
        findings = findings_of(loaded)
        errors = any(each.severity == "error" for each in findings)
        if json:
            print_json(
                {
                    "ok": not errors,
                    "file": str(loaded.path),
                    "findings": [each.as_json() for each in findings],
                }
            )
            raise typer.Exit(1 if errors else 0)
        print_findings(console(), findings)
        what = "readable, but cannot work as it is" if errors else "valid"
        print(f"{loaded.path}: {what}; {counted(findings)}")
        raise typer.Exit(1 if errors else 0)

    config_apply.register(config_app)
    _register_import(config_app)


def _register_import(config_app: typer.Typer) -> None:
    @config_app.command(name="import")
    def import_command(
        file: Annotated[Path, typer.Argument(help="A serverConf.xml or config-INSTANCE.xml.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path(FILE),
        instance: Annotated[
            str | None,
            typer.Option(help="Name of the MTA instance; default: from the file's name."),
        ] = None,
        force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Make a mtalab.toml of Adobe Campaign Classic's IP affinities and MTA settings."""
        from lab.importing.as_toml import as_toml
        from lab.importing.server_conf import read_server_conf

        conf = read_server_conf(file, instance)
        text = as_toml(conf, file.name)
        read(text, out.name, LabConfiguration)
        _write(out, text, may_replace=force)
        if json:
            print_json(
                {
                    "file": str(out.absolute()),
                    "instance": conf.instance,
                    "affinities": {
                        name: [
                            {
                                "address": ip.address,
                                "public_address": ip.public,
                                "public_id": ip.public_id,
                            }
                            for ip in ips
                        ]
                        for name, ips in conf.affinities.items()
                    },
                    "left_out": [asdict(each) for each in conf.left],
                }
            )
            return
        ips = {ip.public for each in conf.affinities.values() for ip in each}
        print(f"wrote {out}: {len(conf.affinities)} affinities, {len(ips)} source IPs")
        for each in conf.left:
            print(f"left out: {file.name}:{each.line}: {each.what}: {each.why}")
        print(f"next: mtalab config check --config {out}; mtalab demo --config {out}")


class OutNotWritable(EnvironmentFault):
    """The imported configuration cannot be written."""


def _write(out: Path, text: str, *, may_replace: bool) -> None:
    """The file as a whole, or nothing of it."""
    try:
        with out.open("w" if may_replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise WouldOverwrite(
            f"{out} is there already; nothing was written",
            remedy="Choose another file with --out, or replace it with --force.",
        ) from None
    except OSError as error:
        raise OutNotWritable(
            f"{out} cannot be written: {error.strerror}",
            remedy="Choose another place with --out.",
        ) from error
