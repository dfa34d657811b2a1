"""What holds for any server: one answer for each message, however its replies are cut."""

from collections.abc import Iterator
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from mail.outcome import Broken, Stage
from mta.session.dialogue import Answered, Dialogue, Ended, Envelope, Offers, Untried
from mta.session.envelope import stuffed

REPLIES = [
    *(["250 ok"] * 6),
    *(["354 go"] * 6),
    "250-two\r\n250 lines",
    "550 5.1.1 unknown",
    "451-4.7.1 try\r\n451 4.7.1 again",
    "421 4.3.2 closing",
    "503 what?",
    "221 bye",
    "rubbish",
    "250-one\r\n550 other",
    None,  # hangs up
]
GOOD = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", ".": "250 queued", "RSET": "250 ok"}
commands = st.one_of(st.none(), st.sampled_from(REPLIES))  # none: what a good server says
scripts = st.lists(st.one_of(st.just("good"), st.just("good"), commands), max_size=40)
cuts = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20)


class ModelServer:
    """Answers each command as the script says; bytes wait in ``output`` for the cutter."""

    def __init__(self, script: list[str | None]) -> None:
        self._script = iter(script)
        self._in_data = False
        self._input = b""
        self.output = b""
        self.bodies = 0  # whole contents that it has read
        self.has_hung_up = False

    def hear(self, data: bytes) -> None:
        self._input += data
        while not self.has_hung_up and self._input:
            if self._in_data:
                head, end, rest = (b"\r\n" + self._input).partition(b"\r\n.\r\n")
                if not end:
                    return
                self._in_data, self._input = False, rest
                self.bodies += bool(head)
                self._answer(".")
            else:
                line, _, self._input = self._input.partition(b"\r\n")
                self._answer(line[:4].decode())

    def _answer(self, verb: str) -> None:
        reply = next(self._script, "good")
        if reply == "good":
            reply = GOOD[verb]
        if reply is None or reply == "rubbish" or reply.startswith(("421", "221")):
            self.has_hung_up = True
        if reply is not None:
            self.output += f"{reply}\r\n".encode()
            self._in_data = verb == "DATA" and reply.startswith("354")


def held(script, count: int, pieces: Iterator[int]) -> tuple[list, Dialogue, ModelServer]:
    """Send ``count`` messages to such a server whose replies arrive in pieces of these sizes."""
    dialogue, server = Dialogue(Offers(pipelining=True)), ModelServer(script)
    waiting = [Envelope(number, "", f"{number}@y.test", b"text\r\n") for number in range(count)]
    events: list = []
    while True:
        while waiting and dialogue.wants_envelope:
            assert dialogue.offer(waiting.pop(0)) is None
        server.hear(dialogue.take_output())
        if not server.output:
            break
        size = next(pieces, 1)
        piece, server.output = server.output[:size], server.output[size:]
        events += dialogue.receive(piece)
    events += dialogue.lose("hung up") if server.has_hung_up else []
    return events, dialogue, server


def summary(events: list) -> list:
    return [event for event in events if not isinstance(event, Ended)]


@given(scripts, st.integers(1, 8), cuts)
def test_answers_do_not_depend_on_how_replies_are_cut(script, count, sizes):
    whole, *_ = held(script, count, iter([10_000] * 10_000))
    byte_by_byte, *_ = held(script, count, iter(()))
    cut, *_ = held(script, count, chain(*([sizes] * 200)))
    assert summary(whole) == summary(byte_by_byte) == summary(cut)


@given(scripts, st.integers(1, 8), cuts)
def test_each_message_that_was_taken_comes_back_once_and_in_order(script, count, sizes):
    events, dialogue, _ = held(script, count, iter(sizes))
    events += dialogue.give_up("stopped")
    numbers = [event.envelope.message_id for event in summary(events)]
    assert numbers == list(range(len(numbers)))
    assert sum(isinstance(event, Ended) for event in events) == 1


@given(scripts, st.integers(1, 8), cuts)
def test_only_a_message_whose_body_went_out_is_doubtful(script, count, sizes):
    events, _, _ = held(script, count, iter(sizes))
    doubtful = [
        event.answer
        for event in events
        if isinstance(event, Answered)
        and isinstance(event.answer, Broken)
        and event.answer.is_doubtful
    ]
    assert len(doubtful) <= 1
    assert all(answer.stage is Stage.BODY for answer in doubtful)


@given(scripts, st.integers(1, 8), cuts)
def test_a_message_given_back_never_had_its_body_sent(script, count, sizes):
    events, _, server = held(script, count, iter(sizes))
    at_body = [
        event
        for event in events
        if isinstance(event, Answered) and getattr(event.answer, "stage", Stage.BODY) is Stage.BODY
    ]
    assert server.bodies == len(at_body)
    untried = [event for event in events if isinstance(event, Untried)]
    assert len(untried) <= 1


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_no_bytes_of_a_server_crash_the_dialogue(chunks):
    dialogue = Dialogue(Offers(pipelining=True))
    envelope = Envelope(1, "", "b@y.test", b"text\r\n")
    dialogue.offer(envelope)
    events = [event for chunk in chunks for event in dialogue.receive(chunk)]
    events += dialogue.lose("gone")
    assert [event.envelope for event in summary(events)] == [envelope]


@given(st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"a", b"..", b"\r\n.\r\n"]), max_size=40))
def test_no_content_can_end_the_data_early_and_none_is_changed(pieces):
    content = b"".join(pieces)
    written = stuffed(content)
    for line_end in (b"\r\n", b"\n"):
        assert line_end + b"." + line_end not in b"\r\n" + written
    if b"\n" not in content.replace(b"\r\n", b""):
        read = (b"\r\n" + written).replace(b"\r\n.", b"\r\n")[2:]
        assert read == (content if content.endswith(b"\r\n") else content + b"\r\n")
