"""What was said about one message is found among all that is recorded."""

from mta.trace.line import Direction, Ends, Line, Subject, encode
from mta.trace.of_message import dialogues_of, setup_of

OWN, OTHER = Subject(12, 1, "home.test"), Subject(1, 1, "home.test")
FIRST = Ends("m1-1", "127.0.1.1>home", 1, "127.0.0.1:2525", 1_750_000_000.25)
SECOND = Ends("m1-1", "127.0.1.1>home", 2, "127.0.0.1:2525", 1_750_000_001.5)


def opening(*, connected="connected"):
    return [
        Line(0.0, Direction.EVENT, connected),
        Line(0.3, Direction.HEARD, "220 hello", None, "the greeting", 0.3),
        Line(0.3, Direction.SAID, "EHLO us"),
        Line(0.5, Direction.HEARD, "250 ready", None, "EHLO", 0.2),
    ]


def mail(subject, at):
    return [
        Line(at, Direction.SAID, "MAIL FROM:<a@b.test>", subject),
        Line(at + 0.1, Direction.HEARD, "250 ok", subject, "MAIL", 0.1),
    ]


def record(folder, **connections):
    for name, (ends, lines) in connections.items():
        data = b"".join(encode(ends, each) for each in lines)
        (folder / f"{name}.jsonl").write_bytes(data)


def test_only_its_connections_and_only_its_lines(tmp_path):
    record(
        tmp_path,
        one=(FIRST, [*opening(), *mail(OTHER, 0.5), *mail(OWN, 0.7)]),
        two=(SECOND, [*opening(), *mail(OTHER, 0.5)]),
    )
    (found,) = dialogues_of(tmp_path, OWN.message_id)
    assert found.ends == FIRST
    assert [each.text for each in found.lines][-2:] == ["MAIL FROM:<a@b.test>", "250 ok"]
    assert sum(found.left_out) == 2
    assert {each.ends for each in dialogues_of(tmp_path, OTHER.message_id)} == {FIRST, SECOND}
    assert dialogues_of(tmp_path, 2) == []
    assert dialogues_of(tmp_path / "nothing", 12) == []


def test_the_setup_is_that_of_the_message_it_was_made_for(tmp_path):
    record(tmp_path, one=(FIRST, [*opening(), *mail(OTHER, 0.6), *mail(OWN, 0.8)]))
    (first,) = dialogues_of(tmp_path, OTHER.message_id)
    (second,) = dialogues_of(tmp_path, OWN.message_id)
    assert setup_of(first) == 0.5
    assert setup_of(second) is None, "it found the connection open"


def test_of_an_open_connection_the_setup_is_not_known(tmp_path):
    begins = opening(connected="recording begins on an open connection")
    record(tmp_path, one=(FIRST, [*begins, *mail(OWN, 0.6)]))
    (found,) = dialogues_of(tmp_path, OWN.message_id)
    assert setup_of(found) is None
