"""Every invariant holds in every storm: of seeds, of hypothesis, and of those that were kept."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from lab.simulation.storms.brew import storm_of_seed
from lab.simulation.storms.play import play
from tests.simulation.replay import replay
from tests.simulation.soak import broken_by, folder
from tests.simulation.strategies import storms

KEPT = sorted(Path(__file__).parent.glob("kept/*.toml"))
# The suite's share; `make soak` plays thousands.
SEEDS = 24
CHUNK = 12


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_storms_of_seeds(first):
    for seed in range(first, first + CHUNK):
        violation = broken_by(storm_of_seed(seed), seed)
        assert violation is None, f"python -m tests.simulation.soak --first {seed} --seeds 1"


@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(storms())
def test_storms_that_hypothesis_makes(storm):
    with folder() as place:
        play(storm, "hypothesis", place)


@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_what_broke_an_invariant_once_does_so_no_more(file):
    replay(file)
