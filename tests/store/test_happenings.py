"""What happens is told once, in order and without a gap, over however many reconnections."""

import contextlib
import random

import pytest
from sqlalchemy import insert

from lab import happenings
from lab.happenings import BadPlace, Batch, Happenings, Place, place_of
from mail.states import MessageStatus
from store import tables
from store.audit import AuditEntry
from store.log import Filter

on_postgresql = pytest.mark.parametrize(
    "engine_name", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.fixture
def message(hand):
    """A pending message to which things happen."""
    return hand.submit(("x@a.test",))


def change(connection, delivery, at=0.0, to="sent"):
    row = {
        "message_id": 1,
        "delivery_id": delivery,
        "at": at,
        "event": "accepted",
        "from_status": "pending",
        "to_status": to,
        "attempt": 1,
    }
    return connection.execute(insert(tables.transition).values(**row)).inserted_primary_key[0]


def note(connection, delivery=None, at=0.0):
    row = {"at": at, "delivery_id": delivery, "level": "info", "text": "noted"}
    return connection.execute(insert(tables.audit).values(**row)).inserted_primary_key[0]


def names(batch):
    return [
        ("audit" if isinstance(each.what, AuditEntry) else "change", each.what.id)
        for each in batch.told
    ]


def read_all(store, wanted, place):
    """All that is settled after a place, by a reader who is new to it."""
    reader, told = Happenings(wanted), []
    while True:
        batch = store.read_now(reader.next, place)
        told += names(batch)
        place = batch.until
        if not batch.has_more:
            return told, place


def test_both_logs_come_in_time_and_each_in_its_own_order(store, message):
    start = store.read_now(Happenings(Filter()).begin)
    with store.writing.begin() as connection:
        first, second = change(connection, message, 1.0), change(connection, message, 3.0)
        noted = note(connection, message, 2.0)
    told, place = read_all(store, Filter(), start)
    assert told == [("change", first), ("audit", noted), ("change", second)]
    assert place == Place(second, noted)
    assert read_all(store, Filter(), place) == ([], place)


def test_every_place_goes_on_where_it_stands(store, message, monkeypatch):
    monkeypatch.setattr(happenings, "BATCH", 3)
    with store.writing.begin() as connection:
        for at in range(7):
            change(connection, message, at)
            note(connection, at=at + 0.5)
    whole, _ = read_all(store, Filter(), Place(0, 0))
    reader = Happenings(Filter())
    batch = store.read_now(reader.next, Place(0, 0))
    assert batch.has_more
    for number, each in enumerate(batch.told, 1):
        rest, _ = read_all(store, Filter(), each.place)
        assert sorted(whole[:number] + rest) == sorted(whole)


def test_what_is_wanted_alone_is_told(store, message, monkeypatch):
    monkeypatch.setattr(happenings, "ROWS_MAX", 2)
    start = store.read_now(Happenings(Filter()).begin)
    with store.writing.begin() as connection:
        sent = change(connection, message)
        failed = [change(connection, message, to="failed") for _ in range(5)]
        mine, others = note(connection, message), note(connection)
    assert others > mine
    told, end = read_all(store, Filter(delivery_id=message), start)
    assert told.count(("audit", mine)) == 1
    assert ("audit", others) not in told
    assert len(told) == 7
    assert end == Place(failed[-1], others)
    only = Filter(status=MessageStatus.SENT)
    assert read_all(store, only, start) == ([("change", sent)], end)
    assert read_all(store, Filter(delivery_id=message + 1), start)[0] == []


def test_numbers_that_are_given_anew_are_told(store, message):
    """A log whose last rows were removed begins again below what was told."""
    assert read_all(store, Filter(), Place(10**9, 10**9))[0] == []
    place = read_all(store, Filter(), Place(10**9, 10**9))[1]
    with store.writing.begin() as connection:
        new = change(connection, message)
    assert read_all(store, Filter(), place)[0] == [("change", new)]


@on_postgresql
def test_now_is_where_nobody_is_about_to_commit_something_earlier(store, message):
    reader = Happenings(Filter())
    with store.writing.begin() as slow:
        change(slow, message)
        assert store.read_now(reader.begin) is None
    assert store.read_now(reader.begin) is not None


class Writer:
    """One connection on which things happen, until they are committed or not."""

    def __init__(self, connection, message, committed):
        self._connection, self._message, self._committed = connection, message, committed
        self._rows = []

    def does(self, what):
        match what:
            case "change":
                self._rows.append(("change", change(self._connection, self._message)))
            case "note":
                self._rows.append(("audit", note(self._connection)))
            case "commit":
                self._connection.commit()
                self._committed += self._rows
                self._rows.clear()
            case _:
                self._connection.rollback()
                self._rows.clear()


class Client:
    """Somebody who hears what happens, and whose connection ends at any event."""

    def __init__(self, store, dice):
        self._store, self._dice = store, dice
        self.place = store.read_now(Happenings(Filter()).begin)
        self.told = []
        self.connect()

    def connect(self):
        self._reader = Happenings(Filter())

    def read(self):
        batch = self._store.read_now(self._reader.next, self.place)
        heard = batch.told[: self._dice.randint(0, len(batch.told))]  # the rest is lost on its way
        self.told += names(Batch(heard, batch.until, batch.has_more))
        if len(heard) == len(batch.told):
            self.place = batch.until
            return
        self.place = heard[-1].place if heard else self.place
        self.connect()


def test_over_many_reconnections_beside_writers_nothing_is_lost_or_told_twice(
    store, message, engine_name, monkeypatch
):
    """Writers insert, commit and roll back as dice have it."""
    monkeypatch.setattr(happenings, "BATCH", 3)
    dice, committed = random.Random(11), []
    client = Client(store, dice)
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(store.writing.connect())
            for _ in range(3 if engine_name == "postgresql" else 1)  # SQLite has one at a time
        ]
        writers = [Writer(each, message, committed) for each in connections]
        for _ in range(400):
            what = dice.choice(("change", "note", "commit", "rollback", "read", "read", "connect"))
            if what in ("read", "connect"):
                getattr(client, what)()
            else:
                dice.choice(writers).does(what)
        for writer in writers:
            writer.does("rollback")
    told = client.told + read_all(store, Filter(), client.place)[0]
    assert len(told) == len(set(told)), "something was told twice"
    assert sorted(told) == sorted(committed)
    for kind in ("change", "audit"):
        numbers = [number for each, number in told if each == kind]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("text", ["", "7", "a-b", "1-2-3", "-1-2", "1-2\n", "٣-٤", "1" * 30 + "-1"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(BadPlace):
        place_of(text)
    assert place_of(str(Place(7, 3))) == Place(7, 3)
