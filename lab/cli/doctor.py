"""``mtalab doctor``: whether this machine can run this lab, and what to do where it cannot."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from rich.text import Text

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import console, print_json
from lab.configuration import Loaded
from lab.doctor.diagnosis import Diagnosis
from mail.errors import UserError
from world.clock import SystemClock

_STYLES = {"ok": "green", "warning": "yellow", "error": "red"}


def register(app: typer.Typer) -> None:
    @app.command()
    def doctor(json: JsonOption = False, config: ConfigOption = None) -> None:
        """Look whether this machine can run the lab; changes nothing. Exit code 1: errors."""
        found = list(_look(config))
        errors = sum(each.severity == "error" for each in found)
        if json:
            print_json({"ok": not errors, "findings": [asdict(each) for each in found]})
            raise typer.Exit(1 if errors else 0)
        output = console()
        for each in found:
            head = Text(f"{each.severity:<7}", _STYLES[each.severity])
            output.print(Text.assemble(head, f" {each.subject}: {each.what}"), highlight=False)
            if each.mend:
                output.print(f"        {each.mend}", highlight=False)
        warnings = sum(each.severity == "warning" for each in found)
        print(f"{errors} errors, {warnings} warnings")
        raise typer.Exit(1 if errors else 0)


def _look(config: Path | None) -> Iterator[Diagnosis]:
    from lab.doctor.machine import look_at_clock, look_at_disk, look_at_open_files
    from lab.doctor.ports import look_at_ports
    from lab.doctor.stores import look_at_store
    from lab.doctor.upkeep import look_at_upkeep

    clock = SystemClock()
    try:
        loaded = loaded_from(config)
    except UserError as error:
        yield Diagnosis("configuration", "error", str(error), "The rest needs a valid file.")
        return
    yield from _configuration(loaded)
    yield from look_at_ports(loaded)
    yield from look_at_clock(clock)
    yield from look_at_store(loaded, clock)
    yield from look_at_upkeep(loaded, clock)
    yield from look_at_disk(loaded)
    yield from look_at_open_files(loaded)


def _configuration(loaded: Loaded) -> Iterator[Diagnosis]:
    from lab.findings import findings_of

    found = findings_of(loaded)
    for each in found:
        what = f"{each.finding.key}: {each.finding.what}"
        yield Diagnosis("configuration", each.severity, what, each.finding.remedy)
    if not any(each.severity == "error" for each in found):
        ips = {ip.address for each in loaded.configuration.affinity.values() for ip in each.ip}
        what = f"{loaded.path}: valid; this machine can send from all its {len(ips)} source IPs"
        yield Diagnosis("configuration", "ok", what)
