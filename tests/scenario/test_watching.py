"""A scenario seen step by step."""

import pytest

from lab.scenario.read import read_case
from lab.scenario.run import run
from lab.scenario.watching import LOOKS, watched
from world.clock import SystemClock

CASE = """
[topology.mta.m1]
affinities = ["promo"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]

[topology.affinity.nobody]
ip = [{ address = "127.0.1.2" }]

[[delivery]]
name = "stuck"
at = "5s"
affinity = "nobody"
messages = 7

[[event]]
at = "20s"
do = "configure"
set = { "mta.m1.affinities" = ["promo", "nobody"] }

[[event]]
at = "40s"
do = "stop_instance"
instance = "m1"
"""


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "case.toml"
    found.write_text(CASE, encoding="utf-8")
    return found


def test_there_is_a_look_at_even_times_and_one_after_each_event(file):
    case = read_case(file)
    outcome = run(case, "simulated", SystemClock())
    found = watched(case, outcome)
    steps = found["steps"]
    assert (found["begins"], found["virtual_seconds"]) == (1767571200.0, outcome.virtual_s)
    times = [each["at"] for each in steps]
    assert times == sorted(times)
    assert sum(each["event"] is None for each in steps) == LOOKS + 1
    assert (times[0], times[-1]) == (0, outcome.virtual_s)
    events = [(each["at"], each["event"].split(":")[0]) for each in steps if each["event"]]
    assert events[0] == (5, "delivery stuck")
    assert [at for at, _ in events] == [5, 20, 40]


def test_each_step_tells_what_was_pending_and_why(file):
    case = read_case(file)
    steps = watched(case, run(case, "simulated", SystemClock()))["steps"]
    stuck = [each for each in steps if 6 < each["at"] < 20]
    assert stuck
    for each in stuck:
        assert each["causes"] == {"affinity_not_configured": 7}
        assert each["counts"]["pending"] == 7
    assert steps[-1]["counts"]["sent"] == 7
    for each in steps:
        assert sum(each["causes"].values()) == each["counts"]["pending"]


def test_a_run_that_breaks_off_is_watched_until_then(file):
    file.write_text(CASE + '[[event]]\nat = "30s"\ndo = "kill"\nwhat = "mta@none"\n')
    case = read_case(file)
    outcome = run(case, "simulated", SystemClock())
    assert outcome.error is not None
    last = watched(case, outcome)["steps"][-1]
    assert (last["at"], outcome.error in last["event"]) == (30, True)
