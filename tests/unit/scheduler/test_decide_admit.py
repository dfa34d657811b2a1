"""admit: no more deliveries start than may be in progress, the oldest contact date first."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from affinity.configuration import Pace
from scheduler.decide.admit import admit
from scheduler.decide.snapshot import LaneView, LiveWorker, QueuedPart, Snapshot
from scheduler.decide.spread import Memory, spread
from tests.fakes.spread_lab import IPS, rules_for


def part(delivery, contact_at=0.0, priority=0, *, is_started=False, number=None, group="free"):
    number = delivery * 10 if number is None else number
    return QueuedPart(number, delivery, "red", group, IPS, 5, priority, contact_at, is_started)


def admitted(parts, limit, running=(), can_go=lambda _: True):
    return [each.delivery_id for each in admit(parts, running, limit, can_go)]


def test_the_oldest_contact_date_starts_first_then_the_higher_priority():
    parts = [part(1, 30.0), part(2, 20.0), part(3, 20.0, priority=1), part(4, 10.0)]
    assert admitted(parts, 1) == [4]
    assert admitted(parts, 2) == [3, 4]
    assert admitted(parts, 3) == [2, 3, 4]
    assert admitted(parts, 9) == [1, 2, 3, 4]


def test_what_is_in_progress_goes_on_and_counts():
    parts = [part(1, is_started=True), part(2), part(3)]
    assert admitted(parts, 1) == [1]
    assert admitted(parts, 2) == [1, 2]
    assert admitted(parts, 2, running=[1, 9]) == [1]
    assert admitted(parts, 1, running=[7, 8, 9]) == [1]


def test_what_has_no_way_to_go_takes_nobodys_place():
    parts = [part(1, 10.0), part(2, 20.0), part(3, 30.0)]
    assert admitted(parts, 1, can_go=lambda each: each.delivery_id != 1) == [2]
    assert admitted(parts, 2, can_go=lambda each: each.delivery_id != 2) == [1, 3]


def test_one_part_that_can_go_lets_all_of_its_delivery():
    parts = [part(1, number=1, group="few"), part(1, number=2), part(2)]
    assert admitted(parts, 1, can_go=lambda each: each.mx_group == "free") == [1, 1]


def test_spread_passes_over_whom_nobody_can_serve():
    rules = rules_for({"red": dict.fromkeys(IPS, 1), "blue": {IPS[0]: 1}})
    blue = replace(part(1, 1.0), affinity="blue")
    worker = LiveWorker(1, "m", frozenset({"red"}))
    seen = Snapshot(9.0, (blue, part(2, 2.0), part(3, 3.0)), (worker,))
    grants, _ = spread(seen, rules, Pace(max_deliveries=1), Memory())
    assert [each.delivery_id for each in grants] == [2]
    shut = tuple(LaneView(f"{ip}>free", suspended=True) for ip in IPS)
    elsewhere = part(3, 3.0, group="slow")
    seen = Snapshot(9.0, (part(2, 2.0), elsewhere), (worker,), shut)
    grants, _ = spread(seen, rules, Pace(max_deliveries=1), Memory())
    assert [each.delivery_id for each in grants] == [3]


@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.floats(0, 9), st.integers(-1, 1), st.booleans()),
        max_size=20,
    ),
    st.sets(st.integers(1, 12)),
    st.integers(1, 6),
    st.sets(st.integers(1, 8)),
)
def test_no_more_start_than_may_and_none_is_kept_without_need(rows, running, limit, stuck):
    of = {number: (at, priority, begun) for number, at, priority, begun in rows}
    parts = [
        part(number, of[number][0], of[number][1], is_started=of[number][2], number=place)
        for place, (number, *_) in enumerate(rows)
    ]
    chosen = admit(parts, running, limit, lambda each: each.delivery_id not in stuck)
    assert list(chosen) == [each for each in parts if each in chosen]
    started = {each.delivery_id for each in parts if each.is_started}
    assert {each for each in parts if each.is_started} <= set(chosen)
    new = {each.delivery_id for each in chosen} - started
    assert not new & stuck
    assert len(started | running | new) <= max(limit, len(started | running)) or not new
    left = {each.delivery_id for each in parts} - started - new - stuck
    if left:
        assert len(started | running) + len(new) >= limit
        place = {number: (of[number][0], -of[number][1], number) for number in of}
        assert all(place[early] < place[late] for early in new for late in left)
