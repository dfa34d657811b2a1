"""A preset picks the numbers that the file does not have, and nothing else."""

import pytest

from affinity.configuration import Configuration, MxRule
from affinity.errors import BadConfiguration
from affinity.gcra import Gcra
from affinity.lane import limits_for, limits_of_group
from affinity.part import part_size
from affinity.read_toml import read
from affinity.route import Routes
from affinity.slots import Slots

LIMIT = '[[mx_rule]]\nmask = "*"\nmessages_per_hour = 10000\n'


def conf(text, overrides=None):
    return read(text, "mtalab.toml", Configuration, overrides)


def rate_of(configuration):
    return limits_of_group(configuration, Routes(configuration.route), "shop.test").rate


def test_campaign_is_the_modelled_system():
    found = conf('preset = "campaign"\n' + LIMIT)
    assert found.retry.delays == (3600.0,) * 5 + (86400.0,)
    assert found.retry.jitter == 0
    assert found.validity == 5 * 86400
    assert [part_size(n, found.scheduler) for n in (100, 20_480, 1_000_000)] == [8, 20, 256]
    assert (found.scheduler.hold, found.scheduler.lane_window) == (600, 2000)
    assert rate_of(found) == Slots(10_000)


def test_ours_is_what_holds_without_a_preset():
    ours = conf('preset = "mtalab"\n' + LIMIT)
    assert ours == conf(LIMIT)
    assert rate_of(ours) == Gcra.per_hour(10_000)


def test_a_key_of_the_file_wins_and_leaves_the_others_of_its_table():
    found = conf(
        'preset = "campaign"\nvalidity = "2d"\n[retry]\njitter = 0.5\n[scheduler]\nhold = 5\n'
    )
    assert (found.retry.jitter, found.retry.delays[-1]) == (0.5, 86400)
    assert found.validity == 2 * 86400
    assert (found.scheduler.hold, found.scheduler.lane_window) == (5, 2000)


def test_a_rule_s_own_pacing_wins_and_a_burst_means_even():
    text = 'preset = "campaign"\n' + LIMIT
    assert rate_of(conf(text + 'pacing = "even"')) == Gcra.per_hour(10_000)
    assert rate_of(conf(text + "burst = 50")) == Gcra.per_hour(10_000, 50)
    assert rate_of(conf(LIMIT + 'pacing = "slots"')) == Slots(10_000)


def test_of_two_rules_the_even_one_holds_and_is_named():
    rules = [MxRule(mask="*", messages_per_hour=100), MxRule(mask="g.*", pacing="even")]
    found = limits_for(rules, "mx.g.test", "g", ["g.test"], "slots")
    assert found.rate == Gcra.per_hour(100)
    assert (found.pacing, found.because["pacing"]) == ("even", "g.*")
    assert limits_for(rules, "mx.y.test", "y", ["y.test"], "slots").rate == Slots(100)


def test_the_environment_can_choose_it():
    assert conf("", {"preset": "campaign"}).scheduler.hold == 600
    assert conf("", {"preset": "campaign", "retry.jitter": "0.3"}).retry.jitter == 0.3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('preset = "campain"', "mtalab.toml:1: preset: expected 'mtalab' or 'campaign'"),
        ("preset = 3", "mtalab.toml:1: preset: expected 'mtalab' or 'campaign'"),
        ('preset = "campaign"\nretry = 3', "mtalab.toml:2: retry: expected a table"),
        (LIMIT + 'burst = 2\npacing = "slots"', "expected no burst where pacing is slots"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, said):
    with pytest.raises(BadConfiguration) as caught:
        conf(text)
    assert said in str(caught.value)
