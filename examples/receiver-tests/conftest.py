"""Which receivers the tests have."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mtalab_configuration():
    return Path(__file__).with_name("sinks.toml")
