"""Scenarios run in the simulation: what is expected is held against what happens."""

import dataclasses

import pytest

from lab.configuration import load
from lab.scenario import expecting
from lab.scenario.errors import NotInThisMode
from lab.scenario.read import read_case
from lab.scenario.run import run, tick_of
from lab.stores import store_of
from store import deliveries
from world.clock import SystemClock

LAB = """\
[topology.mta.m1]
affinities = ["promo"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1", weight = 3 }, { address = "127.0.1.2" }]

[[delivery]]
name = "spring"
affinity = "promo"
messages = 40
"""


def outcome_of(tmp_path, text, **options):
    file = tmp_path / "case.toml"
    file.write_text(LAB + text)
    return run(read_case(file), "simulated", SystemClock(), **options)


def test_what_holds_passes(tmp_path):
    found = outcome_of(
        tmp_path,
        """
[[expect]]
counts = { sent = 40, failed = 0 }
causes = {}
by_ip = { "127.0.1.1" = "25-35", "127.0.1.2" = "5-15" }
sent_within = "5s"
order = ["spring"]
at_most = [{ messages = 40, per = "1h" }]
duplicates = 0
lost = 0
""",
    )
    assert (found.passed, found.failures, found.error) == (True, (), None)


@pytest.mark.parametrize(
    ("expected", "what", "wanted", "seen"),
    [
        ("counts = { sent = 39 }", "sent", "39", "40"),
        ("causes = { no_mx = 1 }", "pending because no_mx", "1", "0"),
        ('by_ip = { "127.0.1.1" = 40 }', "sent from 127.0.1.1", "40", ""),
        ('sent_within = "0s"', "spring: sent within 0 s", "all", "0 not sent, 40 sent later"),
        ('at_most = [{ messages = 3, per = "1h" }]', "accepted from all", "at most 3", "40"),
        ("duplicates = 1", "duplicates", "1", "0"),
        ("lost = 1", "lost", "1", "0"),
        ('delivery = "spring"\nstatus = "paused"', "spring: status", "paused", "finished"),
        ('free_to_go_at = "1h"', "free to go", "at 3600 s", "no such time"),
    ],
)
def test_what_does_not_hold_is_told(tmp_path, expected, what, wanted, seen):
    found = outcome_of(tmp_path, f"[[expect]]\n{expected}\n")
    first = found.failures[0]
    assert not found.passed
    assert what in first.what
    assert wanted in first.expected
    assert seen in first.seen


def test_a_failure_tells_what_the_messages_wait_for(tmp_path):
    text = '[[event]]\nat = "1s"\ndo = "stop_instance"\ninstance = "m1"\n'
    text += '[[expect]]\nat = "20s"\ncounts = { sent = 40 }\n'
    text += '[[event]]\nat = "21s"\ndo = "start_instance"\ninstance = "m1"\n'
    found = outcome_of(tmp_path, text)
    (failure,) = found.failures
    assert "40 pending, mta_not_started" in str(failure)
    assert "stopped by hand (the scenario)" in str(failure)


def test_the_same_file_and_seed_make_the_same_run(tmp_path):
    first, again = (outcome_of(tmp_path, "", seed=7) for _ in range(2))
    other = outcome_of(tmp_path, "", seed=8)
    assert first.digest == again.digest
    assert first.digest != other.digest
    same = {"wall_s": 0.0}
    assert dataclasses.replace(first, **same) == dataclasses.replace(again, **same)


def test_a_worker_killed_amid_its_work_loses_nothing(tmp_path):
    found = outcome_of(
        tmp_path,
        """
[topology.sink.inbox]
listen = "127.0.0.1:2601"
personality = "slow"

[[event]]
at = "3s"
do = "kill"
what = "worker of mta@m1"

[[expect]]
counts = { sent = 40 }
lost = 0
duplicates = "<=20"
""",
    )
    assert found.failures == ()


def test_an_event_about_a_process_that_does_not_run_ends_the_run_with_words(tmp_path):
    text = '[[event]]\nat = "1s"\ndo = "kill"\nwhat = "worker of mta@m9"\n'
    found = outcome_of(tmp_path, text)
    assert found.error is not None
    assert "no worker of mta@m9 runs at 1 s" in found.error
    assert "worker 1 of mta@m1" in found.error


def test_a_scenario_is_run_only_as_it_allows(tmp_path):
    file = tmp_path / "case.toml"
    file.write_text(LAB)
    with pytest.raises(NotInThisMode, match="simulated only, not real"):
        run(read_case(file), "real", SystemClock())


def test_a_long_scenario_has_a_tick(tmp_path):
    file = tmp_path / "case.toml"
    ticks = []
    for text in ("", 'lasts = "1d"\n', 'lasts = "1d"\ntick = "0s"\n'):
        file.write_text(text + LAB)
        ticks.append(tick_of(read_case(file)))
    assert ticks == [0.0, 60.0, 0.0]


def test_a_lab_that_is_kept_can_be_looked_at(tmp_path):
    found = outcome_of(tmp_path, "", keep=tmp_path / "kept")
    loaded = load(tmp_path / "kept" / "case" / "mtalab.toml", {})
    store = store_of(loaded)
    try:
        (delivery,) = store.read_now(deliveries.find, limit=5)
    finally:
        store.close()
    assert delivery.counts["sent"] == 40
    assert found.kept == str(tmp_path / "kept" / "case")


@pytest.mark.parametrize(
    ("times", "span", "most"),
    [([], 1.0, 0), ([0, 0.5, 0.9, 1.0], 1.0, 3), ([0, 1, 2, 3], 1.0, 1), ([3, 1, 2], 5.0, 3)],
)
def test_the_most_within_a_span(times, span, most):
    receipts = [type("Receipt", (), {"time": each})() for each in times]
    assert expecting._most_within(receipts, span) == most
