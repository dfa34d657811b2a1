"""All labs of these tests are the one of ``lab.toml``, unless they say otherwise."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mtalab_configuration():
    return Path(__file__).parents[1] / "lab.toml"
