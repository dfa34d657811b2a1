"""The outbox when its journal cannot be written."""

import asyncio
import contextlib

from mta import outbox as outboxes
from mta.journal import Journal, read
from mta.outbox import Outbox
from store.errors import StoreUnavailable
from store.transitions import Author, Recorded
from tests.fakes.clock import FakeClock
from tests.unit.mta.test_journal import outcome


class Settled:
    """A store that takes every settlement."""

    def __init__(self):
        self.reports = []

    async def write(self, _operation, _author, report, _at):
        self.reports.append(report)
        return Recorded(len(report.outcomes), 0, 0)


class FullDisk(Journal):
    is_full = True

    def append(self, outcome):
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().append(outcome)


def test_nothing_more_is_begun_until_what_has_no_record_is_in_the_store(tmp_path):
    async def day():
        store, journal = Settled(), FullDisk(tmp_path / "j")
        outbox = Outbox(store, FakeClock(), Author("m", 1), journal, lambda *_: None)
        outbox.add(outcome(1))
        assert outbox.is_full
        assert "No space left" in outbox.trouble
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outbox.run())
            outbox.stop()
        assert [each.outcomes for each in store.reports] == [[outcome(1)]]
        assert not outbox.is_full
        assert outbox.trouble is None
        journal.close(remove=True)

    asyncio.run(day())


class Away:
    """A store that is away."""

    async def write(self, *_):
        raise StoreUnavailable("the server is gone", remedy="start it")


def test_one_that_stops_while_the_store_is_away_leaves_it_to_the_journal(tmp_path):
    async def day():
        journal = Journal(tmp_path / "j")
        outbox = Outbox(Away(), FakeClock(), Author("m", 1), journal, lambda *_: None)
        outbox.add(outcome(1))
        outbox.stop()
        await asyncio.wait_for(outbox.run(), 30)
        journal.close(remove=False)
        assert read(tmp_path / "j") == ([outcome(1)], 0)

    asyncio.run(day())


def test_what_has_no_record_is_not_left_behind_even_then(tmp_path, monkeypatch):
    monkeypatch.setattr(outboxes, "RETRY_AFTER_S", 0.01)

    class Returning(Settled):
        attempts = 0

        async def write(self, *what):
            self.attempts += 1
            if self.attempts < 5:
                raise StoreUnavailable("the server is gone", remedy="start it")
            return await super().write(*what)

    async def day():
        store, journal = Returning(), FullDisk(tmp_path / "j")
        outbox = Outbox(store, FakeClock(), Author("m", 1), journal, lambda *_: None)
        outbox.add(outcome(1))
        outbox.stop()
        await asyncio.wait_for(outbox.run(), 30)
        assert [each.outcomes for each in store.reports] == [[outcome(1)]]
        journal.close(remove=True)

    asyncio.run(day())


class CountingJournal(Journal):
    writes = ()

    def append(self, outcomes):
        self.writes = (*self.writes, [each.message_id for each in outcomes])
        super().append(outcomes)


def test_what_is_added_together_is_journalled_with_one_write_before_it_is_left(tmp_path):
    async def day():
        journal = CountingJournal(tmp_path / "j")
        outbox = Outbox(Settled(), FakeClock(), Author("m", 1), journal, lambda *_: None)
        outbox.add(outcome(1))
        with outbox.together():
            outbox.add(outcome(2))
            outbox.add(outcome(3))
            assert journal.writes == ([1],)
        assert journal.writes == ([1], [2, 3])
        with contextlib.suppress(RuntimeError), outbox.together():
            outbox.add(outcome(4))
            raise RuntimeError
        assert journal.writes[-1] == [4], "what was told is written down all the same"
        outbox.add(outcome(5))
        assert journal.writes[-1] == [5]
        assert [each.message_id for each in read(journal.path)[0]] == [1, 2, 3, 4, 5]

    asyncio.run(day())


def test_a_full_disk_exposes_all_that_were_added_together(tmp_path):
    async def day():
        journal = FullDisk(tmp_path / "j")
        outbox = Outbox(Settled(), FakeClock(), Author("m", 1), journal, lambda *_: None)
        with outbox.together():
            outbox.add(outcome(1))
            outbox.add(outcome(2))
        assert outbox.is_full
        assert read(journal.path)[0] == []

    asyncio.run(day())
