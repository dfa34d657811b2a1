"""Durations are read and said in plain units."""

import pytest

from mail.notation import duration_s, said_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (59175, "16 h 26 min"),
        (5 * 86400, "5 d"),
        (5 * 86400 + 3 * 3600 + 59, "5 d 3 h"),
    ],
)
def test_two_units_are_enough(seconds, said):
    assert said_duration(seconds) == said


@pytest.mark.parametrize("text", ["", "5", "5x", "-5s", "s", "1h30m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="such as"):
        duration_s(text)
