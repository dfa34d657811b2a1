"""The ledger: what readers really did, a JSON line each.

An act is begun in a file of its own (``begun.jsonl``) before its request goes out, and stands in
``ledger.jsonl`` when it is known what came of it. What a killed process left begun is written down
as ``doubt`` by the next one, and not done again: so no act is done twice, and none is passed over
in silence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from mail.errors import Where
from tracking.readers.errors import DamagedLedger, LedgerUnwritable

FOLDER: Final = "readers"
_LEDGER: Final = "ledger.jsonl"
_BEGUN: Final = "begun.jsonl"
_BEGUN_MAX: Final = 10_000  # lines of it, before it is made anew


class Result(StrEnum):
    """What came of an act."""

    DONE = "done"  # the server answered
    UNSEEN = "unseen"  # done, with no request that anybody could see
    ELSEWHERE = "elsewhere"  # the link leads to where readers do not go
    NOTHING = "nothing"  # there was nothing to follow in the message
    FAILED = "failed"  # no server was reached, however often it was tried
    DOUBT = "doubt"  # the request may have arrived: no answer was read


@dataclass(frozen=True, slots=True)
class Entry:
    """A line; times in epoch seconds."""

    key: str  # of message, recipient, act and request: no other entry has it
    at: float  # when it was begun
    answered_at: float | None
    act: str  # plan.What
    who: str  # plan.Who
    is_machine: bool
    persona: str
    recipient: str
    delivery_id: int | None  # None: no mail of this lab
    message_id: int | None
    receipt: str  # its id
    request: int  # from 0: the first one stands for the act
    is_last: bool  # nothing more will be done of this act
    method: str = ""
    url: str = ""
    status: int | None = None  # of the answer
    location: str = ""  # where it leads, which is not followed
    cookie: str = ""  # that it gave: name=value
    result: str = Result.DONE

    @property
    def act_key(self) -> str:
        return self.key.rpartition(" ")[0]

    def as_line(self) -> bytes:
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)


class Appends(Protocol):
    """A file that grows by whole pieces; a torn last line is cut off when it is opened."""

    def append(self, piece: bytes, /) -> int: ...

    def close(self) -> None: ...


class Ledger:
    """Open for writing; it remembers what is over, so that nothing is done twice."""

    def __init__(self, directory: Path, opens: Callable[[Path], Appends]) -> None:
        """Open it, and settle what a killed process left begun.

        Args:
            directory: the lab's data.
            opens: makes a file to append to.

        Raises:
            DamagedLedger: a line is none of ours.
            LedgerUnwritable: a file cannot be read or written.
        """
        folder = directory / FOLDER
        self._over: set[str] = set()  # acts
        self._done: dict[str, set[str]] = {}  # requests of acts that are not over
        self.cookies: dict[tuple[str, str], list[str]] = {}  # recipient and who → as given
        begun_path = folder / _BEGUN
        try:
            for each in entries(directory):
                self._take(each)
            begun = list(_read(begun_path))
            self._ledger = opens(folder / _LEDGER)
            for each in begun:
                if not self.is_done(each.act_key, each.key):
                    self._write(replace(each, result=Result.DOUBT))
            self._begun = _Begun(begun_path, opens)
        except OSError as error:
            raise _unwritable(folder, error) from error

    def is_over(self, act_key: str) -> bool:
        """Whether nothing more is to be done of an act."""
        return act_key in self._over

    def is_begun(self, act_key: str) -> bool:
        """Whether some of it is done."""
        return act_key in self._done or act_key in self._over

    def requests(self, act_key: str) -> int:
        """How many requests of an act that is not over are done."""
        return len(self._done.get(act_key, ()))

    def is_done(self, act_key: str, key: str) -> bool:
        """Whether one of its requests is."""
        return act_key in self._over or key in self._done.get(act_key, ())

    def forget(self, act_key: str) -> None:
        """Nothing more will be done of it, though no line says so."""
        self._over.add(act_key)
        self._done.pop(act_key, None)

    def begin(self, entry: Entry) -> None:
        """Say what is about to be done; raises LedgerUnwritable: then it must not be."""
        try:
            self._begun.add(entry)
        except OSError as error:
            raise _unwritable(Path(FOLDER), error) from error

    def end(self, entry: Entry) -> None:
        """It did not come to a request after all."""
        self._begun.settle(entry)

    def write(self, entry: Entry) -> None:
        """Say what came of it; raises LedgerUnwritable."""
        self._write(entry)
        self._begun.settle(entry)

    def close(self) -> None:
        self._ledger.close()
        self._begun.close()

    def _write(self, entry: Entry) -> None:
        try:
            self._ledger.append(entry.as_line())
        except OSError as error:
            raise _unwritable(Path(FOLDER), error) from error
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        act = entry.act_key
        if entry.is_last:
            self._over.add(act)
            self._done.pop(act, None)
        elif act not in self._over:
            self._done.setdefault(act, set()).add(entry.key)
        if entry.cookie:
            self.cookies.setdefault((entry.recipient, entry.who), []).append(entry.cookie)


class _Begun:
    """What is begun and not settled; made anew whenever nothing is and it has grown."""

    def __init__(self, path: Path, opens: Callable[[Path], Appends]) -> None:
        self._path, self._opens = path, opens
        self._open: set[str] = set()
        self._file = self._anew()
        self._lines = 0

    def _anew(self) -> Appends:
        self._lines = 0
        self._path.unlink(missing_ok=True)
        return self._opens(self._path)

    def add(self, entry: Entry) -> None:
        if self._lines >= _BEGUN_MAX and not self._open:
            self._file.close()
            self._file = self._anew()
        self._file.append(entry.as_line())
        self._open.add(entry.key)
        self._lines += 1

    def settle(self, entry: Entry) -> None:
        self._open.discard(entry.key)

    def close(self) -> None:
        self._file.close()


def entries(directory: Path) -> Iterator[Entry]:
    """All lines in their order; without a ledger none. A torn last line is passed over.

    Raises:
        DamagedLedger: a line is none of ours.
        LedgerUnwritable: the file cannot be read.
    """
    try:
        yield from _read(directory / FOLDER / _LEDGER)
    except OSError as error:
        raise _unwritable(directory / FOLDER, error) from error


def _read(path: Path) -> Iterator[Entry]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                given: Any = orjson.loads(line)
                yield Entry(**given)
            except (orjson.JSONDecodeError, TypeError) as error:
                raise DamagedLedger(
                    f"this line is not what readers write: {error}",
                    where=Where(str(path), line=number),
                    remedy="The file was changed by something else. Restore it, or delete it.",
                ) from error


def _unwritable(folder: Path, error: OSError) -> LedgerUnwritable:
    return LedgerUnwritable(
        f"the readers' ledger in {folder} cannot be used: {error.strerror or error}",
        remedy="Check the folder's permissions and the free space.",
    )
