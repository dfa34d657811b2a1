"""What a sink still has to send back, and what it has sent: one file a sink that only grows.

``outgoing/SINK.jsonl`` has a line for each mail that is to be sent, written before its message is
answered, and one for its end: a restart loses none. The id of a mail is the offset of its line.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from mail.errors import Where
from sinks.afterwards import Comeback, Kind
from sinks.append_file import AppendFile, Opens
from sinks.json_lines import damaged, parse_line, read_lines, unreadable

_FOLDER: Final = "outgoing"
_HEADER_MAX: Final = 16 * 1024  # bytes of a returned header


@dataclass(frozen=True, slots=True)
class Cause:
    """The message that something comes back of."""

    sender: str  # its return path
    recipient: str
    peer_ip: str
    accepted_at: float  # seconds since 1970-01-01 UTC
    header: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that is to be sent; ``number`` is its line's place."""

    number: int
    due: float
    comeback: Comeback
    cause: Cause


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended for a mail that was to be sent."""

    number: int
    sink: str
    at: float
    reply: str  # of the server that it went to; what went wrong, if it was given up
    is_delivered: bool
    digest: str  # SHA-256 of recipient and content, as that server reckons it too


class OutgoingFile:
    """The file of one sink, open for writing."""

    def __init__(self, directory: Path, sink: str, opens: Opens = AppendFile) -> None:
        """Open it; raises SinkFilesUnusable."""
        self._path, self._sink = _path(directory, sink), sink
        self._file = opens(self._path, lines=True)

    def waiting(self) -> dict[int, float]:
        """When each mail is due that was not sent before the sink was started.

        Raises:
            DamagedReceipts: a line is none that a sink writes.
            SinkFilesUnusable: the file cannot be read.
        """
        found: dict[int, float] = {}
        for offset, number, fields in read_lines(self._path, lambda _: None):
            try:
                if "end" in fields:
                    found.pop(int(fields["end"]), None)
                else:
                    found[offset] = float(fields["due"])
            except (KeyError, TypeError, ValueError) as error:
                raise damaged(Where(str(self._path), line=number), repr(error)) from error
        return found

    def put(self, comeback: Comeback, cause: Cause) -> tuple[int, float]:
        """Write down that this is to be sent; returns its number and when it is due.

        Raises:
            OSError: it was not written.
        """
        due = cause.accepted_at + comeback.after_s
        line = {
            "due": due,
            "comeback": asdict(comeback),
            "cause": {
                **asdict(cause),
                "header": cause.header[:_HEADER_MAX].decode("latin-1"),
            },
        }
        return self._file.append(_as_line(line)), due

    def get(self, number: int) -> Waiting:
        """A mail that is to be sent.

        Raises:
            DamagedReceipts: the line is none that a sink writes.
            SinkFilesUnusable: the file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(number)
                line = file.readline()
        except OSError as error:
            raise unreadable(self._path, error) from error
        where = Where(str(self._path), key=f"byte {number}")
        fields = parse_line(line, where)
        try:
            cause, comeback = fields["cause"], fields["comeback"]
            return Waiting(
                number,
                float(fields["due"]),
                Comeback(**{**comeback, "kind": Kind(comeback["kind"])}),
                Cause(**{**cause, "header": cause["header"].encode("latin-1")}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(where, repr(error)) from error

    def ended(self, number: int, at: float, reply: str, *, is_delivered: bool, digest: str) -> None:
        """Write down how it ended; raises OSError."""
        line = {
            "end": number,
            "sink": self._sink,
            "at": at,
            "reply": reply,
            "delivered": is_delivered,
            "digest": digest,
        }
        self._file.append(_as_line(line))

    def close(self) -> None:
        """Safe to call twice."""
        self._file.close()


def still_waiting(directory: Path) -> int:
    """How many mails of all sinks are still to be sent; raises what ``read_ended`` does."""
    waiting: set[tuple[str, int]] = set()
    for path in sorted((directory / _FOLDER).glob("*.jsonl")):
        for offset, number, fields in read_lines(path, lambda _: None):
            if "end" in fields:
                waiting.discard((path.name, _ended(fields, Where(str(path), line=number)).number))
            else:
                waiting.add((path.name, offset))
    return len(waiting)


def read_ended(directory: Path) -> Iterator[Ended]:
    """What became of all mail that the sinks sent back, sink by sink.

    Raises:
        DamagedReceipts: a line is none that a sink writes.
        SinkFilesUnusable: a file cannot be read.
    """
    for path in sorted((directory / _FOLDER).glob("*.jsonl")):
        for _, number, fields in read_lines(path, lambda _: None):
            if "end" in fields:
                yield _ended(fields, Where(str(path), line=number))


def _ended(fields: dict[str, Any], where: Where) -> Ended:
    try:
        return Ended(
            int(fields["end"]),
            str(fields["sink"]),
            float(fields["at"]),
            str(fields["reply"]),
            bool(fields["delivered"]),
            str(fields["digest"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(where, repr(error)) from error


def _path(directory: Path, sink: str) -> Path:
    return directory / _FOLDER / f"{sink}.jsonl"


def _as_line(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
