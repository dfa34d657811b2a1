"""Scanners are found as their rule says, whatever else happens between what they do."""

from hypothesis import given
from hypothesis import strategies as st

from mail.tracked import Kind
from tracking.event import Event
from tracking.machines import Seen, is_one_click, scanners

events = st.lists(
    st.builds(
        Event,
        at=st.integers(0, 40).map(lambda each: each / 4),
        kind=st.sampled_from(Kind),
        delivery_id=st.just(1),
        message_id=st.integers(1, 2),
        url=st.integers(1, 3),
        person=st.just(""),
        agent=st.sampled_from(["a", "b"]),
        ip=st.just("127.0.0.1"),
        method=st.sampled_from(["GET", "POST"]),
    ),
    max_size=14,
).map(lambda found: [Seen(f"{at:02}", each) for at, each in enumerate(found)])
FOLLOWED = {Kind.CLICK, Kind.OPT_OUT, Kind.MIRROR}


def follows(event):
    return event.kind in FOLLOWED and not is_one_click(event)


def by_definition(seen, links, within):
    """Those within reach of a stretch of time in which enough links were followed."""
    found = set()
    for first in seen:
        window = [
            each
            for each in seen
            if each.event.message_id == first.event.message_id
            and follows(each.event)
            and 0 <= each.event.at - first.event.at <= within
        ]
        if follows(first.event) and len({each.event.url for each in window}) >= links:
            found |= {each.name for each in window}
    return found


@given(events, st.integers(2, 3), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_who_follows_many_links_at_once_is_a_scanner(seen, links, within):
    found = scanners(seen, links, within)
    sure = by_definition(seen, links, within)
    assert sure <= found
    assert bool(sure) == bool(found)
    clients = {(each.event.message_id, each.event.agent) for each in seen if each.name in sure}
    by_name = {each.name: each.event for each in seen}
    for name in found - sure:
        event = by_name[name]
        assert (event.message_id, event.agent) in clients
        assert any(
            abs(event.at - by_name[other].at) <= 2 * within
            for other in sure
            if by_name[other].message_id == event.message_id
        )


@given(events, st.randoms())
def test_the_order_of_reading_changes_nothing(seen, dice):
    mixed = list(seen)
    dice.shuffle(mixed)
    assert scanners(mixed, 2, 1.0) == scanners(seen, 2, 1.0)
