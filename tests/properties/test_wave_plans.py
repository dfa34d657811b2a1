"""Waves: every recipient is in one, in the sizes that were asked for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affinity.waves import WAVES_MAX, Wave, WavePlan


def sizes(text, recipients):
    return [each.messages for each in WavePlan.parse(text).waves(recipients)]


def test_equal_waves_and_the_last_takes_the_remainder():
    assert WavePlan.parse("30%:6h").waves(1000) == [
        Wave(0.0, 300),
        Wave(6 * 3600.0, 300),
        Wave(12 * 3600.0, 300),
        Wave(18 * 3600.0, 100),
    ]
    assert sizes("30%:6h", 101) == [31, 30, 30, 10]
    assert sizes("20:1d", 50) == [20, 20, 10]


def test_a_calendar_counts_its_delays_from_wave_to_wave():
    assert WavePlan.parse("0s=25%,6h=50%,6h=25%").waves(8) == [
        Wave(0.0, 2),
        Wave(6 * 3600.0, 4),
        Wave(12 * 3600.0, 2),
    ]
    assert WavePlan.parse("1h=10, 1d=rest").waves(25) == [Wave(3600.0, 10), Wave(90_000.0, 15)]
    assert sizes("0s=5,1h=50%,1h=rest", 100) == [5, 50, 45]
    assert sizes("0s=40,1h=60", 100) == [40, 60]


def test_what_has_nobody_left_is_no_wave():
    assert sizes("30%:6h", 1) == [1]
    assert sizes("0s=5000,1h=rest", 300) == [300]
    assert sizes("500:1h", 300) == [300]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected equal waves"),
        ("often", "expected equal waves"),
        ("30%", "expected equal waves"),
        ("30%:", "expected a duration"),
        ("30%:0s", "a period of more than nothing"),
        ("0%:6h", "more than nothing and at most 100%"),
        ("0:6h", "more than nothing"),
        ("130%:6h", "at most 100%"),
        ("-3%:6h", "expected equal waves"),
        ("0s=25%,6h=50%", "shares of 100 % together, got 75 %"),
        ("0s=75%,6h=50%", "got 125 %"),
        ("0s=rest,6h=50%", "rest as the size of the last wave"),
        ("soon=100%", "expected a duration"),
        ("0s=half", "expected equal waves"),
    ],
)
def test_what_is_neither_is_refused_in_words(text, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        WavePlan.parse(text)


def test_a_calendar_that_leaves_somebody_out_is_refused():
    with pytest.raises(ValueError, match="hold 50 of 60 recipients; end with =rest"):
        WavePlan.parse("0s=20,1h=30").waves(60)
    with pytest.raises(ValueError, match=f"at most {WAVES_MAX} waves, got 10000"):
        WavePlan.parse("1:1h").waves(10_000)


@given(st.integers(1, 10_000), st.integers(1, 1000), st.integers(1, 86_400))
def test_equal_waves_hold_everybody_once(recipients, permille, period):
    waves = WavePlan.parse(f"{permille / 10:.1f}%:{period}s").waves(recipients)
    assert sum(each.messages for each in waves) == recipients
    wanted = recipients * permille / 1000
    assert all(abs(each.messages - wanted) < 1 for each in waves[:-1])
    assert 0 < waves[-1].messages < wanted + 1
    assert waves[0].delay_s == 0
    steps = [b.delay_s - a.delay_s for a, b in itertools.pairwise(waves)]
    assert all(step > 0 and step % period == 0 for step in steps)


@given(st.integers(1, 10_000), st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_a_calendar_of_shares_holds_everybody_once(recipients, weights):
    shares = [weight * 100 // sum(weights) for weight in weights]
    words = [f"1h={share}%" for share in shares if share]
    if not words:
        return
    waves = WavePlan.parse(",".join([*words, "1h=rest"])).waves(recipients)
    assert sum(each.messages for each in waves) == recipients
    assert [each.delay_s for each in waves] == sorted({each.delay_s for each in waves})
    assert all(each.messages > 0 for each in waves)
