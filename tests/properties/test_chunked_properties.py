"""Whole messages by BDAT, several at once: what holds for any server, however replies are cut."""

from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from mail.outcome import Accepted, Broken, Rejected, Stage
from mta.session.chunked import WINDOW_MAX, ChunkedDialogue
from mta.session.dialogue import Answered, Ended, Envelope, Offers, Untried
from mta.session.flow import PIECE

OFFERS = Offers(pipelining=True, chunking=True, eightbitmime=True)
REFUSALS = ["550 5.1.1 unknown", "451-4.7.1 try\r\n451 4.7.1 again"]
STAGES = {b"MAIL": Stage.MAIL, b"RCPT": Stage.RCPT, b"BDAT": Stage.BODY}
# What a server says to one command: none, what a good one says in its state.
SAID = [
    *([None] * 6),
    *REFUSALS,
    "421 4.3.2 closing",
    *(["250 ok"] * 3),
    "503 what?",
    "354 go",
    "221 bye",
    "rubbish",
    "hang up",
]
scripts = st.lists(st.sampled_from(SAID), max_size=60)
cuts = st.lists(st.integers(1, 60), min_size=1, max_size=20)
contents = st.lists(
    st.sampled_from([b"text\r\n", b".\r\n", b"no end", b"x" * 300 + b"\r\n", b"\xc3\xa9\r\n"]),
    min_size=1,
    max_size=25,
)


class Server:
    """Answers as the script says, otherwise as RFC 5321 and 3030 have it."""

    def __init__(self, script, refused=None):
        self._script = iter(script)
        self._refused = refused or {}  # by number of a message: the command, and what it hears
        self._input = b""
        self._sender, self._recipient = None, None
        self.output = b""
        self.accepted = []  # recipients and contents
        self.most_unanswered = 0
        self.is_closed = False

    def hear(self, data):
        self._input += data
        self.most_unanswered = max(self.most_unanswered, self._input.count(b" LAST\r\n"))
        while not self.is_closed and b"\r\n" in self._input:
            line, _, rest = self._input.partition(b"\r\n")
            verb, size = line[:4], 0
            if verb == b"BDAT":
                size = int(line.split()[1])
                if len(rest) < size:
                    return
            self._input = rest[size:]
            self._answer(verb, line.partition(b":")[2].strip(b"<>"), rest[:size])

    def _answer(self, verb, argument, content):
        said = next(self._script, None)
        good = self._good(verb)
        about = argument if verb in (b"MAIL", b"RCPT") else self._recipient or b""
        refused_verb, refusal = self._refused.get(about.partition(b"@")[0], (b"", None))
        if verb == refused_verb and good.startswith("250"):
            said = refusal
        reply = said or good
        if reply.startswith("250"):
            self._do(verb, argument, content, good)
        self.is_closed = reply[:3] in {"421", "221", "rub", "han"}
        if reply != "hang up":
            self.output += f"{reply}\r\n".encode()

    def _good(self, verb):
        is_bad = {
            b"MAIL": self._sender is not None,
            b"RCPT": self._sender is None,
            b"BDAT": self._recipient is None,
        }.get(verb, False)
        return "503 5.5.1 bad sequence" if is_bad else "250 ok"

    def _do(self, verb, argument, content, good):
        if verb == b"RSET":
            self._sender = self._recipient = None
        elif verb == b"MAIL":
            self._sender = argument
        elif verb == b"RCPT":
            self._recipient = argument
        elif good.startswith("250"):
            self.accepted.append((self._recipient, content))
            self._sender = self._recipient = None


def sent(server, bodies, sizes, may_send=lambda _: True):
    """Send them to such a server whose replies arrive in pieces of these sizes."""
    dialogue = ChunkedDialogue(OFFERS, may_send=may_send)
    waiting = [
        Envelope(number, f"{number}@x.test", f"{number}@y.test", each)
        for number, each in enumerate(bodies)
    ]
    events = []
    while True:
        while waiting and dialogue.wants_envelope:
            assert dialogue.offer(waiting.pop(0)) is None
            assert dialogue.in_flight <= WINDOW_MAX
        events += dialogue.ask_last()
        server.hear(dialogue.take_output())
        if not server.output:
            if waiting and dialogue.wants_envelope:
                continue  # what was given back made room
            break
        size = next(sizes, 1)
        piece, server.output = server.output[:size], server.output[size:]
        events += dialogue.receive(piece)
    events += dialogue.lose("hung up") if server.is_closed else []
    return events, dialogue, len(bodies) - len(waiting)


def back(events):
    return [event for event in events if not isinstance(event, Ended)]


refusals = st.dictionaries(
    st.integers(0, 24).map(lambda number: b"%d" % number),
    st.tuples(st.sampled_from([b"MAIL", b"RCPT", b"BDAT"]), st.sampled_from(REFUSALS)),
)


@given(refusals, contents, cuts)
def test_answers_do_not_depend_on_how_replies_are_cut(refused, bodies, sizes):
    whole, byte_by_byte, cut = (
        sent(Server([], refused), bodies, each)[0]
        for each in (iter([10_000] * 10_000), iter(()), chain(*([sizes] * 500)))
    )
    assert whole == byte_by_byte == cut
    assert len(whole) == len(bodies)
    for event in whole:
        verb, reply = refused.get(b"%d" % event.envelope.message_id, (None, "250 ok"))
        code = int(reply[:3])
        assert event.answer.reply.code == code
        if verb is not None:
            assert event.answer.stage is STAGES[verb]


@settings(max_examples=1000)
@given(scripts, contents, cuts)
def test_each_message_comes_back_once_and_is_what_it_is_said_to_be(script, bodies, sizes):
    server = Server(script)
    events, dialogue, offered = sent(server, bodies, chain(*([sizes] * 500)))
    events += dialogue.give_up("stopped")
    numbers = [event.envelope.message_id for event in back(events)]
    assert sorted(numbers) == list(range(offered))
    taken = {recipient.decode() for recipient, _ in server.accepted}
    for event in back(events):
        address = event.envelope.recipient
        match event:
            case Untried():
                assert address not in taken
            case Answered(_, Accepted()):
                # A server that says 250 to a command that makes no sense accepts nothing.
                assert address in taken or "250 ok" in script
            case Answered(_, Rejected()):
                assert address not in taken or "250 ok" in script
            case Answered(_, Broken(_, stage, is_doubtful)):
                assert is_doubtful or address not in taken
                assert is_doubtful == (stage is Stage.BODY)
    assert dialogue.in_flight == 0
    assert sum(isinstance(event, Ended) for event in events) == 1


@given(contents, cuts)
def test_a_good_server_gets_every_byte_and_several_at_once(bodies, sizes):
    server = Server([])
    events, *_ = sent(server, bodies, chain(*([sizes] * 500)))
    assert all(isinstance(event.answer, Accepted) for event in events)
    expected = [each if each.endswith(b"\r\n") else each + b"\r\n" for each in bodies]
    assert [content for _, content in server.accepted] == expected
    assert [event.envelope.message_id for event in events] == list(range(len(bodies)))
    assert server.most_unanswered <= WINDOW_MAX
    assert len(bodies) < 2 * WINDOW_MAX or server.most_unanswered > 1


@given(scripts, contents, cuts, st.sets(st.integers(0, 24)))
def test_what_may_not_go_any_more_does_not(script, bodies, sizes, withdrawn):
    def may_send(envelope):
        return envelope.message_id not in withdrawn

    server = Server(script)
    events, dialogue, _ = sent(server, bodies, chain(*([sizes] * 500)), may_send)
    events += dialogue.give_up("stopped")
    taken = {int(recipient.split(b"@")[0]) for recipient, _ in server.accepted}
    assert not taken & withdrawn
    for event in back(events):
        if isinstance(event, Answered) and isinstance(event.answer, Broken):
            assert not (event.answer.is_doubtful and event.envelope.message_id in withdrawn)


@given(contents, cuts, st.sets(st.integers(0, 24)))
def test_what_may_go_is_not_held_up_by_what_may_not(bodies, sizes, withdrawn):
    server = Server([])
    events, *_ = sent(
        server,
        bodies,
        chain(*([sizes] * 500)),
        lambda envelope: envelope.message_id not in withdrawn,
    )
    assert len(events) == len(bodies)
    for event in events:
        is_withdrawn = event.envelope.message_id in withdrawn
        assert isinstance(event, Untried) == is_withdrawn
        assert is_withdrawn or isinstance(event.answer, Accepted)


def test_no_more_than_a_piece_is_under_way_before_one_more_is_begun():
    dialogue, server = ChunkedDialogue(OFFERS), Server([])
    under_way = []
    for number in range(60):
        while dialogue.wants_envelope:
            under_way.append(dialogue.in_flight)
            dialogue.offer(Envelope(number, "", "b@y.test", b"x" * (PIECE // 2)))
        dialogue.ask_last()
        server.hear(dialogue.take_output())
        said, server.output = server.output[:8], server.output[8:]
        dialogue.receive(said)
    assert max(under_way) == 1


@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(0, 5))
def test_no_bytes_of_a_server_crash_the_dialogue(chunks, accepted):
    dialogue = ChunkedDialogue(OFFERS)
    events, number = [], 0
    for chunk in [*([b"250 ok\r\n" * 3] * accepted), *chunks]:
        while dialogue.wants_envelope and number < 40:
            dialogue.offer(Envelope(number, "", "b@y.test", b"text\r\n"))
            number += 1
        events += dialogue.ask_last()
        dialogue.take_output()
        events += dialogue.receive(chunk)
    events += dialogue.lose("gone")
    assert sorted(event.envelope.message_id for event in back(events)) == list(range(number))
