"""Whose each line is, for any server, any way of sending, and however the bytes are cut."""

import re
from itertools import cycle, groupby, pairwise

from hypothesis import given
from hypothesis import strategies as st

from mta.session.chunked import ChunkedDialogue
from mta.session.dialogue import Answered, Dialogue, Ended, Envelope, Offers
from mta.trace.line import Direction, Subject
from mta.trace.transcript import END_OF_DATA, Transcript

SAID = [*(["good"] * 8), "550", "451", "421"]
scripts = st.lists(st.sampled_from(SAID), max_size=60)
cuts = st.lists(st.integers(1, 60), min_size=1, max_size=20)
contents = st.lists(
    st.sampled_from(
        [b"text\r\n", b".\r\n", b"no end", b"x" * 300 + b"\r\n", b"MAIL FROM:<9@x>\r\n"]
    ),
    min_size=1,
    max_size=20,
)
kinds = st.sampled_from([Dialogue, ChunkedDialogue])


class NamingServer:
    """Each reply names the command that it answers and the message that this belongs to."""

    def __init__(self, script):
        self._script = iter(script)
        self._input, self._in_data, self._number = b"", False, ""
        self.output, self.is_closed = b"", False

    def hear(self, data):
        self._input += data
        while self._input and not self.is_closed:
            if self._in_data:
                _, end, rest = (b"\r\n" + self._input).partition(b"\r\n.\r\n")
                if not end:
                    return
                self._in_data, self._input = False, rest
                self._answer(END_OF_DATA, "250")
                continue
            line, _, rest = self._input.partition(b"\r\n")
            verb, size = line[:4].decode(), 0
            if verb == "BDAT":
                size = int(line.split()[1])
                if len(rest) < size:
                    return
            self._input = rest[size:]
            if verb == "MAIL":
                self._number = re.search(rb"<(\d+)@", line)[1].decode()
            self._answer(verb, "354" if verb == "DATA" else "250")

    def _answer(self, verb, good):
        code = next(self._script, "good")
        code = good if code == "good" or verb == "RSET" else code
        number = "reset" if verb == "RSET" else self._number
        self.output += f"{code}-{verb} {number}\r\n{code} {verb} {number}\r\n".encode()
        self._in_data = code == "354"
        self.is_closed = code == "421"


def held(kind, script, bodies, sizes, forbidden=()):
    """The lines of a conversation, replies in pieces of these sizes; and all bytes, in order."""
    transcript, server, wire = Transcript(), NamingServer(script), []
    dialogue = kind(
        Offers(pipelining=True, chunking=kind is ChunkedDialogue, size=350),
        may_send=lambda each: each.message_id not in forbidden,
    )
    waiting = [
        Envelope(number, f"{number}@x.test", f"{number}@y.test", each)
        for number, each in enumerate(bodies)
    ]
    lines = []

    def hear_of(events):
        for event in events:
            if not isinstance(event, Ended):
                transcript.drop(event.envelope.message_id)
        return bool(events)

    while True:
        while waiting and dialogue.wants_envelope:
            envelope = waiting.pop(0)
            transcript.take(Subject(envelope.message_id, 1, "y.test"))
            refused = dialogue.offer(envelope)
            hear_of([] if refused is None else [refused])
        has_news = hear_of(dialogue.ask_last())
        if output := dialogue.take_output():
            wire.append(("said", output))
            lines += transcript.said(output, 0.0)
            server.hear(output)
        if not server.output:
            if waiting and dialogue.wants_envelope and (has_news or output):
                continue
            break
        size = next(sizes, 1)
        piece, server.output = server.output[:size], server.output[size:]
        wire.append(("heard", piece))
        lines += transcript.heard(piece, 0.0)
        hear_of(dialogue.receive(piece))
    return lines, wire


@given(kinds, scripts, contents, cuts, st.sets(st.integers(0, 19), max_size=3))
def test_each_line_has_the_message_that_it_belongs_to(kind, script, bodies, sizes, forbidden):
    lines, _ = held(kind, script, bodies, cycle(sizes), forbidden)
    for line in lines:
        number = None if line.subject is None else line.subject.message_id
        if line.direction is Direction.HEARD:
            _, verb, named = re.fullmatch(r"(\d+)[- ](.+) (\d+|reset)", line.text).groups()
            assert named in (str(number), "reset")
            assert line.answers in {verb, None}
        elif found := re.match(r"(?:MAIL FROM|RCPT TO):<(\d+)@", line.text):
            assert int(found[1]) == number
        else:
            assert number is not None
    said = [line for line in lines if line.direction is Direction.SAID]
    for before, after in pairwise(said):
        if before.text == "RSET":  # makes room for the next one
            assert before.subject == after.subject
    firsts = [line for line in lines if line.direction is Direction.HEARD and line.answers]
    assert len(firsts) * 2 == sum(line.direction is Direction.HEARD for line in lines)


def merged(lines):
    """Content is told for each write: here for each run of them."""
    for key, run in groupby(lines, key=lambda line: (line.direction, line.size is None)):
        if key[1]:
            yield from run
        else:
            sizes = [(each.subject, each.size) for each in run]
            yield sizes[0][0], sum(size for _, size in sizes)


@given(kinds, scripts, contents, cuts)
def test_lines_do_not_depend_on_how_bytes_are_cut(kind, script, bodies, sizes):
    whole, wire = held(kind, script, bodies, iter([10_000] * 1000))
    cutter, transcript, lines = cycle(sizes), Transcript(), []
    for number in range(len(bodies)):
        transcript.take(Subject(number, 1, "y.test"))
    for direction, data in wire:
        rest = data
        while rest:
            size = next(cutter)
            lines += getattr(transcript, direction)(rest[:size], 0.0)
            rest = rest[size:]
    assert list(merged(lines)) == list(merged(whole))


@given(
    st.lists(st.tuples(st.sampled_from(["said", "heard"]), st.binary(max_size=200)), max_size=20)
)
def test_no_bytes_crash_it_and_no_control_characters_come_out(wire):
    transcript = Transcript()
    transcript.opened(0.0)
    for direction, data in wire:
        for line in getattr(transcript, direction)(data, 1.0):
            assert re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line.text) is None
            assert line.waited is None or line.waited >= 0


def test_a_message_that_is_refused_without_being_written_takes_nobody_elses_lines():
    bodies = [b"x" * 400, b"text\r\n"]
    lines, _ = held(Dialogue, [], bodies, iter([10_000] * 100))
    assert {each.subject.message_id for each in lines if each.subject} == {1}
    assert isinstance(
        Dialogue(Offers(size=350)).offer(Envelope(1, "", "a@b.c", bodies[0])), Answered
    )
