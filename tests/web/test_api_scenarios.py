"""Scenarios over the API: listed, played, kept, refused."""

import contextlib
import shlex
import time
from pathlib import Path

import pytest

from lab.configuration import load
from lab.playing import runs
from lab.playing.runs import Runs, State
from store.schema import open_store
from tests.fakes.clock import FakeClock
from tests.fakes.web_server import serving

CASE = """
name = "the case"
story = '''A delivery for nobody,
told over two lines.'''

[topology.mta.m1]
affinities = ["promo"]

[topology.affinity.promo]
ip = [{ address = "127.0.1.1" }]

[[delivery]]
affinity = "promo"
messages = 3

[[expect]]
counts = { sent = 3 }
"""
FAILS = CASE.replace("sent = 3", "sent = 4")


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A lab with scenarios of its own."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "mtalab.toml").write_text('[web]\nlisten = "127.0.0.1:8025"\n', encoding="utf-8")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "mine.toml").write_text(CASE, encoding="utf-8")
    (folder / "scenarios" / "torn.toml").write_text("story = [", encoding="utf-8")
    loaded = load(folder / "mtalab.toml", {}, {})
    open_store(loaded.store_url).close()
    with serving(loaded) as found:
        yield found


def ask(served, path=""):
    answer = served.client.get(f"/api/v1/scenarios{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def play(served, **wanted):
    return served.client.post("/api/v1/scenarios/runs", json=wanted)


def over(served, answer):
    """The run that was begun, when it is over."""
    assert answer.status_code == 201, answer.text
    number, deadline = answer.json()["run"], time.monotonic() + 60
    while (found := ask(served, f"/runs/{number}"))["state"] == "running":
        assert time.monotonic() < deadline, "it came to no end"
        time.sleep(0.05)
    return found


def test_the_lab_s_own_scenarios_and_the_gallery_are_listed(stage):
    found = {each["name"]: each for each in ask(stage)["scenarios"]}
    mine = found["own/mine"]
    assert (mine["title"], mine["messages"], mine["expectations"]) == ("the case", 3, 1)
    assert mine["story"] == "A delivery for nobody, told over two lines."
    assert found["own/torn"]["error"]
    assert found["gallery/greylisted"]["error"] is None
    assert len(found) > 40


def test_a_run_is_played_and_tells_its_steps(stage):
    found = over(stage, play(stage, name="own/mine", seed="7"))
    assert (found["state"], found["seed"], found["scenario"]) == ("passed", 7, "own/mine")
    assert found["outcome"]["passed"]
    assert found["steps"][-1]["counts"]["sent"] == 3
    assert found["begins"] == 1767571200.0
    kept = shlex.split(found["look"])
    assert Path(kept[kept.index("--config") + 1]).is_file()
    assert ask(stage, "/runs")["runs"][0]["run"] == found["run"]


def test_a_text_is_played_and_what_was_not_as_expected_is_told(stage):
    found = over(stage, play(stage, text=FAILS))
    assert (found["state"], found["scenario"], found["title"]) == ("failed", None, "the case")
    (failure,) = found["outcome"]["failures"]
    assert (failure["expected"], failure["seen"]) == ("4", "3")


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"name": "own/none"}, 404, "there is no scenario"),
        ({"name": "own/../../secret"}, 404, "there is no scenario"),
        ({}, 422, "expected either name or text"),
        ({"name": "own/mine", "text": CASE}, 422, "expected either name or text"),
        ({"name": "own/mine", "seed": -1}, 422, "seed"),
        ({"text": "story = ["}, 422, "scenario.toml"),
        ({"text": CASE.replace("messages = 3", "messages = 0")}, 422, "messages"),
        ({"text": 'modes = ["real"]\n' + CASE}, 422, "not simulated"),
        ({"text": CASE.replace('"the case"', '"../case"')}, 422, "name"),
        ({"text": 'lab = "/etc/passwd"'}, 422, "names a file of the server"),
        (
            {"text": CASE.replace("messages = 3", 'recipients = "/etc/passwd"')},
            422,
            "delivery[0].recipients",
        ),
        ({"text": CASE + '[topology.lab]\nstore = "sqlite:////x.db"\n'}, 422, "topology.lab.store"),
        (
            {"text": CASE + '[[event]]\nat = 1\ndo = "configure"\nset = { "lab.directory" = "/" }'},
            422,
            "event[0].set.lab.directory",
        ),
        (
            {"text": CASE + '[[topology.dkim]]\nkey_file = "k.pem"\n'},
            422,
            "topology.dkim[0].key_file",
        ),
    ],
)
def test_what_cannot_be_played_is_refused_whole(stage, wanted, status, words):
    before = ask(stage, "/runs")["runs"]
    answer = play(stage, **wanted)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    assert ask(stage, "/runs")["runs"] == before


def test_no_more_than_some_are_played_at_once(stage, monkeypatch):
    monkeypatch.setattr(runs, "AT_ONCE_MAX", 1)
    first = play(stage, name="own/mine")
    refused = play(stage, name="own/mine")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:mtalab:problem:scenarios_busy"
    assert over(stage, first)["state"] == "passed"
    assert over(stage, play(stage, name="own/mine"))["state"] == "passed"


def test_a_lab_to_look_at_plays_nothing(served):
    assert play(served, name="gallery/greylisted").status_code == 409
    assert ask(served, "/runs")["runs"] == []
    assert served.client.get("/api/v1/scenarios/runs/7").status_code == 404


@contextlib.contextmanager
def played(tmp_path, text=CASE):
    """Runs of a folder of their own, and the number of one that was just begun."""
    file = tmp_path / "case.toml"
    file.write_text(text, encoding="utf-8")
    found = Runs(tmp_path / "runs", FakeClock())
    try:
        yield found, found.play(file, "own/case", None)
    finally:
        found.end()


def test_one_that_lasts_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "LASTS_MAX_S", 0.01)
    with played(tmp_path) as (found, number):
        deadline = time.monotonic() + 30
        while (run := found.get(number)).state is State.RUNNING:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert run.state is State.BROKEN
    assert "longer than 0.01 s" in run.error


def test_one_that_the_end_of_the_server_cut_off_is_broken(tmp_path):
    with played(tmp_path) as (found, number):
        found.end()
    again = Runs(tmp_path / "runs", FakeClock())
    assert again.get(number).state is State.BROKEN
    assert again.get(number).error
    assert again.steps(number) is None


def test_the_oldest_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "KEPT_MAX", 2)
    with played(tmp_path) as (found, number):
        for _ in range(2):
            found.end()
            last = found.play(tmp_path / "case.toml", "own/case", None)
        assert last == number + 2
        assert [each.number for each in found.all()] == [last, last - 1]
        assert not (tmp_path / "runs" / "1").exists()
