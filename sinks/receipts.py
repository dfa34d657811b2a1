"""Receipts: what each sink accepted, one line each, written before the sender hears of it.

Beside them stands what it refused. The files are JSON lines, one pair for each sink:
``receipts/SINK.jsonl`` and ``receipts/SINK.refusals.jsonl``. A receipt's id is the sink's name and
the offset of its line, so it is found without reading the file.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from mail.errors import Where
from sinks.append_file import AppendFile, Opens
from sinks.errors import NoSuchMessage
from sinks.headers import message_id
from sinks.json_lines import damaged, parse_line, read_lines, read_lines_backward, unreadable

_FOLDER: Final = "receipts"
_REFUSALS: Final = ".refusals.jsonl"
_RECEIPTS: Final = ".jsonl"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class InboxPlace:
    """Where a content stands in its sink's inbox file, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """One accepted message, for all its recipients."""

    id: str
    time: float  # seconds since 1970-01-01 UTC
    sink: str
    peer_ip: str
    ehlo: str
    tls: bool
    mail_from: str  # empty: the null sender of bounces
    rcpt_to: tuple[str, ...]
    message_id: str | None  # as its header says, with the angle brackets
    size: int  # bytes of the content, lines ending in CRLF, dots unstuffed
    sha256: str  # of that content
    inbox: InboxPlace | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal, as the sender heard it."""

    time: float
    sink: str
    peer_ip: str
    stage: str
    mail_from: str | None  # None: before MAIL
    rcpt_to: tuple[str, ...]
    reply: str | None  # None: the connection ended without one


class Peer(NamedTuple):
    """Who is connected."""

    ip: str
    ehlo: str = ""
    tls: bool = False


class ReceiptLog:
    """The two files of one sink, open for writing."""

    def __init__(self, directory: Path, sink: str, opens: Opens = AppendFile) -> None:
        """Open both; raises SinkFilesUnusable."""
        folder = directory / _FOLDER
        self._sink = sink
        self._receipts = opens(folder / f"{sink}{_RECEIPTS}", lines=True)
        self._refusals = opens(folder / f"{sink}{_REFUSALS}", lines=True)

    def accepted(
        self,
        peer: Peer,
        mail_from: str,
        rcpt_to: Sequence[str],
        content: bytes,
        *,
        time: float,
        inbox: InboxPlace | None,
    ) -> str:
        """Write a receipt and return its id.

        Raises:
            OSError: it was not written, so the message must not be accepted.
        """
        line = {
            "time": time,
            "sink": self._sink,
            "peer_ip": peer.ip,
            "ehlo": peer.ehlo,
            "tls": peer.tls,
            "mail_from": mail_from,
            "rcpt_to": rcpt_to,
            "message_id": message_id(content),
            "size": len(content),
            "sha256": sha256(content).hexdigest(),
            "inbox": inbox,
        }
        return f"{self._sink}-{self._receipts.append(_as_line(line))}"

    def refused(
        self,
        peer: Peer,
        stage: str,
        mail_from: str | None,
        rcpt_to: Sequence[str],
        reply: str | None,
        *,
        time: float,
    ) -> None:
        """Write down a refusal; raises OSError."""
        line = {
            "time": time,
            "sink": self._sink,
            "peer_ip": peer.ip,
            "stage": stage,
            "mail_from": mail_from,
            "rcpt_to": rcpt_to,
            "reply": reply,
        }
        self._refusals.append(_as_line(line))

    def close(self) -> None:
        """Safe to call twice."""
        self._receipts.close()
        self._refusals.close()


class Records(Iterator[_T], Generic[_T]):
    """What files hold, one after the other; ``torn`` lists those whose last line is unfinished."""

    def __init__(self, paths: Sequence[Path], make: "_Maker[_T]") -> None:
        self.torn: list[Path] = []
        self._records = self._read(paths, make)

    def __next__(self) -> _T:
        return next(self._records)

    def _read(self, paths: Sequence[Path], make: "_Maker[_T]") -> Iterator[_T]:
        for path in paths:
            for offset, number, fields in read_lines(path, self.torn.append):
                yield _made(make, fields, offset, Where(str(path), line=number))


_Maker = Callable[[dict[str, Any], int], _T]


def read_receipts(directory: Path) -> Records[Receipt]:
    """All receipts, sink by sink, in the order in which each sink accepted.

    Streams: a file that grows meanwhile may be read to its new end. While iterating it raises
    DamagedReceipts (a line that is no receipt) and SinkFilesUnusable.
    """
    return Records([_path(directory, sink) for sink in sinks_with_receipts(directory)], _receipt)


def read_refusals(directory: Path) -> Records[Refusal]:
    """All refusals, sink by sink; see ``read_receipts``."""
    return Records(sorted((directory / _FOLDER).glob(f"*{_REFUSALS}")), _refusal)


def receipts_since(directory: Path, sink: str, offset: int) -> Iterator[tuple[Receipt, int]]:
    """The receipts of one sink from a place in its file on, each with the place after it.

    A last line that is not whole yet is left for the next time.

    Raises:
        DamagedReceipts: a line is no receipt.
        SinkFilesUnusable: the file cannot be read.
    """
    path = _path(directory, sink)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                where = Where(str(path), key=f"byte {offset}")
                receipt = _made(_receipt, parse_line(line, where), offset, where)
                offset += len(line)
                yield receipt, offset
    except OSError as error:
        raise unreadable(path, error) from error


def receipt_files(directory: Path) -> dict[str, int]:
    """How long each sink's file of receipts is, in bytes, by the sink's name."""
    return {sink: _path(directory, sink).stat().st_size for sink in sinks_with_receipts(directory)}


def newest_receipts(directory: Path, sink: str) -> Iterator[Receipt]:
    """The receipts of one sink, the last one first.

    Raises:
        DamagedReceipts: a line is no receipt.
        SinkFilesUnusable: the file cannot be read.
    """
    path = _path(directory, sink)
    if path.exists():
        for offset, fields in read_lines_backward(path):
            yield _made(_receipt, fields, offset, Where(str(path), key=f"byte {offset}"))


def newest_refusals(directory: Path, sink: str) -> Iterator[Refusal]:
    """The refusals of one sink, the last one first; raises as ``newest_receipts``."""
    path = directory / _FOLDER / f"{sink}{_REFUSALS}"
    if path.exists():
        for offset, fields in read_lines_backward(path):
            yield _made(_refusal, fields, offset, Where(str(path), key=f"byte {offset}"))


def written(directory: Path, sink: str, bytes_max: int) -> tuple[int, int] | None:
    """How many receipts and refusals a sink has written; None: its files are larger than that.

    Raises:
        SinkFilesUnusable: a file cannot be read.
    """
    folder = directory / _FOLDER
    paths = [folder / f"{sink}{_RECEIPTS}", folder / f"{sink}{_REFUSALS}"]
    if sum(path.stat().st_size for path in paths if path.exists()) > bytes_max:
        return None
    receipts, refusals = (_lines(path) if path.exists() else 0 for path in paths)
    return receipts, refusals


def _lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise unreadable(path, error) from error


def receipt_by_id(directory: Path, receipt_id: str) -> Receipt:
    """The receipt of this id.

    Raises:
        NoSuchMessage: there is none.
        DamagedReceipts: its line is no receipt.
        SinkFilesUnusable: the file cannot be read.
    """
    sink, _, number = receipt_id.rpartition("-")
    if sink in sinks_with_receipts(directory) and number.isascii() and number.isdigit():
        path, offset = _path(directory, sink), int(number)
        line = _line_at(path, offset)
        if line is not None:
            where = Where(str(path), key=f"byte {offset}")
            return _made(_receipt, parse_line(line, where), offset, where)
    raise NoSuchMessage(
        f"no sink has received a message {receipt_id!r}",
        remedy="Ids look like mx1-2048; `mtalab inbox` lists them.",
    )


def sinks_with_receipts(directory: Path) -> list[str]:
    """The names of the sinks that have a file of receipts, sorted."""
    files = (directory / _FOLDER).glob(f"*{_RECEIPTS}")
    return sorted(
        path.name.removesuffix(_RECEIPTS) for path in files if not path.name.endswith(_REFUSALS)
    )


def _path(directory: Path, sink: str) -> Path:
    return directory / _FOLDER / f"{sink}{_RECEIPTS}"


def _line_at(path: Path, offset: int) -> bytes | None:
    """The whole line that begins at the offset, or None if none does."""
    try:
        with path.open("rb") as file:
            if offset >= os.fstat(file.fileno()).st_size:
                return None
            file.seek(max(0, offset - 1))
            if offset and file.read(1) != b"\n":
                return None
            line = file.readline()
    except OSError as error:
        raise unreadable(path, error) from error
    return line if line.endswith(b"\n") else None


def _as_line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def _made(make: _Maker[_T], fields: dict[str, Any], offset: int, where: Where) -> _T:
    try:
        return make(fields, offset)
    except KeyError as error:
        raise damaged(where, f"it has no {error}") from error
    except (TypeError, ValueError) as error:
        raise damaged(where, str(error)) from error


def _receipt(fields: dict[str, Any], offset: int) -> Receipt:
    inbox, sink = fields["inbox"], str(fields["sink"])
    message = fields["message_id"]
    return Receipt(
        id=f"{sink}-{offset}",
        time=float(fields["time"]),
        sink=sink,
        peer_ip=str(fields["peer_ip"]),
        ehlo=str(fields["ehlo"]),
        tls=bool(fields["tls"]),
        mail_from=str(fields["mail_from"]),
        rcpt_to=tuple(fields["rcpt_to"]),
        message_id=None if message is None else str(message),
        size=int(fields["size"]),
        sha256=str(fields["sha256"]),
        inbox=None if inbox is None else InboxPlace(int(inbox["offset"]), int(inbox["length"])),
    )


def _refusal(fields: dict[str, Any], _offset: int) -> Refusal:
    sender, reply = fields["mail_from"], fields["reply"]
    return Refusal(
        time=float(fields["time"]),
        sink=str(fields["sink"]),
        peer_ip=str(fields["peer_ip"]),
        stage=str(fields["stage"]),
        mail_from=None if sender is None else str(sender),
        rcpt_to=tuple(fields["rcpt_to"]),
        reply=None if reply is None else str(reply),
    )
