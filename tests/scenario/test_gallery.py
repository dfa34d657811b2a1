"""The gallery: each scenario brings about the cause that it is named after."""

from pathlib import Path

import pytest

from lab.scenario.read import read_case
from lab.scenario.run import run
from mail.cause import Cause
from world.clock import SystemClock

GALLERY = Path(__file__).parents[2] / "examples" / "stuck-pending"
FILES = sorted(GALLERY.glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=[each.stem for each in FILES])
def test_it_passes_and_its_cause_is_seen(file):
    found = run(read_case(file), "simulated", SystemClock())
    assert (found.failures, found.error) == ((), None)
    if file.stem in set(Cause):
        assert found.causes.get(file.stem), found.causes
