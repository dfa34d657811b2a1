"""Shrinking: what is left still fails, and nothing more can be taken away."""

from dataclasses import replace

import pytest

from lab.simulation.storms.brew import storm_of_seed
from lab.simulation.storms.shrink import shrink, simpler
from lab.simulation.storms.storm import Event, storm_from
from tests.simulation.mutations.mutants import MUTANTS
from tests.simulation.replay import replay
from tests.simulation.soak import keep, shrunk


def recipients(storm):
    return sum(sum(each.to.values()) for each in storm.mail)


def test_what_matters_stays_and_all_else_goes():
    storm = storm_of_seed(8)
    storm = replace(storm, events=(*storm.events, Event(3.0, "kill", {"process": "scheduler"})))

    def fails(each):
        return recipients(each) >= 3 and any(one.do == "kill" for one in each.events)

    found = shrink(storm, fails, runs_max=2000)
    assert fails(found)
    assert not any(map(fails, simpler(found)))
    assert recipients(found) == 3
    assert [each.do for each in found.events] == ["kill"]


def test_it_ends_after_so_many_runs():
    asked = []

    def fails(storm):
        asked.append(storm)
        return True

    shrink(storm_of_seed(8), fails, runs_max=7)
    assert len(asked) == 7


def test_a_storm_is_its_values_and_they_are_a_storm():
    for seed in range(20):
        storm = storm_of_seed(seed)
        assert storm_from(storm.as_values()) == storm


def test_a_failing_seed_becomes_a_small_file_that_fails_alike(monkeypatch, tmp_path):
    mutant = next(each for each in MUTANTS if each.name == "one connection more")
    mutant.break_it(monkeypatch)
    storm, violation = shrunk(mutant.known, runs_max=30)
    assert recipients(storm) < recipients(storm_of_seed(mutant.known))
    file = keep(storm, mutant.known, violation, tmp_path)
    with pytest.raises(type(violation), match=mutant.caught_by):
        replay(file)
