"""What the doctor finds, each with its mend."""

import resource
import shutil
import socket
import sqlite3

import pytest

from lab.configuration import load
from lab.doctor.machine import look_at_clock, look_at_disk, look_at_open_files
from lab.doctor.ports import look_at_ports
from lab.doctor.stores import look_at_store
from lab.following import Following
from lab.machine import ThisMachine
from store import modules
from store.schema import HEAD, open_store
from tests.fakes.clock import FakeClock
from tests.fakes.log import NotingLog
from world.clock import SystemClock

TEXT = """
[mta.m]
affinities = ["promo"]
connections = 100
workers = 2
[affinity.promo]
ip = [{ address = "127.0.1.1" }, { address = "127.0.1.2" }]
[route.a]
domains = ["a.test"]
sink = "a"
[sink.a]
listen = "127.0.0.1:%d"
[submission]
listen = "off"
[inmail]
listen = "off"
[tracking]
listen = "off"
[web]
listen = "off"
"""


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def loaded(tmp_path, port):
    (tmp_path / "mtalab.toml").write_text(TEXT % port)
    return load(tmp_path / "mtalab.toml", {})


def the_one(found):
    [one] = found
    assert one.severity == "ok" or one.mend, "each finding has its mend"
    return one


def test_a_port_is_free_ours_or_somebody_elses(loaded, port):
    assert the_one(look_at_ports(loaded)).severity == "ok"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        found = the_one(look_at_ports(loaded))
        assert found.severity == "error"
        assert f"cannot listen on 127.0.0.1:{port}" in found.what
        # A process of this lab writes such an account; here it is this one.
        Following(loaded, "sinks", lambda: loaded, NotingLog(), ThisMachine()).rename("sinks")
        found = the_one(look_at_ports(loaded))
        assert found.severity == "ok"
        assert "listens on" in found.what


def test_a_store_is_not_made_current_old_new_or_no_store(loaded):
    clock = SystemClock()
    assert "not made yet" in the_one(look_at_store(loaded, clock)).what
    file = loaded.directory / "lab.db"
    assert not file.exists(), "the doctor changes nothing"
    open_store(loaded.store_url).close()
    assert f"its schema, {HEAD}, is current" in the_one(look_at_store(loaded, clock)).what
    for revision, severity, words in (
        ("0001", "warning", "of schema 0001"),
        ("9999", "error", f"this mtalab knows up to {HEAD}"),
    ):
        with sqlite3.connect(file) as raw:
            raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        raw.close()
        found = the_one(look_at_store(loaded, clock))
        assert found.severity == severity
        assert words in found.what
    for each in loaded.directory.glob("lab.db*"):
        each.unlink()
    file.write_text("a shopping list, long enough to be looked at as a database header\n" * 10)
    found = the_one(look_at_store(loaded, clock))
    assert found.severity == "error"
    assert "no SQLite database" in found.mend


def test_a_store_that_cannot_be_reached_is_an_error(tmp_path):
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    (tmp_path / "mtalab.toml").write_text(f'[lab]\nstore = "{url}"\n')
    found = the_one(look_at_store(load(tmp_path / "mtalab.toml", {}), SystemClock()))
    assert found.severity == "error"
    assert "server runs" in found.mend


def test_a_clock_that_went_back_or_was_never_set(loaded):
    clock = FakeClock()
    store = open_store(loaded.store_url)
    process = modules.Process("h", 1, 1)
    store.write_now(modules.announce_module, "scheduler", process, "", SystemClock().now())
    store.close()
    clock.set(SystemClock().now() - 7200)
    assert the_one(look_at_clock(clock)).severity == "ok"
    found = [each for each in look_at_store(loaded, clock) if each.subject == "clock"]
    assert "2 h" in the_one(found).what
    assert found[0].severity == "error"
    clock.set(0.0)
    assert the_one(look_at_clock(clock)).severity == "error"


def test_room_on_the_disk(loaded, monkeypatch):
    for free, severity in ((50e6, "error"), (500e6, "warning"), (5e9, "ok")):
        usage = shutil.disk_usage(loaded.path.parent)._replace(free=int(free))
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        assert the_one(look_at_disk(loaded)).severity == severity


def test_limits_of_open_files(loaded, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 300))
    found = the_one(look_at_open_files(loaded))
    # Two lanes of 100 connections for each of two workers, all of them to the sinks.
    assert found.what == "256 open files allowed, but the process of the sinks may need 464"
    assert "`ulimit -n 464`" in found.mend
    assert "hard limit of 300" in found.mend
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert the_one(look_at_open_files(loaded)).severity == "ok"
