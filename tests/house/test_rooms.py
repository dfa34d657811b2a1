"""The house rules that a script can hold: rooms, names, documents, locks."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.house import generated, locked

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = sorted(
    each.name
    for each in ROOT.iterdir()
    if (each / "__init__.py").exists() and each.name not in {"tests", "examples"}
)
SOURCES = sorted(
    file for room in ROOMS for file in (ROOT / room).rglob("*.py") if "migrations" not in file.parts
)


def test_every_room_is_in_the_wheel_the_contracts_and_the_type_check():
    tools = PROJECT["tool"]
    assert sorted(tools["importlinter"]["root_packages"]) == ROOMS
    assert sorted(tools["hatch"]["build"]["targets"]["wheel"]["packages"]) == ROOMS
    assert sorted(tools["mypy"]["packages"]) == ROOMS


def test_no_contract_forgets_a_room():
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        if contract["name"] == "SQL lives in store":
            assert sorted([*contract["source_modules"], "store"]) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_lives_there(room):
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))
    assert text is not None
    assert len(text) > 80


def test_no_file_has_a_name_that_says_nothing():
    banned = {"utils", "helpers", "common", "misc", "manager", "base", "core", "data", "info"}
    assert [str(file.relative_to(ROOT)) for file in SOURCES if file.stem in banned] == []


def committed() -> list[Path]:
    """The files and links of the repository; where Git cannot tell, those of its own folders."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        git = ["git", "-c", "safe.directory=*"]  # a checkout may belong to another user
        listed = subprocess.run(
            [*git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
        return [ROOT / name for name in listed.split("\0") if name]
    rooms = [each for each in ROOT.iterdir() if each.name not in {".venv", "build"}]
    return [*rooms, *(file for each in rooms if each.is_dir() for file in each.rglob("*"))]


def test_no_link_is_committed():
    """A link to a folder of one machine stops every other machine."""
    assert [str(each.relative_to(ROOT)) for each in committed() if each.is_symlink()] == []


def test_nothing_is_left_to_do_in_the_code():
    marks = re.compile(r"#.*\b(TODO|FIXME|XXX)\b")
    found = [str(file) for file in SOURCES if marks.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_no_error_is_swallowed_blindly():
    blind = re.compile(r"except\s*:|except (Base)?Exception\s*:")
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in SOURCES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if blind.search(line)
    ]
    assert found == []


def test_the_locks_fit_the_project():
    assert locked.faults() == []


def test_generated_documents_are_fresh():
    assert generated.stale() == [], "run `make docs`"


def test_links_between_documents_lead_somewhere():
    broken = []
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text(encoding="utf-8")):
            if "://" not in target and not (file.parent / target).exists():
                broken.append(f"{file.relative_to(ROOT)}: {target}")  # noqa: PERF401
    assert broken == []
