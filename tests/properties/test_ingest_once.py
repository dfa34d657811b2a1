"""Whatever is cut, killed and started again where: each event is in the store once."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mail.tracked import Kind
from store import deliveries, parts, tracking_search
from store.copies import empty_in_memory
from store.errors import StoreUnavailable
from store.tracking_search import Filter, indicators
from tests.fakes.clock import FakeClock
from tests.fakes.log import NotingLog
from tracking import ingest as ingesting
from tracking.event import Event, encode
from tracking.ingest import Ingest
from tracking.log_files import LogFiles
from tracking.settings import TrackingSettings
from world import crash

SETTINGS = TrackingSettings(dedup_opens=0, too_early=0, scanner_within=0)
PEOPLE = 3
FILES = ("1000000000-a.jsonl", "1000000001-b.jsonl")


class Killed(BaseException):
    """As a crash: nothing after it runs."""


class Away:
    """A store that can be out of reach."""

    def __init__(self, store):
        self.store, self.is_away = store, False

    async def _do(self, how, operation, *args, **kwargs):
        if self.is_away:
            raise StoreUnavailable("away")
        return how(operation, *args, **kwargs)

    async def write(self, operation, *args, **kwargs):
        return await self._do(self.store.write_now, operation, *args, **kwargs)

    async def read_apart(self, operation, *args, **kwargs):
        return await self._do(self.store.read_now, operation, *args, **kwargs)


def a_store(clock):
    store = empty_in_memory()
    now = clock.now()
    new = deliveries.NewDelivery("x", "a", 0, 9, now, now, now + 1e6, "mail.eml", b"Subject: x")
    number = store.write_now(deliveries.create, new)
    people = [parts.NewMessage(f"u{each}@a.test", "a.test", "{}") for each in range(PEOPLE)]
    store.write_now(parts.add, number, [parts.NewPart("a", ["127.0.1.1"], people)], now)
    return store


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 1), st.integers(1, 9)),
        st.tuples(st.just("rubbish"), st.integers(0, 1), st.binary(min_size=1, max_size=9)),
        st.tuples(st.just("look"), st.sampled_from(["", "tracking.storing", "tracking.stored"])),
        st.tuples(st.just("restart")),
        st.tuples(st.just("away"), st.booleans()),
    ),
    max_size=14,
)


@given(steps)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_each_event_is_written_once(doing):
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(run(Path(place), doing))


async def run(folder, doing):
    clock = FakeClock()
    away = Away(a_store(clock))
    ingesting.PIECE_MAX, before = 3, ingesting.PIECE_MAX

    def new():
        log = NotingLog()
        files = LogFiles(folder, lambda: FILES[1])
        return Ingest(files, away, clock, lambda: SETTINGS, log)

    ingest, written = new(), 0
    try:
        for step, *given_ in [*doing, ("away", False), ("look", ""), ("look", ""), ("look", "")]:
            if step == "write":
                which, number = given_
                with (folder / FILES[which]).open("ab") as file:
                    for _ in range(number):
                        written += 1
                        file.write(line(clock, written))
            elif step == "rubbish":
                with (folder / FILES[given_[0]]).open("ab") as file:
                    file.write(given_[1] + b"\n")
            elif step == "look":
                if await look(ingest, given_[0]):
                    ingest = new()
            elif step == "restart":
                ingest = new()
            else:
                away.is_away = given_[0]
        check(away.store, written)
    finally:
        ingesting.PIECE_MAX = before
        away.store.close()


def line(clock, number):
    person = f"p{number % 4}"
    return encode(
        Event(clock.now(), Kind.CLICK, 1, number % PEOPLE + 1, number, person, "a", "", "GET")
    )


async def look(ingest, point):
    """Look once; returns whether it was killed at that point."""

    def hear(reached):
        if reached == point:
            raise Killed

    with crash.heard_by(hear):
        try:
            await ingest.look()
        except Killed:
            return True
    return False


def check(store, written):
    found = store.read_now(tracking_search.entries, Filter(), 1000)
    assert sorted(each.url for each in found) == list(range(1, written + 1))
    counted = store.read_now(indicators, 1, humans_only=False)
    assert counted.clicks == written
    assert counted.clicked == counted.opened == len({each.message_id for each in found})
    assert counted.persons == len({each.person for each in found})
