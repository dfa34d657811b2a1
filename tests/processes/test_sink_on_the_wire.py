"""Faults, certificates and changes over real sockets: what a client sees of them."""

import asyncio
import contextlib
import smtplib
import socket
import ssl

import pytest
import uvloop

from sinks import control
from sinks.certificates import authority
from sinks.errors import BadWord, NoSuchSink, SinkFilesUnusable, SinksNotRunning, SinksRefused
from sinks.inbox import content
from sinks.settings import Personality
from tests.fakes.talking_sink import HandClock, talk

EHLO = b"EHLO mta.lab.test\r\n"
MAIL, RCPT = b"MAIL FROM:<a@lab.test>\r\n", b"RCPT TO:<anna@example.test>\r\n"
ENVELOPE = MAIL + RCPT + b"DATA\r\n"
LETTER = b"Message-ID: <1@lab.test>\r\n\r\nHello\r\n"


async def end(client):
    """Whether the connection ends, by FIN (b"") or by RST."""
    try:
        return await client.reader.read()
    except ConnectionResetError:
        return "reset"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("ehlo", EHLO),
        ("mail", EHLO + MAIL),
        ("rcpt", EHLO + MAIL + RCPT),
        ("data", EHLO + ENVELOPE),
    ],
)
def test_each_stage_can_be_refused(tmp_path, stage, said):
    async def dialogue(sink):
        client = await sink.connect(says_ehlo=False)
        *before, _ = said.splitlines()
        await client.say(said, *[250 for _ in before], 450)
        await client.say(b"NOOP\r\n", 250)
        ((where, _, reply),) = sink.refusals
        assert (where, reply) == (stage, "450 4.7.0 Not 127.0.0.1")

    talk(tmp_path, dialogue, refuse=[{"stage": stage, "reply": "450 4.7.0 Not {ip}"}])


def test_a_client_goes_on_with_helo_where_ehlo_is_unknown(tmp_path):
    async def dialogue(sink):
        host, port = sink.service.addresses["mx1"]

        def send():
            with smtplib.SMTP(host, port) as client:
                client.sendmail("a@lab.test", ["anna@x.test"], "Subject: x\n\nx")
                assert not client.does_esmtp

        await asyncio.get_running_loop().run_in_executor(None, send)
        assert len(sink.receipts) == 1

    talk(tmp_path, dialogue, refuse=[{"stage": "ehlo", "reply": "502 5.5.1 What?"}])


def test_a_tarpit_says_every_byte_on_its_own(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(greeting=0)
        pieces = []
        while not b"".join(pieces).endswith(b"\r\n"):
            pieces.append(await client.reader.read(65536))
        assert b"".join(pieces).startswith(b"220 ")
        assert len(pieces) > 5  # on a busy machine some arrive together
        await client.say(EHLO + ENVELOPE, 250, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        assert len(sink.receipts) == 1

    talk(tmp_path, dialogue, tarpit={"pause": "2ms"})


def test_a_client_that_leaves_a_tarpit_frees_its_place(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(greeting=0)
        assert await client.reader.read(1) == b"2"
        await client.hang_up()
        while sink.service.views()[0]["connections"]:  # noqa: ASYNC110 - the dialogue's timeout ends it
            await asyncio.sleep(0.01)

    talk(tmp_path, dialogue, tarpit={"pause": "1h"}, connections={"max": 1})


def test_a_stalled_reply_comes_in_two_parts(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        client.writer.write(ENVELOPE)
        assert await client.reader.readexactly(2) == b"25"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.05)
        assert (await client.reader.readline()).startswith(b"0 2.1.0")
        await client.say(b"", 250, 354)

    talk(tmp_path, dialogue, stall=[{"stage": "mail", "time": "300ms", "said": 2}])


@pytest.mark.parametrize(("said", "kept"), [(0, 0), (3, 1)])
def test_a_reply_to_a_message_that_never_comes(tmp_path, said, kept):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        client.writer.write(LETTER + b".\r\n")
        assert await client.reader.readexactly(said) == b"250"[:said]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.1)
        assert len(sink.receipts) == kept

    talk(tmp_path, dialogue, stall=[{"stage": "body", "said": said}])


def test_a_connection_stays_open_after_quit(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"QUIT\r\n", 221)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(), 0.1)
        assert await end(client) == b""

    talk(tmp_path, dialogue, slow_close={"delay": "500ms"})


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize(
    ("cut", "codes", "kept"),
    [
        ({"stage": "mail"}, [], 0),
        ({"stage": "mail", "when": "after"}, [250], 0),
        ({"stage": "data", "when": "after"}, [250, 250, 354], 0),
        ({"stage": "content", "after_bytes": 10}, [250, 250, 354], 0),
        ({"stage": "content", "after_bytes": 10_000}, [250, 250, 354], 0),
        ({"stage": "body"}, [250, 250, 354], 0),
        ({"stage": "body", "kept": True}, [250, 250, 354], 1),
        ({"stage": "body", "when": "after"}, [250, 250, 354, 250], 1),
    ],
)
def test_a_connection_ends_at_its_point(tmp_path, cut, codes, kept, run):
    async def dialogue(sink):
        client = await sink.connect()
        wire = (MAIL, RCPT, b"DATA\r\n", LETTER + b".\r\n")
        for data, code in zip(wire, codes, strict=False):
            await client.say(data, code)
        if not codes:
            client.writer.write(MAIL)
        if not kept or "kept" in cut:
            client.writer.write(LETTER + b".\r\n")
        assert await end(client) in {b"", "reset"}
        assert len(sink.receipts) == kept

    talk(tmp_path, dialogue, drop=[cut], run=run)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_connection_may_be_torn(tmp_path, run):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(MAIL, 250)
        client.writer.write(RCPT)
        assert await end(client) == "reset"

    talk(tmp_path, dialogue, drop=[{"stage": "rcpt", "how": "reset"}], run=run)


def test_only_what_is_offered_is_taken(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(says_ehlo=False)
        (reply,) = await client.say(EHLO, 250)
        assert reply == "250-mx.example.test\r\n250 SIZE 2000\r\n"
        await client.say(b"MAIL FROM:<a@lab.test> BODY=8BITMIME\r\n", 555)
        await client.say(b"MAIL FROM:<a@lab.test> SMTPUTF8\r\n", 555)
        await client.say(b"MAIL FROM:<a@lab.test> SIZE=2001\r\n", 552)
        await client.say(b"MAIL FROM:<a@lab.test> SIZE=2000\r\n", 250)

    def small(sink):
        also = {"s": Personality.model_validate({"extensions": ["SIZE"], "size_limit": 2000})}
        sink.service.set_personality("mx1", "s", also)
        return dialogue(sink)

    talk(tmp_path, small)


def starttls(sink, context, name="mx.example.test"):
    """Over TLS as a client does it; raises what ``ssl`` raises."""
    host, port = sink.service.addresses["mx1"]

    def send():
        with socket.create_connection((host, port)) as raw, raw.makefile("rb") as lines:
            assert lines.readline().startswith(b"220")
            raw.sendall(EHLO)
            offers = b""
            while not offers.splitlines()[-1:] or offers.splitlines()[-1][3:4] == b"-":
                offers += lines.readline()
            raw.sendall(b"STARTTLS\r\n")
            reply = lines.readline()
            if not reply.startswith(b"220"):
                return offers, reply
            with context.wrap_socket(raw, server_hostname=name) as secured:
                secured.sendall(EHLO)
                again = secured.recv(65536)
                assert b"STARTTLS" not in again
                secured.sendall(ENVELOPE + LETTER + b".\r\nSTARTTLS\r\nQUIT\r\n")
                said = b""
                while piece := secured.recv(65536):
                    said += piece
                return offers, said

    return asyncio.get_running_loop().run_in_executor(None, send)


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_good_certificate_is_trusted_through_the_labs_authority(tmp_path, run):
    async def dialogue(sink):
        context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
        for name in ("mx.example.test", "127.0.0.1"):
            offers, said = await starttls(sink, context, name)
            assert b"STARTTLS" in offers
            assert [line[:3] for line in said.splitlines()] == [
                b"250", b"250", b"354", b"250", b"503", b"221",
            ]  # fmt: skip
        assert [receipt.tls for receipt in sink.receipts] == [True, True]
        with pytest.raises(ssl.SSLCertVerificationError):
            await starttls(sink, ssl.create_default_context())

    talk(tmp_path, dialogue, certificate="good", run=run)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("expired", "expired"),
        ("not_yet_valid", "not yet valid"),
        ("self_signed", "self.signed"),
        ("wrong_name", "mismatch"),
        ("untrusted", "unable to get local issuer|self.signed|signature"),
    ],
)
def test_a_bad_certificate_is_bad_in_its_own_way(tmp_path, kind, why):
    async def dialogue(sink):
        context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
        with pytest.raises(ssl.SSLCertVerificationError, match=why):
            await starttls(sink, context)
        careless = ssl.create_default_context()
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        await starttls(sink, careless)
        assert len(sink.receipts) == 1

    talk(tmp_path, dialogue, certificate=kind)


def test_without_a_certificate_tls_is_not_offered_and_a_rule_may_refuse_it(tmp_path):
    async def dialogue(sink):
        offers, reply = await starttls(sink, None)
        assert b"STARTTLS" not in offers
        assert reply.startswith(b"454 ")
        refusal = {"stage": "starttls", "reply": "454 4.7.0 Not now"}
        also = {"shy": Personality.model_validate({"refuse": [refusal]})}
        sink.service.set_personality("mx1", "shy", also)
        offers, reply = await starttls(sink, None)
        assert b"STARTTLS" in offers
        assert reply == b"454 4.7.0 Not now\r\n"
        assert ("starttls", (), "454 4.7.0 Not now") in sink.refusals

    talk(tmp_path, dialogue)


def test_mail_is_refused_before_tls_where_it_must_be(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 530, 503, 503)
        context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")
        await starttls(sink, context)
        assert len(sink.receipts) == 1

    talk(tmp_path, dialogue, certificate="good", require_tls=True)


def test_the_authority_stays_and_is_made_anew_when_it_ends(tmp_path):
    year = 365 * 86400
    first = authority(tmp_path, 50 * year).read_bytes()
    assert authority(tmp_path, 51 * year).read_bytes() == first
    assert authority(tmp_path, 62 * year).read_bytes() != first
    (tmp_path / "authority.pem").write_text("nonsense")
    with pytest.raises(SinkFilesUnusable, match="certificates"):
        authority(tmp_path, 62 * year)


def test_a_running_sink_becomes_another_at_once_and_remembers(tmp_path):
    clock = HandClock()

    async def dialogue(sink):
        open_one = await sink.connect()
        await open_one.say(MAIL + RCPT, 250, 450)
        loop = asyncio.get_running_loop()

        def ask(personality):
            request = {"do": "set", "sink": "mx1", "personality": personality}
            return loop.run_in_executor(None, control.ask, tmp_path, request)

        await ask("blocked")
        await open_one.say(RCPT, 250)  # it was let in; greylisting is no more
        await sink.connect(greeting=554)
        answer = await ask("tested")
        assert answer["sinks"][0]["personality"] == "tested"
        clock.time += 300
        again = await sink.connect()
        await again.say(ENVELOPE, 250, 250, 354)
        await again.say(LETTER + b".\r\n", 250)
        (view,) = (await loop.run_in_executor(None, control.ask, tmp_path, {"do": "list"}))["sinks"]
        assert (view["accepted"], view["refused"], view["connections"]) == (1, 2, 2)
        with pytest.raises(SinksRefused, match="there is no personality 'x'"):
            await ask("x")

    talk(tmp_path, dialogue, clock=clock, greylist={"delay": "5m"})


def test_the_door_refuses_what_it_does_not_know(tmp_path):
    async def dialogue(sink):
        loop = asyncio.get_running_loop()
        service = sink.service
        with pytest.raises(NoSuchSink, match="'mx2'"):
            service.set_personality("mx2", "accept")
        odd = {
            "do": "set",
            "sink": "mx1",
            "personality": "accept",
            "personalities": {"x": {"y": 1}},
        }
        for request in ({"do": "dance"}, {}, odd):
            with pytest.raises(SinksRefused):
                await loop.run_in_executor(None, control.ask, tmp_path, request)
        reader, writer = await asyncio.open_unix_connection(control.socket_path(tmp_path))
        writer.write(b"no json\n")
        assert b'"ok":false' in await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        with pytest.raises(SinkFilesUnusable, match="other sinks run"):
            async with control.listening(tmp_path, lambda request: request):
                raise BadWord("it let us in")
        assert sink.service.views()[0]["personality"] == "tested"

    talk(tmp_path, dialogue)
    with pytest.raises(SinksNotRunning, match="no sinks run in"):
        control.ask(tmp_path, {"do": "list"})
    assert not control.socket_path(tmp_path).exists()


def test_a_folder_of_a_long_name_has_its_door_elsewhere(tmp_path):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()

    async def dialogue(sink):
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(None, control.ask, folder, {"do": "list"})
        assert answer["sinks"][0]["sink"] == "mx1"

    talk(folder, dialogue)
    assert not control.socket_path(folder).exists()


def test_what_a_smtplib_client_sends_to_gmail_arrives(tmp_path):
    async def dialogue(sink):
        sink.service.set_personality("mx1", "gmail")
        host, port = sink.service.addresses["mx1"]
        context = ssl.create_default_context(cafile=tmp_path / "tls" / "ca.pem")

        def send():
            with smtplib.SMTP(host, port) as client:
                client.starttls(context=context)
                client.sendmail("a@lab.test", ["anna@x.test"], "Subject: Hi\n\nHi\n")
                with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                    client.sendmail("a@lab.test", ["unknown@x.test"], "x")
                code, text = caught.value.recipients["unknown@x.test"]
                assert code == 550
                assert text.startswith(b"5.1.1 There is no account")

        await asyncio.get_running_loop().run_in_executor(None, send)
        (receipt,) = sink.receipts
        assert receipt.tls
        assert b"Subject: Hi" in content(tmp_path, receipt)

    talk(tmp_path, dialogue)
