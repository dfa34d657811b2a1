"""Sessions over real sockets, against conversations as they are written down."""

import asyncio

import pytest

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reply import Reply
from mta.session.dialogue import Envelope
from mta.session.errors import BadHelo
from mta.session.handshake import Connected, Endpoints, SourceUnavailable, connect
from mta.session.hooks import Hooks
from mta.session.plain import PlainSession
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from tests.fakes.scripted_server import (
    BYE,
    conversation,
    greeting,
    scripted,
    transaction,
)
from world.network import ForbiddenDestination, HostNetwork

QUICK = SessionSettings(
    tls="off",
    connect_timeout=5,
    greeting_timeout=0.2,
    data_timeout=0.2,
    idle_timeout=0.05,
)
NETWORK = HostNetwork()
QUEUED = Accepted(Reply(250, "queued"))


class Owner:
    """Has some messages to send and notes what becomes of them."""

    def __init__(self, count: int = 0, content: bytes = b"text\r\n") -> None:
        self.waiting = [
            Envelope(number, "a@sender.test", f"r{number}@y.test", content)
            for number in range(count)
        ]
        self.answers: list = []
        self.untried: list[int] = []
        self.forbidden: set[int] = set()
        self.hooks = Hooks(self.pull, self.may_send, self.answered, self.give_back)

    def pull(self) -> Envelope | None:
        return self.waiting.pop(0) if self.waiting else None

    def may_send(self, envelope) -> bool:
        return envelope.message_id not in self.forbidden

    def answered(self, envelope, answer, timing) -> None:
        assert timing.duration_s >= 0
        self.answers.append((envelope.message_id, answer))

    def give_back(self, envelope) -> None:
        self.untried.append(envelope.message_id)


async def opened(server, owner, settings=QUICK, source_ip="127.0.0.1"):
    connected = await connect(server.endpoints(source_ip), settings, NETWORK)
    assert isinstance(connected, Connected)
    make = PipelinedSession if connected.offers.pipelining else PlainSession
    return make(connected, settings, owner.hooks)


async def held(owner, *texts, settings=QUICK, split=False):
    async with scripted(*texts, split=split) as server:
        session = await opened(server, owner, settings)
        await session.run()
    server.check()
    return session, server


def plain_transaction(*answers, recipient="*"):
    mail, rcpt, data, body = answers or ("250 ok", "250 ok", "354 go", "250 queued")
    return f"""
        C: MAIL FROM:<a@sender.test>*
        S: {mail}
        C: RCPT TO:<{recipient}>
        S: {rcpt}
        C: DATA
        S: {data}
        C: (content)
        S: {body}
    """


PIPELINED = greeting("PIPELINING")
PLAIN = greeting()
BOTH = pytest.mark.parametrize(
    ("opening", "one_message"), [(PIPELINED, transaction), (PLAIN, plain_transaction)]
)


@pytest.mark.parametrize("split", [False, True])
@BOTH
def test_messages_are_sent_one_after_the_other_and_then_quit(opening, one_message, split):
    owner = Owner(2, b"first\r\n.\r\nlast\r\n")
    text = conversation(
        opening, one_message(recipient="r0@y.test"), one_message(recipient="r1@y.test"), BYE
    )
    session, server = asyncio.run(held(owner, text, split=split))
    assert owner.answers == [(0, QUEUED), (1, QUEUED)]
    assert server.contents == [b"first\r\n..\r\nlast\r\n"] * 2
    assert session.ended.is_ours
    assert session.accepted_count == 2


@BOTH
def test_a_message_whose_lease_ends_between_mail_and_body_is_not_sent(opening, one_message):
    owner = Owner(2)
    owner.forbidden.add(0)
    begun = [line for line in one_message().splitlines() if line.strip()][:-2]
    session, server = asyncio.run(held(owner, conversation(opening, begun, "(silence)")))
    assert owner.answers == []
    assert owner.untried == [0]
    assert [each.message_id for each in owner.waiting] == [1]
    assert server.contents == []
    assert session.ended.is_ours


def test_the_next_commands_come_with_the_body_in_one_write():
    text = conversation(
        PIPELINED,
        """
        C: MAIL FROM:<a@sender.test>
        C: RCPT TO:<r0@y.test>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: (content)
        C: MAIL FROM:<a@sender.test>
        C: RCPT TO:<r1@y.test>
        C: DATA
        S: 250 queued
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: (content)
        S: 250 queued
        """,
        BYE,
    )
    owner = Owner(2)
    asyncio.run(held(owner, text))
    assert owner.answers == [(0, QUEUED), (1, QUEUED)]


@BOTH
def test_what_the_server_needs_to_know_is_said_in_mail(opening, one_message):
    owner = Owner(1, "é\r\n".encode())
    offering = greeting("SIZE 1000", "8BITMIME", *(["PIPELINING"] if opening is PIPELINED else []))
    _, server = asyncio.run(held(owner, conversation(offering, one_message(), BYE)))
    assert "MAIL FROM:<a@sender.test> SIZE=4 BODY=8BITMIME" in server.heard[0]


@BOTH
def test_what_is_larger_than_the_server_takes_is_never_begun(opening, one_message):
    owner = Owner(2, b"text\r\n")
    owner.waiting[0] = Envelope(0, "a@sender.test", "r0@y.test", b"x" * 1001)
    offering = greeting("SIZE 1000", *(["PIPELINING"] if opening is PIPELINED else []))
    asyncio.run(held(owner, conversation(offering, one_message(recipient="r1@y.test"), BYE)))
    (_, refused), (_, accepted) = owner.answers
    assert (refused.stage, refused.reply.code, str(refused.reply.enhanced)) == (
        Stage.MAIL,
        552,
        "5.3.4",
    )
    assert accepted == QUEUED


@BOTH
def test_8_bit_text_is_encoded_anew_for_a_server_of_7_bits(opening, one_message):
    content = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n\xc3\xa9\r\n"
    owner = Owner(1, content)
    _, server = asyncio.run(held(owner, conversation(opening, one_message(), BYE)))
    assert owner.answers == [(0, QUEUED)]
    assert server.heard[0][1] == "MAIL FROM:<a@sender.test>"
    assert server.contents[0].endswith(b"quoted-printable\r\n\r\n=C3=A9\r\n")


@pytest.mark.parametrize("early", ["552 5.3.4 too large", "250 fine"])
def test_without_pipelining_an_answer_in_the_middle_of_a_body_ends_the_session(early):
    owner = Owner(2, b"z" * 20_000_000)
    begun = conversation(PLAIN, DROPPED[Stage.DATA][:-1], "S: 354 go")
    text = conversation(begun, "(hold)", f"S: {early}", "(silence)")

    async def run():
        async with scripted(text) as server:
            session = await opened(server, owner, SessionSettings(tls="off"))
            asyncio.get_running_loop().call_later(0.1, server.go_on.set)
            await session.run()
        return session

    session = asyncio.run(run())
    ((number, answer),) = owner.answers
    assert (number, type(answer)) == (0, Rejected if early.startswith("5") else Broken)
    assert answer.stage is Stage.BODY
    assert len(owner.waiting) == 1
    assert not session.ended.is_ours


@BOTH
def test_a_message_that_does_not_fit_is_refused_without_a_word(opening, one_message):
    owner = Owner(2, b"text\r\n")
    owner.waiting[0] = Envelope(0, "a@sender.test", "bad@y.test>\r\nRSET", b"text\r\n")
    asyncio.run(held(owner, conversation(opening, one_message(recipient="r1@y.test"), BYE)))
    (_, refused), (_, accepted) = owner.answers
    assert (refused.stage, refused.reply.code) == (Stage.MAIL, 553)
    assert accepted == QUEUED


def test_a_refused_recipient_leads_to_a_reset_before_the_next_message():
    text = conversation(
        PIPELINED,
        """
        C: MAIL FROM:<a@sender.test>
        C: RCPT TO:<r0@y.test>
        C: DATA
        S: 250 ok
        S: 550 5.1.1 unknown
        S: 554 no valid recipients
        C: RSET
        S: 250 ok
        """,
        transaction(recipient="r1@y.test"),
        BYE,
    )
    owner = Owner(2)
    asyncio.run(held(owner, text))
    unknown = Rejected(Reply(550, "5.1.1 unknown"), Stage.RCPT)
    assert owner.answers == [(0, unknown), (1, QUEUED)]


def test_without_pipelining_a_refused_recipient_spares_the_data_command():
    text = conversation(
        PLAIN,
        """
        C: MAIL FROM:<a@sender.test>
        S: 250 ok
        C: RCPT TO:<r0@y.test>
        S: 550-5.1.1 unknown
        S: 550 5.1.1 really
        C: RSET
        S: 250 ok
        """,
        plain_transaction(recipient="r1@y.test"),
        BYE,
    )
    owner = Owner(2)
    asyncio.run(held(owner, text))
    unknown = Rejected(Reply(550, "5.1.1 unknown\n5.1.1 really"), Stage.RCPT)
    assert owner.answers == [(0, unknown), (1, QUEUED)]


def test_a_refused_recipient_with_data_accepted_gets_a_lone_dot():
    text = conversation(
        PIPELINED, transaction("250 ok", "550 unknown", "354 go", "554 nothing"), BYE
    )
    owner = Owner(1)
    _, server = asyncio.run(held(owner, text))
    assert owner.answers == [(0, Rejected(Reply(550, "unknown"), Stage.RCPT))]
    assert server.contents == [b""]


@BOTH
def test_a_refused_body_is_attributed_to_its_message(opening, one_message):
    text = conversation(
        opening,
        one_message("250 ok", "250 ok", "354 go", "554 5.7.1 spam"),
        one_message(),
        BYE,
    )
    owner = Owner(2)
    asyncio.run(held(owner, text))
    assert owner.answers == [(0, Rejected(Reply(554, "5.7.1 spam"), Stage.BODY)), (1, QUEUED)]


def test_421_to_a_body_gives_the_pipelined_message_back():
    text = conversation(
        PIPELINED, transaction("250 ok", "250 ok", "354 go", "421 too busy"), "(drop)"
    )
    owner = Owner(3)
    session, _ = asyncio.run(held(owner, text))
    assert owner.answers == [(0, Rejected(Reply(421, "too busy"), Stage.BODY))]
    assert owner.untried == [1]
    assert len(owner.waiting) == 1
    assert not session.ended.is_ours


def test_without_pipelining_421_ends_the_session_too():
    text = conversation(
        PLAIN, "C: MAIL FROM:<a@sender.test>", "S: 421 4.7.0 slow down", "(silence)"
    )
    owner = Owner(2)
    asyncio.run(held(owner, text))
    assert owner.answers == [(0, Rejected(Reply(421, "4.7.0 slow down"), Stage.MAIL))]
    assert len(owner.waiting) == 1


DROPPED = {
    Stage.MAIL: ["C: MAIL*", "(drop)"],
    Stage.RCPT: ["C: MAIL*", "S: 250 ok", "C: RCPT*", "(drop)"],
    Stage.DATA: ["C: MAIL*", "S: 250 ok", "C: RCPT*", "S: 250 ok", "C: DATA", "(drop)"],
    Stage.BODY: [
        *["C: MAIL*", "S: 250 ok", "C: RCPT*", "S: 250 ok", "C: DATA", "S: 354 go"],
        *["C: (content)", "(drop)"],
    ],
}


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
@pytest.mark.parametrize("stage", DROPPED)
def test_421_in_the_middle_of_a_transaction_is_the_answer_and_nothing_more_is_said(opening, stage):
    owner = Owner(2)
    script = [*DROPPED[stage][:-1], "S: 421-4.3.2 we are", "S: 421 4.3.2 closing", "(silence)"]
    session, _ = asyncio.run(held(owner, conversation(opening, script)))
    closing = Reply(421, "4.3.2 we are\n4.3.2 closing")
    assert owner.answers == [(0, Rejected(closing, stage))]
    assert str(closing.enhanced) == "4.3.2"
    assert [*owner.untried, *(each.message_id for each in owner.waiting)] == [1]
    assert not session.ended.is_ours


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
@pytest.mark.parametrize("stage", DROPPED)
def test_a_dropped_connection_breaks_the_message_at_its_stage(opening, stage):
    owner = Owner(1)
    asyncio.run(held(owner, conversation(opening, DROPPED[stage])))
    ((_, broken),) = owner.answers
    assert isinstance(broken, Broken)
    assert (broken.stage, broken.is_doubtful) == (stage, stage is Stage.BODY)


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.BODY])
def test_silence_breaks_the_message_when_its_time_is_up(opening, stage):
    owner = Owner(1)
    script = [*DROPPED[stage][:-1], "(silence)"]
    asyncio.run(held(owner, conversation(opening, script)))
    ((_, broken),) = owner.answers
    assert (broken.stage, broken.is_doubtful) == (stage, stage is Stage.BODY)


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
def test_nonsense_breaks_the_message_and_ends_the_session(opening):
    owner = Owner(2)
    asyncio.run(held(owner, conversation(opening, "C: MAIL*", "S: potatoes", "(silence)")))
    ((_, broken),) = owner.answers
    assert (broken.stage, broken.is_doubtful) == (Stage.MAIL, False)
    assert len(owner.untried) + len(owner.waiting) == 1


@BOTH
def test_a_connection_takes_no_more_messages_than_it_may(opening, one_message):
    owner = Owner(3)
    settings = SessionSettings(tls="off", messages_max=2)
    text = conversation(opening, one_message(), one_message(), BYE)
    asyncio.run(held(owner, text, settings=settings))
    assert len(owner.answers) == 2
    assert len(owner.waiting) == 1


@BOTH
def test_an_idle_session_takes_what_comes_when_it_is_woken(opening, one_message):
    async def run():
        owner = Owner()
        settings = SessionSettings(tls="off", idle_timeout=5)
        async with scripted(conversation(opening, one_message(), BYE)) as server:
            session = await opened(server, owner, settings)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(session.run())
                await asyncio.sleep(0.02)
                assert session.phase == "idle"
                owner.waiting = Owner(1).waiting
                session.wake()
                await server.until(lambda: len(server.contents) == 1)
                session.stop()
        server.check()
        assert session.phase == "over"
        assert owner.answers == [(0, QUEUED)]

    asyncio.run(run())


@BOTH
def test_stop_finishes_what_is_in_flight_and_pulls_no_more(opening, one_message):
    async def run():
        owner = Owner(5)
        async with scripted(conversation(opening, one_message(), BYE)) as server:
            session = await opened(server, owner)
            pull = owner.pull

            def pull_and_stop():
                envelope = pull()
                session.stop()
                return envelope

            session._hooks = Hooks(pull_and_stop, owner.may_send, owner.answered, owner.give_back)
            await session.run()
        server.check()
        assert owner.answers == [(0, QUEUED)]
        assert len(owner.waiting) == 4

    asyncio.run(run())


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.BODY])
def test_a_session_cut_off_by_us_counts_only_a_message_whose_body_is_out(opening, stage):
    async def run():
        owner = Owner(1)
        script = [*DROPPED[stage][:-1], "(silence)"]
        async with scripted(conversation(opening, script)) as server:
            session = await opened(server, owner, SessionSettings(tls="off"))
            task = asyncio.get_running_loop().create_task(session.run())
            if stage is Stage.MAIL:
                await server.until(lambda: len(server.heard[0]) == len(["EHLO", "MAIL"]))
            else:
                await server.until(lambda: len(server.contents) == 1)
            task.cancel()
            await asyncio.wait([task])
        doubtful = [(0, Broken("stopped", Stage.BODY, is_doubtful=True))]
        assert owner.answers == (doubtful if stage is Stage.BODY else [])
        assert owner.untried == ([] if stage is Stage.BODY else [0])

    asyncio.run(run())


@BOTH
def test_what_a_hook_raises_is_raised_by_run(opening, one_message):
    async def run():
        owner = Owner(1)

        def answered(*_):
            raise OSError(28, "No space left on device")

        async with scripted(conversation(opening, one_message(), "(silence)")) as server:
            session = await opened(server, owner)
            session._hooks = Hooks(owner.pull, owner.may_send, answered, owner.give_back)
            with pytest.raises(OSError, match="No space"):
                await session.run()

    asyncio.run(run())


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
def test_421_said_together_with_the_reply_to_ehlo_is_not_lost(opening):
    async def run():
        owner = Owner(0)
        text = conversation(opening, "S: 421 changed my mind", "(drop)")
        async with scripted(text) as server:
            session = await opened(server, owner)
            await session.run()
        assert not session.ended.is_ours
        assert session.ended.reason == "unasked: 421 changed my mind"

    asyncio.run(run())


def test_large_bodies_are_written_whole_although_the_transport_pauses():
    content = (b"z" * 70 + b"\r\n") * 40_000
    owner = Owner(3, content)
    text = conversation(PIPELINED, *[transaction()] * 3, BYE)
    settings = SessionSettings(tls="off", idle_timeout=0.05)
    _, server = asyncio.run(held(owner, text, settings=settings))
    assert owner.answers == [(0, QUEUED), (1, QUEUED), (2, QUEUED)]
    assert server.contents == [content] * 3


def test_nothing_is_pulled_while_the_transport_has_enough_to_write():
    async def run():
        owner = Owner()
        settings = SessionSettings(tls="off")
        async with scripted(conversation(PIPELINED, transaction(), BYE)) as server:
            session = await opened(server, owner, settings)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(session.run())
                await asyncio.sleep(0)
                session.pause_writing()
                owner.waiting = Owner(1).waiting
                session.wake()
                assert len(owner.waiting) == 1
                session.resume_writing()
                assert owner.waiting == []
                await server.until(lambda: len(server.contents) == 1)
                session.stop()
        assert owner.answers == [(0, QUEUED)]

    asyncio.run(run())


@pytest.mark.parametrize("opening", [PIPELINED, PLAIN])
def test_a_connection_lost_before_the_session_began_costs_no_message(opening):
    async def run():
        owner = Owner(1)
        async with scripted(conversation(opening, "(drop)")) as server:
            session = await opened(server, owner)
            while not session._connected.is_lost:  # noqa: ASYNC110 - nobody is told
                await asyncio.sleep(0)
            await session.run()
        assert len(owner.waiting) == 1
        assert owner.answers == []
        assert not session.ended.is_ours

    asyncio.run(run())


def connecting(text, settings=QUICK, source_ip="127.0.0.1"):
    async def run():
        async with scripted(*([text] if isinstance(text, str) else text)) as server:
            result = await connect(server.endpoints(source_ip), settings, NETWORK)
            if isinstance(result, Connected):
                result.smtp.close()
        return result, server

    return asyncio.run(run())


def test_a_refusal_in_the_greeting_is_a_rejection_with_its_reply():
    result, _ = connecting("S: 421 4.3.2 too many connections\n(drop)")
    assert result == Rejected(Reply(421, "4.3.2 too many connections"), Stage.GREETING)


def test_a_refused_ehlo_is_a_rejection():
    result, _ = connecting("S: 220 hi\nC: EHLO *\nS: 421 go away\n(drop)")
    assert result == Rejected(Reply(421, "go away"), Stage.EHLO)


def test_a_server_that_only_knows_helo_is_served_without_extensions():
    result, _ = connecting("S: 220 hi\nC: EHLO *\nS: 502 what?\nC: HELO mta.test\nS: 250 hi")
    assert isinstance(result, Connected)
    assert not result.offers.pipelining


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("(silence)", Stage.GREETING),
        ("(drop)", Stage.GREETING),
        ("S: hello there\n(silence)", Stage.GREETING),
        ("S: 250 hello there\n(silence)", Stage.GREETING),
        ("S: 220 hi\nC: EHLO *\n(drop)", Stage.EHLO),
        ("S: 220 hi\nC: EHLO *\n(silence)", Stage.EHLO),
        ("S: 220 hi\nC: EHLO *\nS: rubbish\n(silence)", Stage.EHLO),
    ],
)
def test_a_handshake_that_fails_is_broken_at_its_stage(text, stage):
    result, _ = connecting(text)
    assert isinstance(result, Broken)
    assert result.stage is stage
    assert result.error


def test_a_refused_connection_is_broken_at_connect():
    async def run():
        async with scripted() as server:
            endpoints = server.endpoints()
        return await connect(endpoints, QUICK, NETWORK)

    result = asyncio.run(run())
    assert isinstance(result, Broken)
    assert result.stage is Stage.CONNECT


def test_the_server_sees_the_source_address():
    _, server = connecting(conversation(PLAIN, "(drop)"), source_ip="127.0.7.9")
    assert server.callers == ["127.0.7.9"]


def test_a_source_address_that_cannot_be_bound_is_said_and_nothing_is_connected():
    result, server = connecting([], source_ip="192.0.2.1")
    assert isinstance(result, SourceUnavailable)
    assert result.source_ip == "192.0.2.1"
    assert server.callers == []


def test_no_destination_outside_this_machine_is_connected_to():
    with pytest.raises(ForbiddenDestination):
        asyncio.run(connect(Endpoints("127.0.0.1", "192.0.2.1", 25), QUICK, NETWORK))


def test_an_empty_helo_is_said_as_an_address_literal():
    assert Endpoints("127.0.0.2", "127.0.0.1", 25).spoken_name == "[127.0.0.2]"
    assert Endpoints("::1", "::1", 25).spoken_name == "[IPv6:::1]"


@pytest.mark.parametrize("helo", ["two words", "mü.test", "a\r\nRSET"])
def test_a_helo_that_cannot_be_said_is_refused(helo):
    with pytest.raises(BadHelo):
        Endpoints("127.0.0.1", "127.0.0.1", 25, helo)


REFUSING_TLS = conversation(greeting("STARTTLS"), "C: STARTTLS", "S: 454 4.7.0 not now")


NEEDING_TLS = pytest.mark.parametrize("mode", ["encrypted", "required"])


@NEEDING_TLS
def test_tls_that_is_needed_and_not_offered_breaks_the_handshake_politely(mode):
    settings = SessionSettings(tls=mode, greeting_timeout=0.2)
    result, server = connecting(conversation(PLAIN, BYE), settings)
    assert result == Broken(f"TLS is {mode} and the server does not offer it", Stage.STARTTLS)
    server.check()


@NEEDING_TLS
def test_tls_that_is_needed_and_refused_rejects_and_takes_leave(mode):
    settings = SessionSettings(tls=mode, greeting_timeout=0.2)
    result, server = connecting(conversation(REFUSING_TLS, BYE), settings)
    assert result == Rejected(Reply(454, "4.7.0 not now"), Stage.STARTTLS)
    server.check()


def test_a_refusal_in_the_greeting_is_answered_by_quit():
    result, server = connecting("S: 554 5.3.2 no service here\nC: QUIT")
    assert result == Rejected(Reply(554, "5.3.2 no service here"), Stage.GREETING)
    server.check()


def test_opportunistic_tls_that_is_refused_goes_on_without_it():
    text = conversation(REFUSING_TLS, "C: EHLO mta.test", "S: 250 mx.test")
    result, server = connecting(text, SessionSettings(greeting_timeout=0.2))
    assert isinstance(result, Connected)
    assert not result.is_encrypted
    server.check()


def test_opportunistic_tls_that_breaks_is_tried_without_on_a_new_connection():
    broken = conversation(
        greeting("STARTTLS"), "C: STARTTLS", "S: 220 go", "S: not TLS at all", "(drop)"
    )
    result, server = connecting(
        [broken, conversation(greeting("STARTTLS"))], SessionSettings(greeting_timeout=0.5)
    )
    assert isinstance(result, Connected)
    assert not result.is_encrypted
    assert len(server.heard) == 2
