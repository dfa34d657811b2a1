"""The inbox as a whole: all mails of all sinks, the newest first, and what may be done with them.

One process has one of it, several processes may have the same. It is asked from several threads.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from lab.inbox.index import Entry, SinkIndex
from lab.inbox.marks import Key, Marks, key_of
from lab.inbox.mime import Mail
from lab.inbox.query import Candidate, Term
from lab.inbox.summary import Summary
from lab.inbox.tags import checked_tags
from sinks.errors import NoSuchMessage
from sinks.inbox import content
from sinks.receipts import Receipt, receipt_by_id, receipt_files

LATEST: Final = "latest"


class Listed(NamedTuple):
    """One mail of a list."""

    entry: Entry
    summary: Summary
    is_read: bool
    tags: tuple[str, ...]


class Found(NamedTuple):
    """A page of a list, and how much there is; ``unread`` of what was found."""

    mails: list[Listed]
    count: int
    unread: int


class Opened(NamedTuple):
    """One mail with its content."""

    entry: Entry
    receipt: Receipt
    mail: Mail
    tags: tuple[str, ...]


class Counts(NamedTuple):
    """Of the whole inbox; ``tags`` are sorted, each with how many mails have it."""

    total: int
    unread: int
    tags: dict[str, int]
    deleted: int


class Inbox:
    """The mails that the sinks of one lab kept. Each call sees what is there by now.

    Each may raise DamagedReceipts and SinkFilesUnusable, as far as files are not as they should be.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.RLock()
        self._marks = Marks(directory)
        self._indexes: dict[str, SinkIndex] = {}
        self._entries: list[Entry] = []  # of mails that are not deleted, the oldest first
        self._by_id: dict[str, Entry] = {}
        self._taken: dict[str, int] = {}  # how many entries of each index are in the list
        self._deleted = 0

    def counts(self) -> Counts:
        with self._seen():
            totals: dict[str, int] = {}
            for each in self._tagged():
                for tag in self._tags(each):
                    totals[tag] = totals.get(tag, 0) + 1
            tags = dict(sorted(totals.items(), key=lambda each: each[0].lower()))
            unread = len(self._entries) - len(self._marks.read)
            return Counts(len(self._entries), unread, tags, self._deleted)

    def newest(self, start: int, limit: int, *, before: float | None = None) -> Found:
        """A page of all mails, the last one first; ``before``: received before that time."""
        with self._seen():
            if before is None:
                last = len(self._entries) - start
                page = self._entries[max(0, last - limit) : max(0, last)][::-1]
                unread = len(self._entries) - len(self._marks.read)
                return Found(self._listed(page), len(self._entries), unread)
            found = [each for each in reversed(self._entries) if each.time < before]
            return self._found(found, start, limit)

    def search(
        self, terms: Collection[Term], start: int, limit: int, *, before: float | None = None
    ) -> Found:
        """A page of the mails for which all terms hold, the last one first."""
        with self._seen():
            found = [
                each for each in self._matching(terms) if before is None or each.time < before
            ]
            return self._found(found[::-1], start, limit)

    def ids(self, terms: Collection[Term] | None = None) -> list[str]:
        """The ids of all mails, or of those for which all terms hold, the oldest first."""
        with self._seen():
            return [each.id for each in (self._entries if terms is None else self._matching(terms))]

    def open(self, mail_id: str) -> Opened:
        """One mail; ``latest`` is the last that was received. Raises NoSuchMessage."""
        with self._seen():
            entry = self._entry(mail_id)
            receipt = receipt_by_id(self._directory, entry.id)
            return Opened(
                entry, receipt, Mail(content(self._directory, receipt)), self._tags(entry)
            )

    def set_read(self, ids: Iterable[str], *, is_read: bool) -> None:
        """Mark mails as read or unread; ids that there are none of are passed over."""
        with self._seen():
            self._marks.set_read(self._keys(ids), is_read=is_read)

    def delete(self, ids: Iterable[str]) -> None:
        """Show mails no more; ids that there are none of are passed over."""
        with self._seen():
            self._marks.delete(self._keys(ids))

    def set_tags(self, ids: Iterable[str], tags: Iterable[str]) -> None:
        """Let mails have these tags and no others. Raises BadTag."""
        checked = checked_tags(tags)
        with self._seen():
            self._marks.set_tags(dict.fromkeys(self._keys(ids), checked))

    def rename_tag(self, tag: str, name: str | None) -> bool:
        """Give a tag another name on all mails, or take it off, where the name is None.

        Returns:
            False: no mail has it.

        Raises:
            BadTag: the name is no tag.
        """
        new = [] if name is None else checked_tags([name])
        with self._seen():
            changed = {
                key_of(each): checked_tags(
                    [had for had in tags if had.lower() != tag.lower()] + new
                )
                for each in self._tagged()
                if tag.lower() in map(str.lower, tags := self._tags(each))
            }
            self._marks.set_tags(changed)
            return bool(changed)

    # --- what holds now --------------------------------------------------------------------

    def _seen(self) -> "_Seen":
        return _Seen(self._lock, self._look)

    def _look(self) -> None:
        """Take in what was received, and what others did to it."""
        sizes = receipt_files(self._directory)
        is_same = self._indexes.keys() <= sizes.keys()
        self._indexes = {
            sink: self._indexes.get(sink) or SinkIndex(self._directory, sink) for sink in sizes
        }
        for sink, size in sizes.items():
            is_same = self._indexes[sink].catch_up(size) and is_same
        self._marks.refresh()
        if not is_same:
            self._entries, self._by_id, self._taken = [], {}, {}
        self._take_in()

    def _take_in(self) -> None:
        gone = self._marks.deleted
        new = [
            entry
            for sink, index in self._indexes.items()
            for entry in index.entries[self._taken.get(sink, 0) :]
            if key_of(entry) not in gone
        ]
        if new:
            self._entries += new
            self._entries.sort()  # nearly sorted already, which is quick
            self._by_id.update((each.id, each) for each in new)
        self._taken = {sink: len(index.entries) for sink, index in self._indexes.items()}
        if len(self._entries) + self._hidden() != sum(self._taken.values()):
            self._entries = [each for each in self._entries if key_of(each) not in gone]
            self._by_id = {each.id: each for each in self._entries}
        self._deleted = sum(self._taken.values()) - len(self._entries)

    def _entry(self, mail_id: str) -> Entry:
        if mail_id == LATEST and self._entries:
            return self._entries[-1]
        found = self._by_id.get(mail_id)
        if found is None:
            raise NoSuchMessage(
                f"the inbox has no message {mail_id!r}",
                remedy="It was deleted, or no sink received and kept it.",
            )
        return found

    def _keys(self, ids: Iterable[str]) -> list[Key]:
        found = (self._by_id.get(each) for each in ids)
        return [key_of(each) for each in found if each is not None]

    def _tags(self, entry: Entry) -> tuple[str, ...]:
        given = self._marks.tags.get(key_of(entry))
        return self._indexes[entry.sink].tags.get(entry.offset, ()) if given is None else given

    def _tagged(self) -> Iterator[Entry]:
        """Mails that have tags, or had."""
        ids = {key[0] for key in self._marks.tags}
        ids |= {f"{sink}-{each}" for sink, index in self._indexes.items() for each in index.tags}
        return (self._by_id[each] for each in ids & self._by_id.keys())

    # --- finding ---------------------------------------------------------------------------

    def _matching(self, terms: Collection[Term]) -> Iterator[Entry]:
        with_words = [self._with(each) for each in terms if _narrows(each)]
        without = [self._with(each) for each in terms if each.is_all and each.is_not]
        others = [each for each in terms if not each.is_all]
        read = self._marks.read
        for entry in self._entries:
            place = (entry.sink, entry.offset)
            if not all(place in each for each in with_words):
                continue
            if any(place in each for each in without):
                continue
            candidate = Candidate(
                entry.time, key_of(entry) in read, self._tags(entry), self._reader(entry)
            )
            if all(each.holds(candidate) != each.is_not for each in others):
                yield entry

    def _with(self, term: Term) -> set[tuple[str, int]]:
        return {
            (sink, offset)
            for sink, index in self._indexes.items()
            for offset in index.with_words(term.words)
        }

    def _reader(self, entry: Entry) -> Callable[[], Summary]:
        return cache(lambda: self._indexes[entry.sink].summaries([entry])[entry.id])

    def _found(self, found: list[Entry], start: int, limit: int) -> Found:
        unread = sum(key_of(each) not in self._marks.read for each in found)
        return Found(self._listed(found[start : start + limit]), len(found), unread)

    def _listed(self, entries: Collection[Entry]) -> list[Listed]:
        summaries: dict[str, Summary] = {}
        for sink in {each.sink for each in entries}:
            own = [each for each in entries if each.sink == sink]
            summaries |= self._indexes[sink].summaries(own)
        return [
            Listed(each, summaries[each.id], key_of(each) in self._marks.read, self._tags(each))
            for each in entries
        ]


def _narrows(term: Term) -> bool:
    return bool(term.words) and not term.is_not


class _Seen:
    """The inbox as of now, for one thread at a time."""

    def __init__(self, lock: threading.RLock, look: Callable[[], None]) -> None:
        self._lock, self._look = lock, look

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._look()
        except BaseException:
            self._lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._lock.release()
