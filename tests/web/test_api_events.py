"""Events as they happen: over HTTP, resumed, bounded, ended by those who listen."""

import asyncio
import contextlib
import time

import orjson
import pytest

from lab import happenings
from lab.configuration import load
from lab.happenings import Happenings, Place
from lab.machine import ThisMachine
from lab.web import listeners
from lab.web.api import events
from lab.web.lab_here import LabHere
from store import audit, log
from store.schema import open_store
from tests.fakes.log import NotingLog
from tests.fakes.web_server import serving


class Listener:
    """One stream, read event by event."""

    def __init__(self, answer):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        self._lines = answer.iter_lines()
        self.last = None

    def block(self):
        """The next block: what its fields say, a comment as that of no name."""
        found = {}
        for line in self._lines:
            if not line:
                break
            name, _, value = line.partition(":")
            found[name] = value.removeprefix(" ")
        self.last = found.get("id", self.last)
        return found

    def event(self):
        """The next block that is an event."""
        while True:
            found = self.block()
            if "data" in found:
                return found["event"], orjson.loads(found["data"]), found["id"]


@contextlib.contextmanager
def listening(served, last=None, **params):
    headers = {} if last is None else {"Last-Event-ID": last}
    with served.client.stream("GET", "/api/v1/events", params=params, headers=headers) as answer:
        yield Listener(answer)


def note(store, text):
    store.write_now(audit.note, 1.0, text)


@pytest.fixture(scope="module")
def lively(tmp_path_factory):
    """A lab in which tests let things happen; nobody else does."""
    folder = tmp_path_factory.mktemp("lively")
    (folder / "mtalab.toml").write_text('[web]\nlisten = "127.0.0.1:8025"\n', encoding="utf-8")
    loaded = load(folder / "mtalab.toml", {}, {})
    with contextlib.closing(open_store(loaded.store_url)) as store, serving(loaded) as found:
        found.hand = store
        yield found


def test_all_that_happened_is_told_from_the_first(served):
    kinds, ids = {"transition": [], "audit": []}, []
    wanted = served.lab.read(log.last_transition_id)
    with listening(served, after="0-0") as told:
        assert told.block()["id"] == "0-0"
        while not kinds["transition"] or kinds["transition"][-1]["id"] < wanted:
            kind, value, place = told.event()
            kinds[kind].append(value)
            ids.append(place)
    assert len(ids) == len(set(ids))
    known = served.lab.read(log.transitions, log.Filter(), limit=10_000)
    assert [each["id"] for each in kinds["transition"]] == [each.id for each in known]
    assert {"at", "delivery_id", "level", "text"} == set(kinds["audit"][0])


def test_it_goes_on_after_the_last_that_was_heard(served):
    with listening(served, after="0-0", status="sent") as told:
        first = [told.event() for _ in range(3)]
    with listening(served, last=first[1][2], after="0-0", status="sent") as told:
        assert told.event() == first[2]
    assert {each[1]["to_status"] for each in first} == {"sent"}


def test_what_happens_from_now_on_is_told_as_it_happens(lively):
    note(lively.hand, "before")
    with listening(lively) as told:
        start = told.block()
        note(lively.hand, "after")
        kind, value, place = told.event()
        assert (kind, value["text"]) == ("audit", "after")
    note(lively.hand, "meanwhile")
    with listening(lively, last=place) as told:
        assert told.event()[1]["text"] == "meanwhile"
    with listening(lively, last=start["id"]) as told:
        assert [told.event()[1]["text"] for _ in range(2)] == ["after", "meanwhile"]


@pytest.mark.parametrize(
    ("params", "kind", "status"),
    [
        ({"after": "soon"}, "bad_place", 422),
        ({"delivery": 99}, "unknown_delivery", 404),
        ({"status": "lost"}, "invalid_request", 422),
    ],
)
def test_what_means_nothing_is_refused_before_anything_is_told(served, params, kind, status):
    answer = served.client.get("/api/v1/events", params=params)
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:mtalab:problem:{kind}"
    wait_for(served, 0)


def test_who_leaves_makes_room_for_others(lively, monkeypatch):
    monkeypatch.setattr(listeners, "LISTENERS_MAX", 2)
    wait_for(lively, 0)
    with listening(lively) as one, listening(lively) as other:
        one.block(), other.block()
        refused = lively.client.get("/api/v1/events")
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:mtalab:problem:too_many_listeners"
    wait_for(lively, 0)
    with listening(lively) as told:
        assert told.block()["id"]


def test_who_does_not_read_is_not_read_for(served, monkeypatch):
    """What a slow reader has not taken stays in the store: it is asked for batch by batch."""
    monkeypatch.setattr(happenings, "BATCH", 5)
    asked = []

    class Counting(Happenings):
        def next(self, tx, after):
            asked.append(after)
            return super().next(tx, after)

    async def take(count):
        lab = LabHere(served.lab.loaded, served.lab.store, ThisMachine(), NotingLog(), is_kept=True)
        told = events.events(lab, events._Wanted(Counting(log.Filter()), Place(0, 0)))
        for _ in range(count):
            await anext(told)
        await told.aclose()

    asyncio.run(take(1 + 5))
    assert len(asked) == 1
    asyncio.run(take(1 + 11))
    assert len(asked) == 3


def wait_for(served, count):
    """Until so many listen."""
    deadline = time.monotonic() + 20
    while served.lab.listeners.count != count:
        assert time.monotonic() < deadline, "it was not seen that they left"
        time.sleep(0.02)
