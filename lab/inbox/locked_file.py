"""Files of lines that several processes write, one at a time, and that may be begun anew."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sinks.errors import SinkFilesUnusable


@contextlib.contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """The file, made if it is not there, for reading and writing, while nobody else writes it.

    Raises:
        SinkFilesUnusable: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(path) as file:
            yield file
    except OSError as error:
        raise SinkFilesUnusable(
            f"cannot write {path}: {error.strerror}",
            remedy="Check the folder's permissions and the free space.",
        ) from error


def _opened(path: Path) -> BinaryIO:
    while True:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        file.close()  # it was replaced while we waited


def whole_lines(file: BinaryIO, start: int) -> Iterator[bytes]:
    """The lines from a place on; one that is not whole yet, or never was, is left."""
    file.seek(start)
    for line in file:
        if line.endswith(b"\n"):
            yield line
