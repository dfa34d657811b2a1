"""The figures of a benchmark, and the lab that it makes."""

import csv
from collections import Counter

import pytest

from lab.bench.processes import Use
from lab.bench.run import BARE, PLAIN, SOURCE, TRIP, Result, Spread
from lab.bench.trip import Trip
from lab.bench.workload import Workload
from lab.findings import findings_of


def trip(cpu_s, *, ok=True, kinds=("worker", "sink")):
    uses = {kind: Use(1, cpu_s, 90.0) for kind in kinds}
    return Trip(1000, 1.0, 1000.0, 5000.0, uses, {"ok": ok})


def result(*trips):
    rates = {
        TRIP: Spread.of([900.0, 1000.0, 1400.0]),
        BARE: Spread.of([2000.0] * len(trips)),
        PLAIN: Spread.of([500.0]),
        SOURCE: None,
    }
    return Result(Workload(), trips, rates)


def test_the_median_is_held_against_each_reference_and_what_is_absent_is_null():
    found = result(trip(0.1), trip(0.3), trip(0.2, kinds=("worker",))).as_json()
    assert found["messages_per_second"] == 1000.0
    assert found["ratio_to_bare_loop"] == 0.5
    assert found["smtp_source_per_second"] is None
    assert found["spread"][TRIP] == [900.0, 1400.0]
    assert found["cpu_us_per_message"] == {"worker": 200.0}, "the sink was not seen in each run"


def test_one_message_that_is_not_accounted_for_spoils_the_result():
    assert result(trip(0.1), trip(0.1)).is_clean
    assert not result(trip(0.1), trip(0.1, ok=False)).is_clean


@pytest.mark.parametrize("size", [400, 4096, 40_000])
def test_the_lab_is_one_that_can_send_messages_of_that_size(tmp_path, size):
    workload = Workload(messages=100, size=size, source_ips=3)
    loaded = workload.prepare(tmp_path)
    assert [each for each in findings_of(loaded) if each.severity == "error"] == []
    assert size - 80 <= len(workload.source()) <= size


def test_domains_have_a_long_tail_and_are_the_same_each_time(tmp_path):
    workload = Workload(messages=1000, domains=4)
    workload.write_people(tmp_path / "a.csv", 1000)
    workload.write_people(tmp_path / "b.csv", 1000)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    rows = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    found = Counter(each["address"].partition("@")[2] for each in rows)
    assert found["d0.test"] == pytest.approx(480, abs=2)
    assert found["d3.test"] == pytest.approx(120, abs=2)
