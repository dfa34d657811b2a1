"""A lab's state recorded: the scenario shows the same causes, and nothing private is in it."""

import contextlib
import tomllib

import pytest

from lab.scenario.read import read_case
from lab.scenario.recording import as_toml, recorded
from lab.scenario.run import run
from lab.scenario.runner import Run
from lab.scenario.simulated import simulated_lab
from monitor.why.diagnosis import causes, diagnose
from world.clock import SystemClock

LAB = """\
lasts = "60s"

[topology.mta.m1]
affinities = ["promo"]

[topology.mta.m2]
affinities = ["news"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]

[topology.affinity.news]
ip = [{ address = "127.0.1.2" }]

[topology.sink.inbox]
listen = "127.0.0.1:2601"
personality = "%s"

[topology.route.mail]
domains = ["mail.test"]
sink = "inbox"

[topology.personality.full]
refuse = [{ stage = "rcpt", share = 1.0, reply = "452 4.2.2 <{recipient}>: mailbox full" }]

[[delivery]]
name = "spring"
affinity = "%s"
messages = 12
domains = { "mail.test" = 2, "%s" = 1 }
%s
"""


@contextlib.contextmanager
def played(tmp_path, text):
    file = tmp_path / "first.toml"
    file.write_text(text)
    case = read_case(file)
    made = simulated_lab(
        case.topology, seed="1", epoch=case.scenario.begins.timestamp(), tick_s=0.0
    )
    with made as (simulation, lab):
        simulation.run(Run(case, lab).play())
        yield lab


STOP = '[[event]]\nat = "1s"\ndo = "stop_instance"\ninstance = "m1"\n'
SUSPEND = '[[event]]\nat = "1s"\ndo = "suspend_lane"\nlane = "127.0.1.1>mail"\nbecause = "x"\n'
STALL = '[[event]]\nat = "1s"\ndo = "stall"\nwhat = "scheduler"\n'
PAUSE = 'contact = "5s"\n[[event]]\nat = "3s"\ndo = "pause"\ndelivery = "spring"\n'


@pytest.mark.parametrize(
    ("personality", "affinity", "domain", "more", "expected"),
    [
        ("accept", "promoo", "mail2.test", "", {"affinity_not_configured": 12}),
        ("accept", "promo", "elsewhere.test", "", {"no_mx": 4}),
        ("full", "promo", "elsewhere.test", "", {"retry_later": 8, "no_mx": 4}),
        ("accept", "promo", "elsewhere.test", STOP, {"affinity_on_stopped_mta": 12}),
        ("accept", "promo", "elsewhere.test", SUSPEND, {"lane_suspended": 8, "no_mx": 4}),
        ("accept", "promo", "elsewhere.test", STALL, {"scheduler_not_running": 12}),
        ("accept", "promo", "elsewhere.test", PAUSE, {"delivery_paused": 12}),
        ("accept", "promo", "x.test", 'contact = "2h"\n', {"contact_date_ahead": 12}),
    ],
)
def test_what_is_recorded_shows_the_same_causes(
    tmp_path, personality, affinity, domain, more, expected
):
    with played(tmp_path, LAB % (personality, affinity, domain, more)) as lab:
        now = lab.clock.now()
        diagnosis = diagnose(lab.store, lab.loaded.configuration, now, seen=lab.host_facts())
        found = recorded(lab.store, lab.loaded, diagnosis, now)
    assert causes(diagnosis) == expected
    text = as_toml(found.scenario)
    assert "user1@" not in text
    assert tomllib.loads(text)["expect"][0]["causes"] == expected
    file = tmp_path / "recorded.toml"
    file.write_text(text)
    outcome = run(read_case(file), "simulated", SystemClock())
    assert (outcome.failures, outcome.error) == ((), None)


def test_secrets_and_places_outside_stay_behind(tmp_path):
    text = LAB % ("accept", "promo", "x.test", 'contact = "2h"\n')
    text = text.replace(
        'domains = ["mail.test"]\nsink = "inbox"',
        'domains = ["mail.test"]\nhost = "127.0.0.1:9925"\n'
        'auth = { user = "me", password_env = "SECRET" }',
    )
    with played_unsent(tmp_path, text) as lab:
        now = lab.clock.now()
        diagnosis = diagnose(lab.store, lab.loaded.configuration, now)
        found = recorded(lab.store, lab.loaded, diagnosis, now)
    written = as_toml(found.scenario)
    assert "SECRET" not in written
    assert "9925" not in written.replace("host_127_0_0_1_9925", "")
    assert any("auth of route mail" in each for each in found.left_out)


@contextlib.contextmanager
def played_unsent(tmp_path, text):
    """A lab whose password is there while it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", "open sesame")
        with played(tmp_path, text) as lab:
            yield lab
