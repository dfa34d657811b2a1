"""Masks that decide nothing, rules and limits that never hold, retries that never come."""
# ruff: noqa: E501 - a finding is told in one line, and is easiest to read so

import pytest

from affinity.configuration import Configuration
from affinity.lint.lint import lint
from affinity.read_toml import read

BASE = """
[mta.promo1]
affinities = ["promo"]
[route.gmail]
domains = ["gmail.*", "googlemail.com"]
mx = "mx.gmail.test"
host = "127.0.0.1:25"
[route.yahoo]
domains = ["yahoo.*"]
mx = "mx.yahoo.test"
host = "127.0.0.1:26"
"""
PLAIN = '[affinity.promo]\nip = [{ address = "127.0.1.1" }]\n'


def found(text, **given):
    return [
        (each.code, each.key, each.what) for each in lint(read(text, "f", Configuration), **given)
    ]


def of_masks(ip):
    """Findings about the masks of one source IP beside one that may send to all."""
    text = f'{BASE}[affinity.promo]\nip = [{{ address = "127.0.1.9" }}, {{ address = "127.0.1.1", {ip} }}]\n'
    return [
        (code, key.removeprefix("affinity.promo.ip[1]."), what)
        for code, key, what in found(text)
        if "clude" in key
    ]


@pytest.mark.parametrize(
    ("ip", "said"),
    [
        ('include = ["gmail.*"], exclude = ["gmail.fr"]', []),
        ('include = ["gmail.*", "yahoo.*"], exclude = ["*.fr", "*.de"]', []),
        (
            'include = ["gmail.*", "gmail.com"]',
            [("mask_redundant", "include[1]", "127.0.1.1 includes gmail.com, all of which gmail.* names too")],
        ),
        (
            'include = ["gmail.com", "gmail.*"]',
            [("mask_redundant", "include[0]", "127.0.1.1 includes gmail.com, all of which gmail.* names too")],
        ),
        (
            'exclude = ["yahoo.fr", "yahoo.fr"]',
            [("mask_redundant", "exclude[1]", "127.0.1.1 excludes yahoo.fr, all of which yahoo.fr names too")],
        ),
        (
            'exclude = ["?*.fr", "?.gm", "a.??", "??*.gm", "*.gm"]',
            [
                ("mask_redundant", "exclude[1]", "127.0.1.1 excludes ?.gm, all of which *.gm names too"),
                ("mask_redundant", "exclude[3]", "127.0.1.1 excludes ??*.gm, all of which *.gm names too"),
            ],
        ),
        (
            'include = ["gmail.*", "yahoo.fr"], exclude = ["*.fr"]',
            [("include_excluded", "include[1]", "127.0.1.1 includes yahoo.fr and excludes all of it: *.fr")],
        ),
        (
            'include = ["gmail.*"], exclude = ["yahoo.*"]',
            [("exclude_unneeded", "exclude[0]", "127.0.1.1 excludes yahoo.*, of which it includes nothing")],
        ),
        (
            'include = ["gmail.*", "orange.fr"]',
            [("include_without_route", "include[1]", "127.0.1.1 includes orange.fr, to which no route leads")],
        ),
        ('include = ["g*"]', []),
    ],
)  # fmt: skip
def test_a_mask_decides_nothing(ip, said):
    assert of_masks(ip) == said


def test_masks_that_take_another_s_all_only_together_are_both_named():
    said = of_masks('exclude = ["?mail.gm", "*.gm", "g*.gm"]')
    assert [key for _, key, _ in said] == ["exclude[0]", "exclude[2]"]
    assert of_masks('exclude = ["gm?.x", "gm*.x", "gm.x"]') == [
        ("mask_redundant", "exclude[0]", "127.0.1.1 excludes gm?.x, all of which gm*.x names too"),
        ("mask_redundant", "exclude[2]", "127.0.1.1 excludes gm.x, all of which gm*.x names too"),
    ]
    (one,) = of_masks('exclude = ["gm*.x", "gm.x", "gm?*.x"]')[1:]
    assert one[1] == "exclude[2]"


def test_a_domain_is_taken_by_an_earlier_route():
    late = '[route.late]\ndomains = ["gmail.fr", "aol.com"]\nhost = "127.0.0.1:27"\n'
    assert found(BASE + late + PLAIN) == [
        (
            "route_domain_shadowed",
            "route.late.domains[0]",
            "gmail.fr goes by route gmail, which comes first and names gmail.*",
        )
    ]


def test_a_domain_is_taken_by_earlier_routes_together():
    routes = "".join(
        f'[route.{name}]\ndomains = [{domains}]\nhost = "127.0.0.1:2{place}"\n'
        for place, (name, domains) in enumerate(
            [("one", '"*.x.test"'), ("two", '"x.test"'), ("three", '"?.x.test", "*x.test"')]
        )
    )
    text = f'[mta.m]\naffinities = ["promo"]\n{PLAIN}{routes}'
    assert found(text) == [
        (
            "route_domain_shadowed",
            "route.three.domains[0]",
            "?.x.test goes by route one, which comes first and names *.x.test",
        )
    ], "ax.test is left to the last"
    both = text.replace('"?.x.test", "*x.test"', '"xx.test"').replace('"*.x.test"', '"?x.test"')
    assert found(both)[0][2] == "xx.test goes by route one, which comes first and names ?x.test"
    union = (
        text.replace('"*.x.test"', '"?*a"')
        .replace('"x.test"', '"a"')
        .replace('"?.x.test", "*x.test"', '"*a"')
    )
    assert found(union)[0][2] == "*a goes by routes one (?*a) and two (a), which come first"


def rules(*texts):
    """Findings about rules, without what they are about."""
    text = BASE + PLAIN + "".join(f"[[mx_rule]]\n{each}\n" for each in texts)
    return [(code, key) for code, key, _ in found(text)]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (['mask = "*"\nmax_connections = 10', 'mask = "*.gmail.test"\nmax_connections = 5'], []),
        (
            ['mask = "*"\nmax_connections = 10', 'mask = "*.gmail.test"\nmax_connections = 20'],
            [("limit_overridden", "mx_rule[1].max_connections")],
        ),
        (
            ['mask = "*.gmail.test"\nmax_connections = 20', 'mask = "*"\nmax_connections = 10'],
            [("limit_overridden", "mx_rule[0].max_connections")],
        ),
        (
            ['mask = "*"\nmessages_per_hour = 10', 'mask = "*"\nmessages_per_hour = 10'],
            [("limit_overridden", "mx_rule[1].messages_per_hour")],
        ),
        # Tighter in one of the two routes only: it holds in the other.
        (['mask = "*"\nmax_connections = 10', 'mask = "gmail.*"\nmax_connections = 5'], []),
        (
            [
                'mask = "*"\nmax_connections = 10',
                'mask = "gmail.*"\nmax_connections = 5',
                'mask = "yahoo.*"\nmax_connections = 6',
            ],
            [("limit_overridden", "mx_rule[0].max_connections")],
        ),
        (
            ['mask = "*"\ntls = "required"', 'mask = "yahoo.*"\ntls = "opportunistic"'],
            [("limit_overridden", "mx_rule[1].tls")],
        ),
        (
            ['mask = "*"\ndata_timeout = "1m"', 'mask = "yahoo.*"\ndata_timeout = "5m"'],
            [("limit_overridden", "mx_rule[1].data_timeout")],
        ),
        (['mask = "*"\nburst = 5'], [("limit_without_rate", "mx_rule[0].burst")]),
        (['mask = "*"\npacing = "slots"'], [("limit_without_rate", "mx_rule[0].pacing")]),
        (['mask = "*"\nburst = 5', 'mask = "yahoo.*"\nmessages_per_hour = 50'], []),
        (
            ['mask = "*"\nburst = 500', 'mask = "*o*"\nmessages_per_hour = 50'],
            [("limit_overridden", "mx_rule[0].burst")],
        ),
        (['mask = "*"\nshared = true'], [("shared_without_limit", "mx_rule[0].shared")]),
        (['mask = "*"\nshared = true\nmax_connections = 3'], []),
        (['mask = "aol.*"\nmax_connections = 3'], [("rule_unmatched", "mx_rule[0]")]),
        (['mask = "googlemail.com"\nmax_connections = 3'], []),
    ],
)  # fmt: skip
def test_a_limit_never_holds(texts, said):
    assert rules(*texts) == said


def test_the_tighter_rules_are_named():
    text = '[[mx_rule]]\nmask = "*"\nmax_connections = 5\n[[mx_rule]]\nmask = "gmail.*"\nmax_connections = 9\n'
    ((_, _, what),) = found(BASE + PLAIN + text)
    assert what == (
        "max_connections = 9 of gmail.* never holds: wherever the rule counts, so does rule * (5)"
    )


def test_connections_of_an_instance_are_never_used():
    text = BASE.replace("[route.gmail]", "connections = 7\n[route.gmail]") + PLAIN
    assert found(text) == []
    rule = '[[mx_rule]]\nmask = "{}"\nmax_connections = 5\n'
    assert found(text + rule.format("gmail.*")) == []
    ((code, key, _),) = found(text + rule.format("*"))
    assert (code, key) == ("connections_overridden", "mta.promo1.connections")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('validity = "1h"\n[retry]\ndelays = ["10m", "20m", "20m"]', []),
        (
            'validity = "1h"\n[retry]\ndelays = ["10m", "20m", "30m"]',
            ["retry 3: the waits until then are 1 h, its validity is 1 h"],
        ),
        (
            'validity = "1h"\n[retry]\ndelays = ["2h"]',
            ["never tried again: it waits 2 h, and its validity is 1 h"],
        ),
        ('validity = "1h"', []),
        ('validity = "1m"', ["never tried again: it waits 5 min, and its validity is 1 min"]),
    ],
)
def test_a_retry_never_comes(given, said):
    whats = [what for code, _, what in found(given + BASE + PLAIN) if "retry" in code]
    assert [what[-len(each) :] for what, each in zip(whats, said, strict=True)] == said


def test_a_validity_that_later_letters_extend_lets_a_retry_come():
    text = f'validity = "1h"\n[retry]\ndelays = ["1h"]\n{BASE}{PLAIN}'
    assert len(found(text)) == 1
    assert found(text, longest_validity_s=3660.0) == []


def test_a_rule_for_a_mask_outside_ascii_counts():
    text = BASE.replace('"yahoo.*"', '"*.bücher.example"') + PLAIN
    assert found(f'{text}[[mx_rule]]\nmask = "*.bücher.example"\nmax_connections = 3\n') == []
