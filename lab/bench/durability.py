"""The durability dial: one workload at each level, and what each may cost when the power goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import psutil

from lab.bench.result import Spread
from lab.bench.run import bench_folder
from lab.bench.trip import Tell, Trip, whole_trip
from lab.bench.workload import Workload
from store.durability import Durability

IN_MEMORY: Final = ("tmpfs", "ramfs")  # file systems on which nothing has to be waited for

_SENT_AGAIN: Final = (
    "mail that was submitted in them is gone, mail that was sent in them is pending and is sent "
    "again"
)
_SQLITE: Final = {
    Durability.OFF: "The file may be damaged, and with it everything; nothing waits for the disk.",
    Durability.NORMAL: "The last commits, back to the last checkpoint (a few MB of changes): "
    f"{_SENT_AGAIN}. The file stays whole.",
    Durability.FULL: "Nothing that was committed.",
}
_POSTGRESQL: Final = {
    Durability.OFF: "The commits of the last moment (by default up to 0.6 s): "
    f"{_SENT_AGAIN}. The database stays whole.",
    Durability.FULL: "Nothing that was committed.",
}
ALWAYS: Final = (
    "At every level a killed process loses nothing, but a power cut may also take the answers that "
    "were heard and not yet committed, normally less than a second's worth; their mail is sent "
    "again."
)


@dataclass(frozen=True, slots=True)
class Dial:
    """The runs at each level."""

    workload: Workload
    trips: Mapping[Durability, Sequence[Trip]]
    filesystem: str | None  # of the SQLite files; None: on a server, or unknown

    @property
    def is_clean(self) -> bool:
        """Whether every message of every run is accounted for."""
        return all(trip.reconciliation["ok"] for each in self.trips.values() for trip in each)

    def rate(self, level: Durability) -> Spread:
        """Messages per second at a level."""
        return Spread.of([each.messages_per_second for each in self.trips[level]])

    def power_cut(self, level: Durability) -> str:
        """What a power cut may lose at a level, in words."""
        return losses(self.workload.store)[level]

    def ratio_to_full(self, level: Durability) -> float:
        """A level's median rate over that of the safest one."""
        return self.rate(level).median / self.rate(Durability.FULL).median

    def as_json(self) -> dict[str, Any]:
        """As docs/json.md has it."""
        workload = self.workload.as_json()
        del workload["durability"]  # it is what is turned
        levels = []
        for level, trips in self.trips.items():
            rate = self.rate(level)
            levels.append(
                {
                    "durability": level,
                    "messages_per_second": round(rate.median, 1),
                    "spread": [round(rate.least, 1), round(rate.most, 1)],
                    "ratio_to_full": round(self.ratio_to_full(level), 3),
                    "submit_per_second": round(
                        Spread.of([each.submit_per_second for each in trips]).median, 1
                    ),
                    "power_cut": self.power_cut(level),
                }
            )
        return {
            "workload": workload,
            "runs": len(self.trips[Durability.FULL]),
            "filesystem": self.filesystem,
            "levels": levels,
            "reconciled": self.is_clean,
        }


def losses(store: str | None) -> Mapping[Durability, str]:
    """What a power cut may lose, by the levels that differ on this store."""
    return _SQLITE if store is None else _POSTGRESQL


def turn_dial(workload: Workload, runs: int, keep: Path | None, tell: Tell) -> Dial:
    """Run a workload at each level in turn, and that again.

    Raises:
        BenchStuck: a run did not come to its end.
        CannotMakeDatabase: the store's server refuses.
    """
    trips: dict[Durability, list[Trip]] = {level: [] for level in losses(workload.store)}
    with bench_folder(keep) as folder:
        for number in range(1, runs + 1):
            for level, found in trips.items():

                def told(_: str, done: int, of: int, level: Durability = level) -> None:
                    tell(f"durability {level}", done, of)

                here = folder / f"{level}{number}"
                at_level = replace(workload, durability=level)
                found.append(whole_trip(at_level, here, told, keep=keep is not None))
        return Dial(workload, trips, filesystem_of(folder) if workload.store is None else None)


def filesystem_of(folder: Path) -> str | None:
    """The kind of file system that a folder is on, such as ext4; None: nobody knows."""
    resolved = folder.resolve()
    mounted = [
        each
        for each in psutil.disk_partitions(all=True)
        if resolved.is_relative_to(each.mountpoint)
    ]
    nearest = max(mounted, key=lambda each: len(each.mountpoint), default=None)
    return None if nearest is None else nearest.fstype
