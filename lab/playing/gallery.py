"""The scenarios that can be played by name: the lab's own, and the gallery that comes with it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from affinity.expected import nearest
from lab.configuration import Loaded
from lab.scenario.schema import Delivery, Scenario
from mail.errors import UserError

OWN: Final = "own"
GALLERY: Final = "gallery"
_FOLDER: Final = "scenarios"  # beside the configuration file
# In the package, or in a checkout where the examples are.
_SHIPPED: Final = Path(__file__).with_name("shipped")
_EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "stuck-pending"


class NoSuchScenario(UserError):
    """A name that no scenario has."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One scenario as its file tells; ``error``: why it cannot, and the rest tells nothing."""

    name: str  # own/NAME or gallery/NAME
    file: Path
    title: str
    story: str
    seed: int
    modes: Sequence[str]
    deliveries: int
    messages: int
    events: int
    expectations: int
    error: str | None = None


def listed(loaded: Loaded) -> list[Listed]:
    """All of them, the lab's own first, then by name."""
    found = []
    for source, folder in _folders(loaded).items():
        files = sorted(folder.glob("*.toml"), key=lambda each: (_is_case(each), each.name))
        found += [_listed(source, each) for each in files]
    return found


def find(loaded: Loaded, name: str) -> Listed:
    """One of them; raises NoSuchScenario."""
    known = {each.name: each for each in listed(loaded)}
    if name not in known:
        raise NoSuchScenario(
            f"there is no scenario {name!r}{nearest(name, known)}",
            remedy=f"Files of {_folders(loaded)[OWN]} are own/NAME, those of the gallery "
            "gallery/NAME; GET /api/v1/scenarios lists them.",
        )
    return known[name]


def _folders(loaded: Loaded) -> Mapping[str, Path]:
    gallery = _SHIPPED if _SHIPPED.is_dir() else _EXAMPLES
    return {OWN: loaded.path.absolute().parent / _FOLDER, GALLERY: gallery}


def _is_case(file: Path) -> bool:
    """Reported cases come after the scenarios that show one cause each."""
    return file.stem.startswith("case_")


def _listed(source: str, file: Path) -> Listed:
    try:
        kept = file.stat()
    except OSError as error:
        return _broken(source, file, error.strerror or "it cannot be read")
    return _read(source, file, kept.st_mtime_ns, kept.st_size)


@lru_cache(maxsize=512)
def _read(source: str, file: Path, _changed: int, _size: int) -> Listed:
    """Only what is shown: whether all of it is valid is seen when it is played."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        return _told(source, file, told)
    except OSError as error:
        return _broken(source, file, error.strerror or "it cannot be read")
    except (ValueError, TypeError, AttributeError) as error:
        return _broken(source, file, str(error))


def _told(source: str, file: Path, told: Mapping[str, Any]) -> Listed:
    deliveries = told.get("delivery", ())
    default = Delivery.model_fields["messages"].default
    return Listed(
        name=f"{source}/{file.stem}",
        file=file,
        title=str(told.get("name") or file.stem),
        story=" ".join(str(told.get("story", "")).split()),
        seed=int(told.get("seed", Scenario.model_fields["seed"].default)),
        modes=tuple(told.get("modes", Scenario.model_fields["modes"].default)),
        deliveries=len(deliveries),
        messages=sum(int(each.get("messages", default)) for each in deliveries),
        events=len(told.get("event", ())),
        expectations=len(told.get("expect", ())),
    )


def _broken(source: str, file: Path, error: str) -> Listed:
    return Listed(f"{source}/{file.stem}", file, file.stem, "", 1, (), 0, 0, 0, 0, error)
