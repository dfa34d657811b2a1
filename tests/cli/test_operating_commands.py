"""lane, mta, doctor, down, config apply and completion through their own entry point."""

import socket
from pathlib import Path

import pytest

from store import halts, lanes
from store.schema import open_store


@pytest.fixture
def store(lab):
    opened = open_store("sqlite:///.mtalab/lab.db")
    yield opened
    opened.close()


def texts(lab):
    return [each["text"] for each in lab("audit", "--json").json]


def test_lanes_are_listed_with_limits_and_affinities(lab):
    found = {each["lane"]: each for each in lab("lane", "list", "--json").json}
    one = found["127.0.2.1>gmail"]
    assert (one["affinities"], one["max_connections"]) == (["service"], 10)
    assert (one["suspended"], one["configured"], one["in_hand"]) == (False, True, 0)
    assert "127.0.1.3>orange" not in found, "its mask keeps the IP from there"
    assert "127.0.1.1>gmail" in lab("lane", "list").out


def test_a_lane_is_suspended_shown_and_resumed(lab):
    done = lab("lane", "suspend", "127.0.1.1>gmail", "--because", "blocked\nby them")
    assert done.out == "lane 127.0.1.1>gmail is suspended until it is resumed\n"
    assert "suspended until it is resumed: blocked by them" in lab("lane", "list").out
    assert [each["lane"] for each in lab("lane", "list", "--json").json if each["suspended"]] == [
        "127.0.1.1>gmail"
    ]
    assert lab("lane", "resume", "127.0.1.1/gmail").out == "lane 127.0.1.1>gmail is resumed\n"
    again = lab("lane", "resume", "127.0.1.1/gmail", "--json")
    assert (again.code, again.json) == (1, {"resumed": []})
    first, second = texts(lab)
    assert first.startswith("lane 127.0.1.1>gmail was suspended until it is resumed by ")
    assert first.endswith(": blocked by them")
    assert second.startswith("lane 127.0.1.1>gmail was resumed by ")


def test_an_mx_group_stands_for_all_its_lanes(lab):
    found = lab("lane", "suspend", "gmail", "--for", "10m", "--json").json
    assert {each["lane"].partition(">")[2] for each in found} == {"gmail"}
    assert len(found) == 4
    assert len(lab("lane", "resume", "*/gmail", "--json").json["resumed"]) == 4
    assert len(lab("lane", "suspend", "127.0.1.1>*", "--json").json) == 3


def test_a_suspended_lane_that_is_configured_no_more_can_be_resumed(lab, store):
    store.write_now(lanes.suspend, ["127.9.9.9>gone"], 9e12, "", "ann", 1.0)
    [line] = [each for each in lab("lane", "list", "--json").json if not each["configured"]]
    assert (line["lane"], line["suspended"]) == ("127.9.9.9>gone", True)
    assert lab("lane", "suspend", "127.9.9.9>gone").code == 2
    assert lab("lane", "resume", "127.9.9.9>gone").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suspend", "gmial"), "there is no lane 'gmial'; did you mean 'gmail'?"),
        (("suspend", "127.0.1.1"), "needs quotes, or the shell takes it apart"),
        (("suspend", "gmail", "--for", "soon"), "'soon' is no duration"),
        (("suspend", "gmail", "--for", "0s"), "a suspension of no length"),
        (("resume", "nowhere"), "there is no lane 'nowhere'"),
    ],
)
def test_lanes_and_lengths_that_are_none_are_refused(lab, words, said):
    done = lab("lane", *words)
    assert done.code == 2
    assert said in done.err


def test_an_instance_is_stopped_and_started_by_hand(lab):
    done = lab("mta", "stop", "promo1")
    assert (done.code, done.out) == (
        0,
        "mta@promo1 is stopped; `mtalab mta start promo1` starts it\n",
    )
    found = {each["name"]: each for each in lab("mta", "list", "--json").json}
    assert found["promo1"]["state"] == "stopped by hand"
    assert found["promo1"]["halted_by"]
    assert found["service1"]["state"] == "stopped"
    assert lab("mta", "stop", "promo1", "--json").json == {
        "instance": "promo1",
        "changed": False,
        "workers": 0,
    }
    assert "stopped by hand" in lab("mta", "list").out
    assert lab("mta", "start", "promo1").out == (
        "mta@promo1 may run again; it does so with the next `mtalab up`\n"
    )
    assert not lab("mta", "start", "promo1", "--json").json["changed"]
    assert [each.partition(" by ")[0] for each in texts(lab)] == [
        "mta@promo1 was stopped",
        "mta@promo1 was started again",
    ]


def test_an_instance_that_is_configured_no_more_can_be_started(lab, store):
    assert lab("mta", "stop", "promo9").code == 2
    store.write_now(halts.halt, "promo9", "ann", 1.0)
    found = {each["name"]: each["state"] for each in lab("mta", "list", "--json").json}
    assert found["promo9"] == "not configured"
    assert lab("mta", "start", "promo9").code == 0


def test_without_a_lab_there_is_nothing_to_stop_or_to_follow(lab):
    done = lab("down")
    assert done.code == 1
    assert "no lab runs in" in done.out
    assert lab("down", "--json").json == {"stopped": False, "pid": None}
    applied = lab("config", "apply", "--json")
    assert (applied.code, applied.json["ok"], applied.json["processes"]) == (1, False, [])
    assert "no process of the lab" in lab("config", "apply").out
    assert lab("down", "--within", "long").code == 2


def test_the_doctor_finds_a_new_lab_well(lab):
    file = Path("mtalab.toml")
    for port in ("2601", "2602", "2603", "2525"):
        file.write_text(file.read_text().replace(port, str(free_port())))
    done = lab("doctor", "--json")
    assert [each for each in done.json["findings"] if each["severity"] == "error"] == []
    assert done.code == 0
    assert {each["subject"] for each in done.json["findings"]} == {
        "configuration",
        "ports",
        "clock",
        "store",
        "disk",
        "open files",
    }


def test_the_doctor_finds_what_is_wrong_and_says_what_to_do(lab):
    file = Path("mtalab.toml")
    file.write_text(file.read_text().replace('address = "127.0.1.1"', 'address = "192.0.2.1"'))
    done = lab("doctor")
    assert done.code == 1
    assert "192.0.2.1 cannot be sent from on this host" in done.out
    assert "Add the address to an interface" in done.out
    file.write_text("[lab\n")
    done = lab("doctor", "--json")
    assert done.code == 1
    assert "mtalab.toml:1" in done.json["findings"][0]["what"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def offered(mtalab, monkeypatch):
    """What bash would offer for the last of the words."""

    def ask(*words):
        monkeypatch.setenv("_MTALAB_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["mtalab", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        done = mtalab()
        monkeypatch.delenv("_MTALAB_COMPLETE")
        assert done.err == ""
        return done.out.split()

    return ask


def test_names_are_completed(lab, offered):
    assert offered("mta", "stop", "pro") == ["promo1"]
    assert offered("lane", "suspend", "127.0.2.1/y") == ["127.0.2.1/yahoo"]
    assert offered("inbox", "--sink", "o") == ["orange"]
    assert offered("submit", "--affinity", "") == ["promo", "service"]
    assert offered("pause", "") == []
    assert not Path(".mtalab").exists(), "a key makes no store"


def test_deliveries_are_completed_from_the_store(lab, offered):
    lab("submit", "--message", "mail.eml", "--affinity", "promo", "--recipients", "people.csv")
    assert offered("pause", "") == ["1"]
    assert offered("log", "--delivery", "") == ["1"]
    Path("mtalab.toml").write_text("[lab\n")
    assert offered("pause", "") == [], "nothing is said about a mistake"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(mtalab, monkeypatch, shell):
    monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, shell))
    shown = mtalab("--show-completion")
    assert shown.code == 0
    assert "_MTALAB_COMPLETE" in shown.out
