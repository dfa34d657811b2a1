"""Each example as its README says: its commands, and what it shows of their output."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from lab.free_ports import free_ports
from mtalab import Lab
from mtalab.rooms import ROOMS
from tests.fakes.running_lab import DEADLINE_S

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(each.parent for each in (ROOT / "examples").glob("*/README.md"))
YAML = [ROOT / "compose.yaml", *(ROOT / "examples").rglob("*.yml")]


@dataclass(frozen=True)
class Step:
    command: str
    shown: list[str]


def steps_of(readme: Path) -> Iterator[Step]:
    for block in re.findall(r"```console\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = step.splitlines()
            yield Step(command, shown)


def normal(text: str) -> str:
    """Without what differs from run to run: numbers, times, spaces."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", text)).strip()


class Shell:
    """A user in a copy of an example's folder, on ports of their own."""

    def __init__(self, folder: Path, bins: Path) -> None:
        self.folder = folder
        self.environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MTALAB_", "PYTEST"))
        }
        self.environ["PATH"] = f"{bins}{os.pathsep}{self.environ['PATH']}"
        self._up: subprocess.Popen[bytes] | None = None
        self._lab: Lab | None = None

    def use_free_ports(self) -> None:
        file = self.folder / "mtalab.toml"
        sinks = tomllib.loads(file.read_text())["sink"]
        submission, *ports = free_ports(["127.0.0.1"] * (len(sinks) + 1))
        if 'listen = "off"' not in file.read_text():
            self.environ["MTALAB_SUBMISSION__LISTEN"] = f"127.0.0.1:{submission}"
            self.environ["SMTP_PORT"] = str(submission)
        self.environ |= dict.fromkeys(("MTALAB_INMAIL__LISTEN", "MTALAB_TRACKING__LISTEN"), "off")
        for name, port in zip(sinks, ports, strict=True):
            self.environ[f"MTALAB_SINK__{name.upper()}__LISTEN"] = f"127.0.0.1:{port}"

    def up(self, monkeypatch) -> None:
        said = (self.folder / "said").open("wb")
        with said:
            self._up = subprocess.Popen(
                ["mtalab", "up"], cwd=self.folder, env=self.environ, stdout=said, stderr=said
            )
        for name, value in self.environ.items():
            if name.startswith("MTALAB_"):
                monkeypatch.setenv(name, value)
        self._lab = Lab.open(self.folder)
        self._wait(lambda: not self._lab.not_running())

    def run(self, command: str) -> str:
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environ, timeout=120, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        if self._lab is not None:  # a person types more slowly than a lab sends
            for each in self._lab.deliveries():
                self._lab.wait(each, within_s=DEADLINE_S)
        return done.stdout

    def _wait(self, condition) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert self._up.poll() is None, (self.folder / "said").read_text()
            assert time.monotonic() < deadline, (self.folder / "said").read_text()
            time.sleep(0.05)

    def down(self) -> None:
        if self._lab is not None:
            self._lab.close()
        if self._up is not None:
            self._up.send_signal(signal.SIGINT)
            assert self._up.wait(DEADLINE_S) == 0


@pytest.fixture
def shell(request, tmp_path):
    """In the folder of the example that the test is about."""
    example = request.getfixturevalue("example")
    bins = Path(sys.executable).parent
    if example == "first-send":  # with what `pip install .` gives
        bins = request.getfixturevalue("installed").folder / "bin"
    shell = Shell(shutil.copytree(ROOT / "examples", tmp_path / "examples") / example, bins)
    if (shell.folder / "mtalab.toml").exists():
        shell.use_free_ports()
    with contextlib.ExitStack() as stack:
        if example == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            shell.environ["MTALAB_LAB__STORE"] = stack.enter_context(server.database())
        stack.callback(shell.down)
        yield shell


# Prometheus and Grafana are not here; tests/web/test_metrics_page.py holds it against the metrics.
OF_OTHER_PROGRAMS = {"grafana"}


@pytest.mark.parametrize(
    "example", [each.name for each in EXAMPLES if each.name not in OF_OTHER_PROGRAMS]
)
def test_it_does_what_its_readme_says(example, shell, monkeypatch):
    steps = list(steps_of(shell.folder / "README.md"))
    assert steps
    for step in steps:
        if step.command == "mtalab up":
            shell.up(monkeypatch)
            continue
        said = normal(shell.run(step.command))
        for line in step.shown:
            assert normal(line) in said, f"{step.command}\n{line}"


def test_the_list_has_every_example():
    listed = re.findall(r"^\| \[(.+?)\]", (ROOT / "examples/README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [each.name for each in EXAMPLES]


@pytest.mark.parametrize("file", YAML, ids=lambda file: file.name)
def test_yaml_is_sound(file):
    settings = "{extends: default, rules: {document-start: disable, truthy: {check-keys: false}, "
    settings += "line-length: {max: 100}, comments-indentation: disable}}"
    found = list(linter.run(file.read_text(), YamlLintConfig(settings)))
    assert found == []


def test_the_jobs_run_what_the_readme_runs():
    commands = [each.command for each in steps_of(ROOT / "examples/ci-job/README.md")]
    github = yaml.safe_load((ROOT / "examples/ci-job/github-actions.yml").read_text())
    (job,) = github["jobs"].values()
    run = [each.get("run") for each in job["steps"]]
    assert [each for each in run if each in commands] == commands
    gitlab = yaml.safe_load((ROOT / "examples/ci-job/gitlab-ci.yml").read_text())
    assert gitlab["mail"]["script"] == commands


def test_examples_use_nothing_of_ours_but_the_api():
    rooms = re.compile(rf"^\s*(?:from|import)\s+({'|'.join(ROOMS)})\b", re.MULTILINE)
    for example in EXAMPLES:
        own = {each.parent.name for each in example.glob("*/__init__.py")}
        for file in example.rglob("*.py"):
            assert set(rooms.findall(file.read_text())) - own == set(), file
