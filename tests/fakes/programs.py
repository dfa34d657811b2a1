"""Mail programs that nobody here wrote; a test that needs one skips without it, and fails in CI."""

import os
import shutil
from pathlib import Path

import pytest

_SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
UNPACKED = Path(__file__).parents[2] / "build" / "exim"  # where .ci/run puts it


def program(name: str) -> str:
    """The path of a program."""
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM}:{UNPACKED}/usr/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        missing(f"{name} is not installed here; .ci/run installs it")
    return found


def as_root() -> None:
    """The rest of the test needs root: these servers give up its rights by themselves."""
    if os.geteuid() != 0:
        missing("only root may start this server")


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
