"""The rules as the scheduler asks for them."""

from affinity.configuration import Affinity, Configuration, MxRule, Route, SourceIp
from affinity.route import Routes
from scheduler.decide.snapshot import Rules

CONFIGURATION = Configuration(
    affinity={
        "red": Affinity(
            ip=(
                SourceIp(address="127.0.1.2", weight=5),
                SourceIp(address="127.0.1.1", weight=0),
                SourceIp(address="127.0.1.3"),
            )
        )
    },
    route={
        name: Route(domains=(f"{name}.test",), host="127.0.0.1:2525")
        for name in ("free", "few", "joint")
    },
    mx_rule=(
        MxRule(mask="mx.few.test", messages_per_hour=3600),
        MxRule(mask="mx.joint.test", max_connections=1, shared=True),
    ),
)
RULES = Rules(CONFIGURATION, Routes(CONFIGURATION.route))


def test_weights_are_those_above_zero_in_the_order_of_the_file():
    assert list(RULES.weights("red").items()) == [("127.0.1.2", 5.0), ("127.0.1.3", 1.0)]


def test_an_unknown_affinity_has_no_weights():
    assert not RULES.weights("blue")


def test_a_lane_without_limits_needs_no_owner():
    lane = RULES.lane("127.0.1.1", "free")
    assert (lane.is_limited, lane.rate) == (False, None)


def test_a_rate_makes_a_limited_lane_for_each_source_ip():
    lane = RULES.lane("127.0.1.1", "few")
    assert lane.is_limited
    assert lane.rate is not None
    assert lane.key != RULES.lane("127.0.1.2", "few").key


def test_under_a_shared_rule_all_source_ips_are_on_one_lane():
    assert RULES.lane("127.0.1.1", "joint").key == RULES.lane("127.0.1.2", "joint").key


def test_a_domain_that_no_route_names_has_no_route():
    assert RULES.has_route("free")
    assert not RULES.has_route("elsewhere.test")
