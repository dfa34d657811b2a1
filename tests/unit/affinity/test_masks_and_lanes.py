"""Masks, admission, routes, and the limits of a lane."""

import pytest

from affinity.affinity import source_ips_for, weights
from affinity.configuration import Affinity, MxRule, Route, SourceIp
from affinity.lane import LaneKey, lane_of, limits_for
from affinity.mask import admits, covers, is_pattern, matches, valid_mask
from affinity.route import Routes


@pytest.mark.parametrize(
    ("mask", "domain", "expected"),
    [
        ("yahoo.*", "yahoo.com", True),
        ("yahoo.*", "yahoo.co.uk", True),
        ("yahoo.*", "notyahoo.com", False),
        ("*.google.com", "mx1.google.com", True),
        ("*.google.com", "google.com", False),
        ("*.google.com", "mx.googleXcom", False),
        ("a?c.test", "abc.test", True),
        ("a?c.test", "ac.test", False),
        ("GMAIL.test", "gmail.TEST", True),
        ("[ab].test", "a.test", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "BÜCHER.example", True),
        ("*.bücher.example", "shop.xn--bcher-kva.example", True),
        ("shop.xn--bcher-kva.example", "SHOP.bücher.example", True),
        ("bü*.example", "xn--bcher-kva.example", True),
        ("b?cher.example", "bücher.example", True),
        ("xn--*.example", "bücher.example", True),
        ("bü*.example", "bucher.example", False),
        ("xn--zz*.example", "xn--zzz.example", True),
        ("xn--zzz.example", "xn--zzz.example", True),
        ("*", "anything.at.all", True),
        ("a.*.c", "a.b.b.c", True),
        ("a.**.c", "a.b.c", True),
        ("*a", "a\n", False),
        ("mx_1.*", "MX_1.test", True),
    ],
)
def test_a_mask_names_what_it_says(mask, domain, expected):
    assert matches(mask, domain) is expected


def test_include_is_asked_first_and_exclude_after_it():
    assert admits((), (), "a.test")
    assert admits(("*.test",), (), "a.test")
    assert not admits(("b.test",), (), "a.test")
    assert not admits(("*.test",), ("a.*",), "a.test")


@pytest.mark.parametrize(
    "mask", ["", "a b.test", "@a.test", "anna@a.test", "a.test,b.test", "a.test;", "ü_.test", ".é"]
)
def test_a_mask_that_no_domain_can_match_is_refused(mask):
    with pytest.raises(ValueError, match=r"expected one domain mask|is not a domain name"):
        valid_mask(mask)


def test_a_mask_with_wildcards_is_a_pattern():
    assert valid_mask("yahoo.*") == "yahoo.*"
    assert is_pattern("yahoo.*")
    assert is_pattern("a?b")
    assert not is_pattern("yahoo.com")


def test_an_ip_of_weight_zero_is_out_of_the_choice_though_masks_admit_it():
    affinity = Affinity(
        ip=(SourceIp(address="127.0.1.2", weight=5), SourceIp(address="127.0.1.1", weight=0))
    )
    assert weights(affinity) == {"127.0.1.2": 5}
    assert len(source_ips_for(affinity, "a.test")) == 2


@pytest.mark.parametrize(
    ("mask", "other", "expected"),
    [
        ("*.test", "a.*.test", True),
        ("a.*", "*.test", False),
        ("*é", "?é", True),  # the part has no domain's form: only masks can have it
        ("b\u00fccher.*", "xn--bcher-kva.?est", True),
        ("?é", "*", False),
    ],
)
def test_a_mask_covers_another_one(mask, other, expected):
    assert covers(mask, other) is expected


def test_no_ip_is_left_when_every_mask_refuses():
    affinity = Affinity(
        ip=(
            SourceIp(address="127.0.1.1", include=("b.test",)),
            SourceIp(address="127.0.1.2", exclude=("a.*",)),
        )
    )
    assert source_ips_for(affinity, "a.test") == ()
    assert [ip.address for ip in source_ips_for(affinity, "b.test")] == ["127.0.1.1", "127.0.1.2"]


def test_the_tightest_of_all_matching_rules_wins_and_is_named():
    rules = [
        MxRule(mask="*", max_connections=20, messages_per_hour=1000, data_timeout=60),
        MxRule(mask="*.google.com", max_connections=30, max_messages_per_connection=5),
        MxRule(mask="gmail.test", messages_per_hour=100, tls="required"),
        MxRule(mask="elsewhere", max_connections=1, tls="off"),
    ]
    limits = limits_for(rules, "mx1.google.com", "gmail", ["gmail.test"])
    assert limits.max_connections == 20
    assert limits.max_messages_per_connection == 5
    assert limits.messages_per_hour == 100
    assert limits.tls == "required"
    assert limits.data_timeout == 60
    assert limits.connect_timeout == 10  # the default
    assert limits.because == {
        "max_connections": "*",
        "max_messages_per_connection": "*.google.com",
        "messages_per_hour": "gmail.test",
        "data_timeout": "*",
        "tls": "gmail.test",
    }
    assert limits.is_limited


def test_a_shared_rule_makes_one_lane_of_the_group():
    shared = limits_for([MxRule(mask="*", max_connections=2, shared=True)], "mx.g", "g", [])
    alone = limits_for([MxRule(mask="*", max_connections=2)], "mx.g", "g", [])
    assert str(lane_of("127.0.1.1", "g", shared)) == "*>g"
    assert lane_of("127.0.1.1", "g", alone) == LaneKey("127.0.1.1", "g")
    assert str(lane_of("127.0.1.1", "g", alone)) == "127.0.1.1>g"


def test_a_lane_without_rules_is_unlimited():
    limits = limits_for([MxRule(mask="*", data_timeout=1)], "mx.g", "g", [])
    assert not limits.is_limited


def test_the_first_matching_route_gives_the_group_and_a_domain_without_one_is_its_own():
    routes = Routes(
        {
            "big": Route(domains=("gmail.test", "*.gmail.test"), host="127.0.0.1:1", mx="mx.big"),
            "rest": Route(domains=("*.test",), host="127.0.0.1:2"),
        }
    )
    assert routes.group_of("x.gmail.test") == "big"
    assert routes.group_of("y.test") == "rest"
    assert routes.group_of("nowhere.example") == "nowhere.example"
    assert routes.route_for("nowhere.example") is None
    assert routes.mx_host("big") == "mx.big"
    assert routes.mx_host("rest") == "mx.rest.test"
