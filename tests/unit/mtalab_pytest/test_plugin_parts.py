"""What the plugin does without a lab."""

import inspect
import re
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtalab_pytest
from lab.serving import service
from lab.serving.requests import KINDS
from mail.notation import duration_s
from mtalab_pytest import connection, results
from mtalab_pytest.connection import Connection, command, environment
from mtalab_pytest.durations import seconds
from mtalab_pytest.errors import LabError, NoLabs
from mtalab_pytest.lab import Lab, _shares
from mtalab_pytest.plugin import _OPTIONS, LabFactory, _given
from tests.house.test_rooms import ROOMS, ROOT


@given(st.from_regex(r"\s?\d{1,3}(\.\d)?\s?(ms|s|m|h|d|w)?", fullmatch=True))
def test_durations_are_read_as_mtalab_reads_them(text):
    try:
        wanted = duration_s(text)
    except ValueError as error:
        with pytest.raises(LabError, match=str(error)):
            seconds(text)
    else:
        assert seconds(text) == wanted


def test_durations_may_be_numbers_and_timedeltas():
    assert (seconds(90), seconds(timedelta(minutes=2))) == (90.0, 120.0)


def test_both_sides_speak_one_protocol():
    assert connection.PROTOCOL == service.PROTOCOL


def test_it_imports_no_room_and_nothing_that_pytest_does_not_bring():
    code = (
        "import sys, pytest; before = set(sys.modules); import mtalab_pytest.plugin\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout == "['mtalab_pytest']\n"
    assert "mtalab_pytest" in ROOMS


def test_the_process_is_told_nothing_that_is_meant_for_the_tests(monkeypatch):
    monkeypatch.delenv("MTALAB_BIN", raising=False)
    given = {
        "PATH": "/bin",
        "PYTHONPATH": "src",
        "PYTHONWARNINGS": "error",
        "PYTHONHOME": "/opt",
        "MTALAB_LAB__STORE": "x",
        "COV_CORE_SOURCE": "x",
        "PYTEST_ADDOPTS": "-x",
    }
    assert environment(given) == {"PATH": "/bin", "PYTHONHOME": "/opt"}
    assert environment({**given, "MTALAB_BIN": "x"}) == {"PATH": "/bin"}
    assert command() == [sys.executable, "-P", "-m", "lab", "serve-tests"]


def program(folder: Path, text: str) -> str:
    file = folder / "mtalab"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cat", r"is no mtalab that this plugin understands: it answered b'\{\"id\": 0"),
        ("echo hello; cat >/dev/null", r"it answered b'hello\\n'"),
        ("echo 'No such command' >&2; exit 2", "ended with exit code 2; it said:\nNo such command"),
        ('echo \'{"id":0,"ok":{"protocol":99}}\'', "it speaks protocol 99, this plugin 1"),
        (
            'echo \'{"id":0,"error":{"name":"OtherProtocol","what":"too old","remedy":"Mend."}}\'',
            "^too old\n  Mend.$",
        ),
    ],
)
def test_another_program_is_refused_in_words(tmp_path, monkeypatch, text, said):
    monkeypatch.setenv("MTALAB_BIN", program(tmp_path, text))
    with pytest.raises(NoLabs, match=said):
        Connection()


def test_a_program_that_is_none_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MTALAB_BIN", str(tmp_path / "nowhere"))
    with pytest.raises(NoLabs, match=r"MTALAB_BIN names '.*nowhere', which is no program"):
        Connection()
    broken = tmp_path / "mtalab"
    broken.write_text("#!/nowhere/python\n")
    broken.chmod(0o755)
    monkeypatch.setenv("MTALAB_BIN", str(broken))
    with pytest.raises(NoLabs, match="cannot be started: No such file"):
        Connection()


def test_answers_that_nobody_waits_for_any_more_are_passed_over(tmp_path, monkeypatch):
    script = tmp_path / "answers.py"
    script.write_text(
        "import sys, json\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    if asked['do'] == 'die':\n"
        "        sys.exit('out of memory')\n"
        "    if asked['id']:\n"
        "        print(json.dumps({'id': asked['id'] - 1, 'ok': 'late'}))\n"
        "    ok = {'protocol': 1, 'version': '1', 'causes': [], 'asked': asked}\n"
        "    print(json.dumps({'id': asked['id'], 'ok': ok}), flush=True)\n"
    )
    monkeypatch.setenv("MTALAB_BIN", program(tmp_path, f"exec {sys.executable} {script}"))
    made = Connection()
    try:
        at = datetime(2026, 1, 5, tzinfo=UTC)
        asked = made.ask("x", at=at, path=Path("a/b"), none=None, long=timedelta(1))["asked"]
        assert asked == {
            "id": 1, "do": "x", "at": "2026-01-05T00:00:00+00:00", "path": "a/b", "long": 86400.0,
        }  # fmt: skip
        with pytest.raises(LabError, match=r"x: a value cannot be told to the lab: .* is a object"):
            made.ask("x", value=object())
        with pytest.raises(NoLabs, match="ended with exit code 1; it said:\nout of memory"):
            made.ask("die")
        with pytest.raises(NoLabs, match="ended with exit code 1"):
            made.ask("x")
        assert not made.is_alive
    finally:
        made.close()


def test_what_an_interrupt_left_unanswered_is_not_waited_for(tmp_path, monkeypatch):
    greeting = '{"id":0,"ok":{"protocol":1,"version":"1","causes":[]}}'
    busy = f"exec {sys.executable} -c 'import time; time.sleep(600)'"
    monkeypatch.setenv("MTALAB_BIN", program(tmp_path, f"echo '{greeting}'; {busy}"))
    made = Connection()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(made, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.ask("run", seconds=1e9)
    assert made.is_alive
    made.close()
    assert made._process.returncode == -signal.SIGTERM


def test_a_forked_process_may_not_ask(tmp_path, monkeypatch):
    greeting = '{"id":0,"ok":{"protocol":1,"version":"1","causes":[]}}'
    monkeypatch.setenv("MTALAB_BIN", program(tmp_path, f"echo '{greeting}'; cat >/dev/null"))
    made = Connection()
    try:
        monkeypatch.setattr(connection.os, "getpid", lambda: -1)
        with pytest.raises(NoLabs, match="by a process that did not make it"):
            made.ask("x")
    finally:
        monkeypatch.undo()
        made.close()


def test_a_newer_programs_answers_are_read():
    row = {"name": "x", "id": 1, "messages": 2, "warnings": ["w"], "quite_new": 3}
    made = results.made(results.Submitted, row)
    assert (made.name, made.warnings, made.duplicates) == ("x", ("w",), None)


def test_the_ways_to_say_a_topology_and_domains():
    assert _given(None) == {"topology": None}
    assert _given({"mta": {}}) == {"topology": {"mta": {}}}
    assert _given("[mta.m1]\n") == {"text": "[mta.m1]\n"}
    assert _given("lab.toml") == {"file": "lab.toml"}
    assert _given(Path("own")) == {"file": "own"}
    assert _shares("a.test") == {"a.test": 1}
    assert _shares(["a.test", "b.test"]) == {"a.test": 1, "b.test": 1}
    assert _shares({"a.test": 3}) == {"a.test": 3}


def test_a_factory_is_no_lab_and_says_so():
    with pytest.raises(AttributeError, match=r"use `lab\.submit` of the fixture `lab`"):
        LabFactory(lambda: None).submit()


def test_every_promised_name_is_there():
    assert all(hasattr(mtalab_pytest, name) for name in mtalab_pytest.__all__)


def test_the_page_has_every_method_and_every_request():
    text = (ROOT / "docs/pytest.md").read_text(encoding="utf-8")
    users, protocol = text.split("## The protocol")
    named = set(re.findall(r"`lab\.(\w+)", users))
    there = {name for name in vars(Lab) if not name.startswith("_")}
    assert named == there
    (said,) = re.findall(r"`lab\.submit\(\*, (.*?)\)`", users)
    assert said.split(", ") == [*inspect.signature(Lab.submit).parameters][1:]
    kinds = re.findall(r"^\| `(\w+)` \|", protocol, re.MULTILINE)
    assert kinds[1:] == [*KINDS]
    for name in _OPTIONS:
        assert f"`{name}" in users
