"""What `mtalab top` makes of what it reads: rates between two looks, order, cells."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.top.snapshot import Facts, snapshot
from lab.top.tables import TABLES, bar, headline, in_order, rate
from mail.cause import Cause, Progress
from mail.states import DeliveryStatus, MessageStatus
from monitor.lanes import LaneLine
from monitor.why.finding import Finding
from store.deliveries import Delivery
from store.modules import Worker
from store.queues import InHand
from store.reports import LaneReport


def delivery(number, status=DeliveryStatus.IN_PROGRESS, **counts):
    found = {MessageStatus(name): count for name, count in counts.items()}
    return Delivery(
        id=number, label=f"d{number}", status=status, affinity="promo", priority=0, part_size=10,
        submitted_at=0.0, contact_at=0.0, expires_at=9.0, started_at=None, finished_at=None,
        open_until=None, messages=sum(counts.values()), counts=found,
    )  # fmt: skip


def finding(cause, messages, *, blocked=False):
    is_cause = isinstance(cause, Cause)
    return Finding(
        cause if is_cause else None, None if is_cause else cause, messages, 1, "g", "queued",
        None, None, f"words of {cause}", {}, "", None, None, blocked,
    )  # fmt: skip


def worker(number, at, **more):
    given_ = {
        "id": number, "instance": "m1", "affinities": (), "host": "h", "pid": 1, "journal": "j",
        "state": "alive", "unbindable": (), "started_at": 0.0, "heartbeat_at": at,
        "memory_bytes": 90_000_000,
    }  # fmt: skip
    return Worker(**(given_ | more))


FACTS = Facts(
    100.0,
    1000,
    [
        delivery(1, DeliveryStatus.FINISHED, sent=10),
        delivery(2, pending=50, sent=100, failed=10),
        delivery(3, pending=5),
    ],
    [
        finding(Progress.READY, 40),
        finding(Cause.LANE_SUSPENDED, 3, blocked=True),
        finding(Cause.RETRY_LATER, 9),
        finding(Cause.RETRY_LATER, 3),
    ],
    [
        LaneLine("a>g", "a", "g", ("promo",), 10, None),
        LaneLine("b>g", "b", "g", ("promo",), None, None, in_hand=7),
        LaneLine("c>g", "c", "g", ("promo",), None, None, suspended_until=float("inf")),
    ],
    [InHand(2, "b>g", "b", 7, 1, 7)],
    [LaneReport(7, "b>g", "b", taken=4, allowed=10)],
    [worker(7, 99.0), worker(8, 10.0), worker(9, 99.5, trouble="disk full")],
)


def test_the_first_look_knows_no_rates():
    found = snapshot(FACTS, None)
    assert found.rate is None
    assert {each.rate for each in found.deliveries} == {None}
    assert headline(found).startswith("- attempts a second")


def test_rates_are_what_happened_between_two_looks():
    first = snapshot(FACTS, None)
    later = replace(
        FACTS,
        at=102.0,
        transitions=1100,
        deliveries=[delivery(2, pending=10, sent=138, failed=12), delivery(4, sent=5)],
    )
    found = snapshot(later, first)
    assert found.rate == 50.0
    assert {each.delivery: each.rate for each in found.deliveries} == {2: 20.0, 4: None}


def test_a_clock_that_stands_or_a_log_that_was_pruned_makes_no_rate_below_nothing():
    first = snapshot(FACTS, None)
    assert snapshot(FACTS, first).rate is None
    assert snapshot(replace(FACTS, at=101.0, transitions=10), first).rate == 0.0


def test_what_needs_somebody_comes_first():
    found = snapshot(FACTS, None)
    assert [each.delivery for each in found.deliveries] == [3, 2, 1]
    assert [(each.cause, each.messages) for each in found.causes] == [
        ("lane_suspended", 3), ("ready", 40), ("retry_later", 12),
    ]  # fmt: skip
    assert [each.lane for each in found.lanes] == ["c>g", "b>g", "a>g"]
    assert [each.state for each in found.workers] == ["running", "lost", "running"]
    assert found.pending == 55
    assert "3 need a change" in headline(found)


def test_each_table_has_a_cell_for_each_column_and_a_key_for_each_row():
    found = snapshot(FACTS, None)
    for table in TABLES:
        rows = table.rows(found)
        assert len({key for key, _, _ in rows}) == len(rows)
        for _, cells, _ in rows:
            assert len(cells) == len(table.columns)


def test_its_json_has_no_more_than_it_says():
    found = snapshot(FACTS, None).as_json()
    assert found.keys() == {
        "at", "rate", "pending", "in_hand", "deliveries", "causes", "lanes", "workers",
    }  # fmt: skip
    assert found["workers"][0]["connections"] == 4


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_bar_is_as_long_as_it_is(sent, failed, rest):
    drawn = bar(sent, failed, sent + failed + rest)
    assert len(drawn) == 14
    assert drawn == "".join(sorted(drawn, key="█▒·".index))
    if not failed:
        assert "▒" not in drawn


@given(st.lists(st.integers(0, 10**7), unique=True))
def test_numbers_are_sorted_from_the_highest_down(numbers):
    rows = [(str(each), (f"{each:,}", "x"), "") for each in numbers]
    assert [int(key) for key, _, _ in in_order(rows, 0)] == sorted(numbers, reverse=True)
    assert in_order(rows, None) == rows


@pytest.mark.parametrize(
    ("value", "said"), [(None, "-"), (0.0, "0.0"), (9.96, "10.0"), (1234.5, "1,234")]
)
def test_rates_are_short(value, said):
    assert rate(value) == said
