"""The server's log: each event is in a file before its request is answered.

One write for each, unbuffered: a killed process loses none. On a full disk the answer goes out all
the same, and the loss is counted, told, and written down as soon as there is room.
"""

import asyncio
from pathlib import Path
from typing import Final, Protocol

from mail.errors import EnvironmentFault
from tracking.event import Event, Lost, encode, encode_loss, encode_refusal, said
from tracking.log_files import name_of
from world.chance import Chance
from world.clock import Clock
from world.crash import reach
from world.log import Log

TURN_AT: Final = 8 * 1024 * 1024  # bytes of one file
REFUSALS_MAX: Final = 60  # lines in a minute: strangers must not fill the disk
_PATH_MAX: Final = 200
_AGAIN_S: Final = 5.0  # after a file could not be opened


class Appends(Protocol):
    """A file that only grows by whole pieces; locked by who has it open."""

    path: Path
    size: int

    def append(self, piece: bytes, /) -> int: ...

    def close(self) -> None: ...


class Opens(Protocol):
    """Opens such a file; raises EnvironmentFault."""

    def __call__(self, path: Path, *, lines: bool) -> Appends: ...


class EventLog:
    """The log of one server process, in a file that no other process writes."""

    def __init__(self, folder: Path, opens: Opens, clock: Clock, chance: Chance, log: Log) -> None:
        self.folder = folder
        self.news = asyncio.Event()  # something was written
        self.lost = 0  # events that are in no file
        self._opens, self._clock, self._chance, self._log = opens, clock, chance, log
        self._file: Appends | None = None
        self._open_again_at = clock.monotonic()
        self._minute, self._refusals = 0, 0
        self._open()

    @property
    def name(self) -> str | None:
        """The file that is being written."""
        return None if self._file is None else self._file.path.name

    def append(self, event: Event) -> None:
        """Write an event; never fails."""
        if self.lost:
            self._confess()
        if self._write(encode(event)):
            reach("tracking.logged")
        else:
            self.lost += 1

    def refuse(self, why: str, *, path: str, agent: str, ip: str) -> None:
        """Write that a request was refused, unless too many are."""
        now = self._clock.now()
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._refusals = minute, 0
        self._refusals += 1
        if self._refusals <= REFUSALS_MAX:
            line = encode_refusal(now, why, path=said(path)[:_PATH_MAX], agent=said(agent), ip=ip)
            self._write(line)

    def _confess(self) -> None:
        if self._write(encode_loss(Lost(self._clock.now(), self.lost))):
            self._log.warning(
                "tracking_log_again",
                note=f"the tracking log can be written again: {self.lost} events are lost",
                lost=self.lost,
            )
            self.lost = 0

    def _write(self, line: bytes) -> bool:
        if self._file is None and not self._open():
            return False
        assert self._file is not None
        try:
            self._file.append(line)
        except OSError as error:
            if not self.lost:
                self._complain(str(error))
            return False
        if self._file.size > TURN_AT:
            self._open()
        self.news.set()
        return True

    def _open(self) -> bool:
        """Go on in a new file; the one before is closed when there is one."""
        now = self._clock.monotonic()
        if now < self._open_again_at:
            return False
        name = name_of(self._clock.now(), self._chance.token(12))
        try:
            made = self._opens(self.folder / name, lines=True)
        except (EnvironmentFault, OSError) as error:
            self._open_again_at = now + _AGAIN_S
            self._complain(str(error))
            return False
        self.close()
        self._file = made
        return True

    def _complain(self, why: str) -> None:
        self._log.error(
            "tracking_log_unwritable",
            note=f"what is opened and clicked cannot be written down: {why}; links still work",
        )

    def close(self) -> None:
        """Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
