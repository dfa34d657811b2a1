"""``mtalab run``: scenario files, in the simulation or for real."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from lab.cli.options import JsonOption
from lab.cli.output import console, print_json, progress_bar, say
from mail.errors import UserError, Where

SHOWN_FAILURES = 20
_SEEDS = re.compile(r"^(\d+)(?:-(\d+))?$")


class BadSeeds(UserError):
    """``--seeds`` is no range."""


class NoSteps(UserError):
    """``--steps`` with what has none, or too many of them."""


def register(app: typer.Typer) -> None:
    @app.command(name="run")
    def command(
        files: Annotated[
            list[Path], typer.Argument(metavar="FILE…", help="Scenario files (docs/scenarios.md).")
        ],
        real: Annotated[
            bool | None,
            typer.Option(
                "--real/--simulate",
                help="On real processes and sockets, or in the simulation; default: simulated "
                "where the scenario allows it.",
                show_default=False,
            ),
        ] = None,
        seed: Annotated[
            int | None, typer.Option(help="In place of the scenarios' own.", show_default=False)
        ] = None,
        seeds: Annotated[
            str | None,
            typer.Option(
                metavar="FROM-TO", help="Each of these, such as 1-500.", show_default=False
            ),
        ] = None,
        junit: Annotated[
            Path | None, typer.Option(help="Write JUnit's XML there.", show_default=False)
        ] = None,
        keep: Annotated[
            Path | None,
            typer.Option(help="Leave each scenario's lab in a folder there.", show_default=False),
        ] = None,
        steps: Annotated[
            Path | None,
            typer.Option(
                help="Write there, as JSON, how it stood over its time and after each event.",
                show_default=False,
            ),
        ] = None,
        verbose: Annotated[
            bool, typer.Option("--verbose", "-v", help="Tell each event as it happens.")
        ] = False,
        json: JsonOption = False,
    ) -> None:
        """Run scenarios. Exit code 1: something was not as expected; 2: a file is no scenario."""
        from lab.scenario.junit import write
        from lab.scenario.read import read_case
        from lab.scenario.run import run
        from world.clock import SystemClock

        cases = [read_case(file) for file in files]  # all before the first: bad input is refused
        chosen = _seeds(seed, seeds)
        modes = [_mode(real, case.scenario.modes) for case in cases]
        if steps is not None:
            _see_to_steps(modes, chosen)
        outcomes = []
        with progress_bar() as bar:
            task = bar.add_task("running", total=len(cases) * len(chosen))
            for case, mode in zip(cases, modes, strict=True):
                for number in chosen:
                    told = _teller(case.name) if verbose else _nobody
                    found = run(case, mode, SystemClock(), seed=number, keep=keep, told=told)
                    outcomes.append(found)
                    bar.advance(task)
                    if steps is not None:
                        _write_steps(case, found, steps)
        if junit is not None:
            write(outcomes, junit)
        passed = all(each.passed for each in outcomes)
        if json:
            print_json({"passed": passed, "scenarios": [each.as_json() for each in outcomes]})
        else:
            _show(outcomes)
        raise typer.Exit(0 if passed else 1)


def _seeds(seed: int | None, seeds: str | None) -> list[int | None]:
    if seeds is None:
        return [seed]
    found = _SEEDS.match(seeds)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if seed is not None or first > last:
        raise BadSeeds(
            f"{seeds!r} is no range of seeds"
            if seed is None
            else "either --seed or --seeds can be given, not both",
            where=Where(key="--seeds"),
            remedy="Give --seeds 1-500, or --seed 7 for one.",
        )
    return list(range(first, last + 1))


def _see_to_steps(modes: list[Any], seeds: list[int | None]) -> None:
    if modes != ["simulated"] or len(seeds) != 1:
        raise NoSteps(
            "the steps of one scenario with one seed can be written, in the simulation",
            where=Where(key="--steps"),
            remedy="Give one file, and --seed in place of --seeds.",
        )


def _write_steps(case: Any, outcome: Any, file: Path) -> None:
    from lab.scenario.watching import watched

    try:
        file.write_bytes(orjson.dumps(watched(case, outcome)))
    except OSError as error:
        raise NoSteps(
            f"cannot write {file}: {error.strerror}",
            where=Where(key="--steps"),
            remedy="Name a file in a folder that is there and may be written to.",
        ) from error


def _mode(real: bool | None, modes: tuple[Any, ...]) -> Any:
    if real is None:
        return "simulated" if "simulated" in modes else "real"
    return "real" if real else "simulated"


def _nobody(_at: float, _what: str) -> None:
    """Nobody wants to know."""


def _teller(name: str) -> Any:
    return lambda at, what: say(f"{name}: {at:10.3f} s  {what}")


def _show(outcomes: list[Any]) -> None:
    output = console()
    failed = [each for each in outcomes if not each.passed]
    if len(outcomes) <= SHOWN_FAILURES:
        for each in outcomes:
            output.print(_line(each))
    else:
        for each in failed[:SHOWN_FAILURES]:
            output.print(_line(each))
    total = len(outcomes)
    wall = sum(each.wall_s for each in outcomes)
    words = f"{total - len(failed)} of {total} passed in {wall:.1f} s"
    output.print(Text(words, "red" if failed else "green"))


def _line(outcome: Any) -> Text:
    mark, colour = ("passed", "green") if outcome.passed else ("FAILED", "red")
    causes = ", ".join(f"{code} {count}" for code, count in outcome.causes.items())
    text = Text.assemble(
        (f"{mark} ", colour),
        f"{outcome.name} (seed {outcome.seed}, {outcome.mode}): ",
        f"{outcome.virtual_s:,.0f} s in {outcome.wall_s:.2f} s",
        f"; {causes}" if causes else "",
    )
    for line in _details(outcome):
        text.append(f"\n  {line}")
    return text


def _details(outcome: Any) -> Iterator[str]:
    if outcome.kept is not None:
        yield f"kept: mtalab why --config {outcome.kept}/mtalab.toml; status, log, queue alike"
    if not outcome.expectations and outcome.passed:
        yield "nothing is expected of it: add an [[expect]]"
    for each in outcome.failures:
        yield from str(each).splitlines()
    if outcome.error is not None:
        yield from outcome.error.splitlines()
    if not outcome.passed:
        yield f"again: mtalab run {outcome.file} --seed {outcome.seed} --{_flag(outcome.mode)}"


def _flag(mode: str) -> str:
    return "real" if mode == "real" else "simulate"
