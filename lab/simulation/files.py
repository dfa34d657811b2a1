"""Files of simulated processes: real ones, on a disk that may be said to be full.

The kernel closes them with their process, and what is left of a dead process writes nothing more.
"""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.simulation.process import ProcessGone, SimulatedProcess, State
from mta.journal import Journal
from sinks.append_file import AppendFile
from store.transitions import Outcome


def _guard(process: SimulatedProcess, path: Path, *, is_full: bool) -> None:
    if process.state is State.DEAD:
        raise ProcessGone
    if is_full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


class SimulatedJournal(Journal):
    """A worker's outcome journal."""

    def __init__(
        self,
        path: Path,
        process: SimulatedProcess,
        is_full: Callable[[], bool],
        unwritten: Callable[[Sequence[Outcome]], None],
    ) -> None:
        """Open it; ``unwritten`` hears of what did not fit on the disk."""
        super().__init__(path)
        self._process, self._is_full, self._unwritten = process, is_full, unwritten
        self._is_open = True
        process.open[id(self)] = self

    def append(self, outcomes: Sequence[Outcome]) -> None:
        try:
            _guard(self._process, self.path, is_full=self._is_full())
        except OSError:
            self._unwritten(outcomes)
            raise
        super().append(outcomes)

    def forget(self, group: int) -> None:
        _guard(self._process, self.path, is_full=False)
        super().forget(group)

    def close(self, *, remove: bool) -> None:
        if self._is_open:
            self._is_open = False
            self._process.open.pop(id(self), None)
            super().close(remove=remove)

    def close_by_kernel(self) -> None:
        self.close(remove=False)


class SimulatedAppendFile(AppendFile):
    """A sink's receipts, refusals or inbox; ``written`` hears of each piece."""

    def __init__(
        self,
        path: Path,
        process: SimulatedProcess,
        is_full: Callable[[], bool],
        written: Callable[[Path, bytes], None],
        *,
        lines: bool,
    ) -> None:
        super().__init__(path, lines=lines)
        self._process, self._is_full, self._written = process, is_full, written
        process.open[id(self)] = self

    def append(self, piece: bytes) -> int:
        _guard(self._process, self.path, is_full=self._is_full())
        place = super().append(piece)
        self._written(self.path, piece)
        return place

    def close(self) -> None:
        super().close()
        # Not before it is open: its making closes it when that fails.
        if hasattr(self, "_process"):
            self._process.open.pop(id(self), None)

    def close_by_kernel(self) -> None:
        self.close()
