"""Reading files of one JSON object a line, forward, backward or at an offset.

A last line without its end is what a killed writer left: it is passed over and told, never an
error. Any other line that is no object is an error that names file and line.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from mail.errors import Where
from sinks.errors import DamagedReceipts, SinkFilesUnusable

_BLOCK: Final = 256 * 1024
_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
OnTorn = Callable[[Path], None]


def read_lines(path: Path, on_torn: OnTorn) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Offset, line number from 1, and object of each line.

    Raises:
        DamagedReceipts: a line is not an object.
        SinkFilesUnusable: the file cannot be read.
    """
    offset = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    on_torn(path)
                    return
                yield offset, number, parse_line(line, Where(file=str(path), line=number))
                offset += len(line)
    except OSError as error:
        raise unreadable(path, error) from error


def read_lines_backward(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Offset and object of each line, the last one first; a torn last line is passed over.

    Raises:
        DamagedReceipts: a line is not an object.
        SinkFilesUnusable: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.seek(0, 2)
            rest = b""  # the beginning of a line whose end was read before
            is_last = True
            while start > 0:
                end, start = start, max(0, start - _BLOCK)
                file.seek(start)
                lines = _LINE.findall(file.read(end - start) + rest)
                if is_last and not lines[-1].endswith(b"\n"):
                    lines.pop()
                is_last = is_last and not lines
                position = start + sum(map(len, lines))
                rest = lines.pop(0) if lines and start > 0 else b""
                for line in reversed(lines):
                    position -= len(line)
                    yield position, parse_line(line, Where(str(path), key=f"byte {position}"))
    except OSError as error:
        raise unreadable(path, error) from error


def parse_line(line: bytes, where: Where) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise damaged(where, str(error)) from error
    if not isinstance(value, dict):
        raise damaged(where, "not an object")
    return value


def damaged(where: Where, why: str) -> DamagedReceipts:
    return DamagedReceipts(
        f"this line is not what a sink writes: {why}",
        where=where,
        remedy="The file was changed by something else. Restore it, or delete the line.",
    )


def unreadable(path: Path, error: OSError) -> SinkFilesUnusable:
    return SinkFilesUnusable(
        f"cannot read {path}: {error.strerror}", remedy="Check the file's permissions."
    )
