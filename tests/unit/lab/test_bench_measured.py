"""What processes tell of themselves, and what is made of it."""

import os

import orjson
import pytest

from lab.bench.measured import Measured, measuring, read_measured, wasted
from lab.bench.processes import Use
from lab.bench.shares import mean_shares, time_shares
from lab.services.measuring import VARIABLE


def write(folder, name, *lines, tail=b""):
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    (folder / f"{name}.jsonl").write_bytes(text + tail)


def line(at, claims, **more):
    return {"kind": "worker", "at": at, "counts": {"claims": claims}, **more}


def test_counts_are_those_between_two_moments_of_all_processes_of_a_kind(tmp_path):
    write(tmp_path, "worker-1", line(10, 0), line(20, 100), line(30, 300))
    write(tmp_path, "worker-2", line(12, 7), line(40, 7))
    write(tmp_path, "scheduler-3", {"kind": "scheduler", "at": 10, "counts": {"rounds": 4}})
    found = read_measured(tmp_path, 15, 25)
    assert found["worker"].counts["claims"] == 200 - 50
    assert found["scheduler"].counts["rounds"] == 0


def test_a_process_that_began_later_counts_from_its_beginning(tmp_path):
    write(tmp_path, "worker-1", line(20, 5), line(30, 25))
    assert read_measured(tmp_path, 10, 100)["worker"].counts["claims"] == 20


def test_records_told_after_the_end_belong_to_it_and_half_a_line_is_nothing(tmp_path):
    lines = [
        line(10, 0, connects_s=[0.1], records_s=[9.0]),
        line(20, 0, records_s=[0.2]),
        line(31, 0, records_s=[0.3]),
    ]
    write(tmp_path, "worker-1", *lines, tail=b'{"kind": "wor')
    write(tmp_path, "worker-2")
    found = read_measured(tmp_path, 15, 30)["worker"]
    assert found.connects_s == [0.1], "connections are opened while it warms up"
    assert found.records_s == [0.2, 0.3]


def test_the_environment_is_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with measuring(tmp_path / "a"):
        assert os.environ[VARIABLE] == str(tmp_path / "a")
        with measuring(tmp_path / "b"):
            assert os.environ[VARIABLE] == str(tmp_path / "b")
        assert os.environ[VARIABLE] == str(tmp_path / "a")
    assert VARIABLE not in os.environ


def test_waste_is_told_per_message_with_the_rows_of_all():
    worker, scheduler = Measured(), Measured()
    worker.counts.update({"rows_read": 100, "pulls_in_vain": 5})
    scheduler.counts.update({"rows_read": 50, "rounds_in_vain": 1})
    found = wasted({"worker": worker, "scheduler": scheduler}, 100)
    assert found["rows_read"] == 1.5
    assert found["pulls_in_vain"] == 0.05
    assert found["rounds_in_vain"] == 0.01
    assert found["claims_in_vain"] == found["given_back"] == 0
    assert set(wasted({}, 1)) == set(found)


def test_a_worker_s_time_is_divided_and_adds_up():
    worker = Measured()
    worker.counts.update({"rendering_s": 1.0, "seen_replies": 3, "seen_idle": 1})
    uses = {"worker": Use(1, cpu_s=6.0, main_cpu_s=4.0), "mta": Use(1, 1.0, 0.5), "sink": Use(1, 2)}
    found = time_shares(uses, {"worker": worker}, 10.0)
    assert found["worker"] == pytest.approx(
        {
            "rendering": 0.1,
            "sending": 0.3,
            "replies": 0.3,
            "store": 0.2,
            "throttle": 0.0,
            "idle": 0.1,
        }
    )
    assert found["mta"] == pytest.approx({"computing": 0.05, "store": 0.05, "idle": 0.9})
    assert found["sink"] == pytest.approx({"computing": 0.2, "idle": 0.8})


@pytest.mark.parametrize(
    ("use", "seconds"),
    [
        (Use(1, 0.0, 0.0), 5.0),
        (Use(2, 30.0, 20.0), 10.0),  # more processor time than wall-clock time of its processes
        (
            Use(1, 3.0, 0.5),
            5.0,
        ),  # it rendered longer by the clock than its thread had the processor
    ],
)
def test_shares_add_up_whatever_was_measured(use, seconds):
    worker = Measured()
    worker.counts["rendering_s"] = 2.0
    for measured in ({"worker": worker}, {}):
        shares = time_shares({"worker": use}, measured, seconds)["worker"]
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0


def test_the_mean_of_several_runs_still_adds_up():
    runs = [
        {"worker": {"sending": 0.5, "idle": 0.5}, "sink": {"idle": 1.0}},
        {"worker": {"sending": 0.1, "idle": 0.9}},
    ]
    assert mean_shares(runs) == {"worker": pytest.approx({"sending": 0.3, "idle": 0.7})}
