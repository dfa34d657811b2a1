"""Percentiles of what a benchmark timed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.bench import charts
from lab.bench.histogram import Histogram
from lab.bench.latency import Percentiles, Phase, histogram_of, together

VALUES = st.lists(st.integers(1, 10**9), min_size=1, max_size=200)
PERCENTILES = [1, 10, 50, 90, 99, 99.9, 100]


@given(VALUES, st.sampled_from([0, 2_000_000, 70_000_000]))
def test_every_percentile_is_hdrhistogram_s(values, interval):
    oracle = pytest.importorskip("hdrh.histogram").HdrHistogram(1, 10**10, 3)
    ours = Histogram()
    for each in values:
        ours.record_corrected(each, interval)
        oracle.record_corrected_value(each, interval)
    assert ours.count == oracle.total_count
    theirs = [min(oracle.get_value_at_percentile(each), max(values)) for each in PERCENTILES]
    assert ours.at(PERCENTILES) == theirs


@given(VALUES)
def test_no_value_is_read_lower_nor_more_than_a_thousandth_higher(values):
    ours = Histogram()
    for each in values:
        ours.record(each)
    [found] = ours.at([50])
    exact = sorted(values)[max(1, int(len(values) / 2 + 0.5)) - 1]
    assert exact <= found <= exact * 1.001
    assert ours.at([100]) == [max(values)]


@given(VALUES, VALUES)
def test_two_added_are_as_one_that_counted_all(first, second):
    added, other, whole = Histogram(), Histogram(), Histogram()
    for each in first:
        added.record(each)
        whole.record(each)
    for each in second:
        other.record(each)
        whole.record(each)
    added.add(other)
    assert added.at(PERCENTILES) == whole.at(PERCENTILES)
    assert (added.count, added.max) == (whole.count, whole.max)


def test_a_stall_counts_for_all_that_would_have_waited():
    [plain, corrected] = (histogram_of([0.01] * 99 + [1.0], each) for each in (0.0, 0.1))
    assert plain.count == 100
    assert plain.at([99]) == [pytest.approx(10_000, rel=0.001)]
    assert corrected.count == 109, "900 ms, 800 ms … 100 ms besides"
    assert corrected.at([99]) == [pytest.approx(900_000, rel=0.001)]


def test_nothing_measured_is_zero_and_time_that_ran_backwards_too():
    empty = Percentiles.of(Histogram())
    assert (empty.p50, empty.max, empty.count) == (0, 0, 0)
    assert Percentiles.of(histogram_of([-0.5])).p99 == 0


def test_runs_are_put_together_by_phase():
    run = {Phase.CONNECT: histogram_of([0.001])}
    found = together([run, run])
    assert found[Phase.CONNECT].count == 2
    assert found[Phase.RECORD].count == 0
    assert run[Phase.CONNECT].count == 1, "what is added stays as it was"


def test_curves_stay_within_their_plot():
    times = [0.0, 0.5, *[3.0] * (len(charts.percentiles()) - 2)]
    found = charts.curves({"a": times, "b": [2000.0] * len(times)})
    spots = [
        tuple(map(float, spot.split(","))) for each in found.curves for spot in each.points.split()
    ]
    xs, ys = [x for x, _ in spots], [y for _, y in spots]
    assert found.x_ticks[0].at <= min(xs) <= max(xs) <= found.x_ticks[-1].at
    assert found.y_ticks[-1].at <= min(ys) <= max(ys) <= found.y_ticks[0].at
    assert [each.text for each in found.y_ticks] == [
        *("1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"),
    ]
    assert charts.percentiles()[0] == 0
    assert charts.percentiles()[-1] == pytest.approx(99.99)


def test_bars_have_one_scale_and_room_for_the_longest_whisker():
    short, long = charts.bars([("a", 50.0, "50"), ("b", 100.0, "100")], [(40, 60), (90, 200)])
    assert long.end - charts.LABELS == 2 * (short.end - charts.LABELS)
    assert long.whisker[1] < charts.WIDTH
    assert charts.bars([("a", 0.0, "0")])[0].end == charts.LABELS


def test_a_stack_is_as_long_as_its_shares():
    [found] = charts.stacks({"worker": {"sending": 0.25, "idle": 0.75}})
    first, second = found.pieces
    assert first.x == charts.LABELS
    assert second.x == first.x + first.width
    assert second.x + second.width == charts.WIDTH
