"""Certificates and logins, against aiosmtpd and against conversations as they are written down."""

import asyncio
import base64
import hmac

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from mail.outcome import Accepted, Broken, Rejected, Stage
from mail.reply import Reply
from mta.classify import Classifier
from mta.session.envelope import Envelope
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.hooks import Hooks
from mta.session.plain import PlainSession
from mta.session.settings import Credentials, SessionSettings
from mta.session.shell import PipelinedSession
from tests.fakes.authority import EXPIRED, authority
from tests.fakes.scripted_server import BYE, conversation, greeting, scripted, transaction
from world.network import HostNetwork

NAME = "mx.y.test"
SECRET = "correct horse battery staple"
JOE = Credentials("joe", SECRET)


class Inbox:
    """aiosmtpd's handler, with PIPELINING where it is wanted."""

    def __init__(self, *, pipelining):
        self._pipelining = pipelining

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] * self._pipelining), *responses[1:]]

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        return f"250 2.0.0 taken from {session.auth_data}"


def check(server, session, envelope, mechanism, data):
    is_joe = (data.login, data.password) == (b"joe", SECRET.encode())
    return AuthResult(success=is_joe, handled=False, auth_data="joe" if is_joe else None)


async def outcome(settings, tls=None, *, pipelining=False, **options):
    """What becomes of the connection, and of one message if there is one."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(
        lambda: SMTP(
            Inbox(pipelining=pipelining), tls_context=tls, hostname=NAME, loop=loop, **options
        ),
        "127.0.0.1",
        0,
    )
    port = listener.sockets[0].getsockname()[1]
    endpoints = Endpoints("127.0.0.1", "127.0.0.1", port, "mta.test", NAME)
    try:
        connected = await connect(endpoints, settings, HostNetwork())
        if not isinstance(connected, Connected):
            return connected
        answers, waiting = [], [Envelope(1, "a@x.test", "b@y.test", b"hi\r\n")]
        hooks = Hooks(
            lambda: waiting.pop() if waiting else None,
            lambda _: True,
            lambda _, answer, __: answers.append(answer),
            answers.append,
        )
        make = PipelinedSession if connected.offers.pipelining else PlainSession
        await make(connected, settings, hooks).run()
        return answers[0]
    finally:
        listener.close()
        await listener.wait_closed()


def verifying(tls, *, trusted=None, **settings):
    wanted = SessionSettings(
        tls="required", tls_ca=trusted or authority("lab").pem, idle_timeout=0.05, **settings
    )
    return asyncio.run(outcome(wanted, tls))


def reason(broken):
    return Classifier.packaged().classify(broken, 1).reason.label


def test_a_certificate_of_a_trusted_authority_for_the_mx_host_is_believed(tmp_path):
    assert isinstance(verifying(authority("lab").server_context(tmp_path, NAME)), Accepted)


def test_a_wildcard_stands_for_one_label(tmp_path):
    assert isinstance(verifying(authority("lab").server_context(tmp_path, "*.y.test")), Accepted)
    assert isinstance(verifying(authority("lab").server_context(tmp_path, "*.test")), Broken)


@pytest.mark.parametrize(
    ("made", "said", "label"),
    [
        ({"ends": EXPIRED}, "the certificate has expired", "certificate_expired"),
        (
            {"is_self_signed": True},
            "the certificate is self-signed",
            "certificate_self_signed",
        ),
        (
            {"name": "mx.other.test"},
            f"the certificate is for another name than {NAME}",
            "certificate_wrong_name",
        ),
        (
            {"has_san": False},
            f"the certificate is for another name than {NAME}",
            "certificate_wrong_name",
        ),
        (
            {"by": "stranger"},
            "the certificate is of an unknown authority",
            "certificate_not_trusted",
        ),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_apart(tmp_path, made, said, label):
    by = authority(made.pop("by", "lab"))
    result = verifying(by.server_context(tmp_path, made.pop("name", NAME), **made))
    assert result == Broken(said, Stage.STARTTLS)
    assert reason(result) == label


def test_without_an_authority_of_its_own_a_route_trusts_those_of_this_machine(tmp_path):
    settings = SessionSettings(tls="required")
    result = asyncio.run(outcome(settings, authority("lab").server_context(tmp_path, NAME)))
    assert reason(result) == "certificate_not_trusted"


@pytest.mark.parametrize("mode", ["opportunistic", "encrypted"])
def test_other_modes_encrypt_with_whatever_certificate_there_is(tmp_path, mode):
    tls = authority("lab").server_context(tmp_path, "mx.other.test", ends=EXPIRED)
    settings = SessionSettings(tls=mode, idle_timeout=0.05)
    assert isinstance(asyncio.run(outcome(settings, tls)), Accepted)


# --- AUTH --------------------------------------------------------------------------------------

AUTH = {"authenticator": check, "auth_required": True}


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("excluded", [[], ["PLAIN"], ["LOGIN"]])
def test_a_login_over_tls_lets_messages_through(tmp_path, pipelining, excluded):
    tls = authority("lab").server_context(tmp_path, NAME)
    settings = SessionSettings(tls="encrypted", credentials=JOE, idle_timeout=0.05)
    options = {**AUTH, "auth_require_tls": True, "auth_exclude_mechanism": excluded}
    answer = asyncio.run(outcome(settings, tls, pipelining=pipelining, **options))
    assert answer == Accepted(Reply(250, "2.0.0 taken from joe"))


def test_a_login_to_this_machine_needs_no_tls():
    settings = SessionSettings(tls="off", credentials=JOE, idle_timeout=0.05)
    answer = asyncio.run(outcome(settings, auth_require_tls=False, authenticator=check))
    assert answer == Accepted(Reply(250, "2.0.0 taken from joe"))


def test_a_wrong_password_is_a_rejection_at_auth():
    settings = SessionSettings(tls="off", credentials=Credentials("joe", "guess"))
    answer = asyncio.run(outcome(settings, auth_require_tls=False, authenticator=check))
    assert (answer.stage, answer.reply.code) == (Stage.AUTH, 535)
    assert reason(answer) == "auth_failed"


def test_a_server_that_offers_no_auth_is_sent_nothing():
    settings = SessionSettings(tls="off", credentials=JOE)
    answer = asyncio.run(outcome(settings))
    assert answer == Broken("AUTH is configured and the server does not offer it", Stage.AUTH)
    assert reason(answer) == "auth_failed"


def scripted_login(*lines, opening="AUTH PLAIN LOGIN CRAM-MD5"):
    async def run():
        text = conversation(greeting("PIPELINING", opening), *lines)
        async with scripted(text) as server:
            settings = SessionSettings(tls="off", credentials=JOE, greeting_timeout=5)
            result = await connect(server.endpoints(), settings, HostNetwork())
            if isinstance(result, Connected):
                result.smtp.close()
        server.check()
        return result

    return asyncio.run(run())


def encoded(text):
    return base64.b64encode(text.encode()).decode()


PLAIN = f"AUTH PLAIN {encoded(chr(0) + 'joe' + chr(0) + SECRET)}"


def test_in_clear_the_mechanism_that_hides_the_password_is_taken():
    challenge = "<1896.697170952@mx>"
    digest = hmac.new(SECRET.encode(), challenge.encode(), "md5").hexdigest()
    result = scripted_login(
        "C: AUTH CRAM-MD5",
        f"S: 334 {encoded(challenge)}",
        f"C: {encoded(f'joe {digest}')}",
        "S: 235 2.7.0 welcome",
    )
    assert isinstance(result, Connected)


def test_a_mechanism_that_is_not_taken_after_all_is_followed_by_the_next():
    result = scripted_login(
        "C: AUTH CRAM-MD5", "S: 504 5.5.4 not that", f"C: {PLAIN}", "S: 235 2.7.0 welcome"
    )
    assert isinstance(result, Connected)


def test_a_password_that_is_not_taken_is_not_tried_again():
    result = scripted_login(f"C: {PLAIN}", "S: 535 5.7.8 no", BYE, opening="AUTH PLAIN LOGIN")
    assert result == Rejected(Reply(535, "5.7.8 no"), Stage.AUTH)


def test_what_a_server_echoes_of_a_password_is_struck_out():
    result = scripted_login(
        f"C: {PLAIN}", f"S: 535 5.7.8 bad: {PLAIN} ({SECRET})", BYE, opening="AUTH PLAIN"
    )
    assert result.reply.text == "5.7.8 bad: AUTH PLAIN *** (***)"
    assert SECRET not in repr(JOE)
    assert SECRET not in repr(SessionSettings(credentials=JOE))


def test_mechanisms_that_we_do_not_speak_are_named():
    result = scripted_login(BYE, opening="AUTH GSSAPI XOAUTH2")
    assert result == Broken(
        "AUTH is offered by GSSAPI, XOAUTH2 only, which we do not speak", Stage.AUTH
    )


def test_a_password_is_said_to_no_other_machine_without_tls():
    from mta.session.login import log_in

    result = asyncio.run(log_in(None, JOE, "192.0.2.1", is_encrypted=False))
    assert result == Broken("AUTH is said over TLS only, which this connection has not", Stage.AUTH)


def test_what_comes_right_after_the_login_is_not_lost():
    async def run():
        text = conversation(
            greeting("PIPELINING", "AUTH PLAIN"),
            f"C: {PLAIN}",
            "S: 235-2.7.0 welcome\nS: 235 2.7.0 joe\nS: 421 4.3.2 changed my mind",
            "(drop)",
        )
        async with scripted(text) as server:
            settings = SessionSettings(tls="off", credentials=JOE, greeting_timeout=5)
            connected = await connect(server.endpoints(), settings, HostNetwork())
            session = PipelinedSession(connected, settings, Hooks(bool, bool, print, print))
            await session.run()
        return session.ended

    ended = asyncio.run(run())
    assert ended.reason == "unasked: 421 4.3.2 changed my mind"


def test_after_a_login_messages_go_as_without():
    async def run():
        text = conversation(
            greeting("PIPELINING", "AUTH PLAIN"), f"C: {PLAIN}", "S: 235 ok", transaction(), BYE
        )
        answers, waiting = [], [Envelope(1, "a@sender.test", "b@y.test", b"hi\r\n")]
        hooks = Hooks(
            lambda: waiting.pop() if waiting else None,
            lambda _: True,
            lambda _, answer, __: answers.append(answer),
            answers.append,
        )
        async with scripted(text) as server:
            settings = SessionSettings(tls="off", credentials=JOE, idle_timeout=0.05)
            connected = await connect(server.endpoints(), settings, HostNetwork())
            await PipelinedSession(connected, settings, hooks).run()
        server.check()
        return answers

    assert [type(each) for each in asyncio.run(run())] == [Accepted]
