"""However old a worker's word is, each message in its hand stands in exactly one way."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mail.cause import Cause
from monitor.why.chain import GATES, steps, walk
from monitor.why.diagnosis import finding
from monitor.why.gather import stands
from monitor.why.group import Stand
from tests.fakes.pending_scene import (
    NOW,
    QUEUED,
    REPORT,
    WORKER,
    facts,
    held,
    lent,
    retrying,
    viewed,
)

counts = st.integers(0, 30)
ages = st.floats(0, 60)


@st.composite
def parts(draw):
    made = draw(st.lists(st.tuples(st.integers(1, 20), ages), min_size=1, max_size=6))
    return [
        lent(messages=messages, leased_at=NOW - age, part=number)
        for number, (messages, age) in enumerate(made, 1)
    ]


reports = st.builds(
    lambda waiting, in_flight, slow: replace(
        REPORT, waiting=waiting, in_flight=in_flight, slow=min(slow, in_flight)
    ),
    *(counts, counts, counts),
)


@given(parts(), st.none() | reports, st.dictionaries(st.integers(1, 6), counts))
def test_no_message_is_counted_twice_or_not_at_all(parts, report, known):
    found = list(stands(parts, report, known, facts()))
    for part in parts:
        assert sum(count for each, _, count in found if each is part) == part.messages
    assert all(count > 0 for _, _, count in found)
    if report is not None:
        told = {Stand.WAITING: report.waiting, Stand.SLOW: report.slow}
        for stand, most in told.items():
            assert sum(count for _, each, count in found if each is stand) <= most


@given(parts(), reports)
def test_what_waits_was_lent_after_what_is_in_flight(parts, report):
    found = list(stands(parts, report, {}, facts()))
    waiting = [each.leased_at for each, stand, _ in found if stand is Stand.WAITING]
    flying = [each.leased_at for each, stand, _ in found if stand is Stand.IN_FLIGHT]
    assert not waiting or not flying or min(waiting) >= max(flying)


groups = st.sampled_from(
    [QUEUED, *(held(stand) for stand in Stand if stand is not Stand.KNOWN), retrying()]
)
workers = st.builds(
    lambda age, late, unbindable: replace(
        WORKER, heartbeat_at=NOW - age, reference_at=NOW - late, unbindable=unbindable
    ),
    *(st.floats(-40, 40), ages, st.sampled_from([(), ("127.0.1.1",), ("127.0.1.1", "127.0.1.2")])),
)


@given(groups, st.lists(workers, max_size=2), st.none() | reports, parts())
def test_a_group_has_one_cause_or_progress_and_its_gates_agree(group, some, report, lots):
    view = viewed(
        workers=tuple(replace(each, id=7 + at) for at, each in enumerate(some)),
        reports=() if report is None else (report,),
        lent=tuple(lots),
    )
    known = facts(view=view)
    walked, found = walk(group, known), finding(group, known)
    assert (found.cause is None) != (found.progress is None)
    assert found.cause is walked.cause
    assert found.earliest_at is None or found.earliest_at >= NOW
    answers = [each.answer for each in steps(group, known)]
    assert len(answers) == len(GATES)
    assert answers.count("failed") == (walked.cause is not None)
    order = list(Cause)
    assert all(order.index(each) > order.index(walked.cause) for each in walked.also)
