"""What other people's code may rely on: names, words, and that importing them costs nothing."""

import inspect
import re
import subprocess
import sys
import tomllib
from dataclasses import fields, is_dataclass
from typing import get_args

import pytest

import mtalab
from mail.states import DeliveryStatus, MessageStatus
from mtalab import Lab, results, rooms
from mtalab.temporary import _with_ports
from tests.house.test_rooms import ROOMS, ROOT


def python(code, **how):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, **how
    )


def test_every_name_that_is_promised_is_there():
    for name in mtalab.__all__:
        assert getattr(mtalab, name).__name__ == name
    assert sorted(name for names in mtalab._HOMES.values() for name in names) == mtalab.__all__
    with pytest.raises(AttributeError, match="no attribute 'Lap'"):
        mtalab.Lap  # noqa: B018


def test_the_words_of_statuses_are_those_of_the_state_machines():
    assert set(get_args(results.MessageStatus)) == set(MessageStatus)
    assert set(get_args(results.DeliveryStatus)) == set(DeliveryStatus)
    assert set(DeliveryStatus) >= results.OVER


def test_results_are_frozen():
    made = [each for each in vars(results).values() if is_dataclass(each)]
    assert len(made) == 7
    assert all(each.__dataclass_params__.frozen and fields(each) for each in made)


def test_importing_the_package_imports_no_room():
    done = python(
        "import sys, mtalab\n"
        f"print([name for name in {ROOMS} if name in sys.modules and name != 'mtalab'])"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_guard_knows_every_room():
    assert sorted([*rooms.ROOMS, "mtalab", "mtalab_pytest"]) == ROOMS


@pytest.mark.parametrize("file", ["store.py", "mail/__init__.py"])
def test_a_name_that_somebody_else_has_taken_is_told_and_not_used(tmp_path, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("raise SystemExit('was imported')")
    done = python("from mtalab import Lab", cwd=tmp_path)
    name = file.removesuffix(".py").split("/")[0]
    assert done.returncode == 1
    assert f"RoomTaken: mtalab needs the name '{name}'" in done.stderr
    assert str(tmp_path) in done.stderr


def test_a_folder_that_is_no_package_takes_no_name(tmp_path):
    (tmp_path / "mail").mkdir()
    assert python("from mtalab import Lab", cwd=tmp_path).returncode == 0


def test_free_ports_are_put_where_a_port_is_0_and_nowhere_else():
    text = (
        """a = "127.0.0.1:0"\nb = '127.0.0.1:0'\nc = "[::1]:1025"\nd = "12:0" # at 127.0.0.1:0\n"""
    )
    doors = "[submission]\n[inmail]\n[tracking]\n[web]\n"
    filled = _with_ports(text + doors).splitlines()
    ports = [int(filled[row][4:].strip("\"'").rpartition(":")[2]) for row in (0, 1)]
    assert all(port > 1023 for port in ports)
    assert len(set(ports)) == 2
    assert filled[2:-4] == text.splitlines()[2:]


def test_the_default_submission_port_is_left_to_a_lab_that_stays():
    filled = tomllib.loads(_with_ports("[lab]\nname = 'x'\n"))
    assert int(filled["submission"]["listen"].removeprefix("127.0.0.1:")) != 2525
    given = "[submission]\nlisten = 'off'\n[inmail]\n[tracking]\n[web]\n"
    assert _with_ports(given) == given
    assert _with_ports("[submission") == "[submission"


def test_a_lab_for_a_while_has_no_doors_for_what_comes_back_unless_it_names_them():
    filled = tomllib.loads(_with_ports('[tracking]\nlisten = "127.0.0.1:0"\n'))
    assert filled["inmail"]["listen"] == "off"
    assert filled["tracking"]["listen"].startswith("127.0.0.1:")


def test_the_document_names_what_is_there():
    text = (ROOT / "docs/python-api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`lab\.(\w+)", text)) | set(re.findall(r"`Lab\.(\w+)\(", text))
    there = {name for name in vars(Lab) if not name.startswith("_")}
    assert named == there
    for name in ("temporary", "run", "open", "submit"):
        (said,) = re.search(rf"`[Ll]ab\.{name}\((.*?)\)`", text).groups()
        given = [each.partition("=")[0].strip() for each in said.split(",") if each.strip() != "*"]
        wanted = [
            each for each in inspect.signature(getattr(Lab, name)).parameters if each != "self"
        ]
        assert given == wanted
    errors = set(re.findall(r"`([A-Z]\w+)`", text.partition("## Errors")[2].partition("## In")[0]))
    assert errors - {"TimeoutError"} <= set(mtalab.__all__)
