"""Sinks with certificates, good and bad, and the stages at which a sink may refuse."""

import asyncio
import contextlib
import smtplib
import ssl
from typing import get_args

import pytest
import uvloop

from mail.outcome import Broken
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.settings import SessionSettings
from sinks.certificates import server_context
from sinks.service import SinkService
from sinks.settings import Certificate, SinkSettings
from tests.fakes.running_lab import free_ports
from tests.fakes.talking_sink import Sink, talk
from world.chance import SeededChance
from world.clock import SystemClock
from world.network import HostNetwork

NOW = SystemClock().now()
KINDS = get_args(Certificate)


LOOPS = pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


def outcome(folder, kind, mode, loop=asyncio.run):
    """What our own sender makes of a sink with such a certificate."""
    [port] = free_ports(1)
    settings = SinkSettings(listen=f"127.0.0.1:{port}", mx="mx.shop.test", certificate=kind)

    async def run():
        service = SinkService({"mx1": settings}, {}, folder, SystemClock(), SeededChance(1))
        await service.start()
        try:
            ca = folder / "tls" / "ca.pem"
            ends = Endpoints("127.0.0.1", "127.0.0.1", port, "mta.test", mx_name="mx.shop.test")
            wanted = SessionSettings(tls=mode, tls_ca=ca.read_text() if ca.exists() else None)
            found = await connect(ends, wanted, HostNetwork())
            if isinstance(found, Connected):
                found.transport.abort()
                return found.is_encrypted
            assert isinstance(found, Broken)
            return found.error
        finally:
            await service.stop()

    return loop(run())


@LOOPS
def test_each_kind_of_certificate_is_what_it_says_to_a_sender_that_checks(tmp_path, loop):
    found = {kind: outcome(tmp_path, kind, "required", loop) for kind in KINDS}
    assert found.pop("good") is True
    assert "does not offer" in found.pop("none")
    assert "expired" in found["expired"]
    assert "self-signed" in found["self_signed"].lower().replace("self signed", "self-signed")
    assert "mx.shop.test" in found["wrong_name"]


def test_a_sender_that_does_not_check_takes_any(tmp_path):
    assert {kind: outcome(tmp_path, kind, "encrypted") for kind in KINDS if kind != "none"} == {
        kind: True for kind in KINDS if kind != "none"
    }
    assert outcome(tmp_path, "none", "opportunistic") is False


def test_the_authority_stays_the_same_and_its_keys_are_nobody_elses(tmp_path):
    server_context(tmp_path, "mx.a.test", "good", NOW)
    before = (tmp_path / "ca.pem").read_bytes()
    server_context(tmp_path, "mx.b.test", "expired", NOW)
    assert (tmp_path / "ca.pem").read_bytes() == before
    assert {each.stat().st_mode & 0o077 for each in tmp_path.iterdir()} == {0}


@pytest.mark.parametrize(
    ("stage", "said", "codes"),
    [
        ("ehlo", b"EHLO a\r\n", [554]),
        ("data", b"EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n",
         [250, 250, 250, 554]),
    ],
)  # fmt: skip
def test_a_sink_refuses_or_hangs_up_at_every_stage(tmp_path, stage, said, codes):
    async def refused(sink):
        client = await sink.connect(says_ehlo=False)
        await client.say(said, *codes)

    async def dropped(sink):
        client = await sink.connect(says_ehlo=False)
        await client.say(said, *codes[:-1])
        with contextlib.suppress(ConnectionResetError):
            assert await client.reader.read() == b""

    talk(tmp_path / "a", refused, refuse=[{"stage": stage, "reply": "554 5.7.1 Not you"}])
    talk(tmp_path / "b", dropped, refuse=[{"stage": stage, "reply": "drop"}])


def test_starttls_may_be_offered_and_refused(tmp_path):
    [port] = free_ports(1)
    settings = {
        "mx1": SinkSettings(listen=f"127.0.0.1:{port}", certificate="good", personality="torn")
    }
    from sinks.settings import Personality

    torn = Personality(refuse=[{"stage": "starttls", "reply": "454 4.7.0 Not now"}])

    async def run():
        service = SinkService(settings, {"torn": torn}, tmp_path, SystemClock(), SeededChance(1))
        await service.start()
        try:
            await asyncio.to_thread(ask)
        finally:
            await service.stop()

    def ask():
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            client.ehlo()
            assert client.has_extn("STARTTLS")
            with pytest.raises(smtplib.SMTPResponseException, match="Not now"):
                client.starttls(context=ssl._create_unverified_context())
            assert client.noop()[0] == 250

    asyncio.run(run())


def test_a_tarpit_says_everything_one_character_at_a_time(tmp_path):
    async def dialogue(sink):
        begun = asyncio.get_running_loop().time()
        client = await sink.connect(says_ehlo=False)
        await client.say(b"NOOP\r\n", 250)
        assert asyncio.get_running_loop().time() - begun >= 0.01 * len("220 mx.example.test ESMTP")

    talk(tmp_path, dialogue, tarpit="10ms")


def test_an_open_connection_keeps_the_certificate_that_it_was_offered(tmp_path):
    [port] = free_ports(1)
    settings = SinkSettings(listen=f"127.0.0.1:{port}", mx="mx.shop.test", personality="tls")

    async def run():
        service = SinkService({"mx1": settings}, {}, tmp_path, SystemClock(), SeededChance(1))
        await service.start()
        try:
            sink = Sink(service, tmp_path)
            before = await sink.connect()
            service.set_personality("mx1", "accept")
            after = await sink.connect()
            await before.say(b"STARTTLS\r\n", 220)
            await after.say(b"STARTTLS\r\n", 454)
            for each in sink.clients:
                await each.hang_up()
        finally:
            await service.stop()

    asyncio.run(run())
