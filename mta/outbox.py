"""What the worker has learnt and must tell the store: journalled at once, committed in groups."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from affinity.configuration import AddressRules
from mta.journal import Journal
from mta.measures import Measures, Timed
from store import settlement
from store.engine import Store
from store.errors import StoreUnavailable
from store.transitions import Author, Outcome, Recorded
from world.clock import Clock
from world.crash import reach
from world.log import SILENT, Log

GROUP_MAX = 512  # outcomes of one commit; larger groups measured no faster
GROUP_AFTER_S = 0.05  # how long an outcome may wait for company
BACKLOG_MAX = 8192  # outcomes unwritten before the worker stops taking messages
RETRY_AFTER_S = 0.5  # when the store was away


@dataclass(slots=True)
class _Group:
    outcomes: list[Outcome] = field(default_factory=list)
    finished: list[tuple[int, int]] = field(default_factory=list)
    released: list[tuple[int, int]] = field(default_factory=list)
    tats: dict[str, float] = field(default_factory=dict)
    exposed: int = 0  # outcomes without a record in the journal

    def is_empty(self) -> bool:
        return not (self.outcomes or self.finished or self.released)


class Outbox:
    """Collects outcomes and returned parts; ``run`` commits them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        author: Author,
        journal: Journal,
        on_committed: Callable[[Sequence[tuple[int, int]], Recorded], None],
        log: Log = SILENT,
        measures: Measures | None = None,
    ) -> None:
        self._store, self._clock, self._author = store, clock, author
        self._journal = journal
        self._log = log
        self._measures = measures or Measures()
        self._on_committed = on_committed
        self._group = _Group()
        self._wanted = asyncio.Event()
        self._stopping = False
        self._held: list[Outcome] | None = None  # to be journalled together
        self._exposed = 0  # outcomes that are known to this process alone
        self._committing = 0  # outcomes that are being written
        self.trouble: str | None = None  # why the store or the journal cannot be written now

    @property
    def is_full(self) -> bool:
        """Whether sending should pause until the store has caught up."""
        return self._exposed > 0 or len(self._group.outcomes) >= BACKLOG_MAX

    @property
    def backlog(self) -> int:
        """How many outcomes are not in the store."""
        return self._committing + len(self._group.outcomes)

    def add(self, outcome: Outcome) -> None:
        """Journal an outcome and commit it soon; without a journal nothing more is begun."""
        reach("worker.reply_heard")
        self._group.outcomes.append(outcome)
        if self._held is None:
            self._write_down([outcome])
        else:
            self._held.append(outcome)
        self._wanted.set()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Journal what is added within with one write, when it is left."""
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            if held:
                self._write_down(held)

    def _write_down(self, outcomes: Sequence[Outcome]) -> None:
        try:
            self._journal.append(outcomes)
            for _ in outcomes:
                reach("worker.journalled")
        except OSError as error:
            self._exposed += len(outcomes)
            self._group.exposed += len(outcomes)
            self._in_trouble("journal_unwritable", f"the journal cannot be written: {error}")

    def finish(self, part_id: int, epoch: int) -> None:
        """Every message of the part is answered."""
        self._group.finished.append((part_id, epoch))
        self._wanted.set()

    def release(self, part_id: int, epoch: int) -> None:
        """The rest of the part is given back."""
        self._group.released.append((part_id, epoch))
        self._wanted.set()

    def count_by(self, rules: AddressRules) -> None:
        """Let failures count against addresses by other rules from the next commit on."""
        self._author = replace(self._author, rules=rules)

    def keep_limiter(self, lane: str, tat: float) -> None:
        """The lane's limiter as it stands, to be committed with what it allowed."""
        self._group.tats[lane] = tat

    async def run(self) -> None:
        """Commit until ``stop``, then what is left.

        If the store is away then, the journal keeps it, to be replayed later: by waiting we should
        only be killed.
        """
        while not (self._stopping and self._group.is_empty()):
            await self._wanted.wait()
            self._wanted.clear()
            if len(self._group.outcomes) < GROUP_MAX and not self._stopping:
                await asyncio.sleep(GROUP_AFTER_S)
            if not self._group.is_empty() and not await self._commit():
                return

    def stop(self) -> None:
        """Let ``run`` end once everything is committed, or at least journalled."""
        self._stopping = True
        self._wanted.set()

    def _in_trouble(self, event: str, what: str) -> None:
        if self.trouble is None:  # once, not for each attempt
            self._log.error(event, note=what)
        self.trouble = what

    async def _commit(self) -> bool:
        """Returns whether the store has it."""
        group, self._group = self._group, _Group()
        self._committing = len(group.outcomes)
        turn = self._journal.turn()
        report = settlement.Settlement(group.outcomes, group.finished, group.released, group.tats)
        recorded = await self._settled(report)
        if recorded is None:
            return False
        self._committing = 0
        reach("worker.committed")
        if self._measures.is_detailed:
            now = self._clock.now()
            self._measures.records_s += [now - each.at for each in group.outcomes]
        self._exposed -= group.exposed
        if self.trouble is not None:
            self._log.info("trouble_over", note="outcomes can be written again")
        self.trouble = None
        self._journal.forget(turn)
        self._on_committed([*group.finished, *group.released], recorded)
        return True

    async def _settled(self, report: settlement.Settlement) -> Recorded | None:
        """Settle, however long the store is away: the journal holds what is not written yet.

        Returns None when we were told to stop meanwhile and the journal holds everything.
        """
        while True:
            began = self._clock.monotonic()
            try:
                found = await self._store.write(
                    settlement.settle, self._author, report, self._clock.now()
                )
            except StoreUnavailable as error:
                self._in_trouble("store_away", str(error))
                if self._stopping and not self._exposed:
                    return None
                await self._clock.doze(RETRY_AFTER_S)
            else:
                self._measures.tally.times[Timed.SETTLE].add(self._clock.monotonic() - began)
                return found
