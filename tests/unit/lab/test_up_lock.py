"""Whose a lab is."""

import asyncio
import fcntl
import os

import filelock
import orjson
import pytest

from lab import detached, up_lock
from lab.configuration import load
from lab.detached import CannotStop, stop_lab
from lab.up_lock import LabIsUp, Owner, owner_of
from world.clock import SystemClock


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(up_lock, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(detached, "GOING_UP_S", 0.05)


def test_a_lab_has_one_owner_who_can_be_found(tmp_path):
    assert owner_of(tmp_path) is None
    with up_lock.up_lock(tmp_path / "lab", ends_by_signal=True):
        assert owner_of(tmp_path / "lab") == Owner(os.getpid())
        with (
            pytest.raises(LabIsUp, match="mtalab down"),
            up_lock.up_lock(tmp_path / "lab", ends_by_signal=True),
        ):
            pass
        assert owner_of(tmp_path / "lab") == Owner(os.getpid()), "who was refused took nothing"
    assert owner_of(tmp_path / "lab") is None


def test_who_only_looks_is_no_owner_to_another_who_looks(tmp_path):
    with up_lock.up_lock(tmp_path, ends_by_signal=True):
        pass
    with (tmp_path / up_lock.LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert owner_of(tmp_path) is None


def test_the_words_of_an_owner_who_was_killed_name_nobody(tmp_path):
    with up_lock.up_lock(tmp_path, ends_by_signal=True):
        words = orjson.loads((tmp_path / "up.json").read_bytes())
    words["started"] -= 60  # another process had this number then
    (tmp_path / "up.json").write_bytes(orjson.dumps(words))
    with filelock.FileLock(tmp_path / up_lock.LOCK):  # a new owner, who has said nothing yet
        assert owner_of(tmp_path) == Owner(None)


def test_a_program_that_runs_a_lab_of_its_own_is_not_stopped_by_us(tmp_path):
    (tmp_path / "mtalab.toml").write_text("")
    loaded = load(tmp_path / "mtalab.toml", {})
    with (
        up_lock.up_lock(loaded.directory, ends_by_signal=False),
        pytest.raises(CannotStop, match="a program of its own"),
    ):
        asyncio.run(stop_lab(loaded, SystemClock(), 1.0))
    assert asyncio.run(stop_lab(loaded, SystemClock(), 1.0)) is None
