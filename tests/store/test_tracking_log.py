"""Pieces of the tracking log in the store: each event once, and counters that agree with it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from mail.tracked import PIXEL, Kind
from store import address_search, tables, tracking_log, tracking_search
from store.engagement import NewLog
from store.schema import open_store
from store.tracking_log import Judged, Piece
from store.tracking_search import Filter, indicators

PEOPLE = ("john@a.test", "marie@a.test", "florian@b.test", "henry@b.test")


@pytest.fixture
def sent(hand):
    """A delivery to four people, all of it sent; its number and those of its messages."""
    delivery_id = hand.submit(PEOPLE, part_size=4)
    author = hand.worker()
    for lent in hand.lease(author):
        hand.settle(author, hand.outcomes(lent))
    query = select(tables.message.c.id, tables.message.c.address)
    found = hand.ask(lambda tx: tx.connection.execute(query).all())
    return delivery_id, {address.partition("@")[0]: number for number, address in found}


class Writer:
    """Writes logs as pieces of one file."""

    def __init__(self, store, sent, log="f"):
        self.store, self.log, self.end = store, log, 0
        self.delivery_id, self.messages = sent

    def make(self, who, kind, at, url=2, person="", machine=None, **more):
        self.end += 1
        message_id = self.messages[who]
        return NewLog(
            f"{self.log}.{self.end}", self.delivery_id, message_id, url, kind, at, person,
            "agent", "127.0.0.1", machine, **more,
        )  # fmt: skip

    def write(self, *logs, begin=None):
        begin = self.end - len(logs) if begin is None else begin
        piece = Piece(self.log, begin, begin + len(logs), {each.message_id for each in logs})
        return self.store.write_now(
            tracking_log.record,
            piece,
            lambda known: Judged([each for each in logs if each.message_id in known], []),
            dedup_opens_s=60.0,
            now=1.0,
        )


@pytest.fixture
def writer(store, sent):
    return Writer(store, sent)


def counters(store):
    """All that is counted, and the same counted from the log."""
    names = ("delivery_id", "url", "kind", "slot", "is_machine", "logs")
    table = tables.rollup_tracking
    kept = store.read_now(
        lambda tx: tx.connection.execute(select(*(table.c[each] for each in names))).all()
    )
    entries = store.read_now(tracking_search.entries, Filter(), 10_000)
    counted = Counter(
        (each.delivery_id, each.url, int(each.kind), int(each.at // 300), each.machine is not None)
        for each in entries
    )
    return {tuple(row)[:5]: row.logs for row in kept}, dict(counted)


def test_the_golden_example(writer, store):
    """4 people; Adobe Campaign Classic, "Person, people and recipients": 2, 6, 3, 4, 66.67 %."""
    logs = [writer.make("marie", Kind.OPEN, 0.0, PIXEL)]
    logs += [writer.make("florian", Kind.OPEN, 1.0, PIXEL)]
    logs += [writer.make("florian", Kind.CLICK, 10.0 + each, person="f") for each in range(9)]
    logs += [writer.make("florian", Kind.OPEN, 100.0, PIXEL)]  # to whom he forwarded it
    logs += [writer.make("florian", Kind.CLICK, 110.0 + each, person="other") for each in range(2)]
    logs += [writer.make("henry", Kind.OPEN, 2.0, PIXEL)]
    logs += [writer.make("henry", Kind.CLICK, 20.0 + each, person=f"h{each}") for each in range(4)]
    assert writer.write(*logs).written == len(logs)
    found = store.read_now(indicators, writer.delivery_id, humans_only=True)
    assert (found.clicked, found.persons, found.opened) == (2, 6, 3)
    assert found.persons - found.clicked == 4
    assert round(100 * found.clicked / found.opened, 2) == 66.67
    assert found.clicks == 15


def test_a_piece_is_written_once(writer, store):
    click = writer.make("marie", Kind.CLICK, 5.0, person="p")
    assert writer.write(click).written == 1
    assert writer.write(click, begin=0) is None
    store.write_now(tracking_log.forget, "f")  # its pointer is lost
    again = writer.write(click, begin=0)
    assert (again.written, again.repeated) == (0, 1)
    kept, counted = counters(store)
    assert kept == counted
    assert sum(kept.values()) == 1
    assert store.read_now(indicators, writer.delivery_id, humans_only=False).persons == 1


def test_machines_and_people_are_counted_apart(writer, store):
    writer.write(
        writer.make("marie", Kind.OPEN, 0.0, PIXEL, machine="prefetch"),
        writer.make("marie", Kind.CLICK, 1.0, person="robot", machine="scanner"),
        writer.make("marie", Kind.OPEN, 30.0, PIXEL),  # not hidden by the machine's
        writer.make("henry", Kind.CLICK, 50.0, person="h"),
    )
    every = store.read_now(indicators, writer.delivery_id, humans_only=False)
    humans = store.read_now(indicators, writer.delivery_id, humans_only=True)
    assert (every.opened, every.clicked, every.persons, every.opens) == (2, 2, 2, 2)
    assert (humans.opened, humans.clicked, humans.persons, humans.opens) == (2, 1, 1, 1)
    marks = [
        each.machine
        for each in store.read_now(
            tracking_search.entries, Filter(address="marie@a.test", humans=True), 10
        )
    ]
    assert marks == [None]


def test_opens_close_together_count_once_whatever_their_order(writer, store):
    writer.write(*(writer.make("marie", Kind.OPEN, at, PIXEL) for at in (100.0, 130.0, 161.0)))
    writer.write(*(writer.make("marie", Kind.OPEN, at, PIXEL) for at in (60.0, 30.0, 215.0, 221.0)))
    found = store.read_now(tracking_search.entries, Filter(kind=Kind.OPEN), 10)
    assert sorted(each.at for each in found) == [30.0, 100.0, 161.0, 221.0]
    firsts = select(tables.tracked_message.c.opened_at)
    assert store.read_now(lambda tx: tx.connection.scalar(firsts)) == 30.0


def test_what_pages_sell_is_added_up(writer, store):
    writer.write(
        writer.make("marie", Kind.PAGE, 1.0, page="start"),
        writer.make("marie", Kind.TRANSACTION, 2.0, page="paid", amount=2.5, articles=2),
        writer.make("henry", Kind.TRANSACTION, 3.0, page="paid", amount=1.5, articles=1),
    )
    found = store.read_now(indicators, writer.delivery_id, humans_only=True)
    assert (found.pages, found.transactions, found.amount, found.articles) == (1, 2, 4.0, 3)


def test_who_unsubscribes_is_denylisted_and_no_machine_is(writer, store):
    writer.write(writer.make("marie", Kind.OPT_OUT, 1.0), writer.make("marie", Kind.OPT_OUT, 2.0))
    denied = {each: count for each, count in store.read_now(address_search.counts).items() if count}
    assert denied == {"denylisted": 1}


def test_two_servers_write_at_once(store, store_url, sent, clock):
    """Files of two, about the same people: all is counted, and each first time once."""
    other = open_store(store_url)
    writers = [Writer(store, sent, "one"), Writer(other, sent, "two")]
    pieces = [
        [
            [
                writer.make(who, Kind.CLICK, 10.0 * turn + number, person=f"{who}{turn % 3}")
                for who in writer.messages
            ]
            for turn in range(12)
        ]
        for number, writer in enumerate(writers)
    ]

    def work(number):
        for at, logs in enumerate(pieces[number]):
            assert writers[number].write(*logs, begin=at * len(logs)).written == len(logs)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, range(2)))
    other.close()
    kept, counted = counters(store)
    assert kept == counted
    assert sum(kept.values()) == 2 * 12 * len(PEOPLE)
    found = store.read_now(indicators, sent[0], humans_only=True)
    assert (found.opened, found.clicked, found.persons) == (4, 4, 12)


def test_events_of_what_is_gone_are_left_out(writer, store):
    writer.messages["nobody"] = 9999
    made = writer.write(
        writer.make("nobody", Kind.CLICK, 1.0), writer.make("marie", Kind.CLICK, 1.0)
    )
    assert made.written == 1
