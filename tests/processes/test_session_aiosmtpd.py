"""Sessions against aiosmtpd, as it comes and with PIPELINING, with and without TLS."""

import asyncio
import contextlib

import pytest
from aiosmtpd.smtp import SMTP

from mail.outcome import Accepted, Rejected, Stage
from mta.session.dialogue import Envelope
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.hooks import Hooks
from mta.session.plain import PlainSession
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from tests.fakes.certificate import server_context
from world.network import HostNetwork


class Inbox:
    """aiosmtpd's handler: refuses whoever is called nobody."""

    def __init__(self, *, pipelining: bool) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self._pipelining = pipelining

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        session.host_name = hostname
        return [responses[0], *(["250-PIPELINING"] * self._pipelining), *responses[1:]]

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.taken.append((envelope.rcpt_tos[0], envelope.content))
        return "250 2.0.0 taken"


@contextlib.asynccontextmanager
async def listening(inbox, tls=None):
    loop = asyncio.get_running_loop()
    servers = []

    def serve():
        servers.append(SMTP(inbox, tls_context=tls, hostname="mx.test", loop=loop))
        return servers[-1]

    listener = await loop.create_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoints("127.0.0.1", "127.0.0.1", listener.sockets[0].getsockname()[1], "mta.test")
    finally:
        listener.close()
        await listener.wait_closed()


def sent(envelopes, *, pipelining, tls=None, mode="off"):
    inbox, answers = Inbox(pipelining=pipelining), []

    async def run():
        waiting = list(envelopes)
        hooks = Hooks(
            lambda: waiting.pop(0) if waiting else None,
            lambda _: True,
            lambda envelope, answer, _: answers.append(answer),
            lambda envelope: answers.append(None),
        )
        settings = SessionSettings(tls=mode, idle_timeout=0.02)
        async with listening(inbox, tls) as endpoints:
            connected = await connect(endpoints, settings, HostNetwork())
            assert isinstance(connected, Connected)
            assert connected.is_encrypted is (tls is not None and mode != "off")
            assert connected.offers.pipelining is pipelining
            make = PipelinedSession if pipelining else PlainSession
            await make(connected, settings, hooks).run()

    asyncio.run(run())
    return inbox.taken, answers


BOTH = pytest.mark.parametrize("pipelining", [False, True], ids=["plain", "pipelined"])


def letters(*recipients):
    return [
        Envelope(number, "a@x.test", f"{each}@y.test", b"Subject: hi\r\n\r\n.\r\n..dots\r\n")
        for number, each in enumerate(recipients)
    ]


@BOTH
def test_messages_arrive_as_they_were(pipelining):
    taken, answers = sent(letters("one", "two", "three"), pipelining=pipelining)
    content = letters("any")[0].content
    assert taken == [(f"{each}@y.test", content) for each in ("one", "two", "three")]
    assert all(isinstance(each, Accepted) for each in answers)


@BOTH
def test_refused_recipients_do_not_harm_those_around_them(pipelining):
    taken, answers = sent(letters("one", "nobody", "nobody", "two"), pipelining=pipelining)
    assert [each for each, _ in taken] == ["one@y.test", "two@y.test"]
    assert [type(each) for each in answers] == [Accepted, Rejected, Rejected, Accepted]
    assert answers[1].stage is Stage.RCPT


@BOTH
@pytest.mark.parametrize("mode", ["off", "opportunistic", "encrypted"])
def test_messages_arrive_over_tls_where_it_is_wanted(pipelining, mode, tmp_path):
    tls = server_context(tmp_path)
    taken, _ = sent(letters("one", "two"), pipelining=pipelining, tls=tls, mode=mode)
    assert [each for each, _ in taken] == ["one@y.test", "two@y.test"]
