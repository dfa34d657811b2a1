"""The outbox when its journal cannot be written."""

import asyncio

from mta.journal import Journal
from mta.outbox import Outbox
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
