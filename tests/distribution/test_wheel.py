"""``pip install .`` gives a whole mtalab."""

import zipfile
from email import message_from_string

import orjson

from tests.distribution.conftest import ROOT
from tests.house.test_rooms import ROOMS

DATA = {".toml", ".eml", ".csv", ".mako"}
SCRIPT = """
import json, mtalab
with mtalab.Lab.temporary() as lab:
    delivery = lab.submit(
        message="From: a@shop.example\\nSubject: For {{ name }}\\n\\nHello {{ name }}\\n",
        recipients=({"address": f"u{n}@x.test", "name": f"N{n}"} for n in range(20)),
        affinity="default",
    )
    lab.wait(delivery)
    account = lab.reconcile()
    print(json.dumps([mtalab.__file__, account.ok, account.sent, lab.inbox()[0].subject[:5]]))
"""


def test_the_wheel_has_all_that_the_rooms_have(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    there = {
        str(file.relative_to(ROOT))
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert inside == there
    assert {f"{room}/py.typed" for room in ROOMS} <= inside
    for ending in DATA:
        assert any(name.endswith(ending) for name in inside)
    assert any(name.startswith("store/migrations/versions/") for name in inside)


def test_its_metadata_name_the_command_the_plugin_and_what_it_needs(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
        entries = wheel.read(f"{folder}/entry_points.txt").decode()
        metadata = message_from_string(wheel.read(f"{folder}/METADATA").decode())
    assert "mtalab = lab.cli.main:run" in entries
    assert "mtalab = mtalab.pytest_plugin" in entries
    needs = [each for each in metadata.get_all("Requires-Dist") if "extra ==" not in each]
    assert any(each.startswith("aiosmtplib") for each in needs)
    assert not any(each.startswith(("pytest", "hatchling", "ruff")) for each in needs)


def test_installed_it_sends(installed, tmp_path):
    version = installed.run("mtalab", "--version", folder=tmp_path)
    assert version.startswith("mtalab 0.")
    installed.run("mtalab", "init", folder=tmp_path)
    assert "Nothing" not in installed.run("mtalab", "config", "check", folder=tmp_path)
    submitted = installed.run(
        "mtalab", "submit", "-m", "mail.eml", "-r", "people.csv", "-a", "promo", "--json",
        folder=tmp_path,
    )  # fmt: skip
    assert orjson.loads(submitted)["messages"] == 15
    told = installed.run("python", "-c", SCRIPT, folder=tmp_path).splitlines()[-1]
    file, ok, sent, subject = orjson.loads(told)
    assert file.startswith(str(installed.folder))
    assert (ok, sent, subject) == (True, 20, "For N")
