"""Files that nobody needs any more, each kind with the rule by which that is known.

journal     its worker has ended, as the store says, or is unknown and no lab runs here; and it is
            empty. One that holds outcomes of a worker that ended is damaged, and is evidence.
deliveries  what the tracking server knows of them (its copies), once the store has no such
            delivery any more.
traces      not written for as long as traces are kept.
receipts    with their contents: all that a sink wrote is old enough, no sink of that name writes
            now, and every delivery whose messages the store still has is newer than all of it.
"""

import fcntl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.compose import traces_of
from lab.configuration import Loaded
from lab.following import accounts
from lab.up_lock import owner_of
from store import modules, pruning_deliveries
from store.engine import Store

_JOURNAL: Final = (".a", ".b")


@dataclass(frozen=True, slots=True)
class Orphan:
    """Files that go together, and why."""

    paths: tuple[Path, ...]
    why: str

    @property
    def size(self) -> int:
        return sum(each.stat().st_size for each in self.paths if each.exists())


def journals(store: Store, loaded: Loaded) -> Iterator[Orphan]:
    """Empty journals of workers that are gone."""
    workers = store.read_now(modules.all_workers)
    ended = {
        Path(each.journal) for each in workers if each.state in (modules.STOPPED, modules.DEAD)
    }
    living = {Path(each.journal) for each in workers} - ended
    is_quiet = owner_of(loaded.directory) is None and not accounts(loaded.directory)
    for stem, files in _journals(loaded.directory / "journal").items():
        if stem in living or any(each.stat().st_size for each in files):
            continue
        if stem in ended:
            yield Orphan(files, "its worker has ended")
        elif is_quiet:
            yield Orphan(files, "no worker is known by it, and no lab runs here")


def known_deliveries(store: Store, loaded: Loaded) -> Iterator[Orphan]:
    """The tracking server's copies of what is tracked of deliveries that are purged."""
    there = {
        int(each.stem): each
        for each in (loaded.directory / "tracking" / "known").glob("*.json")
        if each.stem.isdecimal()
    }
    gone = store.read_now(pruning_deliveries.gone, sorted(there)) if there else set()
    for number in sorted(gone):
        yield Orphan((there[number],), "its delivery is purged")


def damaged_journals(store: Store, loaded: Loaded) -> list[Path]:
    """Journals of workers that ended which hold what could not be read."""
    workers = store.read_now(modules.all_workers)
    ended = {
        Path(each.journal) for each in workers if each.state in (modules.STOPPED, modules.DEAD)
    }
    found = _journals(loaded.directory / "journal")
    return [
        each for stem in sorted(ended & found.keys()) for each in found[stem] if each.stat().st_size
    ]


def _journals(folder: Path) -> dict[Path, tuple[Path, ...]]:
    """The files of each journal by their common stem."""
    found: dict[Path, tuple[Path, ...]] = {}
    for file in sorted(folder.glob("*")):
        if file.suffix in _JOURNAL and file.is_file():
            stem = file.with_suffix("")
            found[stem] = (*found.get(stem, ()), file)
    return found


def traces(loaded: Loaded, before: float) -> Iterator[Orphan]:
    """Recorded dialogues that were written last before a time."""
    for file in sorted(traces_of(loaded).glob("*.jsonl")):
        if file.stat().st_mtime < before:
            yield Orphan((file,), "it is old")


def receipts(store: Store, loaded: Loaded, before: float) -> Iterator[Orphan]:
    """Receipts, refusals and contents of sinks that wrote nothing since a time."""
    oldest = store.read_now(pruning_deliveries.oldest_with_messages)
    if oldest is not None:
        before = min(before, oldest)
    folder = loaded.directory / "receipts"
    for file in sorted(folder.glob("*.jsonl")):
        if file.name.endswith(".refusals.jsonl"):
            continue
        sink = file.name.removesuffix(".jsonl")
        inbox = loaded.directory / "inbox" / f"{sink}.contents"
        files = (file, folder / f"{sink}.refusals.jsonl", inbox)
        there = tuple(each for each in files if each.exists())
        if all(each.stat().st_mtime < before for each in there) and not _is_written(there):
            index = inbox.with_suffix(".index")  # which any look at the inbox makes younger
            also = (index,) if index.exists() else ()
            yield Orphan((*there, *also), f"sink {sink} wrote nothing since")


def _is_written(files: Sequence[Path]) -> bool:
    """Whether a sink has one of them open: it then holds a lock on it."""
    for each in files:
        with each.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False
