"""Checks that the locks still fit pyproject.toml, without asking any index.

Every requirement of the project must be pinned to a version that it admits, with hashes, and no
lock may name an index or a host.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def pins(lock: Path) -> dict[str, str]:
    found = (_PIN.match(line) for line in lock.read_text().splitlines())
    return {canonicalize_name(each[1]): each[2] for each in found if each}


def faults() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "requirements.lock": [*project["dependencies"], *extras["build"]],
        "requirements-dev.lock": [*project["dependencies"], *extras["build"], *extras["dev"]],
    }
    found = []
    for name, requirements in wanted.items():
        text = (ROOT / name).read_text()
        pinned = pins(ROOT / name)
        for line in requirements:
            requirement = Requirement(line)
            version = pinned.get(canonicalize_name(requirement.name))
            if version is None:
                found.append(f"{name}: {requirement.name} is not pinned; run `make lock`")
            elif not requirement.specifier.contains(version, prereleases=True):
                found.append(f"{name}: {requirement} is pinned to {version}; run `make lock`")
        for number, line in enumerate(text.splitlines(), 1):
            if "://" in line or line.startswith("--"):
                found.append(f"{name}:{number}: names an index or a host: {line}")
        if text.count("==") > text.count("--hash=sha256:"):
            found.append(f"{name}: some pins have no hash")
    return found


if __name__ == "__main__":
    problems = faults()
    print("\n".join(problems) or "the locks fit pyproject.toml")
    sys.exit(bool(problems))
