"""What has been stuck once: how it comes about, what is said of it, what helps."""

import pytest

from mtalab_pytest import assert_all_sent, assert_pending_because


def test_an_affinity_that_no_instance_has(lab):
    stuck = lab.submit(name="receipts", affinity="receipts", messages=30)
    lab.run_for("10s")
    assert_pending_because(lab, "affinity_not_configured", 30, delivery=stuck)
    (found,) = lab.why(stuck).findings
    assert found.blocked
    lab.configure({"mta.m1.affinities": ["letters", "receipts"]})
    assert_all_sent(lab, within="1m")


def test_an_instance_that_was_stopped_and_forgotten(lab):
    lab.act("stop_instance", instance="m1")
    lab.run_for("5s")  # it finishes what it has in hand
    lab.submit(affinity="letters", messages=5)
    lab.run_for("1m")
    assert_pending_because(lab, "mta_not_started", 5)
    lab.act("start_instance", instance="m1")
    lab.run_until(lambda lab: lab.counts()["sent"] == 5, within="1m")


@pytest.mark.parametrize("seed", range(3))
def test_a_worker_that_dies(mtalab_lab, seed):
    mtalab_lab(scenario="worker_dies.toml", seed=seed).play()
