"""Files of traces: one for each worker, of bounded size, in a folder of bounded size.

A worker's file becomes its older one when it is full; then the oldest files of the folder go until
there is room. Whoever reads follows a file through that.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Final

from mta.trace.line import Recorded, decode

FILE_MAX: Final = 8 * 1024 * 1024  # bytes; some 20,000 lines
FOLDER_MAX: Final = 128 * 1024 * 1024
_SUFFIX: Final = ".jsonl"
_OLDER: Final = ".older.jsonl"


class TraceFile:
    """What one worker writes to; made when there is something to write."""

    def __init__(
        self, folder: Path, name: str, *, most: int = FILE_MAX, of_all: int = FOLDER_MAX
    ) -> None:
        self._path, self._older = folder / f"{name}{_SUFFIX}", folder / f"{name}{_OLDER}"
        self._most, self._of_all = most, of_all
        self._descriptor: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append whole lines.

        Raises:
            OSError: the disk is full or broken.
        """
        if self._descriptor is not None and self._size + len(data) > self._most:
            self.close()
            self._path.replace(self._older)
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None
        self._size += os.write(self._descriptor, data)

    def close(self) -> None:
        """Until the next line, which goes to the file as it is then: somebody may remove it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        self._make_room(folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(self._path, flags, 0o600)  # addresses of people are in it
        self._size = os.fstat(self._descriptor).st_size

    def _make_room(self, folder: Path) -> None:
        found = sorted(_sizes(folder))
        left = sum(size for _, size, _ in found) + self._most - self._of_all
        for _, size, path in found:
            if left <= 0:
                return
            if path != self._path:
                path.unlink(missing_ok=True)
                left -= size


def _sizes(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When each was written last, how large it is, and where; others may remove them meanwhile."""
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            yield stat.st_mtime_ns, stat.st_size, path


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(size for _, size, _ in _sizes(folder))


def clear(folder: Path) -> int:
    """Remove all files; returns how many bytes they had."""
    removed = 0
    for _, size, path in _sizes(folder):
        path.unlink(missing_ok=True)
        removed += size
    return removed


def read(folder: Path) -> Iterator[Recorded]:
    """All lines, of one worker after the other, each in order."""
    return having(folder, (b"",))


def having(folder: Path, words: Collection[bytes]) -> Iterator[Recorded]:
    """The lines that hold one of these words, as they stand in the files."""
    for path in sorted(folder.glob(f"*{_OLDER}")) + sorted(
        each for each in folder.glob(f"*{_SUFFIX}") if not each.name.endswith(_OLDER)
    ):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            yield from _lines(file, words)


def _lines(file: IO[bytes], words: Collection[bytes]) -> Iterator[Recorded]:
    for text in file:
        if not any(each in text for each in words):
            continue
        found = decode(text)
        if found is not None:
            yield found


class Following:
    """Reads what comes to the files of a folder from now on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, tuple[IO[bytes], bytes]] = {}  # by inode: and a begun line
        self._look(at_end=True)

    def new(self) -> list[Recorded]:
        """The lines since the last call."""
        self._look(at_end=False)
        found: list[Recorded] = []
        for inode, (file, begun) in list(self._files.items()):
            *lines, rest = (begun + file.read()).split(b"\n")
            self._files[inode] = (file, rest)
            found += [each for each in map(decode, lines) if each is not None]
            if os.fstat(file.fileno()).st_nlink == 0:
                file.close()
                del self._files[inode]
        return sorted(found, key=lambda each: each.ends.began + each.line.at)

    def close(self) -> None:
        for file, _ in self._files.values():
            file.close()
        self._files.clear()

    def _look(self, *, at_end: bool) -> None:
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino in self._files:
                    continue
                file = path.open("rb")
                if at_end:
                    file.seek(0, os.SEEK_END)
                self._files[os.fstat(file.fileno()).st_ino] = (file, b"")
