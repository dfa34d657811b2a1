"""How long each reply was waited for, and a conversation that is joined midway."""

from mta.trace.line import Direction, Line, Subject, decode, encode
from mta.trace.line import Ends as Connection
from mta.trace.transcript import CONTENT_MAX, TEXT_MAX, Transcript

ONE, TWO = Subject(1, 7, "a.test"), Subject(2, 7, "b.test")


def waits(lines):
    return [(each.answers, each.waited) for each in lines if each.direction is Direction.HEARD]


def test_a_reply_is_waited_for_from_what_it_answers_or_from_the_reply_before_it():
    transcript = Transcript()
    transcript.opened(0.0)
    assert waits(transcript.heard(b"220 hi\r\n", 1.5)) == [("the greeting", 1.5)]
    transcript.take(ONE)
    transcript.said(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n", 2.0)
    lines = transcript.heard(b"250-a\r\n250 b\r\n250 c\r\n", 3.0)
    assert waits(lines) == [("MAIL", 1.0), (None, None), ("RCPT", 0.0)]
    assert waits(transcript.heard(b"354 go\r\n", 3.5)) == [("DATA", 0.5)]
    transcript.said(b"text\r\n", 4.0)
    transcript.said(b".\r\nQUIT\r\n", 5.0)
    assert waits(transcript.heard(b"250 ok\r\n", 9.0)) == [("the end of data", 4.0)]
    assert waits(transcript.heard(b"221 bye\r\n", 9.0)) == [("QUIT", 0.0)]
    assert waits(transcript.heard(b"421 more\r\n", 10.0)) == [(None, None)]


def test_what_bdat_brings_is_waited_for_from_its_last_byte():
    transcript = Transcript()
    transcript.take(ONE)
    lines = transcript.said(b"MAIL FROM:<a>\r\nRCPT TO:<b>\r\nBDAT 6 LAST\r\nab", 1.0)
    assert (lines[-1].text, lines[-1].size) == ("(2 bytes of content)", 2)
    transcript.said(b"cd\r\n", 3.0)
    transcript.heard(b"250 a\r\n250 b\r\n", 3.0)
    assert waits(transcript.heard(b"250 c\r\n", 4.0)) == [("BDAT", 1.0)]


def test_a_conversation_that_is_joined_goes_on_where_it_is():
    transcript = Transcript()
    transcript.join([("the end of data", ONE), ("MAIL", TWO), ("DATA", TWO)], 10, 5.0)
    [rest] = transcript.said(b"0123456789", 5.5)
    assert (rest.subject, rest.size) == (None, 10)
    lines = transcript.heard(b"250 one\r\n250 two\r\n354 go\r\n", 6.0)
    assert [each.subject for each in lines] == [ONE, TWO, TWO]
    lines = transcript.said(b"x\r\n.\r\nQUIT\r\n", 7.0)
    assert [(each.text, each.subject) for each in lines] == [
        ("(6 bytes of content)", TWO),
        ("QUIT", None),
    ]
    within = Transcript()
    within.join([], None, 5.0)
    assert [each.size for each in within.said(b"rest\r\n.\r\nQUIT\r\n", 5.0)] == [9, None]


def test_content_and_lines_are_kept_up_to_a_bound():
    transcript = Transcript(keeps_content=lambda: True)
    transcript.take(ONE)
    transcript.said(b"MAIL FROM:<a>\r\nDATA\r\n", 0.0)
    transcript.heard(b"250 a\r\n354 b\r\n", 0.0)
    whole = transcript.said(b"x" * 70_000, 0.0) + transcript.said(b"y\r\n.\r\n", 0.0)
    assert sum(len(each.content) for each in whole) == CONTENT_MAX
    assert sum(each.size for each in whole) == 70_006
    [line] = transcript.heard(b"250 " + b"z" * 5000 + b"\r\n", 0.0)
    assert len(line.text) == TEXT_MAX + 1
    [flood] = transcript.heard(b"w" * 70_000, 0.0)
    assert flood.text.startswith("www")


def test_a_line_is_read_as_it_was_written():
    ends = Connection("m1-1", "127.0.1.1>a", 3, "127.0.0.1:25", 1_000.25)
    for line in (
        Line(0.5, Direction.HEARD, "250 é", ONE, "RCPT", 0.25),
        Line(0.5, Direction.SAID, "(3 bytes)", TWO, size=3, content="x\r\n"),
        Line(0.5, Direction.EVENT, "connected"),
    ):
        assert decode(encode(ends, line)) == (ends, line)
    for cut in (b"", b"{", b"[]", b'{"time": 1}', encode(ends, line)[:-9]):
        assert decode(cut) is None
