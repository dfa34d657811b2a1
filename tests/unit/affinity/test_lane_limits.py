"""Which rules count for a lane, and what of them holds."""

import pytest

from affinity.configuration import Configuration, MxRule, Route, RouteHost
from affinity.gcra import Gcra
from affinity.lane import LaneKey, Limits, limits_for, limits_of_group
from affinity.route import Routes


def limits(*rules, mx_host="mx.google.com", mx_group="gmail", domains=("gmail.test",)):
    return limits_for(rules, mx_host, mx_group, domains)


def test_without_a_rule_the_defaults_hold_and_nobody_set_them():
    assert limits() == Limits()
    assert limits().because == {}
    assert (limits().tls, limits().connect_timeout) == ("opportunistic", 10.0)
    assert (limits().greeting_timeout, limits().data_timeout) == (60.0, 240.0)


@pytest.mark.parametrize("mask", ["*.google.com", "gmail.*", "*"])
def test_a_rule_counts_by_the_mx_host_or_by_a_domain(mask):
    found = limits(MxRule(mask=mask, max_connections=3))
    assert found.max_connections == 3
    assert found.because == {"max_connections": mask}


@pytest.mark.parametrize("mask", ["gmail", "x.gmail.test", "google.com"])
def test_no_other_rule_counts(mask):
    assert limits(MxRule(mask=mask, max_connections=3)) == Limits()


def test_a_domain_without_a_route_is_matched_by_its_own_name():
    routes = Routes({"gmail": Route(domains=("gmail.test",), sink="x")})
    configuration = Configuration(mx_rule=(MxRule(mask="shop.*", max_connections=3),))
    assert limits_of_group(configuration, routes, "shop.test").max_connections == 3
    assert limits_of_group(configuration, routes, "gmail").max_connections is None


def test_a_looser_value_that_is_set_is_looser_than_nothing_but_a_default_is_not_set():
    found = limits(MxRule(mask="*", connect_timeout=99.0), MxRule(mask="gmail.*", tls="off"))
    assert found.connect_timeout == 99.0
    assert found.tls == "off"
    assert found.because == {"connect_timeout": "*", "tls": "gmail.*"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("off", "opportunistic", "opportunistic"),
        ("required", "off", "required"),
        ("opportunistic", "encrypted", "encrypted"),
        ("required", "encrypted", "required"),
        ("off", "off", "off"),
    ],
)
def test_the_strictest_tls_wins(one, other, expected):
    assert limits(MxRule(mask="*", tls=one), MxRule(mask="g*", tls=other)).tls == expected


def test_of_equal_limits_the_first_rule_is_named():
    rules = [MxRule(mask=mask, max_connections=3) for mask in ("gmail.*", "*")]
    assert limits(*rules).because == {"max_connections": "gmail.*"}


def test_the_rate_is_made_of_the_tightest_limit_and_the_tightest_burst():
    found = limits(
        MxRule(mask="*", messages_per_hour=1000, burst=50),
        MxRule(mask="gmail.*", messages_per_hour=100),
    )
    assert found.rate == Gcra.per_hour(100, 50)
    assert found.messages_per_hour == 100
    assert found.because == {"messages_per_hour": "gmail.*", "burst": "*"}


def test_a_burst_of_one_rule_is_cut_to_the_limit_of_another():
    found = limits(
        MxRule(mask="*", messages_per_hour=1000, burst=50),
        MxRule(mask="gmail.*", messages_per_hour=10),
    )
    assert found.rate == Gcra.per_hour(10, 10)


def test_a_burst_without_a_limit_limits_nothing():
    found = limits(MxRule(mask="*", burst=5))
    assert found.rate is None
    assert not found.is_limited


def test_one_shared_rule_makes_all_limits_the_groups():
    found = limits(
        MxRule(mask="*", max_connections=30),
        MxRule(mask="gmail.*", messages_per_hour=100, shared=True),
    )
    assert found.shared
    assert (found.max_connections, found.messages_per_hour) == (30, 100)
    assert found.because["shared"] == "gmail.*"


def test_a_shared_rule_without_a_limit_shares_nothing():
    found = limits(
        MxRule(mask="*", max_connections=30),
        MxRule(mask="gmail.*", shared=True, max_messages_per_connection=5),
    )
    assert not found.shared


@pytest.mark.parametrize(
    ("rule", "is_limited"),
    [
        (MxRule(mask="*", max_connections=1), True),
        (MxRule(mask="*", messages_per_hour=1), True),
        (MxRule(mask="*", max_messages_per_connection=1), False),
        (MxRule(mask="*", data_timeout=1.0), False),
    ],
)
def test_a_lane_needs_one_owner_if_connections_or_messages_are_counted(rule, is_limited):
    assert limits(rule).is_limited is is_limited


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("127.0.1.1>gmail", LaneKey("127.0.1.1", "gmail")),
        ("*>gmail", LaneKey(None, "gmail")),
        ("::1>shop.test", LaneKey("::1", "shop.test")),
    ],
)
def test_the_text_form_of_a_lane_can_be_read_back(text, key):
    assert str(key) == text
    assert LaneKey.parse(text) == key


def test_what_is_no_lane_is_our_own_mistake():
    with pytest.raises(AssertionError, match="'gmail' is no lane"):
        LaneKey.parse("gmail")


def test_a_rule_for_one_host_of_a_route_holds_for_the_whole_lane():
    hosts = (RouteHost(host="127.0.0.1:25", mx="mx1.y.test"), RouteHost(sink="x"))
    routes = Routes({"y": Route(domains=("y.test",), hosts=hosts)})
    configuration = Configuration(mx_rule=(MxRule(mask="mx1.*", max_connections=3),))
    assert routes.mx_hosts("y") == ("mx.y.test", "mx1.y.test")
    assert limits_of_group(configuration, routes, "y").max_connections == 3
