"""``mtalab record``: what is stuck here, as a scenario file."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.options import ConfigOption, JsonOption, loaded_from
from lab.cli.output import print_json
from lab.stores import store_of
from mail.errors import UserError, Where


class FileIsThere(UserError):
    """The file to write is there already."""


def register(app: typer.Typer) -> None:
    @app.command(name="record")
    def command(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario file to write.")],
        overwrite: Annotated[bool, typer.Option(help="Replace the file if it is there.")] = False,
        json: JsonOption = False,
        config: ConfigOption = None,
    ) -> None:
        """Write this lab's present state as a scenario, without addresses and contents.

        The scenario is run at once in the simulation, to see whether it shows the same causes. Exit
        code 1: it does not, or not all of them.
        """
        from lab.host_facts import host_facts
        from lab.scenario.read import read_case
        from lab.scenario.recording import as_toml, recorded
        from lab.scenario.run import run
        from monitor.why.diagnosis import diagnose
        from world.clock import SystemClock

        if file.exists() and not overwrite:
            raise FileIsThere(
                "is there already", where=Where(str(file)), remedy="Name another, or --overwrite."
            )
        loaded, clock = loaded_from(config), SystemClock()
        with contextlib.closing(store_of(loaded)) as store:
            now = clock.now()
            seen = host_facts(store, now)
            diagnosis = diagnose(store, loaded.configuration, now, seen=seen)
            found = recorded(store, loaded, diagnosis, now)
        file.write_text(as_toml(found.scenario), encoding="utf-8")
        outcome = run(read_case(file), "simulated", clock)
        expected = found.scenario["expect"][0]["causes"]
        if json:
            print_json(
                {
                    "file": str(file),
                    "messages": diagnosis.messages,
                    "causes": expected,
                    "reproduced": outcome.passed,
                    "seen": dict(outcome.causes),
                    "left_out": list(found.left_out),
                }
            )
        else:
            print(f"{file}: {diagnosis.messages} pending recorded")
            for each in found.left_out:
                print(f"  left out: {each}")
            if outcome.passed:
                print("run in the simulation it shows the same causes")
            else:
                print("run in the simulation it does not show the same:")
                for failure in outcome.failures:
                    print(f"  {failure}")
        raise typer.Exit(0 if outcome.passed else 1)
