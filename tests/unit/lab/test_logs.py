"""The log of a process: words for people, or JSON with keys that stay."""

import contextlib
import io
import logging
import os

import orjson
import pytest

from lab.logs import make_log, speaks_json, start_log
from tests.fakes.clock import FakeClock


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def root(monkeypatch):
    """The standard library's logging as it was, afterwards."""
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    yield
    logger.handlers[:], logger.level = before


def test_a_line_for_people_has_time_module_and_words():
    file = io.StringIO()
    log = make_log(file, "text", "mta@m1", FakeClock())
    log.info("started", note="2 workers", workers=2)
    log.warning("child_ended", note="it ended", pid=7)
    first, second = file.getvalue().splitlines()
    assert first[20:] == "mta@m1      2 workers"
    assert second.endswith("warning: it ended")
    assert "\x1b" not in file.getvalue()


def test_only_a_terminal_gets_colours():
    file = Terminal()
    make_log(file, "text", "up", FakeClock()).error("failed", note="no")
    assert "\x1b[31merror: no\x1b[0m" in file.getvalue()


def test_a_line_for_programs_has_the_same_keys_first_and_the_facts_after():
    file, clock = io.StringIO(), FakeClock()
    make_log(file, "json", "scheduler", clock).info("leading", note="leads", worker_id=3)
    line = orjson.loads(file.getvalue())
    assert list(line) == ["time", "level", "module", "pid", "event", "note", "worker_id"]
    assert line == {
        "time": clock.now(),
        "level": "info",
        "module": "scheduler",
        "pid": os.getpid(),
        "event": "leading",
        "note": "leads",
        "worker_id": 3,
    }


def test_what_libraries_log_comes_the_same_way(root, monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    monkeypatch.setattr("sys.excepthook", None)
    assert not speaks_json()
    start_log("json", "sinks", FakeClock())
    assert speaks_json()
    try:
        int("of a library")
    except ValueError:
        logging.getLogger("somebody").exception("did not work: %s", 5)
    logging.getLogger("somebody").info("chatter")
    line = orjson.loads(file.getvalue())
    assert (line["level"], line["event"], line["logger"]) == ("error", "logged", "somebody")
    assert line["note"] == "did not work: 5"
    assert "of a library" in line["exception"]


class Full(io.StringIO):
    is_full = True

    def flush(self):
        if self.is_full:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_on_a_full_disk_ends_nobody_and_says_so_once_there_is_room(form):
    file = Full()
    log = make_log(file, form, "up", FakeClock())
    log.info("one", note="one")
    log.error("two", note="two")
    file.is_full = False
    log.warning("three", note="three")
    log.info("four", note="four")
    third, fourth = file.getvalue().splitlines()[-2:]
    if form == "json":
        assert orjson.loads(third)["unwritten"] == 2
    else:
        assert third.endswith("warning: three (2 lines before this could not be written when due)")
    assert "unwritten" not in fourth
    assert "lines before" not in fourth


def test_nobody_is_hurt_when_nobody_can_listen(tmp_path):
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:  # noqa: PTH123 - a device
        log = make_log(full, "text", "up", FakeClock())
        log.info("started", note="x" * 100)
        log.error("failed", note="y")
        with contextlib.suppress(OSError):
            full.close()
