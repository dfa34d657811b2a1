"""The log's way into the store, in groups: each event once, whatever is killed where.

An event waits until the next look has seen what came after it: a scanner is known by what it does
next. How far a file was read is written in the transaction of what it said.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mail.tracked import Kind
from store import tracking_log
from store.engagement import NewLog
from store.errors import StoreUnavailable
from store.tracking_log import Addressed, Judged, Piece
from tracking.event import Event, Lost
from tracking.late_store import LateStore
from tracking.log_files import Damaged, Line, LogFiles, Reading, begun_at
from tracking.machines import Seen, is_one_click, reason, scanners
from tracking.settings import TrackingSettings
from world.clock import Clock
from world.crash import reach
from world.log import Log

PIECE_MAX: Final = 250  # lines of one transaction: it holds SQLite some 20 ms
SKEW_S: Final = 60.0  # two clocks that differ by less are right
_PAST_MAX: Final = 2000  # events that are in the store and still tell a scanner
_IDLE_S: Final = 3600.0  # files that are kept for a while are looked at that often


@dataclass(frozen=True, slots=True)
class Said:
    """What the lines of a piece say."""

    events: Sequence[Seen]
    lost: int  # events of which the server says that it could not write them
    damaged: Sequence[Damaged]


def said_in(name: str, lines: Collection[Line]) -> Said:
    """What lines of a file say; each event is named by the file and its place."""
    stem = Path(name).stem
    events = [
        Seen(f"{stem}.{each.begin:x}", each.said) for each in lines if isinstance(each.said, Event)
    ]
    lost = sum(each.said.events for each in lines if isinstance(each.said, Lost))
    return Said(events, lost, [each.said for each in lines if isinstance(each.said, Damaged)])


def judged(
    said: Said,
    scanned: AbstractSet[str],
    settings: TrackingSettings,
    now: float,
    messages: Mapping[int, Addressed],
) -> Judged:
    """What becomes of the events of a piece; those of ``scanned`` are scanners'."""
    logs: list[NewLog] = []
    faults: Counter[str] = Counter()
    for each in said.events:
        message = messages.get(each.event.message_id)
        if message is None or message.delivery_id != each.event.delivery_id:
            continue  # the delivery was deleted
        at = _possible(each.event.at, message.submitted_at, now)
        is_wrong = at != each.event.at
        faults["wrong"] += is_wrong
        # By a wrong clock nothing can be called too early.
        machine = reason(each, scanned, None if is_wrong else message.sent_at, settings)
        logs.append(_log(each, at, machine))
    notes = []
    if faults["wrong"]:
        notes.append(
            f"{faults['wrong']} tracking events bore a time at which they cannot have happened: a "
            "clock was wrong; they are put to the nearest time at which they can"
        )
    if said.lost:
        notes.append(f"{said.lost} tracking events are lost: the log could not be written")
    if said.damaged:
        notes.append(
            f"{len(said.damaged)} damaged lines of the tracking log were put aside "
            f"(the first: {said.damaged[0].why})"
        )
    return Judged(logs, notes)


def _possible(at: float, submitted_at: float, now: float) -> float:
    """The time, or the nearest at which it can have been: after its delivery, and not to come."""
    if at < submitted_at - SKEW_S:
        return submitted_at
    return now if at > now + SKEW_S else at


def _log(seen: Seen, at: float, machine: str | None) -> NewLog:
    event = seen.event
    kind = event.kind
    if kind is Kind.OPT_OUT and machine is not None and not is_one_click(event):
        kind = Kind.CLICK  # a machine that follows all links wants nothing
    return NewLog(
        seen.name,
        event.delivery_id,
        event.message_id,
        event.url,
        kind,
        at,
        event.person,
        event.agent,
        event.ip,
        machine,
        event.page,
        event.amount,
        event.articles,
    )


class Ingest:
    """Reads the files of one lab; only one of a process."""

    def __init__(
        self,
        files: LogFiles,
        store: LateStore,
        clock: Clock,
        settings: Callable[[], TrackingSettings],
        log: Log,
    ) -> None:
        self._files, self._store, self._clock = files, store, clock
        self._settings, self._log = settings, log
        self._readings: dict[str, Reading] = {}
        self._heard: dict[str, int] = {}  # sizes of the files at the last look
        self._past: deque[Seen] = deque(maxlen=_PAST_MAX)
        self._is_well = True

    async def run(self, news: asyncio.Event) -> None:
        """Read for ever; ``news`` tells of new lines."""
        while True:
            if await self.look():
                await asyncio.sleep(self._settings().store_every)
            else:
                await self._clock.doze(_IDLE_S, news, about="machine")
                news.clear()

    async def finish(self) -> None:
        """Write all there is, as far as the store is there; nobody writes lines any more."""
        await self.look(is_last=True)

    async def look(self, *, is_last: bool = False) -> bool:
        """Write what was there at the last look; returns whether there is more by now."""
        is_left = False
        try:
            for name in self._files.names():
                is_left |= await self._read(name, is_last=is_last)
        except (StoreUnavailable, OSError) as error:
            if self._is_well:
                note = f"what is opened and clicked waits in the tracking log: {error}"
                self._log.warning("tracking_waits", note=note)
            self._is_well = False
            return True
        self._is_well = True
        return is_left

    async def _read(self, name: str, *, is_last: bool) -> bool:
        is_over = not self._files.is_written(name)
        size = self._files.size(name)
        until = size if is_last else self._heard.get(name, 0)
        self._heard[name] = size
        reading = await self._reading(name)
        reading.read_on(is_over=is_over)
        while reading.take(1, until):
            scanned = self._scanned(name, reading)
            while lines := reading.take(PIECE_MAX, until):
                await self._write(name, reading, lines, scanned)
            reading.read_on(is_over=is_over)
        if reading.begin < size:
            return True
        if is_over and self._clock.now() >= begun_at(name) + self._settings().keep_logs:
            await self._retire(name)
        return False

    async def _reading(self, name: str) -> Reading:
        found = self._readings.get(name)
        if found is None:
            begin = await self._store.read_apart(tracking_log.read_to, name)
            found = self._readings[name] = Reading(self._files.folder / name, begin)
        return found

    def _scanned(self, name: str, reading: Reading) -> AbstractSet[str]:
        """Those of all events at hand that are a scanner's."""
        settings = self._settings()
        around = [*self._past, *said_in(name, reading.lines).events]
        return scanners(around, settings.scanner_links, settings.scanner_within)

    async def _write(
        self, name: str, reading: Reading, lines: Sequence[Line], scanned: AbstractSet[str]
    ) -> None:
        said = said_in(name, lines)
        now, settings = self._clock.now(), self._settings()
        if said.damaged:
            self._put_aside(name, said.damaged)
        recorded = await self._store.write(
            tracking_log.record,
            Piece(
                name,
                lines[0].begin,
                lines[-1].end,
                {each.event.message_id for each in said.events},
            ),
            partial(judged, said, scanned, settings, now),
            dedup_opens_s=settings.dedup_opens,
            now=now,
        )
        reach("tracking.stored")
        if recorded is None:  # somebody else has read it further
            reading.written(await self._store.read_apart(tracking_log.read_to, name))
        else:
            reading.written(lines[-1].end)
            self._past.extend(said.events)

    def _put_aside(self, name: str, damaged: Sequence[Damaged]) -> None:
        note = f"{len(damaged)} damaged lines of {name}"
        try:
            self._files.keep_damaged(name, [each.text for each in damaged])
        except OSError as error:
            note += f", which cannot be put aside: {error}"
        self._log.warning("tracking_lines_damaged", note=note, lines=len(damaged))

    async def _retire(self, name: str) -> None:
        """The store has all of a file: it may go."""
        self._files.remove(name)
        del self._readings[name], self._heard[name]
        await self._store.write(tracking_log.forget, name)
