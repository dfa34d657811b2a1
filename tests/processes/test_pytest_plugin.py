"""The pytest plugin as its users have it: fixtures of this very run, and runs of other projects."""

import os
import re
import signal
import subprocess
import sys
from email.message import EmailMessage

import psutil
import pytest

from mtalab_pytest import LabError, NoLabs, assert_all_sent, assert_pending_because
from tests.fakes.running_lab import DEADLINE_S

TWO = {
    "mta": {"m1": {"affinities": ["news"]}},
    "affinity": {
        "news": {"ip": [{"address": "127.0.1.1"}]},
        "promo": {"ip": [{"address": "127.0.1.2"}]},
    },
}


def letter(subject):
    made = EmailMessage()
    made["From"], made["Subject"] = "shop@shop.example", subject
    made.set_content("Für {{ name }}\n")
    return made


@pytest.mark.mtalab(topology=TWO, seed=3)
def test_submit_wait_look(lab, tmp_path):
    file = tmp_path / "letter.eml"
    file.write_bytes(letter("by file").as_bytes())
    people = [{"address": f"u{number}@x.test", "name": f"N{number}"} for number in range(3)]
    first = lab.submit(affinity="news", message=letter("{{ name }}, hello"), recipients=people)
    lab.submit(affinity="news", message=file, recipients=people, name="second")
    assert lab.counts()["pending"] == 6
    lab.run_until_done(first)
    assert_all_sent(lab, within="5m")
    (got,) = lab.inbox(recipient="u1@*", subject="N1, HELLO")
    assert (got.text, got.email["To"], got.html) == ("Für N1\n", "u1@x.test", None)
    assert len(lab.inbox()) == 6
    assert len(lab.inbox(limit=2)) == 2
    sent = lab.messages("second", status="sent", domain="x.*")
    assert [each.address for each in sent] == [each["address"] for each in people]
    assert [each.to_status for each in lab.transitions(sent[0])] == ["sent"]
    assert [each.name for each in lab.deliveries()] == ["1", "second"]
    assert lab.delivery(first).status == lab.delivery().status == "finished"
    assert {each["type"] for each in lab.events()} == {"Delivery"}
    assert lab.reconcile()["ok"]
    assert lab.sinks == {"inbox": ("127.0.0.1", 2525)}
    assert lab.submission_port is None
    assert lab.now > lab.elapsed > 2
    assert any("worker_started" in line for line in lab.said())
    assert repr(lab) == "<simulated lab 'topology'>"


@pytest.mark.mtalab(topology=TWO)
def test_stuck_explained_and_mended(lab):
    stuck = lab.submit(affinity="promo", messages=30, domains=["a.test", "b.test"], name="stuck")
    later = lab.submit(affinity="news", messages=5, contact_in="2h")
    lab.run_for("10s")
    assert_pending_because(lab, "affinity_not_configured", 30, delivery=stuck)
    assert_pending_because(lab, "contact_date_ahead")
    assert lab.why().messages == 35
    assert lab.why(message=lab.messages("stuck")[0]).chain[0].answer == "passed"
    with pytest.raises(AssertionError) as told:
        assert_pending_because(lab, "rate_limited", 3, delivery=stuck)
    assert str(told.value).startswith(
        "expected 3 messages of 'stuck' to be pending because of rate_limited, seen 0\n"
        "  all of 'stuck': pending 30\n"
        "  30 of 'stuck' to all: affinity_not_configured: no MTA instance is configured with"
    )
    with pytest.raises(LabError, match="no cause 'rate_limitd'; did you mean 'rate_limited'"):
        assert_pending_because(lab, "rate_limitd")
    with pytest.raises(AssertionError, match="expected all 35 messages to be sent, seen pending"):
        assert_all_sent(lab, within="10s")
    with pytest.raises(AssertionError, match=r"(?s)nothing to be pending within 1m.*contact_date"):
        lab.run_until_done(within="1m")
    with pytest.raises(AssertionError, match=r"(?s)to become true within 9s.*seen: pending 35"):
        lab.run_until(lambda _: False, within="9s", every="3s")
    lab.configure({"mta.m1.affinities": ["news", "promo"]})
    assert lab.run_until(lambda lab: lab.counts("stuck")["sent"], within="1m") == 30
    lab.act("pause", delivery=later)
    assert lab.delivery(later).status == "paused"
    with pytest.raises(LabError, match="is finished and cannot be paused"):
        lab.act("pause", delivery=stuck)
    lab.expect(counts={"sent": 30}, delivery=stuck)
    with pytest.raises(AssertionError, match="stuck: sent: expected 1, seen 30"):
        lab.expect(counts={"sent": 1}, delivery=stuck)


def test_failed_messages_are_told_with_their_replies(lab):
    with pytest.raises(AssertionError, match="to be sent, but none was submitted"):
        assert_all_sent(lab)
    lab.submit(recipients=["bounce-550-5.1.1@x.test", "ada@x.test"])
    with pytest.raises(AssertionError) as told:
        assert_all_sent(lab)
    assert str(told.value) == (
        "expected all 2 messages to be sent, seen sent 1, failed 1\n"
        "  1 failed: user_unknown: 550 5.1.1 No mailbox here by that name"
    )


@pytest.mark.mtalab(begins="2026-03-01")
def test_the_same_seed_is_the_same_run_and_time_is_the_labs_own(lab, mtalab_lab):
    other, third = mtalab_lab(begins="2026-03-01"), mtalab_lab(begins="2026-03-01", seed=9)
    for each in (lab, other, third):
        each.submit(messages=20, validity="1d")
        each.act("network", place="*", is_="lossy", share=0.01)
        each.run_until_done()
    assert lab.events() == other.events() != third.events()
    assert lab.events()[0]["event_time"].startswith("2026-03-01T00:00:0")
    other.close()
    with pytest.raises(LabError, match=r"lab \d+ is not there any more"):
        other.counts()
    other.close()


def test_a_fixture_of_a_wider_scope_has_the_same_labs(mtalab):
    with mtalab.lab(
        "[mta.m1]\naffinities = ['a']\n[affinity.a]\nip = [{address='127.0.1.1'}]\n"
    ) as lab:
        lab.submit(messages=2)
        assert_all_sent(lab)
    with pytest.raises(LabError, match=r"configuration:2: mta\.m1\.affinitis: unknown key"):
        mtalab.lab("[mta.m1]\naffinitis = ['a']\n")


@pytest.mark.mtalab(real=True)
def test_a_real_lab_sends_over_sockets(lab):
    lab.submit(messages=5)
    assert_all_sent(lab, within=DEADLINE_S)
    host, port = lab.sinks["inbox"]
    assert (host, port != 2525, lab.is_real) == ("127.0.0.1", True, True)
    assert lab.run_until(lambda lab: len(lab.inbox()), within=DEADLINE_S) == 5
    with pytest.raises(LabError, match="nobody can remove the address 127"):
        lab.act("remove_ip", address="127.0.1.1")
    lab.act("kill", what="worker of mta@m1")
    lab.submit(messages=5)
    assert_all_sent(lab, within=DEADLINE_S)


def test_a_process_that_was_killed_is_told_and_the_next_test_has_another(mtalab):
    made = mtalab.lab()
    (first,) = _servers()
    os.kill(first.pid, signal.SIGKILL)
    with pytest.raises(NoLabs, match="ended with exit code -9"):
        made.counts()
    made.close()
    with mtalab.lab() as lab:
        assert lab.counts()["pending"] == 0
    (second,) = _servers()
    assert second.pid != first.pid


def _servers():
    mine = psutil.Process().children()
    return [each for each in mine if "serve-tests" in each.cmdline()]


# --- another project, with names like ours -------------------------------------------------------

OTHERS = """
import sys
import pytest
import scheduler
from mtalab_pytest import assert_all_sent, assert_pending_because

def test_ours_and_theirs(lab):
    assert scheduler.WHOSE == "theirs"
    lab.submit()
    assert_all_sent(lab)
    assert not {"lab", "mail", "store", "mta"} & set(sys.modules)

def test_bad_duration(lab):
    lab.run_for("5 years")

@pytest.mark.mtalab(topology={"mta": {"m1": {"affinitis": ["x"]}}})
def test_bad_topology(lab):
    pass

@pytest.mark.mtalab(topologi=3)
def test_bad_marker(lab):
    pass

@pytest.mark.mtalab(scenario="late.toml")
def test_scenario(lab):
    lab.play()
"""
LATE = """
[topology.mta.m1]
affinities = ["a"]
[topology.affinity.a]
ip = [{ address = "127.0.1.1" }]
[[delivery]]
affinity = "a"
contact = "1h"
messages = 3
[[expect]]
at = "1m"
counts = { sent = 3 }
"""


@pytest.fixture(scope="module")
def others_said(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    for name in ("lab", "mail", "store", "mta"):
        (folder / f"{name}.py").write_text("raise SystemExit('theirs was imported')\n")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "__init__.py").write_text("WHOSE = 'theirs'\n")
    (folder / "test_others.py").write_text(OTHERS)
    (folder / "late.toml").write_text(LATE)
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = --strict-markers\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "MTALAB_LAB__NAME": "NOT A NAME"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout


def test_a_project_with_names_like_ours_has_its_own_and_we_have_ours(others_said):
    assert "2 failed, 1 passed, 2 errors" in others_said


def test_what_a_test_does_wrong_is_told_in_our_words_alone(others_said):
    assert (
        '>       lab.run_for("5 years")\n'
        "E       mtalab_pytest.errors.LabError: run: seconds: expected a duration such as 500ms, "
        "10s, 5m, 1h or 5d, got '5 years'\n"
    ) in others_said
    assert (
        "ERROR at setup of test_bad_topology ______________________\n"
        "topology: mta.m1.affinities: is required: Affinities that it serves.\n"
        "topology: mta.m1.affinitis: unknown key; did you mean 'affinities'?\n"
        "  docs/configuration.md describes each key.\n"
        "_"
    ) in others_said
    assert "the marker mtalab takes no topologi; it is mtalab(topology=" in others_said
    assert re.search(
        r"E       AssertionError: at 60 s: sent: expected 3, seen 0\n"
        r"E +3 pending, contact_date_ahead: its contact date is 59 min",
        others_said,
    )
    for frame in ("connection.py", "plugin.py", "Traceback", "theirs was imported"):
        assert frame not in others_said
