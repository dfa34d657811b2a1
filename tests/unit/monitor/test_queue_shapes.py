"""The table of what waits: which column an age is in, and whose ages a group has."""

from hypothesis import given
from hypothesis import strategies as st

from mail.cause import Cause
from mail.reason import Reason
from monitor import queue
from monitor.queue import SPANS, By, Queue, Row, Waits, apportioned, shapes, span_of
from store.ages import Aged, Origin
from store.past import WasPending

NOW = 1_000_000.0
CAMPAIGN = Origin(1, "spring", "promo", NOW - 3600.0, NOW - 3600.0, is_open=False)
OPEN = Origin(2, "app", "service", NOW - 86_400.0, NOW - 86_400.0, is_open=True)
ORIGINS = {1: CAMPAIGN, 2: OPEN}


def counts(**at):
    """Spans with these numbers, by place: ``counts(_0=3)``."""
    found = [0] * SPANS
    for place, number in at.items():
        found[int(place[1:])] = number
    return found


def test_columns_double_from_five_minutes():
    minutes = [-1, 0, 4.99, 5, 9.99, 10, 39, 40, 1279, 1280, 99_999]
    assert [span_of(each * 60) for each in minutes] == [0, 0, 0, 1, 1, 2, 3, 4, 8, 9, 9]


def test_a_campaigns_messages_are_as_old_as_its_submission():
    [found] = shapes([Waits(1, "gmail", "rate_limited", 7)], ORIGINS, [], NOW)
    assert found.spans == counts(_4=7)
    assert found.values == {
        By.CAUSE: "rate_limited",
        By.AFFINITY: "promo",
        By.MX_GROUP: "gmail",
        By.DELIVERY: "1 spring",
    }


def test_messages_that_joined_an_open_delivery_have_their_own_ages():
    aged = [
        Aged(2, "a.test", "a", False, 0, 3),
        Aged(2, "b.test", "a", False, 5, 1),
        Aged(2, "a.test", "a", True, 2, 2),
        Aged(2, "c.test", "c", False, 9, 8),
    ]
    waits = [Waits(2, "a", "ready", 4, is_retrying=False), Waits(2, "a", "greylisted", 2, True)]
    assert [each.spans for each in shapes(waits, ORIGINS, aged, NOW)] == [
        counts(_0=3, _5=1),
        counts(_2=2),
    ]
    [either] = shapes([Waits(2, "a", "paused", 6)], ORIGINS, aged, NOW)
    assert either.spans == counts(_0=3, _2=2, _5=1)


def test_what_ended_between_two_looks_is_left_out_and_what_came_is_new():
    assert list(shapes([Waits(9, "a", "ready", 1)], ORIGINS, [], NOW)) == []
    [found] = shapes([Waits(2, "a", "ready", 2)], ORIGINS, [], NOW)
    assert found.spans == counts(_0=2)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 1000), min_size=1, max_size=SPANS))
def test_messages_are_apportioned_without_loss(messages, spans):
    found = apportioned(messages, spans)
    assert sum(found) == messages
    assert min(found) >= 0
    if sum(spans):
        assert all(each == 0 for each, known in zip(found, spans, strict=True) if known == 0)
        assert apportioned(sum(spans), spans) == spans


def test_the_total_of_no_rows_is_nothing():
    assert Queue(NOW, ("cause",), (), is_past=False).totals == (0,) * SPANS
    rows = (Row(("a",), tuple(counts(_0=1, _9=2))), Row(("b",), tuple(counts(_9=3))))
    assert Queue(NOW, ("cause",), rows, is_past=False).totals == tuple(counts(_0=1, _9=5))


class Past:
    """A store of which nothing but the past is asked."""

    def __init__(self, *found):
        self._found = list(found)

    def read_now(self, operation, *_):
        return ORIGINS if operation is queue.past.origins else self._found


def then(*found, by=None, at=NOW):
    table = queue.queue_then(Past(*found), at, by)
    return [(*each.values, each.total) for each in table.rows]


def test_of_the_past_a_cause_is_told_where_it_is_written():
    def found(number, *, is_retrying, deferral=None):
        return WasPending(1, "a.test", "a", is_retrying, deferral, 0, number)

    rows = then(
        found(5, is_retrying=False),
        found(4, is_retrying=False, deferral=Reason.MAILBOX_FULL),
        found(3, is_retrying=True, deferral=Reason.GREYLISTED),
        found(2, is_retrying=True, deferral=Reason.MAILBOX_FULL),
    )
    assert rows == [
        ("unknown", "waiting", "", "promo", 5),
        ("unknown", "waiting", "mailbox_full", "promo", 4),
        ("greylisted", "retrying", "greylisted", "promo", 3),
        ("retry_later", "retrying", "mailbox_full", "promo", 2),
    ]
    assert then(found(5, is_retrying=False), by=By.DOMAIN) == [("a.test", 5)]
    early = CAMPAIGN.contact_at - 1.0
    assert then(found(5, is_retrying=False), by=By.CAUSE, at=early) == [
        (Cause.CONTACT_DATE_AHEAD, 5)
    ]
