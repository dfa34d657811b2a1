"""Whether a difference between two benchmarks is real."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bench import compare
from lab.bench.compare import Finding, NoBenchResult, compare_files, difference

RATE = compare.HEADLINE
RUNS = st.lists(st.floats(0.5, 2.0), min_size=4, max_size=5)


def finding(before, after, name="messages_per_second"):
    return difference(name, before, after).finding


def test_four_runs_that_are_all_faster_are_better_and_all_slower_worse():
    slow, fast = [100.0, 101.0, 99.0, 102.0], [120.0, 119.0, 121.0, 118.0]
    assert finding(slow, fast) is Finding.BETTER
    assert finding(fast, slow) is Finding.WORSE
    found = difference("messages_per_second", slow, fast)
    assert (found.before, found.after) == (100.5, 119.5)
    assert found.chance == pytest.approx(2 / 70)
    assert found.ratio == pytest.approx(1.189, abs=0.001)


def test_less_processor_time_is_better():
    assert finding([90.0] * 4, [80.0] * 4, "worker_cpu_us") is Finding.BETTER
    assert finding([80.0] * 4, [90.0] * 4, "worker_cpu_us") is Finding.WORSE


def test_runs_that_overlap_tell_nothing():
    assert finding([100.0, 110.0, 90.0, 105.0], [101.0, 111.0, 92.0, 103.0]) is Finding.NONE
    assert finding([5.0] * 4, [5.0] * 4) is Finding.NONE


def test_three_runs_cannot_tell_whatever_they_show():
    assert finding([1.0, 1.0, 1.0], [9.0, 9.0, 9.0]) is Finding.TOO_FEW
    assert finding([1.0], [9.0]) is Finding.TOO_FEW


@given(RUNS, RUNS)
def test_both_ways_round_the_chance_is_the_same_and_never_none(before, after):
    there, back = difference("x", before, after), difference("x", after, before)
    assert there.chance == pytest.approx(back.chance)
    assert 0 < there.chance <= 1
    assert there.ratio * back.ratio == pytest.approx(1)
    assert (there.finding is Finding.NONE) == (back.finding is Finding.NONE)


@given(RUNS, RUNS, st.floats(0.01, 1000))
def test_the_unit_of_a_figure_does_not_matter(before, after, unit):
    scaled = difference("x", [each * unit for each in before], [each * unit for each in after])
    assert scaled.chance == pytest.approx(difference("x", before, after).chance)


def test_of_many_runs_the_normal_distribution_says_nearly_the_same(monkeypatch):
    before = [100.0 + at % 7 for at in range(9)]
    after = [102.0 + at % 5 for at in range(9)]
    exact = difference("x", before, after).chance
    monkeypatch.setattr(compare, "_WAYS_MAX", 10)
    assert difference("x", before, after).chance == pytest.approx(exact, abs=0.05)
    assert difference("x", [1.0] * 9, [1.0] * 9).finding is Finding.NONE
    assert difference("x", [1.0] * 9, [2.0] * 9).finding is Finding.BETTER


def written(file, figures, **workload):
    file.write_bytes(orjson.dumps({"workload": workload, "figures": figures, "runs": 4}))
    return file


def test_files_are_compared_by_the_figures_that_both_have(tmp_path):
    before = written(tmp_path / "a", {RATE: [1.0] * 4, "gone": [1.0]}, size=1, workers=2)
    after = written(tmp_path / "b", {RATE: [2.0] * 4, "new": [1.0]}, size=1, workers=3)
    found = compare_files(before, after)
    assert [each.name for each in found.differences] == [RATE]
    assert found.workload == {"workers": (2, 3)}
    assert not found.is_worse
    assert compare_files(after, before).is_worse


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"workload": {}, "figures": {"x": [1.0]}}',
        b'{"workload": {}, "figures": {"messages_per_second": []}}',
        b'{"workload": {}, "figures": {"messages_per_second": [0.0]}}',
        b'{"workload": {}, "figures": {"messages_per_second": ["a"]}}',
    ],
)
def test_what_is_no_result_is_named(tmp_path, content):
    good = written(tmp_path / "good", {RATE: [1.0]})
    (tmp_path / "bad").write_bytes(content)
    for pair in ((good, tmp_path / "bad"), (tmp_path / "bad", good)):
        with pytest.raises(NoBenchResult, match="bad"):
            compare_files(*pair)
    with pytest.raises(NoBenchResult, match="absent"):
        compare_files(good, tmp_path / "absent")


def test_only_the_whole_trip_decides_whether_it_is_worse(tmp_path):
    before = written(tmp_path / "a", {RATE: [1.0] * 4, "plain_loop_per_second": [2.0] * 4})
    after = written(tmp_path / "b", {RATE: [1.0] * 4, "plain_loop_per_second": [1.0] * 4})
    found = compare_files(before, after)
    assert [each.finding for each in found.differences] == [Finding.NONE, Finding.WORSE]
    assert not found.is_worse
