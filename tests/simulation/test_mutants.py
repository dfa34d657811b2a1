"""A test of the tests: each way to break the pipeline is caught by the invariant it concerns."""

import logging

import pytest

from lab.simulation.invariants.violation import Invariant
from lab.simulation.storms.brew import storm_of_seed
from tests.simulation.mutations.mutants import MUTANTS
from tests.simulation.soak import broken_by

SEEDS_MAX = 300


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_each_mutant_is_caught(mutant, monkeypatch):
    """The seed that is known to tell comes first; storms that are drawn otherwise need another."""
    logging.disable()
    mutant.break_it(monkeypatch)
    seen = {}
    for seed in (mutant.known, *range(SEEDS_MAX)):
        violation = broken_by(storm_of_seed(seed), seed)
        if violation is not None:
            seen[seed] = str(violation)
            if violation.invariant is mutant.caught_by:
                return
    pytest.fail(f"{mutant.name} was not caught by {mutant.caught_by}, but: {seen}")


def test_each_invariant_has_a_mutant():
    assert {each.caught_by for each in MUTANTS} == set(Invariant)
