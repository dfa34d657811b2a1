"""A file that only grows, by whole pieces: after a failed write it is as long as before."""

import os
from pathlib import Path
from typing import Final

from sinks.errors import SinkFilesUnusable

_BLOCK: Final = 64 * 1024


class AppendFile:
    """One writer's file. Each piece is one unbuffered write, so it survives a killed process."""

    def __init__(self, path: Path, *, lines: bool) -> None:
        """Open or create it.

        Args:
            path: its place; missing folders are made.
            lines: the pieces are lines: a torn last one is cut off, lest the next is glued to it.

        Raises:
            SinkFilesUnusable: it cannot be opened or mended.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            if lines:
                _cut_torn_line(self._fd)
            self.size = os.fstat(self._fd).st_size
        except OSError as error:
            raise SinkFilesUnusable(
                f"cannot open {path} for writing: {error.strerror}",
                remedy="Check the folder's permissions and the free space, then start again.",
            ) from error
        self._is_closed = False

    def append(self, piece: bytes) -> int:
        """Write the piece and return the offset at which it stands.

        Raises:
            OSError: it could not be written; nothing of it is left in the file.
        """
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
        if not self._is_closed:
            self._is_closed = True
            os.close(self._fd)


def _cut_torn_line(fd: int) -> None:
    end = os.fstat(fd).st_size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(fd, end)
