"""Configuration mistakes as a user reads them."""

import pytest

from affinity.configuration import Configuration
from affinity.errors import BadConfiguration
from affinity.read_toml import from_environment, read


def mistakes(text: str, overrides: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(BadConfiguration) as caught:
        read(text, "mtalab.toml", Configuration, overrides)
    return [str(each) for each in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lab]\nnam = 'x'\n", "mtalab.toml:2: lab.nam: unknown key; did you mean 'name'?"),
        (
            "[mta.promo1]\naffinities = ['a']\n\nworkrs = 2\n",
            "mtalab.toml:4: mta.promo1.workrs: unknown key; did you mean 'workers'?",
        ),
        ("[mta.promo1]\nworkers = 2\n", "mtalab.toml:1: mta.promo1.affinities: is required"),
        (
            "[[mx_rule]]\nmask = 'a'\n[[mx_rule]]\nmask = 'b'\nmax_connections = 0\n",
            "mtalab.toml:5: mx_rule[1].max_connections: "
            "input should be greater than or equal to 1, got 0",
        ),
        (
            "[retry]\ndelays = ['1s', '10 parsecs']\n",
            "mtalab.toml:2: retry.delays[1]: "
            "expected a duration such as 500ms, 10s, 5m, 1h or 5d, got '10 parsecs'",
        ),
        (
            "[affinity.promo]\nip = [\n  { address = '127.0.1.1' },\n  { address = 'nope' },\n]\n",
            "mtalab.toml:4: affinity.promo.ip[1].address: "
            "expected an IP address such as 127.0.1.1, got 'nope'",
        ),
        (
            "[route.a]\ndomains = ['a.test']\nhost = 'localhost:25'\n",
            "mtalab.toml:3: route.a.host: expected an IP address such as 127.0.1.1, "
            "got 'localhost:25'",
        ),
        ("[lab\n", "mtalab.toml:1: not valid TOML: expected ']' at the end of a table declaration"),
    ],
)
def test_a_mistake_names_its_line_its_key_and_what_was_expected(text, expected):
    assert expected in mistakes(text)


def test_all_mistakes_are_told_at_once():
    assert len(mistakes("[lab]\nnam = 'x'\n[retry]\njitter = 2\n[scheduler]\nlease = 0\n")) == 3


def test_an_override_wins_and_is_named_when_it_is_wrong():
    good = read("[lab]\nname = 'a'\n", "f", Configuration, {"lab.name": "b"})
    assert good.lab.name == "b"
    assert mistakes("", {"lab.name": "NO WAY"}) == [
        "MTALAB_LAB__NAME: lab.name: string should match pattern '^[a-z0-9][a-z0-9-]*$', "
        "got 'NO WAY'"
    ]


def test_an_override_may_hold_a_list_or_a_number():
    overrides = from_environment(
        {
            "MTALAB_LAB__ALLOW_NETWORKS": '["10.0.0.0/8"]',
            "MTALAB_RETRY__JITTER": "0.5",
            "MTALAB_CONFIG": "elsewhere.toml",
            "HOME": "/root",
        }
    )
    found = read("", "f", Configuration, overrides)
    assert found.lab.allow_networks == ("10.0.0.0/8",)
    assert found.retry.jitter == 0.5


def test_the_defaults_are_the_modelled_systems():
    found = read("", "f", Configuration)
    assert found.retry.delays == (3600.0,) * 5 + (86400.0,)
    assert found.validity == 5 * 86400
    assert (found.scheduler.part_min, found.scheduler.part_max) == (8, 256)
