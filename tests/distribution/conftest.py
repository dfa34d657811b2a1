"""The wheel, built from this tree and installed where nothing of this tree can be seen."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

ROOT = Path(__file__).parents[2]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it and the dependencies of this one within its reach."""

    folder: Path
    wheel: Path

    def run(
        self, *words: object, folder: Path, code: int = 0, environ: Mapping[str, str] = NOTHING
    ) -> str:
        own = {name: value for name, value in os.environ.items() if "MTALAB" not in name}
        environ = {**own, **environ}
        environ["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{environ['PATH']}"
        done = subprocess.run(
            [str(each) for each in words],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> Installed:
    """Dependencies are not resolved anew: that they suffice is what the lock is tested for."""
    folder = tmp_path_factory.mktemp("installed")
    here = Path(sys.executable)
    build = [here, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run([str(each) for each in build], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv = folder / "venv"
    subprocess.run([here, "-m", "venv", "--without-pip", venv], check=True)
    subprocess.run(
        [here.with_name("uv"), "pip", "install", "--offline", "--no-deps", "--quiet",
         "--python", venv / "bin" / "python", wheel], check=True,
    )  # fmt: skip
    (packages,) = (venv / "lib").glob("python*/site-packages")
    # A folder named in a .pth file is looked into, but its own .pth files are not read: the
    # editable mtalab of this tree stays out of sight.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return Installed(venv, wheel)
