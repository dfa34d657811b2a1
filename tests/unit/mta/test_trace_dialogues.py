"""Lines of many connections → dialogues."""

from mta.trace.dialogues import dialogues
from mta.trace.line import Direction, Ends, Line, Recorded, Subject

A, B = "127.0.1.1>a", "127.0.1.1>b"
ONE, TWO = Subject(1, 7, "a.test"), Subject(2, 7, "b.test")


def connection(number, lane, *subjects, began=None):
    ends = Ends("m1-1", lane, number, "127.0.0.1:25", began or float(number))
    yield Recorded(ends, Line(0.0, Direction.EVENT, "connected"))
    for at, subject in enumerate(subjects, 1):
        yield Recorded(ends, Line(float(at), Direction.SAID, f"MAIL {at}", subject))
        yield Recorded(ends, Line(at + 0.5, Direction.HEARD, "250", subject, "MAIL", 0.5))
    yield Recorded(ends, Line(9.0, Direction.SAID, "QUIT"))


RECORDED = [*connection(2, A, ONE, TWO), *connection(1, A, TWO), *connection(3, B, ONE)]


def found(is_lane=lambda _: True, is_message=None, limit=10):
    return dialogues(lambda: iter(RECORDED), is_lane, is_message, limit)


def test_a_lane_has_its_connections_in_the_order_they_began():
    assert [each.ends.connection for each in found(A.__eq__)] == [1, 2]
    assert [each.ends.connection for each in found(A.__eq__, limit=1)] == [2]
    assert len(found(A.__eq__)[1].lines) == 6


def test_a_message_has_the_connections_it_went_on_and_not_the_lines_of_others():
    first, second = found(is_message=lambda subject: subject.message_id == 2)
    assert (first.ends.connection, second.ends.connection) == (1, 2)
    assert [each.text for each in second.lines] == ["connected", "MAIL 2", "250", "QUIT"]
    assert second.left_out == [0, 2, 0, 0]
    assert found(is_message=lambda subject: subject.domain == "c.test") == []


def test_where_the_time_went():
    [one] = found(B.__eq__)
    assert one.seconds == 9.0
    assert one.waits() == {"MAIL": 0.5}
    assert one.awaited == "QUIT"
