"""The rooms that this package stands on are top-level packages with names that others use too."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOMS: Final = (
    "affinity",
    "lab",
    "mail",
    "monitor",
    "mta",
    "scheduler",
    "sinks",
    "store",
    "tracking",
    "world",
)
HOME: Final = Path(__file__).resolve().parents[1]


class RoomTaken(ImportError):
    """Another module of this Python has the name of one of our rooms."""


def check_rooms() -> None:
    """See that each room is ours before any is imported.

    Raises:
        RoomTaken: one is not; half of mtalab would run on somebody else's code.
    """
    for name in ROOMS:
        spec = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
        origin = None if spec is None else spec.origin
        if origin is None or Path(origin).resolve().parents[1] != HOME:
            raise RoomTaken(
                f"mtalab needs the name {name!r} for a package of its own, which here is "
                f"{origin or 'a folder without a package'}. Use the mtalab command of another "
                "environment (each command has --json), or rename yours.",
                name=name,
                path=origin,
            )
