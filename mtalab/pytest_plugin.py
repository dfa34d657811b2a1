"""Fixtures for the tests of any project: a lab for the run, with an inbox to look into.

pytest loads this file wherever mtalab is installed, so it imports nothing of mtalab before a test
asks for a fixture.
"""

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mtalab import Lab


@pytest.fixture(scope="session")
def mtalab_configuration() -> str | PathLike[str] | None:
    """The configuration of ``mtalab_lab``: TOML text or a file. Override it for another lab."""
    return None


@pytest.fixture(scope="session")
def mtalab_lab(
    mtalab_configuration: str | PathLike[str] | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[Lab]":
    """A running lab, one for each process of the test run, in a temporary folder of pytest."""
    from mtalab import Lab

    folder = tmp_path_factory.mktemp("mtalab")
    with Lab.temporary(mtalab_configuration, keep=folder) as lab:
        yield lab
