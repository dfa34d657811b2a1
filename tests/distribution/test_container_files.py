"""Dockerfile and compose.yaml, as far as they can be held to account without a daemon."""

import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import orjson
import yaml

from tests.distribution.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Each instruction with its words, comments left out and long lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [
        (word, rest.strip()) for word, _, rest in (each.partition(" ") for each in lines if each)
    ]


def words_of(name: str) -> list[str]:
    return [rest for word, rest in instructions() if word == name]


def health_command() -> list[str]:
    (check,) = words_of("HEALTHCHECK")
    return orjson.loads(check.partition(" CMD ")[2])


def is_sent_to_the_builder(path: str) -> bool:
    """By .dockerignore, whose last matching line decides; folders are named without a slash."""
    verdict = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern and not pattern.startswith("#") and fnmatch(path.rstrip("/"), pattern):
            verdict = line.startswith("!")
    return verdict


def test_hadolint_finds_nothing():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_copies_is_all_that_the_wheel_is_built_from(installed, tmp_path):
    for line in words_of("COPY"):
        if line.startswith("--from="):
            continue
        *sources, target = line.split()
        for source in sources:
            assert is_sent_to_the_builder(source), source
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target)
            else:
                shutil.copy(ROOT / source, tmp_path / target)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "made"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (made,) = (tmp_path / "made").glob("*.whl")
    with zipfile.ZipFile(made) as one, zipfile.ZipFile(installed.wheel) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


def test_it_installs_by_the_lock_and_does_not_run_as_root():
    runs = " ".join(words_of("RUN"))
    assert "--require-hashes" in runs
    assert "--no-deps --no-build-isolation ." in runs
    assert runs.count("pip install") == 2
    assert words_of("USER") == ["10001:10001"]
    assert instructions()[-1] == ("CMD", '["up"]')


def test_images_are_named_without_a_host_and_with_a_tag():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    from_lines = [each.split()[0] for each in words_of("FROM")]
    built = {each["image"] for each in compose["services"].values() if "build" in each}
    images = {each["image"] for each in compose["services"].values()} - built
    for image in [*from_lines, *images]:
        assert re.fullmatch(r"[a-z]+:\d[\w.-]*", image), image


def test_compose_is_whole():
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services = compose["services"]
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            assert "healthcheck" in services[name]
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]
    (data,) = orjson.loads(words_of("VOLUME")[0])
    assert services["lab"]["volumes"] == [f"data:{data}"]
    assert services["lab"]["read_only"] is True
    assert "ports" not in services["lab"]
    settings = {name for name in services["lab"]["environment"] if name.startswith("MTALAB_")}
    assert settings == {"MTALAB_LAB__STORE"}


def test_the_health_check_fails_where_nothing_runs(installed, tmp_path):
    installed.run("mtalab", "init", folder=tmp_path)
    done = subprocess.run(
        [installed.folder / "bin" / "python", *health_command()[1:]],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "scheduler" in done.stderr
    assert "mta@promo1 (0 of 2 workers)" in done.stderr
