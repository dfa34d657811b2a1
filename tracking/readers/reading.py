"""All readers at work: mail is planned as it arrives, and acts are done when they are due.

Each person's mail is in one hand, which does one act after the other: so a browser's cookies are
there before its next click. A restarted process plans all anew and leaves out what the ledger has.
"""

import asyncio
import contextlib
import heapq
import itertools
import zlib
from collections.abc import Callable
from typing import Final

from tracking.readers.acting import Acting
from tracking.readers.arrivals import Arrival
from tracking.readers.assigning import Persona, persona_of
from tracking.readers.browser import Browser
from tracking.readers.job import Job
from tracking.readers.plan import plan
from world.chance import SeededChance

HANDS: Final = 8  # requests at once
LOOK_S: Final = 0.25  # for new mail: a scanner is there within a second
LONGEST_WAIT_S: Final = 3600.0  # the machine may sleep, or its clock be set
_BREATH: Final = 500  # arrivals that are planned before others may run


class Readers:
    """Made once for a process."""

    def __init__(
        self, these: tuple[Persona, ...], acting: Acting, changed: Callable[[int], None]
    ) -> None:
        """Make them.

        Args:
            these: in the order of the file.
            acting: how they act.
            changed: is told how many acts wait, when all new mail is planned and when none does.
        """
        self._these, self._acting, self._changed = these, acting, changed
        self._heaps: list[list[Job]] = [[] for _ in range(HANDS)]
        self._news = [asyncio.Event() for _ in range(HANDS)]
        self._order = itertools.count()
        self._known: set[str] = set()  # messages, each once
        self._in_hand = 0

    @property
    def waiting(self) -> int:
        """Acts that are not over."""
        return sum(map(len, self._heaps)) + self._in_hand

    async def run(self) -> None:
        """For ever.

        Raises:
            LedgerUnwritable: nothing is done unwritten.
            DamagedReceipts, SinkFilesUnusable: mail cannot be found.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(), name="new mail")
            for number in range(HANDS):
                tasks.create_task(self._work(number), name=f"hand {number}")

    async def _look(self) -> None:
        is_first = True
        while True:
            count = 0
            for count, each in enumerate(self._acting.mailboxes.new(), start=1):
                self.plan(each)
                if count % _BREATH == 0:
                    await asyncio.sleep(0)
            if count or is_first:
                self._changed(self.waiting)
                is_first = False
            # Outcomes are in the store soon after their receipts: its changes are news of mail.
            await self._acting.asking.clock.doze(LOOK_S, about="store")

    def plan(self, arrival: Arrival) -> None:
        """Take note of a message: what is to be done of it waits for its time."""
        if arrival.key in self._known:
            return
        self._known.add(arrival.key)
        seed = self._acting.settings.seed
        persona = persona_of(self._these, seed, arrival.recipient)
        if persona is None:
            return
        number = zlib.crc32(arrival.recipient.encode("utf-8", "replace")) % HANDS
        for act in plan(persona.reader, SeededChance(f"{seed}/{arrival.key}")):
            job = Job(arrival.at + act.after_s, next(self._order), arrival, persona, act)
            if not self._acting.asking.ledger.is_over(job.key):
                heapq.heappush(self._heaps[number], job)
                self._news[number].set()

    async def _work(self, number: int) -> None:
        heap, news, clock = self._heaps[number], self._news[number], self._acting.asking.clock
        browser = Browser(clock)
        try:
            while True:
                left = heap[0].due - clock.now() if heap else LONGEST_WAIT_S
                if left <= 0:
                    await self._do(heapq.heappop(heap), number, browser)
                    continue
                with contextlib.suppress(TimeoutError):
                    timeout = min(left, LONGEST_WAIT_S) if heap else None
                    await asyncio.wait_for(news.wait(), timeout)
                news.clear()
        finally:
            browser.close()

    async def _do(self, job: Job, number: int, browser: Browser) -> None:
        self._in_hand += 1
        again = await self._acting.act(job, browser)
        self._in_hand -= 1
        if again is not None:
            job.due, job.tries = again, job.tries + 1
            heapq.heappush(self._heaps[number], job)
        elif not self.waiting:
            self._changed(0)
