"""The process that answers a test run, asked without a process."""

import base64

import orjson
import pytest

from lab.serving.requests import KINDS
from lab.serving.service import PROTOCOL, Service
from world.clock import SystemClock

TWO = {
    "mta": {"m1": {"affinities": ["news"]}},
    "affinity": {
        "news": {"ip": [{"address": "127.0.1.1"}]},
        "promo": {"ip": [{"address": "127.0.1.2"}]},
    },
}


class Asker:
    def __init__(self):
        self.service = Service(SystemClock())
        self.asked = 0

    def answer(self, do, **values):
        self.asked += 1
        line = orjson.dumps({"id": self.asked, "do": do, **values})
        answer = orjson.loads(self.service.answer(line))
        assert answer["id"] == self.asked
        return answer

    def __call__(self, do, **values):
        answer = self.answer(do, **values)
        assert "ok" in answer, answer["error"]
        return answer["ok"]

    def error(self, do, **values):
        return self.answer(do, **values)["error"]

    def made(self, **values):
        return self("make", **values)["lab"]


@pytest.fixture
def ask():
    asker = Asker()
    yield asker
    asker.service.close()


def test_the_greeting_tells_protocol_and_causes(ask):
    greeting = ask("hello", protocol=PROTOCOL)
    assert greeting["protocol"] == PROTOCOL
    assert "affinity_not_configured" in greeting["causes"]
    error = ask.error("hello", protocol=PROTOCOL + 1, plugin="9.9")
    assert error["name"] == "OtherProtocol"
    assert f"speaks {PROTOCOL + 1} (mtalab 9.9)" in error["text"]


def test_what_is_no_request_is_refused_in_words(ask):
    answer = orjson.loads(ask.service.answer(b"{nonsense"))
    assert answer["error"]["what"].startswith("a line is no JSON")
    assert orjson.loads(ask.service.answer(b"[1]"))["error"]["kind"] == "user"
    error = ask.error("cunts")
    assert (error["name"], error["what"]) == (
        "NoSuchRequest",
        "there is no request 'cunts'; did you mean 'counts'?",
    )
    lab = ask.made()
    error = ask.error("run", lab=lab, seconds="5 minutes")
    assert error["what"] == (
        "run: seconds: expected a duration such as 500ms, 10s, 5m, 1h or 5d, got '5 minutes'"
    )
    assert (
        "delvery: unknown key; did you mean 'delivery'?"
        in (ask.error("counts", lab=lab, delvery="x")["what"])
    )
    ask("close", lab=lab)
    assert ask.error("counts", lab=lab)["name"] == "NoSuchLab"


def test_every_kind_of_request_is_answered(ask):
    lab = ask.made()
    ask("submit", lab=lab, delivery={"messages": 2, "name": "two"})
    values = {
        "run": {"seconds": 5},
        "run_until_done": {"within": "1m"},
        "do": {"event": {"do": "pause", "delivery": "two"}},
        "expect": {"expect": {"counts": {"sent": 2}}},
        "transitions": {"message": 1},
    }
    for kind in ("run", "run_until_done", *KINDS):
        if kind not in ("hello", "make", "submit", "close", "do"):
            ask(kind, lab=lab, **values.get(kind, {}))
    assert ask("expect", lab=lab, expect={"counts": {"sent": 3}})["failures"][0]["seen"] == "2"
    assert [each["event"] for each in ask("transitions", lab=lab, message=1)] == ["accepted"]
    assert ask("close", lab=lab) == {}


def test_a_delivery_goes_from_a_test_to_an_inbox(ask):
    lab = ask.made()
    source = base64.b64encode("From: a@b.test\nSubject: Für {{ name }}\n\nHi".encode()).decode()
    people = [{"address": "ada@x.test", "name": "Ada"}, {"email": "bob@y.test", "name": "Bob"}]
    done = ask("submit", lab=lab, delivery={}, message=source, recipients=people)
    assert (done["name"], done["messages"]) == ("1", 2)
    assert ask("counts", lab=lab)["pending"] == 2
    assert ask("run_until_done", lab=lab, within="1m")["done"]
    assert ask("counts", lab=lab, delivery="1") == {
        "pending": 0, "sent": 2, "failed": 0, "ignored": 0, "cancelled": 0,
    }  # fmt: skip
    (got,) = ask("inbox", lab=lab, recipient="bob@*")
    assert (got["subject"], got["rcpt_to"]) == ("Für Bob", ["bob@y.test"])
    assert base64.b64decode(got["source"]).endswith(b"\r\n\r\nHi\r\n")
    assert ask("reconcile", lab=lab)["ok"]


def test_what_cannot_be_submitted_is_told(ask):
    lab = ask.made(topology=TWO)
    assert ask.error("submit", lab=lab, delivery={})["name"] == "AffinityNeeded"
    refused = ask.error("submit", lab=lab, delivery={"affinity": "news"}, recipients=["a@b.c", 4])
    assert "submit: recipients[1]: expected an address or fields" in refused["what"]
    refused = ask.error("submit", lab=lab, delivery={"affinity": "news"}, recipients=["nobody"])
    assert refused["name"] == "BadRecipients"
    ask("submit", lab=lab, delivery={"affinity": "news", "name": "x"})
    refused = ask.error("submit", lab=lab, delivery={"affinity": "news", "name": "x"})
    assert "there is a delivery 'x' already" in refused["what"]
    refused = ask.error("do", lab=lab, event={"do": "pause", "delivery": "y"})
    assert (refused["name"], refused["remedy"]) == ("NoSuchDelivery", "There are: x.")
    refused = ask.error("do", lab=lab, event={"do": "kill"})
    assert "act 'kill': what: is required" in refused["what"]
    refused = ask.error("do", lab=lab, event={"do": "kil"})
    assert "there is no event 'kil'; did you mean 'kill'?" in refused["what"]


def test_several_labs_live_side_by_side_and_are_the_same_each_time(ask):
    one, two = ask.made(seed=7), ask.made(seed=7)
    for lab in (one, two):
        ask("submit", lab=lab, delivery={"messages": 30})
    for _ in range(4):
        for lab in (one, two):
            ask("run", lab=lab, seconds=0.02)
    assert ask("do", lab=one, event={"do": "kill", "what": "worker of mta@m1"})
    assert ask("do", lab=two, event={"do": "kill", "what": "worker of mta@m1"})
    for lab in (two, one):
        assert ask("run_until_done", lab=lab, within="2m")["done"]
    assert ask("events", lab=one) == ask("events", lab=two)
    assert len(ask("events", lab=one)) >= 30
    other = ask.made(seed=8)
    ask("submit", lab=other, delivery={"messages": 30})
    assert ask("run_until_done", lab=other, within="2m")["done"]
    assert ask("events", lab=other) != ask("events", lab=one)


def test_a_cause_comes_and_goes_with_the_configuration(ask):
    lab = ask.made(topology=TWO)
    ask("submit", lab=lab, delivery={"affinity": "promo", "messages": 3}, contact_in="1h")
    ask("run", lab=lab, seconds="1m")
    assert ask("why", lab=lab)["causes"] == {"contact_date_ahead": 3}
    ask("run", lab=lab, seconds="1h")
    found = ask("why", lab=lab, message=1)
    assert found["causes"] == {"affinity_not_configured": 1}
    assert "failed" in {each["answer"] for each in found["chain"]}
    change = {"do": "configure", "set": {"mta.m1.affinities": ["news", "promo"]}}
    ask("do", lab=lab, event=change)
    assert ask("run_until_done", lab=lab, within="1m")["done"]
    refused = ask.error("do", lab=lab, event={"do": "configure", "remove": ["mta.m2"]})
    assert refused["name"] == "NoSuchKey"


def test_a_scenario_file_happens_as_time_passes(ask, tmp_path):
    (tmp_path / "case.toml").write_text(
        "[topology.mta.m1]\naffinities = ['a']\n[topology.affinity.a]\n"
        "ip = [{ address = '127.0.1.1' }]\n"
        "[[delivery]]\nname = 'x'\naffinity = 'a'\nat = '10s'\nmessages = 4\n"
        "[[expect]]\nat = '20s'\ncounts = { sent = 5 }\n[[expect]]\ncounts = { sent = 6 }\n"
    )
    lab = ask.made(scenario="case.toml", folder=str(tmp_path))
    assert ask("state", lab=lab)["elapsed"] == 0
    assert ask.error("counts", lab=lab, delivery="x")["name"] == "NoSuchDelivery"
    ask("run", lab=lab, seconds="15s")
    assert ask("counts", lab=lab, delivery="x")["sent"] == 4
    passed = ask("run", lab=lab, seconds="15s")
    assert [each["expected"] for each in passed["failures"]] == ["5"]
    assert [each["expected"] for each in ask("play", lab=lab)["failures"]] == ["6"]
    real = ask.error("make", scenario="case.toml", folder=str(tmp_path), mode="real")
    assert real["name"] == "NotInThisMode"


def test_what_makes_a_lab_is_one_thing_and_is_there(ask, tmp_path):
    error = ask.error("make", topology=TWO, scenario="x.toml")
    assert "lab: topology: expected one of them, got topology and scenario" in error["what"]
    assert ask.error("make", file="x.toml", folder=str(tmp_path))["name"] == "UnreadableScenario"
    assert (
        "topology: mta.m1.affinities"
        in (ask.error("make", topology={"mta": {"m1": {"affinities": None}}})["what"])
    )
    text = "[mta.m1]\naffinities = ['x']\n[affinity.x]\nip = [{ address = '127.0.1.1' }]\n"
    (tmp_path / "mtalab.toml").write_text(text)
    by_file = ask("make", file="mtalab.toml", folder=str(tmp_path), begins="2026-03-01T08:00:00")
    assert by_file["now"] == 1_772_352_000 + by_file["elapsed"]
    assert by_file["name"] == "mtalab.toml"
    by_text = ask("make", text=text)
    assert ask("submit", lab=by_text["lab"], delivery={})["messages"] == 10


def test_a_mistake_of_ours_is_told_as_one(ask, monkeypatch):
    lab = ask.made()
    monkeypatch.setattr("lab.serving.answers.state", lambda _: 1 / 0)
    error = ask.error("state", lab=lab)
    assert (error["kind"], error["what"]) == ("bug", "ZeroDivisionError: division by zero")
    assert "Traceback" in error["trace"]
    monkeypatch.undo()
    assert ask("state", lab=lab)["mode"] == "simulated"
