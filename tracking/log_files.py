"""Files of the tracking log: which there are, and reading them from where the last reader was.

A file has one writer, which holds a lock on it (``flock``) as long as it lives. Its lines are named
by the file and by where they begin, so that each is the same whoever reads it, and when.
"""

import contextlib
import fcntl
import os
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tracking.event import Event, Lost, NotALine, decode

SUFFIX: Final = ".jsonl"
DAMAGED: Final = ".damaged"  # lines of it that cannot be read
_NAME: Final = re.compile(r"(\d{10,})-[a-z0-9]+\.jsonl")
_READ_BYTES: Final = 256 * 1024
AHEAD_MAX: Final = 4000  # lines that are read before those before them are written


class Damaged(NamedTuple):
    """A line that says nothing, and why."""

    text: bytes
    why: str


class Line(NamedTuple):
    """A line and where it stands, in bytes; ``said`` None: a request that was refused."""

    begin: int
    end: int
    said: Event | Lost | Damaged | None


def name_of(at: float, token: str) -> str:
    """The name of a file that begins at this time; ``token`` sets it apart."""
    return f"{int(at):010d}-{token}{SUFFIX}"


def begun_at(name: str) -> float:
    """When a file began, in epoch seconds."""
    return float(name.partition("-")[0])


class LogFiles:
    """The folder of one lab; ``current`` names the file that this process writes."""

    def __init__(self, folder: Path, current: Callable[[], str | None]) -> None:
        self.folder, self._current = folder, current

    def names(self) -> list[str]:
        """All there are, the oldest first: their names begin with the time."""
        found = (each.name for each in self.folder.glob("*" + SUFFIX))
        return sorted(each for each in found if _NAME.fullmatch(each))

    def size(self, name: str) -> int:
        """In bytes; 0 for one that is gone."""
        try:
            return (self.folder / name).stat().st_size
        except FileNotFoundError:
            return 0

    def is_written(self, name: str) -> bool:
        """Whether a living process may still write it."""
        if name == self._current():
            return True
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def remove(self, name: str) -> None:
        """Remove a file; what was damaged in it stays."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / name).unlink()

    def keep_damaged(self, name: str, lines: list[bytes]) -> None:
        """Put lines aside.

        Raises:
            OSError: there is no room for them.
        """
        place = self.folder / (Path(name).stem + DAMAGED)
        with place.open("ab") as file:
            file.write(b"".join(each + b"\n" for each in lines))


@dataclass
class Reading:
    """One file being read: whole lines that are not in the store yet, in their order."""

    path: Path
    begin: int  # the store has it up to here

    def __post_init__(self) -> None:
        self.lines: deque[Line] = deque()
        self._next = self.begin

    @property
    def read_to(self) -> int:
        """The end of the last line that was read."""
        return self._next

    def read_on(self, *, is_over: bool) -> None:
        """Read more whole lines, as far as there is room for them.

        ``is_over``: nobody writes it any more, so that a line without an end is one too.
        """
        if len(self.lines) >= AHEAD_MAX:
            return
        with self.path.open("rb") as file:
            file.seek(self._next)
            while len(self.lines) < AHEAD_MAX:
                read = file.read(_READ_BYTES)
                if not read:
                    return
                if not self._take(read, is_last=is_over and len(read) < _READ_BYTES):
                    if len(read) < _READ_BYTES:
                        return
                    self._add(read, len(read))  # no line of ours is so long: it is damaged
                file.seek(self._next)

    def _take(self, read: bytes, *, is_last: bool) -> bool:
        """Take the whole lines of what was read; returns whether there were any."""
        pieces = read.split(b"\n")
        rest = pieces.pop()
        for each in pieces:
            self._add(each, len(each) + 1)
        if is_last and rest:
            self._add(rest, len(rest))
        return bool(pieces) or bool(is_last and rest)

    def _add(self, text: bytes, length: int) -> None:
        found: Event | Lost | Damaged | None
        try:
            found = decode(text)
        except NotALine as error:
            found = Damaged(text, str(error))
        self.lines.append(Line(self._next, self._next + length, found))
        self._next += length

    def take(self, most: int, until: int) -> list[Line]:
        """The next lines that end by ``until``; they stay until ``written`` says so."""
        found: list[Line] = []
        for each in self.lines:
            if len(found) == most or each.end > until:
                break
            found.append(each)
        return found

    def written(self, to: int) -> None:
        """The store has it up to there."""
        self.begin = to
        while self.lines and self.lines[0].end <= to:
            self.lines.popleft()
        if self._next < to:  # somebody else has read it further
            self.lines.clear()
            self._next = to
