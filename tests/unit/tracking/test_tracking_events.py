"""Lines of the server's log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.tracked import Kind
from tracking.event import (
    Event,
    Lost,
    NotALine,
    decode,
    encode,
    encode_loss,
    encode_refusal,
    said,
)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=800).map(said)


@given(
    st.builds(
        Event,
        at=st.floats(allow_nan=False, allow_infinity=False),
        kind=st.sampled_from([Kind.CLICK, Kind.OPEN, Kind.OPT_OUT, Kind.MIRROR]),
        delivery_id=st.integers(0, 2**63 - 1),
        message_id=st.integers(0, 2**48),
        url=st.integers(0, 2**31 - 1),
        person=words,
        agent=words,
        ip=words,
        method=words,
        page=st.none(),
        amount=st.none(),
        articles=st.none(),
    )
)
def test_an_event_is_read_as_it_was_written(event):
    line = encode(event)
    assert line.count(b"\n") == 1
    assert decode(line.rstrip(b"\n")) == event


def test_what_a_page_said_is_read_as_it_was_written():
    page = Event(1.5, Kind.TRANSACTION, 1, 2, 3, "", "", "", "GET", "paid", 9.5, 0)
    assert decode(encode(page)) == page


def test_other_lines():
    assert decode(encode_loss(Lost(1.0, 3))) == Lost(1.0, 3)
    assert decode(encode_refusal(1.0, "gone", path="/r/x", agent="", ip="")) is None


@given(st.binary(max_size=200))
def test_rubbish_is_no_line(rubbish):
    with pytest.raises(NotALine):
        decode(rubbish)


@given(st.data())
def test_a_damaged_line_is_no_line_or_still_says_something_sound(data):
    line = encode(Event(1.5, Kind.CLICK, 1, 2, 3, "p", "agent", "127.0.0.1", "GET"))
    at = data.draw(st.integers(0, len(line) - 1))
    changed = line[:at] + data.draw(st.binary(max_size=3)) + line[at + 1 :]
    try:
        found = decode(changed)
    except NotALine:
        return
    assert found is None or isinstance(found, Lost) or 0 <= found.message_id < 2**63
