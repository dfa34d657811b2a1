"""The figures of a benchmark, and the lab that it makes."""

import csv
from collections import Counter

import orjson
import pytest

from lab.bench.compare import compare_files
from lab.bench.kinds import REFERENCES, Kind, UnknownReference, absent, chosen
from lab.bench.latency import Phase, histogram_of
from lab.bench.processes import Use
from lab.bench.report import page
from lab.bench.result import Result, Spread
from lab.bench.trip import Trip
from lab.bench.workload import Workload
from lab.findings import findings_of
from store.durability import Durability


def trip(cpu_s, *, ok=True, kinds=("worker", "sink")):
    return Trip(
        messages=1000,
        seconds=1.0,
        messages_per_second=1000.0,
        submit_per_second=5000.0,
        uses={kind: Use(1, cpu_s, cpu_s, 90.0) for kind in kinds},
        reconciliation={"ok": ok},
        bits_per_second=32e6,
        latency={phase: histogram_of([cpu_s, cpu_s / 2]) for phase in Phase},
        shares={kind: {"computing": 0.25, "idle": 0.75} for kind in kinds},
        wasted={"pulls_in_vain": cpu_s},
    )


def result(*trips):
    rates = {
        Kind.TRIP: Spread.of([900.0, 1000.0, 1400.0][: len(trips)]),
        Kind.BARE: Spread.of([2000.0] * len(trips)),
        Kind.PLAIN: Spread.of([500.0]),
    }
    without = {each: "not installed" for each in REFERENCES if each not in rates}
    return Result(Workload(), trips, rates, without)


def test_the_median_is_held_against_each_reference_and_what_is_absent_is_null():
    found = result(trip(0.1), trip(0.3), trip(0.2, kinds=("worker",))).as_json()
    assert found["messages_per_second"] == 1000.0
    assert found["messages_per_hour"] == 3_600_000
    assert found["bits_per_second"] == 32_000_000
    assert found["ratio_to_bare_loop"] == 0.5
    assert found["smtp_source_per_second"] is None
    assert found["postfix_per_second"] is None
    assert found["absent"]["postfix"] == "not installed"
    assert found["spread"]["whole_trip"] == [900.0, 1400.0]
    assert found["spread"]["smtp_source"] is None
    assert found["cpu_us_per_message"] == {"worker": 200.0}, "the sink was not seen in each run"
    assert found["time_share"] == {"worker": {"computing": 0.25, "idle": 0.75}}
    assert found["wasted"] == {"pulls_in_vain": 0.2}


def test_latency_is_that_of_all_runs_together():
    found = result(trip(0.1), trip(0.3), trip(0.2)).as_json()["latency_ms"]
    assert list(found) == ["queue_wait", "connect", "transmit", "record"]
    assert found["record"]["count"] == 6
    assert found["record"]["max"] == 300.0
    assert found["record"]["p50"] == pytest.approx(100, rel=0.001)
    assert list(found["record"]) == ["p50", "p90", "p99", "max", "count"]


def test_one_message_that_is_not_accounted_for_spoils_the_result():
    assert result(trip(0.1), trip(0.1)).is_clean
    assert not result(trip(0.1), trip(0.1, ok=False)).is_clean


def test_what_is_written_is_what_compare_reads(tmp_path):
    file = tmp_path / "result.json"
    file.write_bytes(orjson.dumps(result(trip(0.1), trip(0.3), trip(0.2)).as_json()))
    found = compare_files(file, file)
    assert found.workload == {}
    assert {each.name for each in found.differences} >= {
        "messages_per_second",
        "bare_loop_per_second",
        "ratio_to_bare_loop",
        "submit_per_second",
        "worker_cpu_us",
    }


def test_the_report_is_one_page_that_loads_nothing():
    text = page(result(trip(0.1), trip(0.3), trip(0.2)))
    for each in ("http:", "https:", "<script", "<link", "<img", "url(", "@import"):
        assert each not in text
    for each in ("1,000 messages per second", "0.50 of the bare loop", "accounted for", "99.9 %"):
        assert each in text
    assert "postfix: not run, not installed" in text
    assert text.count("<svg") == text.count("</svg>") > 4
    assert "Not every message" in page(result(trip(0.1, ok=False)))


def test_references_are_named_all_none_or_some():
    assert chosen("all") == REFERENCES
    assert chosen("none") == ()
    assert chosen("postfix, bare-loop") == (Kind.BARE, Kind.POSTFIX)
    with pytest.raises(UnknownReference, match="'sendmail'") as caught:
        chosen("bare_loop,sendmail")
    assert "smtp_source" in caught.value.remedy
    with pytest.raises(UnknownReference):
        chosen("whole_trip")


def test_each_reference_that_is_not_run_has_a_reason():
    found = absent([Kind.BARE])
    assert set(found) == set(REFERENCES) - {Kind.BARE}
    assert all(found.values())


@pytest.mark.parametrize("size", [400, 4096, 40_000])
def test_the_lab_is_one_that_can_send_messages_of_that_size(tmp_path, size):
    workload = Workload(messages=100, size=size, source_ips=3)
    loaded = workload.prepare(tmp_path)
    assert [each for each in findings_of(loaded) if each.severity == "error"] == []
    assert size - 80 <= len(workload.source()) <= size


def test_the_lab_has_what_the_workload_asks_for(tmp_path):
    workload = Workload(
        messages=10, rate=50.0, dkim=True, durability=Durability.FULL, deferred=0.3, warm_up=0
    )
    loaded = workload.prepare(tmp_path)
    assert [each for each in findings_of(loaded) if each.severity == "error"] == []
    found = loaded.configuration
    assert found.lab.durability == "full"
    [rule] = found.mx_rule
    assert (rule.messages_per_hour, rule.shared, rule.burst) == (180_000, True, 5)
    assert [each.domain for each in found.dkim] == ["lumiere.test"]
    assert found.retry.delays == (0.1,)


def test_a_slow_rate_is_a_rule_that_can_be_written(tmp_path):
    loaded = Workload(messages=1, rate=0.001).prepare(tmp_path)
    [rule] = loaded.configuration.mx_rule
    assert (rule.messages_per_hour, rule.burst) == (4, 1)


def test_the_interval_at_a_rate_is_that_of_one_connection():
    assert Workload().interval_s(10) == 0.0
    assert Workload(rate=100.0, connections=10).interval_s(4) == 0.04
    assert Workload(rate=100.0, connections=10).interval_s(20) == 0.1, "some came back"


def test_domains_have_a_long_tail_and_are_the_same_each_time(tmp_path):
    workload = Workload(messages=1000, domains=4)
    workload.write_people(tmp_path / "a.csv", 1000)
    workload.write_people(tmp_path / "b.csv", 1000)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    rows = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    found = Counter(each["address"].partition("@")[2] for each in rows)
    assert found["d0.test"] == pytest.approx(480, abs=2)
    assert found["d3.test"] == pytest.approx(120, abs=2)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_that_is_deferred_is_exact_and_spread_evenly(tmp_path, share):
    Workload(deferred=share).write_people(tmp_path / "a.csv", 200)
    rows = csv.DictReader((tmp_path / "a.csv").read_text().splitlines())
    found = ["+defer2x@" in each["address"] for each in rows]
    assert sum(found) == round(200 * share)
    assert sum(found[:100]) == round(100 * share)


def test_a_store_s_password_is_nobody_s_business():
    workload = Workload(store="postgresql+psycopg://me:secret@host/lab")
    assert "secret" not in str(workload.as_json())
    assert workload.as_json()["store"].endswith("@host/lab")
