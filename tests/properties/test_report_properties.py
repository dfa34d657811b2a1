"""Whatever was counted: shares add up, bounds hold, and reports agree with each other."""

from hypothesis import given
from hypothesis import strategies as st

from mail.reason import Reason
from mail.states import MessageStatus
from mail.tracked import Kind
from monitor.reports import activity, bounces, broadcast, indicators, source_ips, throughput
from monitor.reports.ratio import wilson
from monitor.reports.tally import Tally
from store.report_tracking import SlotLogs
from store.report_traffic import Admitted, PathTraffic, SlotTraffic

COUNT = st.integers(0, 10**9)
TALLY = st.lists(
    st.tuples(
        st.sampled_from([MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.IGNORED]),
        st.sampled_from(list(Reason)),
        COUNT,
    ),
    max_size=6,
)
DOMAINS = st.dictionaries(st.sampled_from(["a.test", "b.test", "c.test"]), TALLY)


def tallied(domains):
    found = {}
    for name, counts in domains.items():
        found[name] = Tally()
        for each in counts:
            found[name].add(*each)
    return found


@given(DOMAINS)
def test_contributions_of_reasons_and_domains_add_up_and_agree(domains):
    reasons, by_domain, cells = bounces.sheets(tallied(domains))
    errors = sum(reasons.values("errors"))
    assert errors == sum(by_domain.values("errors")) == sum(cells.values("errors"))
    for sheet in (reasons, by_domain):
        total = sum(sheet.values("contribution"))
        assert abs(total - (1 if errors else 0)) < 1e-9
        assert all(0 <= each <= 1 for each in sheet.values("breakdown"))


@given(DOMAINS)
def test_what_was_delivered_and_what_was_not_is_all_of_a_domain(domains):
    sheet = broadcast.broadcast(tallied(domains), [])
    shares = zip(
        *(sheet.values(each) for each in ("delivered", "hard", "soft", "other")), strict=True
    )
    for processed, each in zip(sheet.values("processed"), shares, strict=True):
        assert abs(sum(each) - (1 if processed else 0)) < 1e-9
        assert min(each) >= 0


@given(
    st.lists(st.tuples(st.integers(100, 9000), COUNT, COUNT, COUNT, COUNT)), st.integers(1, 9000)
)
def test_steps_of_throughput_hold_what_slots_hold(slots, length):
    found = [SlotTraffic(*each) for each in slots if each[0] < 100 + length]
    steps, total = throughput.sheets(found, 100, 100 + length)
    for name in ("sent", "deferred", "failed"):
        assert sum(steps.values(name)) == sum(getattr(each, name) for each in found)
    assert total.values("attempts") == [
        sum(each.sent + each.deferred + each.failed for each in found)
    ]


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_an_interval_holds_what_was_observed(one, other):
    low, high = wilson(one, one + other)
    assert 0 <= low <= high <= 1
    if one + other:
        assert low - 1e-12 <= one / (one + other) <= high + 1e-12


@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(list(Kind)), st.integers(1, 10**6))))
def test_later_tenths_take_no_less_time(logs):
    found = [SlotLogs(*each) for each in sorted(logs)]
    sheet = activity.reached(found, 1000.0)
    for name in ("opens_s", "clicks_s", "transactions_s"):
        times = [each for each in sheet.values(name) if each is not None]
        assert times == sorted(times)
        assert len(times) in (0, 9)


@given(st.lists(COUNT, min_size=15, max_size=15))
def test_indicators_are_never_below_zero(numbers):
    counts = indicators.Counts(*numbers)
    text = min(counts.text_messages, counts.to_deliver)
    found = indicators.indicators(indicators.Counts(*numbers[:3], text, *numbers[4:]))
    assert min(found.values()) >= 0
    assert found["distinct_opens"] == 0 or found["distinct_opens"] >= counts.recipient_open


PATHS = st.lists(
    st.tuples(
        st.sampled_from(["main", "other"]), st.sampled_from("123"), st.sampled_from("ab"), COUNT
    )
)


@given(PATHS, st.dictionaries(st.sampled_from("123"), st.floats(0.1, 100), min_size=3))
def test_shares_and_what_is_due_add_up_to_one(paths, weights):
    found = [PathTraffic(*each, 0, 0, 0) for each in paths]
    admitted = [
        Admitted(name, group, ("1", "2", "3"), 10) for name in ("main", "other") for group in "ab"
    ]
    sheet, together = source_ips.sheets(found, admitted, {"main": weights, "other": weights}, 8)
    rows = list(zip(*(sheet.values(each) for each in ("affinity", "share", "due")), strict=True))
    for affinity in ("main", "other"):
        tried = sum(each.attempts for each in found if each.affinity == affinity)
        for place in (1, 2):
            total = sum(row[place] for row in rows if row[0] == affinity)
            assert abs(total - (1 if tried else 0)) < 1e-9
    assert sum(together.values("attempts")) == sum(sheet.values("attempts"))
