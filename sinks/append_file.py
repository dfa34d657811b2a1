"""A file that only grows, by whole pieces: after a failed write it is as long as before.

It has one writer at a time, which holds a lock on it (``flock``) for as long as it has it open.
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from sinks.errors import SinkFilesUnusable

_BLOCK: Final = 64 * 1024
_CLOSED: Final = -1


class Opens(Protocol):
    """Opens such a file; ``AppendFile`` itself, or a simulation's."""

    def __call__(self, path: Path, *, lines: bool) -> "AppendFile": ...


class AppendFile:
    """One writer's file. Each piece is one unbuffered write, so it survives a killed process."""

    def __init__(self, path: Path, *, lines: bool) -> None:
        """Open or create it.

        Args:
            path: its place; missing folders are made.
            lines: the pieces are lines: a torn last one is cut off, lest the next is glued to it.

        Raises:
            SinkFilesUnusable: it cannot be opened or mended, or another process writes it.
        """
        self.path = path
        self._fd = _CLOSED
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lines:
                _cut_torn_line(self._fd)
            self.size = os.fstat(self._fd).st_size
        except BlockingIOError:
            self.close()
            raise SinkFilesUnusable(
                f"another process writes {path}: a sink of this name runs already",
                remedy="Use that one, or stop it first.",
            ) from None
        except OSError as error:
            self.close()
            raise SinkFilesUnusable(
                f"cannot open {path} for writing: {error.strerror}",
                remedy="Check the folder's permissions and the free space, then start again.",
            ) from error

    def append(self, piece: bytes) -> int:
        """Write the piece and return the offset at which it stands.

        Raises:
            OSError: it could not be written; nothing of it is left in the file.
        """
        if self._fd == _CLOSED:  # its number may be another file's by now
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), str(self.path))
        start = self.size
        try:
            written = os.write(self._fd, piece)
            while written < len(piece):
                written += os.write(self._fd, piece[written:])
        except OSError:
            os.ftruncate(self._fd, start)
            raise
        self.size = start + len(piece)
        return start

    def close(self) -> None:
        """Safe to call twice."""
        fd, self._fd = self._fd, _CLOSED
        if fd != _CLOSED:
            os.close(fd)


def _cut_torn_line(fd: int) -> None:
    end = whole = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < whole:
        os.ftruncate(fd, end)
