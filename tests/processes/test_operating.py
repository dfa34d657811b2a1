"""A lab under an operator's hand: started and stopped from afar, its parts held and let go."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import orjson
import psutil
import pytest

from lab.cli.main import run
from lab.up_lock import owner_of
from store import audit, queues, replan
from tests.fakes.running_lab import CONFIGURATION, WITH_SUBMISSION, RunningLab
from world.clock import SystemClock

ALONE = CONFIGURATION.replace("workers = 2", "workers = 1")
SLOW = WITH_SUBMISSION.replace("40ms", "200ms")  # so that there is time to interfere
LANE = "127.0.1.1>a"

# `mtalab up --detach` leaves a child behind, which in a test is this process's.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")


@pytest.fixture
def call(tmp_path, monkeypatch, capsysbinary):
    """``call("lane", "list")`` in the lab's folder and in this process → exit code and output."""
    monkeypatch.chdir(tmp_path)

    def ask(*words):
        monkeypatch.setattr(sys, "argv", ["mtalab", *words])
        code = 0
        try:
            run()
        except SystemExit as end:
            code = end.code
        said = capsysbinary.readouterr()
        return code, said.out.decode() + said.err.decode()

    return ask


@pytest.fixture
def json(call):
    return lambda *words: orjson.loads(call(*words, "--json")[1])


@pytest.fixture
def make(tmp_path):
    """A lab that is not up yet, and gone afterwards."""
    made = []

    def lab(text=CONFIGURATION):
        made.append(RunningLab(tmp_path, text=text))
        return made[-1]

    yield lab
    for each in made:
        each.close()


def test_a_lab_in_the_background_whose_lanes_and_instances_are_held_and_let_go(make, call, json):
    lab = make(SLOW)
    (lab.folder / "up.log").touch()
    pid = json("up", "--detach", "--log-format", "json")["pid"]
    assert owner_of(lab.loaded.directory).pid == pid
    assert json("status")["ok"], "it returned when all of it ran"
    assert "another `mtalab up`" in call("up", "--detach")[1]
    delivery = lab.submit(300)
    hold_lanes(lab, delivery, call, json)
    hold_the_instance(lab, delivery, json)
    assert json("down") == {"stopped": True, "pid": pid}
    assert lab.processes() == []
    assert call("up", "--detach", "--log-format", "json")[0] == 0, "ready without that instance"
    assert lab.workers() == []
    assert [each["state"] for each in json("mta", "list")] == ["stopped by hand"]
    assert json("mta", "start", "m1")["workers"] == 2
    lab.wait(lambda: lab.sent(delivery) == 300, "the rest is sent")
    assert call("down")[0] == 0
    assert lab.reconciled().is_ok()
    told = [each.text for each in lab.store.read_now(audit.entries)]
    assert "starts the lab" in told[0]
    assert "has stopped the lab" in told[-1]
    see_that_the_log_is_json(lab)


def hold_lanes(lab, delivery, call, json):
    """One, whose mail the other then sends; then all."""
    lab.wait(lambda: lab.peers()["127.0.1.1"] > 5, "the lane is at work")
    assert call("lane", "suspend", "127.0.1.1/a", "--because", "blocked")[0] == 0

    def in_hand():
        return sum(each["in_hand"] for each in json("lane", "list") if each["lane"] == LANE)

    lab.wait(lambda: in_hand() == 0, "workers gave back what they held")
    before, at = lab.peers()["127.0.1.1"], lab.sent(delivery)
    lab.wait(lambda: lab.sent(delivery) > min(at + 20, 299), "the other source IP sends on")
    assert lab.peers()["127.0.1.1"] == before
    assert call("lane", "suspend", "a", "--because", "maintenance")[0] == 0
    lab.wait(lambda: all(not each["in_hand"] for each in json("lane", "list")), "all came back")
    assert lab.sent(delivery) < 300, "there was more to come"
    [line] = json("status")["queues"]
    assert line["code"] == "lane_suspended"
    assert "127.0.1.1>a is suspended until resumed: maintenance" in line["cause"]
    assert LANE in json("lane", "resume", "a")["resumed"]


def hold_the_instance(lab, delivery, json):
    """It hands back what it holds, and status says why that waits."""
    assert json("mta", "stop", "m1") == {"instance": "m1", "changed": True, "workers": 0}
    assert lab.workers() == []
    [line] = json("status")["queues"]
    assert "mta@m1 was stopped by hand" in line["cause"]
    assert line["messages"] == 300 - lab.sent(delivery) > 0


def see_that_the_log_is_json(lab):
    """Every line of every process, with the keys that are promised."""
    lines = (lab.loaded.directory / "up.log").read_bytes().splitlines()
    said = [orjson.loads(each) for each in lines]
    keys = ["time", "level", "module", "pid", "event", "note"]
    assert all(list(each)[:6] == keys for each in said)
    who = {each["module"].partition("-")[0] for each in said}
    assert who == {"up", "scheduler", "sinks", "submission", "mta@m1"}


def connected(lab):
    """The workers that hold a connection to a sink."""
    port = int(lab.loaded.configuration.sink["a"].listen.rpartition(":")[2])
    found = set()
    for each in lab.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(end.raddr and end.raddr.port == port for end in each.net_connections("tcp")):
                found.add(each.pid)
    return found


@pytest.mark.parametrize("how", ["stop", "remove"])
def test_a_lab_ends_after_those_who_are_leaving_with_mail_in_flight(make, json, how):
    lab = make(ALONE.replace("40ms", "4s"))
    lab.up()
    delivery = lab.submit(1)
    lab.wait(lambda: connected(lab), "a connection is open")
    time.sleep(0.5)  # and its mail is at the 4 s that the receiver takes
    if how == "stop":
        assert json("mta", "stop", "m1", "--within", "0s")["changed"]
    else:
        lab.write(lab.text.replace("[mta.m1]", "[mta.m2]"))
        lab.wait(lambda: "mta@m2 " in lab.said(), "another took its place")
    assert lab.down() == 0
    [message] = lab.messages(delivery)
    end = (message.status, message.attempts)
    # On a machine that was slow in between it had not set out; no attempt is spent on a stop.
    assert end in {("sent", 1), ("pending", 0)}, "its receiver was there to the end"
    assert lab.processes() == []
    assert "starting it again" not in lab.said()


IN_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_lab_ends_with_its_terminal_even_if_its_words_go_elsewhere(make):
    lab = make(ALONE)
    keyboard, terminal = os.openpty()
    words = (lab.folder / "up.log").open("ab")
    argv = [sys.executable, "-c", IN_A_TERMINAL, str(terminal), *lab.command("up")]
    with (
        words,
        subprocess.Popen(
            argv, cwd=lab.folder, stdout=words, stderr=words, pass_fds=[terminal]
        ) as up,
    ):
        os.close(terminal)
        lab.wait_until_up()
        up.send_signal(signal.SIGHUP)  # while the window is open it asks to read the file
        lab.wait(lambda: "as asked" in lab.said(), "it reads it")
        os.close(keyboard)
        assert up.wait(60) == 0
    assert lab.processes() == []


def test_a_lab_that_cannot_start_in_the_background_says_why(make, call):
    lab = make()
    host, port = lab.loaded.configuration.sink["a"].listen.split(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()
        code, said = call("up", "--detach")
    assert code == 1
    assert "sink 'a' cannot listen" in said
    assert lab.processes() == []
    code, said = call("up", "--detach", "--within", "1ms")
    assert code == 1
    assert "was not ready within 0.001 s and is stopped again" in said
    assert lab.processes() == []


def test_every_process_follows_what_is_applied_and_says_what_it_cannot(make, call, json):
    login = 'domains = ["a.test"]\nauth = { user = "u", password_file = "p" }'
    lab = make(WITH_SUBMISSION.replace('domains = ["a.test"]', login))
    secret = lab.folder / "p"
    secret.write_text("secret\n")
    lab.up()
    names = {"up", "scheduler", "sinks", "submission", "mta@m1"}
    lab.wait(lambda: len(json("config", "apply")["processes"]) == len(names) + 2, "all account")
    workers, sinks = {each.pid for each in lab.workers()}, lab.pid_of("sinks")

    other = 'domain = "a.b"\nstore = "sqlite:///x.db"'
    lab.write(lab.text.replace('name = "test"', f'name = "test"\n{other}'))
    found = {each["name"]: each for each in json("config", "apply")["processes"]}
    assert (found["up"]["state"], found["up"]["detail"]) == ("needs a restart", "lab.store")
    assert {each["state"] for name, each in found.items() if name != "up"} == {"follows"}
    assert not (lab.folder / "x.db").exists(), "who was restarted stayed with the others"
    lab.write(lab.text.replace(other, "").replace("40ms", "1ms"))
    assert json("config", "apply")["ok"]
    assert lab.pid_of("sinks") not in (sinks, None), "the supervisor restarted it"
    assert {each.pid for each in lab.workers()} == workers

    secret.unlink()  # the file says the same, but what it names has changed
    os.kill(owner_of(lab.loaded.directory).pid, signal.SIGHUP)
    lab.wait(lambda: lab.said().count("is not used") >= 2, "the workers cannot read it")
    refused = [each for each in json("config", "apply")["processes"] if each["state"] != "follows"]
    assert [each["state"] for each in refused] == ["refuses", "refuses"]
    secret.write_text("secret\n")
    assert json("config", "apply")["ok"]
    assert {each.pid for each in lab.workers()} == workers
    assert "SIGHUP" not in lab.said(), "it ended nobody"
    point_to_a_source_ip_that_is_gone(lab, json)
    lab.write(lab.text.replace("[lab]", "[lba]"))
    code, said = call("config", "apply")
    assert code == 2
    assert "lba" in said


def point_to_a_source_ip_that_is_gone(lab, json):
    """A plan that nobody's configuration has, and which the scheduler believes it has checked."""
    delivery = lab.submit(2, affinity="other")  # which no instance has
    wrong = replan.Planned(delivery, "other", "a.test", "gone", ("127.0.9.9",))

    def is_cut_wrongly():
        waiting = [each for each in lab.store.read_now(queues.waiting) if each.messages]
        if [each.mx_group for each in waiting] == ["a"]:
            lab.store.write_now(replan.replan, [wrong], SystemClock().now())
        return [each.mx_group for each in waiting] == ["gone"]

    lab.wait(is_cut_wrongly, "its mail waits in a part for that source IP")
    code = json("replan")
    assert (code["ok"], code["by"], code["found"]["plans"]) == (True, "scheduler", 1)
    lab.wait(
        lambda: lab.store.read_now(replan.planned, delivery)[0].mx_group == "a", "it is mended"
    )
    assert json("replan")["by"] is None, "there is nothing left to do"
