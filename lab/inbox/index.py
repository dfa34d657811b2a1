"""The index of one sink's inbox: ``inbox/SINK.index``, a line for each mail that was kept.

It is what a list shows and what a search looks through, so that no mail is read twice; it can be
deleted at any time. It grows as far as the receipts have grown whenever somebody asks. A line is
``[offset of the receipt, its end, its time, summary]``, a tab, and the words of the mail as a text
in JSON, which has no tab in it: so a search runs over the file as it lies on the disk.
"""

import mmap
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import orjson

from lab.inbox.locked_file import locked, whole_lines
from lab.inbox.mime import Mail
from lab.inbox.summary import Summary, summary_from, summary_of, words_for_search
from sinks.errors import NoSuchMessage
from sinks.inbox import content
from sinks.receipts import receipt_by_id, receipts_since

_BATCH: Final = 300  # mails taken in at a time: a tenth of a second
_SIZE, _TAGS = -4, -1  # where a summary has its size, followed by two numbers, and its tags


class Entry(NamedTuple):
    """One mail of an index; it is in the order of its time, then of its sink and place."""

    time: float
    sink: str
    offset: int  # of its receipt
    start: int  # of its line in the index
    end: int
    size: int  # bytes of the mail
    attachments: int
    inlines: int

    @property
    def id(self) -> str:
        """As ``mtalab inbox`` calls it."""
        return f"{self.sink}-{self.offset}"


class SinkIndex:
    """The index of one sink, as far as this process knows it."""

    def __init__(self, directory: Path, sink: str) -> None:
        self._directory, self.sink = directory, sink
        self.is_behind = False  # whether the last look left receipts for the next one
        self._path = directory / "inbox" / f"{sink}.index"
        self._forget()

    def _forget(self) -> None:
        self.entries: list[Entry] = []
        self._starts: list[int] = []
        self._file_id = (0, 0)  # device and inode
        self._known_to = 0  # bytes of the index
        self._receipts_to = 0  # bytes of the receipts
        self.tags: dict[int, tuple[str, ...]] = {}  # by the receipt's offset, where there are any

    def catch_up(self, size: int) -> bool:
        """Go as far as the receipts, which are ``size`` bytes long, or one batch of mails.

        ``is_behind`` tells afterwards whether there are more.

        Returns:
            False: all that was known before is void, since the receipts are others.

        Raises:
            DamagedReceipts, SinkFilesUnusable: files of the sink cannot be read or written.
        """
        self.is_behind = False
        if self._receipts_to == size and self._is_same():
            return True
        is_same = self._is_same() and self._receipts_to <= size
        if not is_same:
            self._forget()
        with locked(self._path) as file:
            if not self._take_in(file) or not self._fits(size):
                file.truncate(0)
                self._forget()
                is_same = False
            file.truncate(self._known_to)  # a torn line of a killed process
            file.seek(self._known_to)
            to, lines = self._missing()
            file.write(b"".join(lines))
            file.flush()
            for each in lines:
                self._learn(each)
            self._receipts_to = to  # beyond receipts of what was not kept, too
            self.is_behind = len(lines) >= _BATCH
            found = self._path.stat()
            self._file_id = (found.st_dev, found.st_ino)
        return is_same

    def _is_same(self) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return not self._known_to
        is_ours = self._file_id == (found.st_dev, found.st_ino) or not self._known_to
        return is_ours and found.st_size >= self._known_to

    def _take_in(self, file: BinaryIO) -> bool:
        """Read what others wrote; False: it is no index of ours."""
        try:
            for line in whole_lines(file, self._known_to):
                self._learn(line)
        except (ValueError, TypeError, IndexError, KeyError):
            return False
        return True

    def _learn(self, line: bytes) -> None:
        offset, end, time, summary = orjson.loads(line.partition(b"\t")[0])
        start = self._known_to
        self._known_to += len(line)
        self.entries.append(
            Entry(time, self.sink, offset, start, self._known_to, *summary[_SIZE:_TAGS])
        )
        self._starts.append(start)
        if summary[_TAGS]:
            self.tags[offset] = tuple(summary[_TAGS])
        self._receipts_to = end

    def _fits(self, size: int) -> bool:
        """Whether the last mail of the index is one that the sink has a receipt of."""
        if not self.entries:
            return True
        last = self.entries[-1]
        if self._receipts_to > size:
            return False
        try:
            return receipt_by_id(self._directory, last.id).time == last.time
        except NoSuchMessage:
            return False

    def _missing(self) -> tuple[int, list[bytes]]:
        """Lines of mails that are not in the index, and the end of the last receipt looked at."""
        lines: list[bytes] = []
        to = self._receipts_to
        for receipt, end in receipts_since(self._directory, self.sink, to):
            to = end
            if receipt.inbox is None:
                continue
            mail = Mail(content(self._directory, receipt))
            summary = summary_of(receipt, mail)
            place = int(receipt.id.rpartition("-")[2])
            words = words_for_search(summary, mail)
            head = orjson.dumps([place, end, receipt.time, summary.as_line()])
            lines.append(head + b"\t" + orjson.dumps(words) + b"\n")
            if len(lines) >= _BATCH:
                break
        return to, lines

    @contextmanager
    def open(self) -> Iterator[mmap.mmap]:
        """Its lines, for ``summary``; there must be some."""
        with (
            self._path.open("rb") as file,
            mmap.mmap(file.fileno(), self._known_to, access=mmap.ACCESS_READ) as lines,
        ):
            yield lines

    def with_words(self, words: str) -> set[int]:
        """The offsets of receipts of mails that hold these words, which are in lower case."""
        needle = orjson.dumps(words)[1:-1]  # as it stands in a line
        found: set[int] = set()
        if not self.entries:
            return found
        with self.open() as lines:
            at = lines.find(needle)
            while at >= 0:
                entry = self.entries[bisect_right(self._starts, at) - 1]
                begin = lines.find(b"\t", entry.start) + 1
                if at >= begin:
                    found.add(entry.offset)
                at = lines.find(needle, entry.end if at >= begin else begin)
        return found


def summary(lines: mmap.mmap, entry: Entry) -> Summary:
    """What an index, opened, tells of one of its mails."""
    head = lines[entry.start : lines.find(b"\t", entry.start)]
    return summary_from(orjson.loads(head)[3])
