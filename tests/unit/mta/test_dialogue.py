"""The pipelined dialogue, fed by hand."""

import pytest

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.dialogue import Answered, Dialogue, Ended, Envelope, Offers, Untried

ALL = Offers(pipelining=True, smtputf8=True, eightbitmime=True, size=0)
PLAIN = Offers(pipelining=True)
ONE = Envelope(1, "a@x.test", "one@y.test", b"first\r\n")
TWO = Envelope(2, "a@x.test", "two@y.test", b"second\r\n")
COMMANDS_ONE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<one@y.test>\r\nDATA\r\n"
COMMANDS_TWO = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<two@y.test>\r\nDATA\r\n"
GO = b"250 ok\r\n250 ok\r\n354 go\r\n"


def begun(*envelopes, offers=PLAIN, messages_max=None):
    """A dialogue with the first message's commands out, or the first's body and the second's."""
    dialogue = Dialogue(offers, messages_max)
    for number, envelope in enumerate(envelopes):
        if number:
            assert dialogue.receive(GO) == []
        assert dialogue.offer(envelope) is None
        assert dialogue.take_output()
    return dialogue


def test_the_commands_of_a_message_go_out_in_one_write():
    dialogue = Dialogue(PLAIN)
    dialogue.offer(ONE)
    assert dialogue.take_output() == COMMANDS_ONE
    assert not dialogue.wants_envelope


def test_the_next_commands_ride_with_the_body():
    dialogue = begun(ONE)
    assert dialogue.receive(GO) == []
    assert dialogue.wants_envelope
    dialogue.offer(TWO)
    assert dialogue.take_output() == b"first\r\n.\r\n" + COMMANDS_TWO


def test_a_body_goes_out_alone_when_there_is_no_next_message():
    dialogue = begun(ONE)
    dialogue.receive(GO)
    assert dialogue.take_output() == b"first\r\n.\r\n"
    assert dialogue.receive(b"250 queued\r\n") == [
        Answered(ONE, Accepted(Reply(250, "queued"))),
    ]
    assert dialogue.is_idle


def test_a_body_that_may_not_go_any_more_when_it_is_to_be_written_does_not():
    allowed = [ONE, TWO]
    dialogue = Dialogue(PLAIN, may_send=lambda each: each in allowed)
    dialogue.offer(ONE)
    assert dialogue.take_output() == COMMANDS_ONE
    assert dialogue.receive(GO) == []
    dialogue.offer(TWO)
    allowed.remove(ONE)  # while the next one was rendered
    assert dialogue.ask_last() == [
        Untried(ONE),
        Untried(TWO),
        Ended("the message may not be sent any more", is_ours=True),
    ]
    assert dialogue.take_output() == b""
    assert dialogue.is_over


def test_a_body_that_is_written_is_not_asked_about_again():
    allowed = [ONE]
    dialogue = Dialogue(PLAIN, may_send=lambda each: each in allowed)
    dialogue.offer(ONE)
    assert dialogue.ask_last() == []
    dialogue.take_output()
    dialogue.receive(GO)
    assert dialogue.ask_last() == []
    assert dialogue.take_output() == b"first\r\n.\r\n"
    allowed.clear()
    assert dialogue.ask_last() == []
    assert dialogue.receive(b"250 ok\r\n") == [Answered(ONE, Accepted(Reply(250, "ok")))]


def test_a_refused_body_and_the_accepted_commands_of_the_next_are_told_apart():
    dialogue = begun(ONE, TWO)
    assert dialogue.receive(b"554 5.7.1 spam\r\n" + GO) == [
        Answered(ONE, Rejected(Reply(554, "5.7.1 spam"), Stage.BODY))
    ]
    assert dialogue.take_output() == b"second\r\n.\r\n"
    assert dialogue.receive(b"250 ok\r\n") == [Answered(TWO, Accepted(Reply(250, "ok")))]


def test_a_refused_sender_is_answered_once_and_the_rest_swallowed():
    dialogue = begun(ONE)
    assert dialogue.receive(b"550 no\r\n503 MAIL first\r\n503 RCPT first\r\n") == [
        Answered(ONE, Rejected(Reply(550, "no"), Stage.MAIL))
    ]
    dialogue.offer(TWO)
    assert dialogue.take_output() == COMMANDS_TWO


@pytest.mark.parametrize("rcpt", ["550 5.1.1 unknown", "250 ok"])
def test_a_transaction_left_open_is_reset_before_the_next(rcpt):
    dialogue = begun(ONE)
    events = dialogue.receive(f"250 ok\r\n{rcpt}\r\n451 not now\r\n".encode())
    assert len(events) == 1
    dialogue.offer(TWO)
    assert dialogue.take_output() == b"RSET\r\n" + COMMANDS_TWO
    dialogue.receive(b"250 reset\r\n" + GO)
    assert dialogue.take_output() == b"second\r\n.\r\n"


def test_no_reset_is_sent_when_nothing_follows():
    dialogue = begun(ONE)
    dialogue.receive(b"250 ok\r\n550 no\r\n554 no recipients\r\n")
    assert dialogue.is_idle
    assert dialogue.take_output() == b""


def test_a_server_that_wants_content_for_nobody_gets_a_lone_dot():
    dialogue = begun(ONE)
    assert dialogue.receive(b"250 ok\r\n550 5.1.1 unknown\r\n354 go\r\n") == [
        Answered(ONE, Rejected(Reply(550, "5.1.1 unknown"), Stage.RCPT))
    ]
    dialogue.offer(TWO)
    assert dialogue.take_output() == b".\r\n" + COMMANDS_TWO
    assert dialogue.receive(b"250 queued an empty message\r\n" + GO) == []
    assert dialogue.take_output() == b"second\r\n.\r\n"


def test_a_refused_reset_ends_the_session_and_gives_the_next_message_back():
    dialogue = begun(ONE)
    dialogue.receive(b"250 ok\r\n550 no\r\n554 no recipients\r\n")
    dialogue.offer(TWO)
    dialogue.take_output()
    untried, ended = dialogue.receive(b"502 what?\r\n")
    assert untried == Untried(TWO)
    assert "RSET" in ended.reason


@pytest.mark.parametrize(
    ("before", "stage"),
    [
        (b"", Stage.MAIL),
        (b"250 ok\r\n", Stage.RCPT),
        (b"250 ok\r\n250 ok\r\n", Stage.DATA),
        (GO, Stage.BODY),
    ],
)
def test_421_rejects_the_current_message_at_its_stage(before, stage):
    dialogue = begun(ONE)
    dialogue.receive(before)
    dialogue.take_output()
    assert dialogue.receive(b"421 4.3.2 going down\r\n") == [
        Answered(ONE, Rejected(Reply(421, "4.3.2 going down"), stage)),
        Ended("421 4.3.2 going down", is_ours=False),
    ]
    assert dialogue.is_over


def test_421_to_a_body_gives_the_next_message_back():
    dialogue = begun(ONE, TWO)
    assert dialogue.receive(b"421 too busy\r\n") == [
        Answered(ONE, Rejected(Reply(421, "too busy"), Stage.BODY)),
        Untried(TWO),
        Ended("421 too busy", is_ours=False),
    ]


def test_421_after_a_refusal_keeps_the_refusal():
    dialogue = begun(ONE)
    events = dialogue.receive(b"250 ok\r\n550 unknown\r\n421 enough\r\n")
    assert [type(event) for event in events] == [Answered, Ended]
    assert events[0].answer == Rejected(Reply(550, "unknown"), Stage.RCPT)


@pytest.mark.parametrize(
    ("before", "stage"),
    [(b"", Stage.MAIL), (b"250 ok\r\n", Stage.RCPT), (b"250 ok\r\n250 ok\r\n", Stage.DATA)],
)
def test_a_connection_lost_before_the_body_leaves_no_doubt(before, stage):
    dialogue = begun(ONE)
    dialogue.receive(before)
    answered, ended = dialogue.lose("gone")
    assert answered == Answered(ONE, Broken("gone", stage, is_doubtful=False))
    assert ended == Ended("gone", is_ours=False)


def test_a_connection_lost_after_the_body_leaves_doubt_and_the_next_message_untried():
    dialogue = begun(ONE, TWO)
    assert dialogue.lose("gone") == [
        Answered(ONE, Broken("gone", Stage.BODY, is_doubtful=True)),
        Untried(TWO),
        Ended("gone", is_ours=False),
    ]


def test_a_body_that_was_never_taken_out_leaves_no_doubt():
    dialogue = begun(ONE)
    answered, _ = dialogue.receive(GO + b"nonsense\r\n")
    assert answered.answer.is_doubtful is False
    assert dialogue.take_output() == b""


def test_giving_up_counts_only_a_message_whose_body_is_out():
    assert begun(ONE).give_up("stopped") == [Untried(ONE), Ended("stopped", is_ours=True)]
    assert begun(ONE, TWO).give_up("stopped") == [
        Answered(ONE, Broken("stopped", Stage.BODY, is_doubtful=True)),
        Untried(TWO),
        Ended("stopped", is_ours=True),
    ]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"999 ok\r\n",
        b"250_ok\r\n",
        b"250-ok\r\n251 ok\r\n",
        b"250 " + b"x" * 5000,
        b"250-line\r\n" * 101,
        b"354 go\r\n",
        b"221 bye\r\n",
        b"\r\n",
    ],
)
def test_nonsense_breaks_the_message_and_ends_the_session(nonsense):
    dialogue = begun(ONE)
    answered, ended = dialogue.receive(nonsense)
    assert answered.envelope is ONE
    assert answered.answer.stage is Stage.MAIL
    assert answered.answer.error.startswith("protocol error")
    assert isinstance(ended, Ended)
    assert dialogue.receive(b"250 ok\r\n") == []


def test_250_to_data_is_nonsense():
    dialogue = begun(ONE)
    answered, _ = dialogue.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    assert answered.answer.stage is Stage.DATA


def test_multiline_replies_are_joined():
    dialogue = begun(ONE)
    answered, *_ = dialogue.receive(b"550-5.1.1 no\r\n550-5.1.1 such\r\n550 5.1.1 user\r\n")
    assert answered.answer.reply == Reply(550, "5.1.1 no\n5.1.1 such\n5.1.1 user")


def test_a_code_alone_and_a_bare_line_feed_are_understood():
    dialogue = begun(ONE)
    assert dialogue.receive(b"250\r\n250 ok\n354\n") == []
    dialogue.take_output()
    assert dialogue.receive(b"250\r\n") == [Answered(ONE, Accepted(Reply(250, "")))]


def test_what_a_server_says_is_made_fit_to_be_stored():
    dialogue = begun(ONE)
    answered, *_ = dialogue.receive(b"550 a\x00b\xffc\x1b[2J\r\n")
    assert answered.answer.reply.text == "a\ufffdb\ufffdc\ufffd[2J"


@pytest.mark.parametrize("said", [b"421 idle for too long\r\n", b"250 ok\r\n", b"rubbish\r\n"])
def test_an_unasked_reply_ends_an_idle_session_and_blames_no_message(said):
    (ended,) = Dialogue(PLAIN).receive(said)
    assert isinstance(ended, Ended)


def test_quit_ends_the_session_as_ours_whatever_is_said():
    dialogue = Dialogue(PLAIN)
    dialogue.quit()
    assert dialogue.take_output() == b"QUIT\r\n"
    assert not dialogue.wants_envelope
    assert dialogue.receive(b"221 bye\r\n") == [Ended("quit", is_ours=True)]


def test_a_server_that_hangs_up_on_quit_is_no_failure():
    dialogue = Dialogue(PLAIN)
    dialogue.quit()
    assert dialogue.lose("gone") == [Ended("gone", is_ours=True)]


def test_no_more_messages_than_allowed_are_wanted():
    dialogue = begun(ONE, TWO, messages_max=2)
    dialogue.receive(b"250 ok\r\n" + GO)
    assert dialogue.is_full
    assert not dialogue.wants_envelope


def test_a_message_that_was_never_written_does_not_count_towards_the_maximum():
    dialogue = Dialogue(PLAIN, messages_max=1)
    dialogue.offer(Envelope(1, "", "no\r\nbody", b""))
    assert dialogue.wants_envelope


@pytest.mark.parametrize(
    ("offers", "envelope", "parameters"),
    [
        (PLAIN, ONE, b""),
        (ALL, ONE, b" SIZE=7"),
        (ALL, Envelope(1, "a@x.test", "b@y.test", b"\xc3\xa9\r\n"), b" SIZE=4 BODY=8BITMIME"),
        (ALL, Envelope(1, "a@x.test", "b@y.test", b"", needs_smtputf8=True), b" SIZE=0 SMTPUTF8"),
        (ALL, Envelope(1, "a@x.test", "b\xe9@y.test", b""), b" SIZE=0 SMTPUTF8"),
    ],
)
def test_mail_has_the_parameters_that_are_needed_and_offered(offers, envelope, parameters):
    dialogue = Dialogue(offers)
    dialogue.offer(envelope)
    assert dialogue.take_output().partition(b"\r\n")[0] == b"MAIL FROM:<a@x.test>" + parameters


def test_a_null_sender_can_be_said():
    dialogue = Dialogue(PLAIN)
    dialogue.offer(Envelope(1, "", "b@y.test", b""))
    assert dialogue.take_output().startswith(b"MAIL FROM:<>\r\n")


@pytest.mark.parametrize(
    ("envelope", "code", "enhanced"),
    [
        (Envelope(1, "a@x.test", "b@y.test", b"x" * 101), 552, "5.3.4"),
        (Envelope(1, "a@x.test", "b@y.test", b"", needs_smtputf8=True), 550, "5.6.9"),
        (Envelope(1, "a@x.test", "b\xe9@y.test", b""), 550, "5.6.7"),
        (Envelope(1, "a@x.test", "b@y.test", b"Subject: \xe9\r\n\r\n"), 554, "5.6.3"),
        (Envelope(1, "a@x.test", "", b""), 553, "5.1.3"),
        (Envelope(1, "a@x.test", "b@y.test>\r\nDATA", b""), 553, "5.1.3"),
        (Envelope(1, "a@x.test", "b@y.test> ORCPT=x", b""), 553, "5.1.3"),
        (Envelope(1, "a@x.test", "b\x00@y.test", b""), 553, "5.1.3"),
        (Envelope(1, "a@x.test", "b\ud800@y.test", b""), 553, "5.1.3"),
        (Envelope(1, "a<@x.test", "b@y.test", b""), 553, "5.1.7"),
        (Envelope(1, "a\n@x.test", "b@y.test", b""), 553, "5.1.7"),
    ],
)
def test_what_the_server_cannot_take_is_refused_here_and_never_written(envelope, code, enhanced):
    dialogue = Dialogue(Offers(pipelining=True, size=100))
    answered = dialogue.offer(envelope)
    assert answered.answer.stage is Stage.MAIL
    assert answered.answer.reply.code == code
    assert str(answered.answer.reply.enhanced) == enhanced
    assert dialogue.take_output() == b""
    assert dialogue.wants_envelope


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (b"", b"\r\n"),
        (b"text", b"text\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n..b\r\n", b"a\r\n...b\r\n"),
        (b"a\n.\nb\r\n", b"a\n..\nb\r\n"),
    ],
)
def test_leading_dots_are_doubled_and_the_last_line_ended(content, written):
    dialogue = begun(Envelope(1, "", "b@y.test", content))
    dialogue.receive(GO)
    assert dialogue.take_output() == written + b".\r\n"


@pytest.mark.parametrize(
    ("ehlo", "offers"),
    [
        ("mx.test", Offers()),
        ("PIPELINING", Offers()),
        ("mx.test\nPIPELINING\nsize 1000\n8BITMIME", Offers(True, False, True, 1000)),
        ("mx.test\nSIZE\n\nSMTPUTF8", Offers(smtputf8=True, size=0)),
        ("mx.test\nSIZE many", Offers(size=0)),
        ("mx.test\nSIZE " + "9" * 5000, Offers(size=0)),
    ],
)
def test_offers_are_read_from_the_reply_to_ehlo(ehlo, offers):
    assert Offers.from_ehlo(ehlo) == offers
