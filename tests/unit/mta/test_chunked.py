"""The dialogue with BDAT, fed by hand."""

import pytest

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.chunked import WINDOW_MAX, ChunkedDialogue
from mta.session.dialogue import Answered, Ended, Envelope, Offers, Untried

OFFERS = Offers(pipelining=True, chunking=True)
ONE, TWO, THREE = (
    Envelope(number, "a@x.test", f"{name}@y.test", f"{name}\r\n".encode())
    for number, name in enumerate(("one", "two", "three"), 1)
)
OK = Accepted(Reply(250, "ok"))
TAKEN = b"250 ok\r\n"


def written(dialogue):
    assert dialogue.ask_last() == []
    return dialogue.take_output()


def whole(name):
    body = f"{name}\r\n"
    return (
        f"MAIL FROM:<a@x.test>\r\nRCPT TO:<{name}@y.test>\r\nBDAT {len(body)} LAST\r\n{body}"
    ).encode()


def under_way(messages_max=None):
    """A dialogue that has had one message accepted and has another one under way."""
    dialogue = ChunkedDialogue(OFFERS, messages_max)
    dialogue.offer(ONE)
    written(dialogue)
    dialogue.receive(TAKEN * 2)
    written(dialogue)
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    dialogue.offer(ONE)
    written(dialogue)
    dialogue.receive(TAKEN * 2)
    written(dialogue)
    return dialogue


def test_the_first_message_waits_for_its_recipient():
    dialogue = ChunkedDialogue(OFFERS)
    dialogue.offer(ONE)
    assert written(dialogue) == b"MAIL FROM:<a@x.test>\r\nRCPT TO:<one@y.test>\r\n"
    assert not dialogue.wants_envelope
    assert dialogue.receive(TAKEN * 2) == []
    assert written(dialogue) == b"BDAT 5 LAST\r\none\r\n"
    assert not dialogue.wants_envelope, "one at a time, until one was accepted"
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    assert dialogue.is_idle


def test_the_next_one_rides_whole_with_the_body_before_it():
    dialogue = under_way()
    dialogue.offer(TWO)
    assert written(dialogue) == b"RSET\r\n" + whole("two")
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    assert dialogue.receive(TAKEN * 4) == [Answered(TWO, OK)]


def test_a_refused_recipient_costs_its_message_alone():
    dialogue = under_way()
    dialogue.offer(TWO)
    written(dialogue)
    dialogue.receive(TAKEN)
    dialogue.offer(THREE)
    assert written(dialogue) == b"RSET\r\n" + whole("three")
    refused = b"250 ok\r\n250 ok\r\n550 5.1.1 no\r\n503 no recipients\r\n"
    assert dialogue.receive(refused) == [
        Answered(TWO, Rejected(Reply(550, "5.1.1 no"), Stage.RCPT)),
    ]
    assert dialogue.receive(TAKEN * 4) == [Answered(THREE, OK)]


def test_a_server_that_takes_a_body_for_nobody_is_told_apart():
    dialogue = under_way()
    dialogue.offer(TWO)
    written(dialogue)
    dialogue.receive(TAKEN)
    said = b"250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 taken for nobody\r\n"
    assert dialogue.receive(said) == [
        Answered(TWO, Rejected(Reply(550, "5.1.1 no"), Stage.RCPT)),
    ]
    assert dialogue.is_idle


def test_after_a_refusal_the_next_begins_with_care_and_a_reset():
    dialogue = ChunkedDialogue(OFFERS)
    dialogue.offer(ONE)
    written(dialogue)
    assert len(dialogue.receive(b"250 ok\r\n550 no\r\n")) == 1
    assert written(dialogue) == b"", "no body goes out for a refused recipient"
    dialogue.offer(TWO)
    assert written(dialogue) == b"RSET\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<two@y.test>\r\n"


def test_421_amid_a_group_gives_back_what_comes_after():
    dialogue = under_way()
    dialogue.offer(TWO)
    written(dialogue)
    assert dialogue.receive(b"421 4.3.2 closing\r\n") == [
        Answered(ONE, Rejected(Reply(421, "4.3.2 closing"), Stage.BODY)),
        Untried(TWO),
        Ended("421 4.3.2 closing", is_ours=False),
    ]


def test_all_whose_bodies_are_out_are_in_doubt_when_the_connection_is_lost():
    dialogue = under_way()
    dialogue.offer(TWO)
    written(dialogue)
    gone = Broken("gone", Stage.BODY, is_doubtful=True)
    assert dialogue.lose("gone") == [
        Answered(ONE, gone),
        Answered(TWO, gone),
        Ended("gone", is_ours=False),
    ]


@pytest.mark.parametrize(("heard", "stage"), [(b"", Stage.MAIL), (TAKEN, Stage.RCPT)])
def test_nobody_is_in_doubt_whose_body_was_held_back(heard, stage):
    dialogue = ChunkedDialogue(OFFERS)
    dialogue.offer(ONE)
    written(dialogue)
    dialogue.receive(heard)
    assert dialogue.lose("gone")[0] == Answered(ONE, Broken("gone", stage))


def test_giving_up_gives_back_what_was_not_written():
    dialogue = under_way()
    dialogue.offer(TWO)
    assert dialogue.give_up("stopped") == [
        Answered(ONE, Broken("stopped", Stage.BODY, is_doubtful=True)),
        Untried(TWO),
        Ended("stopped", is_ours=True),
    ]


def test_a_slow_server_gets_one_at_a_time_again():
    dialogue = under_way()
    dialogue.narrow()
    assert not dialogue.wants_envelope
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    assert dialogue.wants_envelope


def test_a_connection_takes_no_more_messages_than_it_may():
    dialogue = under_way(messages_max=3)
    dialogue.offer(TWO)
    assert dialogue.is_full
    assert not dialogue.wants_envelope
    assert not dialogue.is_idle
    written(dialogue)
    dialogue.receive(TAKEN * 5)
    assert dialogue.is_idle


def test_a_reset_that_is_refused_ends_the_session_and_leaves_the_message_in_doubt():
    dialogue = under_way()
    dialogue.offer(TWO)
    written(dialogue)
    first, second, end = dialogue.receive(b"250 ok\r\n500 what?\r\n")
    assert first == Answered(ONE, OK)
    assert second.answer.is_doubtful
    assert isinstance(end, Ended)


def test_what_waits_behind_the_replies_to_a_refused_one_is_untried_when_the_server_leaves():
    dialogue = under_way()
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    dialogue.offer(TWO)
    written(dialogue)
    dialogue.receive(b"550 no\r\n")
    dialogue.offer(THREE)
    assert written(dialogue) == b"RSET\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<three@y.test>\r\n"
    dialogue.receive(b"503 no sender\r\n")
    assert dialogue.lose("gone") == [Untried(THREE), Ended("gone", is_ours=False)]


def test_the_window_shuts_with_a_refusal_also_while_it_is_being_filled():
    dialogue = under_way()
    assert dialogue.receive(TAKEN) == [Answered(ONE, OK)]
    for number in range(10, 13):
        dialogue.offer(ONE._replace(message_id=number))
    written(dialogue)
    dialogue.receive(b"550 no\r\n")
    assert dialogue.in_flight == 2
    assert not dialogue.wants_envelope, "two are under way, and the window is one"


def test_a_refused_recipient_halves_the_window_and_a_refused_body_shuts_it():
    dialogue = under_way()
    for number in range(6):
        dialogue.offer(Envelope(10 + number, "a@x.test", "more@y.test", b"more\r\n"))
        written(dialogue)
        dialogue.receive(TAKEN if number == 0 else TAKEN * 4)
    assert dialogue._window == WINDOW_MAX
    dialogue.receive(b"250 ok\r\n250 ok\r\n550 no\r\n554 none\r\n")
    assert dialogue._window == WINDOW_MAX // 2
    dialogue.offer(TWO)
    written(dialogue)
    dialogue.receive(TAKEN * 3)
    written(dialogue)
    dialogue.receive(b"554 spam\r\n")
    assert dialogue._window == 1
