"""Which host of a route is next, and for how long a bad one is left alone."""

from collections import Counter

import pytest

from mail.outcome import Broken, Rejected, Stage
from mail.reply import Reply
from mta.hosts import Host, Hosts, why_unreachable
from mta.session.handshake import Endpoints, SourceUnavailable
from world.chance import SeededChance
from world.network import ForbiddenDestination


def host(number, preference=10):
    return Host(Endpoints("127.0.0.1", f"127.0.0.{number}", 25), preference)


def hosts(*each):
    return Hosts(each, SeededChance(3))


def test_the_lowest_preference_that_is_up_and_untried_is_chosen():
    far, near, mid = host(1, 30), host(2, 10), host(3, 20)
    among = hosts(far, near, mid)
    assert among.choose(0) is near
    assert among.choose(0, [near]) is mid
    near.has_failed(0)
    mid.was_poor(0)
    assert among.choose(0) is far
    assert among.choose(0, [far]) is None
    assert among.choose(1.0) is near


def test_equal_preferences_share_evenly():
    one, other, spare = host(1), host(2), host(3, 20)
    among = hosts(one, other, spare)
    chosen = Counter(id(among.choose(0)) for _ in range(1000))
    assert chosen[id(spare)] == 0
    assert 400 < chosen[id(one)] < 600


def test_a_host_is_left_alone_for_longer_with_each_failure_and_each_alone():
    one, other = host(1), host(2)
    among, now, waits = hosts(one, other), 0.0, []
    for _ in range(8):
        one.has_failed(now)
        waits.append(one.down_until - now)
        now = one.down_until
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert other.down_until == 0
    assert among.down_until(now - 1) is None
    other.has_failed(now - 1)
    assert among.down_until(now - 1) == now


def test_failures_together_count_once():
    one = host(1)
    one.has_failed(0)
    one.has_failed(0.5)
    assert (one.failures, one.down_until) == (1, 1.0)


def test_one_connection_tries_a_host_that_failed_the_others_pass_it_by():
    one, other = host(1), host(2, 20)
    among = hosts(one, other)
    one.is_on_trial = True
    assert among.choose(0) is other
    assert among.choose(0, [other]) is None
    assert among.has_untried(0, [other]), "what becomes of the trial is not known yet"


def test_hosts_rise_when_their_time_has_come():
    one, other = host(1), host(2)
    among = hosts(one, other)
    one.has_failed(0)
    other.has_failed(0.5)
    assert among.next_up_at(0.6) == 1.0
    assert among.rise(0.99) == [one]
    assert among.next_up_at(0.99) == 1.5
    assert among.rise(0.99) == []


class _Network:
    def __init__(self, *outside):
        self._outside = outside

    def admit(self, address):
        if address in self._outside:
            raise ForbiddenDestination(f"{address} is outside")
        return address

    def bind_error(self, _):
        return None


def test_hosts_that_the_network_does_not_admit_are_left_out():
    one, other = host(1), host(2, 20)
    among = hosts(one, other)
    among.admit(_Network("127.0.0.1"))
    assert among.choose(0) is other
    with pytest.raises(ForbiddenDestination):
        among.admit(_Network("127.0.0.1", "127.0.0.2"))


def test_why_nobody_can_be_reached_is_said_in_one_answer():
    tried = [host(1), host(2)]
    lost = Broken("lost", Stage.GREETING)
    refused = Rejected(Reply(554, "no"), Stage.GREETING)
    ours = SourceUnavailable("127.0.0.1", OSError(99, "x"))
    assert why_unreachable(tried[:1], [lost]) == lost
    assert why_unreachable(tried, [refused, lost]) == refused
    assert why_unreachable(tried, [lost, ours]) == ours
    assert why_unreachable(tried, [lost, Broken("late", Stage.CONNECT)]) == Broken(
        "127.0.0.1:25: lost; 127.0.0.2:25: late", Stage.CONNECT
    )
