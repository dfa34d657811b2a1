"""Which receivers the tests have: on free ports, started once for all of them."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def receivers(mtalab):
    with mtalab.lab(Path(__file__).with_name("sinks.toml"), real=True) as lab:
        yield lab
