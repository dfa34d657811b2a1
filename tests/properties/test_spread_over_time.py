"""What many rounds of ``spread`` add up to, in a small model of workers that finish parts."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affinity.configuration import Affinity, Configuration, MxRule, Pace, Route, SourceIp
from affinity.route import Routes
from scheduler.decide.snapshot import Rules
from tests.fakes.spread_lab import IPS, Lab, rules_for


def all_red(workers):
    return dict.fromkeys(range(1, workers + 1), ("red",))


completions = st.lists(st.lists(st.integers(0, 1000), max_size=5), min_size=10, max_size=40)
weight_sets = st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=1, max_size=3).map(
    lambda weights: dict(zip(IPS, weights, strict=False))
)


@given(
    weight_sets,
    st.lists(st.sampled_from([8, 20, 64, 90]), min_size=2, max_size=4),
    st.sampled_from(["free", "few"]),
    st.integers(1, 3),
    completions,
)
@settings(max_examples=60)
def test_equal_deliveries_differ_by_at_most_one_part_each_per_source_ip(
    weights, sizes, group, workers, done
):
    lab = Lab(rules_for({"red": weights}), all_red(workers), group=group)
    for delivery, size in enumerate(sizes):
        lab.submit(delivery, [size] * 1000)
    for numbers in done:
        lab.round()
        for one, one_size in enumerate(sizes):
            for other, other_size in enumerate(sizes):
                gap = lab.granted[one] - lab.granted[other]
                assert gap <= (one_size + other_size) * len(weights)
        lab.finish_some(numbers)


@given(weight_sets, st.sampled_from(["free", "few"]), st.integers(1, 3), completions)
@settings(max_examples=60)
def test_each_source_ip_gets_its_share_to_within_a_part_however_busy_the_lanes(
    weights, group, workers, done
):
    lab = Lab(rules_for({"red": weights}), all_red(workers), group=group)
    lab.submit(1, [10] * 1000)
    for numbers in done:
        lab.round()
        total = sum(lab.by_ip.values())
        for ip, weight in weights.items():
            assert abs(lab.by_ip[ip] - total * weight / sum(weights.values())) <= 10
        lab.finish_some(numbers)


@given(weight_sets, st.lists(st.sampled_from([8, 20, 64]), min_size=2, max_size=4), completions)
@settings(max_examples=30)
def test_parts_of_different_sizes_keep_the_shares_to_within_two_of_the_largest(
    weights, sizes, done
):
    lab = Lab(rules_for({"red": weights}), all_red(2))
    for delivery, size in enumerate(sizes):
        lab.submit(delivery, [size] * 1000)
    for numbers in done:
        lab.round()
        total = sum(lab.by_ip.values())
        for ip, weight in weights.items():
            share = total * weight / sum(weights.values())
            assert abs(lab.by_ip[ip] - share) <= 2 * max(sizes)
        lab.finish_some(numbers)


@pytest.mark.parametrize("group", ["free", "few"])
def test_each_delivery_sees_the_weights_and_not_only_their_sum(group):
    lab = Lab(rules_for({"red": {IPS[0]: 1, IPS[1]: 1}}), {1: ["red"]}, group=group)
    lab.submit(1, [8] * 500)
    lab.submit(2, [8] * 500)
    seen = Counter()
    for _ in range(40):
        for grant in lab.round():
            seen[grant.delivery_id, grant.source_ip] += 1
        lab.finish()
    assert max(seen.values()) - min(seen.values()) <= 2
    assert len(seen) == 4


def test_an_ip_that_cannot_be_used_leaves_its_share_to_the_others_by_their_weights():
    """The modelled system's own example: 5, 5, 1 without the first is 83 to 17."""
    lab = Lab(rules_for({"red": dict(zip(IPS, (5, 5, 1), strict=True))}), {1: ["red"]})
    lab.suspended.add(lab.rules.lane(IPS[0], "free").key)
    lab.submit(1, [8] * 660)
    for _ in range(200):
        lab.round()
        lab.finish()
    total = sum(lab.by_ip.values())
    assert total == 660 * 8
    assert round(100 * lab.by_ip[IPS[1]] / total) == 83
    assert round(100 * lab.by_ip[IPS[2]] / total) == 17


def test_an_ip_without_budget_leaves_its_share_to_the_others():
    lab = Lab(rules_for({"red": {IPS[0]: 1, IPS[1]: 1}}), {1: ["red"]}, group="slow")
    lab.tats[lab.rules.lane(IPS[0], "slow").key] = lab.now + 60
    lab.submit(1, [8] * 10)
    for _ in range(10):
        lab.round()
        lab.finish()
    assert lab.by_ip == {IPS[1]: 80}


def test_a_lane_is_lent_no_more_than_about_a_second_of_its_budget_ahead():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]}, group="slow")
    lab.submit(1, [8] * 10)
    assert len(lab.round()) == 1  # 8 messages are 8 s of this lane
    assert lab.round() == []
    lab.finish()
    assert len(lab.round()) == 1


def test_a_part_beside_others_must_fit_into_what_the_limiter_lets_pass_in_a_lease():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]}, group="slow")
    lab.submit(1, [1, 40])
    assert [grant.part_id for grant in lab.round()] == [1]  # 40 messages are 40 s
    lab.finish()
    assert [grant.part_id for grant in lab.round()] == [2]  # but alone it may always go


def test_a_small_delivery_behind_a_million_messages_goes_at_the_next_chance():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]}, Pace(lane_window=512))
    lab.submit(1, [256] * 4000)
    lab.round()
    lab.submit(2, [8] * 13)
    assert lab.round() == []  # the window is full
    del lab.leases[0]
    assert lab.round()[0].delivery_id == 2
    for _ in range(4):
        lab.finish()
        lab.round()
    assert not lab.queues[2]


def test_a_newcomer_gets_its_share_at_once_and_nothing_for_the_past():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]})
    lab.submit(1, [8] * 2000)
    for _ in range(50):
        lab.round()
        lab.finish()
    before = lab.granted[1]
    lab.submit(2, [8] * 1000)
    for _ in range(10):
        lab.round()
        lab.finish()
        assert abs((lab.granted[1] - before) - lab.granted[2]) <= 16


def test_an_endless_row_of_small_newcomers_does_not_starve_a_large_delivery():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]})
    lab.submit(1, [64] * 100)
    for newcomer in range(2, 400):
        lab.submit(newcomer, [8] * 3)
        lab.round()
        lab.finish()
    assert lab.granted[1] >= 64 * 10


@pytest.mark.parametrize("group", ["free", "few"])
def test_small_parts_do_not_keep_a_large_one_out_of_the_window(group):
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]}, group=group)
    lab.submit(1, [60] * 50)
    lab.submit(2, [5] * 1000)
    for _ in range(500):
        lab.round()
        del lab.leases[0]
    assert abs(lab.granted[1] - lab.granted[2]) <= 65


@given(completions)
@settings(max_examples=30)
def test_while_a_higher_priority_waits_nothing_lower_of_its_stream_goes(done):
    lab = Lab(rules_for({"red": {IPS[0]: 2, IPS[1]: 1}}), {1: ["red"], 2: ["red"]})
    lab.submit(1, [8] * 1000)
    lab.round()
    lab.submit(2, [20] * 30, priority=9)
    for numbers in done:
        grants = lab.round()
        if lab.queues[2]:
            assert all(grant.delivery_id == 2 for grant in grants)
        lab.finish_some(numbers)


def test_on_a_lane_a_higher_priority_of_another_affinity_goes_first():
    lab = Lab(
        rules_for({"red": {IPS[0]: 1}, "blue": {IPS[0]: 1}}), {1: ["red", "blue"]}, group="few"
    )
    lab.submit(1, [8] * 100, affinity="red")
    lab.round()
    lab.submit(2, [8] * 20, affinity="blue", priority=1)
    while lab.queues[2]:
        lab.finish_some([0])
        assert {grant.delivery_id for grant in lab.round()} == {2}


def test_deliveries_of_different_affinities_share_a_lane_by_delivery():
    lab = Lab(
        rules_for({"red": {IPS[0]: 1}, "blue": {IPS[0]: 1}}), {1: ["red", "blue"]}, group="few"
    )
    for delivery, affinity in enumerate(["red", "blue", "blue", "blue"]):
        lab.submit(delivery, [8] * 500, affinity=affinity)
    for _ in range(60):
        lab.round()
        lab.finish_some([0, 0])
    shares = list(lab.granted.values())
    assert len(shares) == 4
    assert max(shares) - min(shares) <= 32


def test_a_limited_lane_changes_hands_between_instances_and_both_get_their_share():
    rules = rules_for({"red": {IPS[0]: 1}, "blue": {IPS[0]: 1}})
    lab = Lab(rules, {1: ["red"], 2: ["blue"]}, group="few")
    lab.submit(1, [8] * 500, affinity="red")
    lab.submit(2, [8] * 500, affinity="blue")
    for _ in range(100):
        lab.round()
        assert len({grant.worker_id for grant, _ in lab.leases}) == 1
        lab.finish_some([0])
    assert abs(lab.granted[1] - lab.granted[2]) <= 16


def test_a_lane_that_takes_nothing_for_a_lease_is_gone_round_until_it_moves():
    lab = Lab(rules_for({"red": {IPS[0]: 1, IPS[1]: 1}}), {1: ["red"]})
    lab.submit(1, [16] * 500)

    def others(grant):
        return grant.source_ip != IPS[0]

    for _ in range(20):
        lab.round()
        lab.finish(others)
    waiting = lab.by_ip[IPS[1]]
    assert abs(waiting - lab.by_ip[IPS[0]]) <= 16  # it keeps to the weights
    lab.now += lab.pace.lease
    for _ in range(20):
        lab.round()
        lab.finish(others)
    assert lab.by_ip[IPS[1]] > waiting + 500  # the other IP sends alone
    lab.finish()
    assert IPS[0] in {grant.source_ip for grant in lab.round()}


def test_a_slow_lane_that_moves_is_waited_for_however_long_it_is_full():
    lab = Lab(rules_for({"red": {IPS[0]: 1, IPS[1]: 1}}), {1: ["red"]})
    lab.submit(1, [16] * 500)
    for _ in range(40):
        lab.round()
        lab.now += lab.pace.lease / 4
        slow = [grant for grant, _ in lab.leases if grant.source_ip == IPS[0]]
        lab.finish(lambda grant, first=slow[0]: grant == first or grant.source_ip == IPS[1])
    assert abs(lab.by_ip[IPS[0]] - lab.by_ip[IPS[1]]) <= 16


def test_the_worker_with_the_least_in_hand_is_given_more_until_they_are_level():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), {1: ["red"]}, Pace(lane_window=1000))
    lab.submit(1, [8] * 10)
    lab.round()
    lab.workers = all_red(2)
    lab.submit(1, [8] * 30)
    assert [grant.worker_id for grant in lab.round()][:10] == [2] * 10
    lab.round()
    assert lab.by_worker == {1: 160, 2: 160}


@given(st.integers(1, 8), st.sampled_from([8, 64]), completions)
@settings(max_examples=30)
def test_equal_parts_are_spread_evenly_over_workers(workers, size, done):
    lab = Lab(rules_for({"red": dict.fromkeys(IPS, 1.0)}), all_red(workers))
    lab.submit(1, [size] * 3000)
    for _ in done:
        lab.round()
        lab.finish()
    got = [lab.by_worker[worker] for worker in lab.workers]
    assert sum(got) ** 2 / (len(got) * sum(each**2 for each in got)) >= 0.98


def test_single_parts_that_come_one_by_one_go_round_the_workers():
    lab = Lab(rules_for({"red": {IPS[0]: 1}}), all_red(4))
    for number in range(40):
        lab.submit(number, [8])
        lab.round()
        lab.finish()
    assert list(lab.by_worker.values()) == [80] * 4


@pytest.mark.parametrize("sizes", [(256, 8), (8, 256), (64, 64), (256, 1)])
def test_on_a_lane_that_gives_parts_back_each_delivery_sends_as_many_messages(sizes):
    configuration = Configuration(
        affinity={"red": Affinity(ip=(SourceIp(address=IPS[0]),))},
        route={"free": Route(domains=("free.test",), host="127.0.0.1:2525")},
        mx_rule=(MxRule(mask="mx.free.test", messages_per_hour=60),),
    )
    lab = Lab(Rules(configuration, Routes(configuration.route)), {1: ["red"]})
    lane = lab.rules.lane(IPS[0], "free")
    for delivery, size in enumerate(sizes, 1):
        lab.submit(delivery, [size] * 300)
    sent = Counter()
    for _ in range(200):
        lab.now += 60
        waiting = {each.part_id: each for queue in lab.queues.values() for each in queue}
        for grant in lab.round():
            part = waiting[grant.part_id]
            lab.tats[lane.key] = lane.rate.spend(lab.tats.get(lane.key), lab.now)
            sent[part.delivery_id] += 1
            if part.size > 1:  # what is left of it comes back to its place in the queue
                lab.queues[part.delivery_id].appendleft(replace(part, size=part.size - 1))
        lab.finish()
    assert abs(sent[1] - sent[2]) <= 2, sent
    assert sent.total() >= 190
