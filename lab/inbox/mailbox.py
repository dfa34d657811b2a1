"""The inbox as a whole: all mails of all sinks, the newest first, and what may be done with them.

One process has one of it, several processes may have the same. It is asked from several threads.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from mmap import mmap
from pathlib import Path
from typing import Final, NamedTuple

from lab.inbox.index import Entry, SinkIndex, summary
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
    total: int
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

    Many mails that nobody looked at before take a while, some 3,000 a second: ``look`` takes in
    some of them, and the others wait for all unless they are told ``waits=False``. Each may raise
    DamagedReceipts and SinkFilesUnusable, as far as files are not as they should be.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.RLock()
        self._marks = Marks(directory)
        self._indexes: dict[str, SinkIndex] = {}
        self._entries: list[Entry] = []  # of mails that are not deleted, the oldest first
        self._by_id: dict[str, Entry] = {}
        self._taken: dict[str, int] = {}  # how many entries of each index are in the list
        self._gone = 0  # marks of deletion when the list was made
        self._unread: tuple[object, int] = ((), 0)  # as of when, and how many

    def counts(self, *, waits: bool = True) -> Counts:
        with self._seen(waits=waits):
            totals: dict[str, int] = {}
            for each in self._tagged():
                for tag in self._tags(each):
                    totals[tag] = totals.get(tag, 0) + 1
            tags = dict(sorted(totals.items(), key=lambda each: each[0].lower()))
            deleted = sum(self._taken.values()) - len(self._entries)
            return Counts(len(self._entries), self._unread_now(), tags, deleted)

    @property
    def is_behind(self) -> bool:
        """Whether there were mails that the last call did not take in."""
        return any(each.is_behind for each in self._indexes.values())

    def look(self) -> None:
        """Take in some of what was received, a tenth of a second's worth."""
        with self._seen(waits=False):
            pass

    def newest(
        self, start: int, limit: int, *, before: float | None = None, waits: bool = True
    ) -> Found:
        """A page of all mails, the last one first; ``before``: received before that time."""
        with self._seen(waits=waits):
            if before is None:
                last = len(self._entries) - start
                page = self._entries[max(0, last - limit) : max(0, last)][::-1]
                return Found(self._listed(page), len(self._entries), self._unread_now())
            found = [each for each in reversed(self._entries) if each.time < before]
            return self._found(found, start, limit)

    def search(
        self,
        terms: Collection[Term],
        start: int,
        limit: int,
        *,
        before: float | None = None,
        waits: bool = True,
    ) -> Found:
        """A page of the mails for which all terms hold, the last one first."""
        with self._seen(waits=waits):
            found = [each for each in self._matching(terms) if before is None or each.time < before]
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

    @contextmanager
    def _seen(self, *, waits: bool = True) -> Iterator[None]:
        """The inbox as of now, for one thread at a time."""
        while True:  # others have their turn in between
            with self._lock:
                self._look()
                if not (waits and self.is_behind):
                    yield
                    return

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
        if len(gone) != self._gone:
            self._entries = [each for each in self._entries if key_of(each) not in gone]
            self._by_id = {each.id: each for each in self._entries}
            self._gone = len(gone)

    def _unread_now(self) -> int:
        stamp = (self._marks.stamp, len(self._entries))
        if self._unread[0] != stamp:
            found = ((self._by_id.get(mail_id), time) for mail_id, time in self._marks.read)
            read = sum(each is not None and each.time == time for each, time in found)
            self._unread = (stamp, len(self._entries) - read)
        return self._unread[1]

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

    def _matching(self, terms: Collection[Term]) -> list[Entry]:
        entries = self._entries
        for each in terms:
            if each.words and (each.is_all or not each.is_not):
                has = self._with(each.words)
                is_not = each.is_not
                entries = [one for one in entries if ((one.sink, one.offset) in has) != is_not]
        others = [each for each in terms if not each.is_all]
        if not others:
            return entries
        with ExitStack() as stack:
            files = self._opened(entries, stack)
            return [
                each for each in entries if _holds(others, self._candidate(each, files[each.sink]))
            ]

    def _opened(self, entries: Iterable[Entry], stack: ExitStack) -> dict[str, mmap]:
        sinks = {each.sink for each in entries}
        return {sink: stack.enter_context(self._indexes[sink].open()) for sink in sinks}

    def _candidate(self, entry: Entry, lines: mmap) -> Candidate:
        return Candidate(
            entry,
            key_of(entry) in self._marks.read,
            self._tags(entry),
            lambda: summary(lines, entry),
        )

    def _with(self, words: str) -> set[tuple[str, int]]:
        return {
            (sink, offset)
            for sink, index in self._indexes.items()
            for offset in index.with_words(words)
        }

    def _found(self, found: list[Entry], start: int, limit: int) -> Found:
        unread = sum(key_of(each) not in self._marks.read for each in found)
        return Found(self._listed(found[start : start + limit]), len(found), unread)

    def _listed(self, entries: Collection[Entry]) -> list[Listed]:
        with ExitStack() as stack:
            files = self._opened(entries, stack)
            return [
                Listed(
                    each,
                    summary(files[each.sink], each),
                    key_of(each) in self._marks.read,
                    self._tags(each),
                )
                for each in entries
            ]


def _holds(terms: Iterable[Term], candidate: Candidate) -> bool:
    return all(each.holds(candidate) != each.is_not for each in terms)
