"""What every round of ``spread`` keeps, over random snapshots."""

from collections import Counter, defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from affinity.configuration import Affinity, Configuration, MxRule, Pace, Route, SourceIp
from affinity.route import Routes
from scheduler.decide.snapshot import LaneView, LiveWorker, QueuedPart, Rules, Snapshot
from scheduler.decide.spread import Memory, spread

IPS = ("127.0.1.1", "127.0.1.2", "127.0.1.3")
GROUPS = ("free", "few", "slow", "joint")  # and "lost", which has no route
AFFINITIES = ("red", "blue")
PACE = Pace(lane_window=64, lease=15.0)
NOW = 1_000_000.0


def configuration(red, blue):
    """Four MX groups: without limits, few connections, few messages per hour, a shared rule."""

    def affinity(weights):
        return Affinity(
            ip=tuple(SourceIp(address=ip, weight=weight) for ip, weight in weights.items())
        )

    return Configuration(
        affinity={"red": affinity(red), "blue": affinity(blue)},
        route={
            name: Route(domains=(f"{name}.test",), host="127.0.0.1:2525", mx=f"mx.{name}.test")
            for name in GROUPS
        },
        mx_rule=(
            MxRule(mask="mx.few.test", max_connections=2),
            MxRule(mask="mx.slow.test", messages_per_hour=7200),
            MxRule(mask="mx.joint.test", max_connections=2, shared=True),
        ),
    )


weights = st.dictionaries(st.sampled_from(IPS), st.sampled_from([0.0, 1.0, 5.0]), min_size=1)
subsets = st.lists(st.sampled_from(IPS), unique=True, max_size=3).map(
    lambda ips: tuple(sorted(ips))
)


@st.composite
def rounds(draw):
    """Rules and a snapshot that a lawful history can have led to."""
    chosen = configuration(draw(weights), draw(weights))
    rules = Rules(chosen, Routes(chosen.route))
    homes = draw(st.lists(st.sampled_from([("red",), ("blue",), AFFINITIES]), max_size=4))
    unbindable = [draw(subsets) for _ in homes]
    in_hand = defaultdict(dict)
    views = []
    for group in GROUPS:
        for lane in {rules.lane(ip, group).key: rules.lane(ip, group) for ip in IPS}.values():
            holders = draw(st.lists(st.integers(1, 5), unique=True, max_size=2))
            if lane.is_limited:
                holders = holders[:1]
            for holder in holders:
                in_hand[holder][lane.key] = draw(st.integers(1, 80))
            owner = holders[0] if lane.is_limited and holders else None
            tat = draw(st.none() | st.floats(NOW - 5, NOW + 5)) if lane.rate else None
            views.append(
                LaneView(lane.key, owner, tat, draw(st.sampled_from([False] * 4 + [True])))
            )
    workers = tuple(
        LiveWorker(number, f"mta{number}", frozenset(home), frozenset(cannot), in_hand[number])
        for number, (home, cannot) in enumerate(zip(homes, unbindable, strict=True), start=1)
    )
    plans = {
        delivery: (draw(st.sampled_from(AFFINITIES)), draw(st.sampled_from([0, 0, 0, 5])))
        for delivery in range(1, 7)
    }
    parts = tuple(
        QueuedPart(number, delivery, *_plan(plans[delivery], group, ips, size))
        for number, (delivery, group, ips, size) in enumerate(
            draw(
                st.lists(
                    st.tuples(
                        st.integers(1, 6),
                        st.sampled_from((*GROUPS, "lost")),
                        subsets | st.just(IPS),
                        st.sampled_from([1, 8, 30, 64, 100]),
                    ),
                    max_size=40,
                )
            ),
            start=1,
        )
    )
    return rules, Snapshot(NOW, parts, workers, tuple(views))


def _plan(plan, group, ips, size):
    affinity, priority = plan
    return affinity, group, ips, size, priority


def serves(worker, part, ip):
    return part.affinity in worker.affinities and ip not in worker.unbindable


@given(rounds())
def test_a_grant_goes_only_where_affinity_masks_weights_bindings_and_suspensions_allow(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    parts = {part.part_id: part for part in snapshot.parts}
    workers = {worker.worker_id: worker for worker in snapshot.workers}
    suspended = {view.key for view in snapshot.lanes if view.suspended}
    for grant in grants:
        part = parts[grant.part_id]
        assert part.mx_group == grant.mx_group != "lost"
        assert part.delivery_id == grant.delivery_id
        assert grant.source_ip in part.source_ips
        assert rules.weights(part.affinity)[grant.source_ip] > 0
        assert serves(workers[grant.worker_id], part, grant.source_ip)
        assert grant.lane_key == rules.lane(grant.source_ip, grant.mx_group).key
        assert grant.lane_key not in suspended


@given(rounds())
def test_no_part_is_granted_twice(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    assert max(Counter(grant.part_id for grant in grants).values(), default=1) == 1


def holders_after(snapshot, grants):
    """Messages in hand by (lane, worker), with what was granted."""
    held = Counter()
    for worker in snapshot.workers:
        for key, messages in worker.in_hand.items():
            held[key, worker.worker_id] += messages
    sizes = {part.part_id: part.size for part in snapshot.parts}
    for grant in grants:
        held[grant.lane_key, grant.worker_id] += sizes[grant.part_id]
    return held


@given(rounds())
def test_a_limited_lane_never_has_two_owners_not_even_one_that_is_gone(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    owners = defaultdict(set)
    for view in snapshot.lanes:
        if view.owner is not None:
            owners[view.key].add(view.owner)
    for key, worker in holders_after(snapshot, grants):
        owners[key].add(worker)
    for group in GROUPS:
        for ip in IPS:
            lane = rules.lane(ip, group)
            assert not lane.is_limited or len(owners[lane.key]) <= 1


@given(rounds())
def test_nobody_holds_more_than_a_window_on_a_lane_except_in_a_single_part(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    before = holders_after(snapshot, [])
    after = holders_after(snapshot, grants)
    taken = Counter((grant.lane_key, grant.worker_id) for grant in grants)
    tats = {view.key: view.tat for view in snapshot.lanes}
    gcras = {
        lane.key: lane.rate for group in GROUPS for ip in IPS for lane in [rules.lane(ip, group)]
    }
    for place, parts in taken.items():
        if before[place] == 0 and parts == 1:
            continue
        assert after[place] <= PACE.lane_window
        gcra = gcras[place[0]]
        if gcra is not None:
            assert after[place] <= gcra.room(tats[place[0]], NOW, PACE.lease)


@given(rounds())
def test_within_a_stream_each_delivery_is_granted_from_the_front(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    granted = {grant.part_id for grant in grants}
    queues = defaultdict(list)
    for part in snapshot.parts:
        queues[part.delivery_id, part.affinity, part.mx_group, part.source_ips].append(part)
    for queue in queues.values():
        flags = [part.part_id in granted for part in queue]
        assert flags == sorted(flags, reverse=True)


@given(rounds())
def test_a_part_stays_only_if_a_lane_that_it_may_use_is_busy_or_none_may_be_used(drawn):
    """Nobody who could send is idle: where a part waits, everyone who could take it holds work."""
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    granted = {grant.part_id for grant in grants}
    held = holders_after(snapshot, grants)
    for part in snapshot.parts:
        if part.part_id in granted or part.mx_group == "lost":
            continue
        usable = [
            ip
            for ip in part.source_ips
            if rules.weights(part.affinity).get(ip, 0) > 0
            and can_ever_go(rules, snapshot, held, part, ip)
        ]
        assert not usable or any(is_busy(rules, snapshot, held, part, ip) for ip in usable)


def can_ever_go(rules, snapshot, held, part, ip):
    lane = rules.lane(ip, part.mx_group)
    view = next(view for view in snapshot.lanes if view.key == lane.key)
    alive = {worker.worker_id for worker in snapshot.workers}
    in_hand = sum(messages for (key, _), messages in held.items() if key == lane.key)
    has_budget = lane.rate is None or (
        lane.rate.earliest(lane.rate.after(view.tat, NOW, in_hand)) <= NOW + 1.0
    )
    return (
        not view.suspended
        and has_budget
        and (view.owner is None or view.owner in alive)
        and any(serves(worker, part, ip) for worker in snapshot.workers)
    )


def is_busy(rules, snapshot, held, part, ip):
    lane = rules.lane(ip, part.mx_group)
    able = [worker.worker_id for worker in snapshot.workers if serves(worker, part, ip)]
    if lane.is_limited:
        return any(held[lane.key, worker.worker_id] for worker in snapshot.workers)
    return all(held[lane.key, worker] for worker in able)


@given(rounds())
def test_where_one_delivery_uses_one_ip_its_first_part_stays_only_for_want_of_room(drawn):
    rules, snapshot = drawn
    parts = tuple(
        part for part in snapshot.parts if part.delivery_id == 1 and part.mx_group == "free"
    )
    parts = tuple(part for part in parts if part.source_ips == IPS[:1])
    snapshot = Snapshot(NOW, parts, snapshot.workers, snapshot.lanes)
    grants, _ = spread(snapshot, rules, PACE, Memory())
    held = holders_after(snapshot, grants)
    left = [part for part in parts if part.part_id not in {grant.part_id for grant in grants}]
    if left and rules.weights(left[0].affinity).get(IPS[0], 0) > 0:
        lane = rules.lane(IPS[0], "free")
        if can_ever_go(rules, snapshot, held, left[0], IPS[0]):
            for worker in snapshot.workers:
                if serves(worker, left[0], IPS[0]):
                    in_hand = held[lane.key, worker.worker_id]
                    assert in_hand > 0
                    assert in_hand + left[0].size > PACE.lane_window


@given(rounds())
def test_within_a_stream_no_part_goes_before_one_of_higher_priority(drawn):
    rules, snapshot = drawn
    grants, _ = spread(snapshot, rules, PACE, Memory())
    granted = {grant.part_id for grant in grants}
    streams = defaultdict(list)
    for part in snapshot.parts:
        streams[part.affinity, part.mx_group, part.source_ips].append(part)
    for stream in streams.values():
        went = [part.priority for part in stream if part.part_id in granted]
        stayed = [part.priority for part in stream if part.part_id not in granted]
        assert not went or not stayed or min(went) >= max(stayed)


@given(rounds(), st.randoms(use_true_random=False))
def test_the_answer_depends_on_nothing_but_the_values(drawn, shuffle):
    rules, snapshot = drawn
    parts, workers, lanes = list(snapshot.parts), list(snapshot.workers), list(snapshot.lanes)
    for values in (parts, workers, lanes):
        shuffle.shuffle(values)
    shuffled = Snapshot(NOW, tuple(parts), tuple(workers), tuple(lanes))
    assert spread(snapshot, rules, PACE, Memory()) == spread(shuffled, rules, PACE, Memory())


@given(rounds())
@settings(max_examples=50)
def test_a_round_grants_all_that_it_can_so_that_a_second_one_finds_nothing(drawn):
    rules, snapshot = drawn
    grants, memory = spread(snapshot, rules, PACE, Memory())
    held = holders_after(snapshot, grants)
    owners = {view.key: view.owner for view in snapshot.lanes}
    owners |= {
        grant.lane_key: grant.worker_id
        for grant in grants
        if rules.lane(grant.source_ip, grant.mx_group).is_limited
    }
    granted = {grant.part_id for grant in grants}
    after = Snapshot(
        NOW,
        tuple(part for part in snapshot.parts if part.part_id not in granted),
        tuple(
            replace(
                worker,
                in_hand={key: n for (key, who), n in held.items() if who == worker.worker_id},
            )
            for worker in snapshot.workers
        ),
        tuple(replace(view, owner=owners[view.key]) for view in snapshot.lanes),
    )
    again, _ = spread(after, rules, PACE, memory)
    assert again == []
