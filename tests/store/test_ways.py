"""What scheduler and status read of the queue, held against all of its rows."""

from collections import Counter, defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import deliveries, leases, parts, queues
from tests.store.hand import IPS, LEASE, Hand

ways = st.tuples(
    st.integers(0, 2),  # delivery
    st.sampled_from(["a", "b", "b.", "c"]),
    st.sampled_from([(), IPS[:1], IPS[1:], IPS]),
)
made = st.lists(st.tuples(ways, st.integers(1, 9)), max_size=40)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=made,
    per_way=st.integers(1, 6),
    window=st.none() | st.integers(1, 20),
    held=st.lists(st.integers(0, 39), max_size=8),
    takers=st.sampled_from([(1,), (1, 2)]),
)
def test_queued_shows_of_each_way_as_much_as_there_is_room_for(
    hand, clock, made, per_way, window, held, takers
):
    numbers = _make(hand, made)
    now = clock.now()
    chosen = [numbers[each] for each in set(held) if each < len(numbers)]
    hand.store.write_now(
        leases.lease,
        [
            leases.Grant(part.part_id, part.delivery_id, 1 + part.part_id % 2, IPS[0], "lane")
            for part in hand.queued()
            if part.part_id in chosen
        ],
        now,
        now + LEASE,
    )
    found = hand.ask(parts.queued, now, per_way, window, takers)
    everything = hand.queued(10**6)
    assert [each.part_id for each in everything] == sorted(each.part_id for each in everything)
    on_lane = Counter()
    for each in hand.ask(leases.leases):
        [group] = (way[1] for (way, _), number in zip(made, numbers, strict=True)
                   if number == each.part_id)  # fmt: skip
        if each.worker_id in takers:
            on_lane[group, each.worker_id] += each.size
    expected = []
    seen = defaultdict(list)
    for each in everything:
        taken = sum(
            min(size, window or size) for (group, _), size in on_lane.items()
            if group == each.mx_group and IPS[0] in each.source_ips
        )  # fmt: skip
        room = len(each.source_ips) * (window or 10**9) * len(takers) - taken
        before = seen[each.delivery_id, each.mx_group, each.source_ips]
        if not before or (len(before) < per_way and sum(before) < room):
            expected.append(each)
            before.append(each.size)
    assert found == expected


def _make(hand: Hand, made) -> list[int]:
    """The parts, in a store that is emptied first; their deliveries are confirmed."""

    def remake(tx):
        for table in (parts.tables.part, parts.tables.worker):
            tx.connection.execute(table.delete())
        ids = [deliveries.find(tx, limit=3, newest_first=False)[each].id for each in range(3)]
        for number in (1, 2):
            tx.connection.execute(
                parts.tables.worker.insert().values(
                    id=number, instance="m", affinities="main", host="h", pid=number, journal="",
                    state="alive", unbindable="", started_at=0.0, heartbeat_at=0.0, memory_bytes=0,
                )
            )  # fmt: skip
        return parts.insert(
            tx, [parts.Made(ids[way[0]], way[1], way[2], size) for way, size in made]
        )

    while len(hand.ask(deliveries.find)) < 3:
        hand.submit()
    return hand.store.write_now(remake)


def test_parts_of_paused_and_coming_deliveries_are_not_looked_at(hand, clock):
    hand.submit()
    hand.submit(wait=60.0)
    assert {each.delivery_id for each in hand.queued()} == {1}
    clock.advance(61.0)
    assert {each.delivery_id for each in hand.queued()} == {1, 2}


def test_waiting_and_retrying_count_what_the_rows_say(hand, clock):
    from tests.store.hand import DEFERRED

    hand.submit(["x@a.test", "y@a.test", "z@b.test"], part_size=1)
    author = hand.worker()
    first, *_ = hand.lease(author)
    hand.settle(author, hand.outcomes(first, DEFERRED), finished=[first])
    hand.submit(["x@a.test"])
    assert [
        (each.delivery_id, each.mx_group, each.messages) for each in hand.ask(queues.waiting)
    ] == [(2, "a", 1)]
    [retrying] = hand.ask(queues.retrying)
    assert (retrying.mx_group, retrying.messages) == ("a", 1)
    assert retrying.earliest_at == clock.now() + 3600.0
    clock.advance(3600.0)
    hand.cut()
    assert hand.ask(queues.retrying) == []


def test_what_is_held_on_other_ips_takes_no_room(hand, clock):
    _make(hand, [((0, "a", IPS[1:]), 4), *[((1, "a", IPS[:1]), 1)] * 5])
    now = clock.now()
    theirs, *ours = hand.queued()
    grant = leases.Grant(theirs.part_id, theirs.delivery_id, 1, IPS[1], "theirs")
    hand.store.write_now(leases.lease, [grant], now, now + LEASE)
    assert hand.ask(parts.queued, now, 100, 4, (1,)) == ours[:4]
