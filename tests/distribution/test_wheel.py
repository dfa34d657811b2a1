"""``pip install .`` gives a whole mtalab."""

import sys
import zipfile
from email import message_from_string

from tests.distribution.conftest import ROOT
from tests.house.test_rooms import ROOMS

DATA = {".toml", ".eml", ".csv", ".mako"}


def test_the_wheel_has_all_that_the_rooms_have(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    there = {
        str(file.relative_to(ROOT))
        for room in ROOMS
        for file in (ROOT / room).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    gallery = (ROOT / "examples/stuck-pending").iterdir()
    there |= {f"lab/playing/shipped/{file.name}" for file in gallery}
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
    assert "mtalab = mtalab_pytest.plugin" in entries
    needs = [each for each in metadata.get_all("Requires-Dist") if "extra ==" not in each]
    assert any(each.startswith("aiosmtplib") for each in needs)
    assert not any(each.startswith(("pytest", "hatchling", "ruff")) for each in needs)


def test_installed_it_is_found_and_makes_a_lab(installed, tmp_path):
    assert installed.run("mtalab", "--version", folder=tmp_path).startswith("mtalab 0.")
    installed.run("mtalab", "init", folder=tmp_path)
    installed.run("mtalab", "config", "check", folder=tmp_path)
    code = (
        "from lab.configuration import load; from lab.playing.gallery import listed; "
        "print(len([each for each in listed(load(None, {})) if each.error is None]))"
    )
    assert int(installed.run("python", "-c", code, folder=tmp_path)) > 40
    # Migrations, bounce rules and templates are data files, and are all asked for here.
    code = (
        "import mtalab, mta.classify; lab = mtalab.Lab.open(); "
        "done = lab.submit(message='From: a@b.test\\n\\nx', recipients=['u@gmail.test'], "
        "affinity='promo'); print(done.messages, mtalab.__file__)"
    )
    messages, file = installed.run("python", "-c", code, folder=tmp_path).split()
    assert messages == "1"
    assert file.startswith(str(installed.folder))


def test_the_plugin_uses_a_mtalab_that_is_installed_elsewhere(installed, tmp_path):
    program = installed.folder / "bin" / "mtalab"
    (tmp_path / "test_elsewhere.py").write_text(
        "import psutil\n\n\n"
        "def test_elsewhere(lab):\n"
        "    (child,) = psutil.Process().children()\n"
        f"    assert {str(program)!r} in child.cmdline()\n"
        "    lab.submit()\n"
        "    lab.run_until_done()\n"
        "    assert lab.counts()['sent'] == 10\n"
    )
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
    said = installed.run(*pytest, folder=tmp_path, environ={"MTALAB_BIN": str(program)})
    assert "1 passed" in said
