"""A lab that was kept from a simulation: it can be looked at as it was at its end, and not run.

Its times are virtual: by the real clock all that was pending would be expired, and everybody who
ran would be long gone.
"""

from pathlib import Path
from typing import Final

import orjson

from lab.configuration import Loaded
from mail.errors import UserError
from world.clock import Clock

_FILE: Final = "simulated.json"


class LabWasSimulated(UserError):
    """A lab that was kept from a simulation cannot go on."""


def mark(directory: Path, ended_at: float) -> None:
    """Say of the lab in this folder that it ended at a virtual time (epoch seconds)."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _FILE).write_bytes(orjson.dumps({"ended_at": ended_at}))


def now_of(loaded: Loaded, clock: Clock) -> float:
    """The time at which a lab is to be looked at: now, or when its simulation ended."""
    ended_at = _ended_at(loaded.directory)
    return clock.now() if ended_at is None else ended_at


def is_kept(loaded: Loaded) -> bool:
    """Whether it was kept from a simulation."""
    return _ended_at(loaded.directory) is not None


def refuse_to_run(loaded: Loaded) -> None:
    """Raises LabWasSimulated if it was."""
    if _ended_at(loaded.directory) is not None:
        raise LabWasSimulated(
            f"the lab in {loaded.directory} was kept from a simulation, to be looked at",
            remedy="Run the scenario again; or copy its mtalab.toml to a folder of its own, and "
            "start that.",
        )


def _ended_at(directory: Path) -> float | None:
    try:
        return float(orjson.loads((directory / _FILE).read_bytes())["ended_at"])
    except FileNotFoundError:
        return None
