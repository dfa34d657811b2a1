"""Sinks as ordinary clients and a supervisor meet them: smtplib, aiosmtplib, start and stop."""

import asyncio
import smtplib
import socket
from email.message import EmailMessage

import aiosmtplib
import pytest

from sinks.errors import BadSinkName, ListenAddressUnusable, UnknownPersonality
from sinks.inbox import content, list_inbox
from sinks.receipts import read_receipts, receipt_by_id
from sinks.service import SinkService
from sinks.settings import Personality, SinkSettings
from world.chance import SeededChance
from world.clock import SystemClock


def settings_on(port=0, **more):
    defaults = {"listen": f"127.0.0.1:{port}", "mx": "mx.test", "personality": "accept"}
    defaults |= {"inbox": True, "size_limit": 10_000_000}
    return SinkSettings.model_construct(**(defaults | more))


def service_of(directory, sinks, **personalities):
    return SinkService(sinks, personalities, directory, SystemClock(), SeededChance(1))


def while_running(service, use):
    async def main():
        await service.start()
        try:
            async with asyncio.timeout(20):
                await use()
        finally:
            await service.stop()

    asyncio.run(main())


def letter(to="anna@example.test", body=".\n..leading dots\n\nend\n."):
    message = EmailMessage()
    message["From"] = "Shop <shop@lab.test>"
    message["To"] = to
    message["Subject"] = "Grüße"
    message["Message-ID"] = "<1@lab.test>"
    message.set_content(body)
    return message


def test_aiosmtplib_delivers_and_the_inbox_shows_it(tmp_path):
    service = service_of(tmp_path, {"mx1": settings_on()})

    async def use():
        host, port = service.addresses["mx1"]
        async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False) as client:
            for n in range(3):
                _, reply = await client.send_message(letter(f"anna{n}@example.test"))
                assert "mx1-" in reply

    while_running(service, use)
    newest, *_ = entries = list_inbox(tmp_path)
    assert len(entries) == 3
    assert (newest.subject, newest.sender) == ("Grüße", "Shop <shop@lab.test>")
    assert newest.receipt.rcpt_to == ("anna2@example.test",)
    kept = content(tmp_path, receipt_by_id(tmp_path, newest.receipt.id))
    assert b"\r\n\r\n.\r\n..leading dots\r\n\r\nend\r\n.\r\n" in kept


def test_smtplib_hears_what_the_address_asks_for(tmp_path):
    service = service_of(tmp_path, {"mx1": settings_on()})

    def send(host, port):
        with smtplib.SMTP(host, port) as client:
            client.send_message(letter(), "ä@lab.test", ["zoë@example.test"], ["SMTPUTF8"])
            with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
                client.sendmail("a@lab.test", ["bounce-552-5.2.2@x.test", "defer@x.test"], b"x")
            codes = {each: reply[0] for each, reply in caught.value.recipients.items()}
            assert codes == {"bounce-552-5.2.2@x.test": 552, "defer@x.test": 451}
            for _ in range(2):
                with pytest.raises(smtplib.SMTPRecipientsRefused):
                    client.sendmail("a@lab.test", ["anna+defer2x@x.test"], b"x")
            client.sendmail("a@lab.test", ["anna+defer2x@x.test"], b"x\n")

    async def use():
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, send, *service.addresses["mx1"])

    while_running(service, use)
    assert [r.rcpt_to for r in read_receipts(tmp_path)] == [
        ("zoë@example.test",),
        ("anna+defer2x@x.test",),
    ]


def test_many_connections_at_once_lose_and_mix_nothing(tmp_path):
    service = service_of(tmp_path, {"mx1": settings_on(), "mx2": settings_on()})

    async def send(name, n):
        host, port = service.addresses[name]
        async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False) as client:
            for m in range(5):
                to = f"{name}-{n}-{m}@example.test"
                await client.sendmail("a@lab.test", [to], f"To: {to}\r\n\r\n{to}\r\n")

    async def use():
        async with asyncio.TaskGroup() as group:
            for n in range(20):
                for name in ("mx1", "mx2"):
                    group.create_task(send(name, n))

    while_running(service, use)
    receipts = list(read_receipts(tmp_path))
    assert len({r.rcpt_to for r in receipts}) == len(receipts) == 200
    for receipt in receipts:
        (to,) = receipt.rcpt_to
        assert to.startswith(receipt.sink)
        assert content(tmp_path, receipt) == f"To: {to}\r\n\r\n{to}\r\n".encode()


def test_a_port_in_use_is_told_with_sink_and_address(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service = service_of(tmp_path, {"free": settings_on(), "mx1": settings_on(port)})

        async def main():
            with pytest.raises(ListenAddressUnusable) as caught:
                await service.start()
            assert f"sink 'mx1' cannot listen on 127.0.0.1:{port}" in str(caught.value)
            assert "choose another port" in caught.value.remedy
            assert service.addresses == {}
            await service.stop()

        asyncio.run(main())


def test_an_address_of_another_machine_is_told(tmp_path):
    service = service_of(tmp_path, {"mx1": settings_on(listen="192.0.2.1:2525")})
    with pytest.raises(ListenAddressUnusable, match="this machine has no such address"):
        asyncio.run(service.start())


def test_a_service_starts_again_after_it_was_stopped(tmp_path):
    service = service_of(tmp_path, {"mx1": settings_on()})

    async def main():
        await service.stop()
        for _ in range(2):
            await service.start()
            await service.start()
            host, port = service.addresses["mx1"]
            async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False) as client:
                await client.send_message(letter())
            await service.stop()

    asyncio.run(main())
    assert len(list(read_receipts(tmp_path))) == 2


def test_what_is_wrong_with_the_settings_is_told_before_anything_starts(tmp_path):
    with pytest.raises(UnknownPersonality, match=r"sink\.mx1\.personality.*'gentle'"):
        service_of(tmp_path, {"mx1": settings_on(personality="gentle")})
    with pytest.raises(BadSinkName, match=r"mx\.1"):
        service_of(tmp_path, {"mx.1": settings_on()})
    assert list(tmp_path.iterdir()) == []


def test_a_random_seed_is_drawn_from_the_chance_handed_in(tmp_path):
    def unknown(seed):
        random_users = Personality.model_validate(
            {"seed": "random", "unknown_users": {"share": 0.5}}
        )
        service = SinkService(
            {"mx1": settings_on(personality="random_users")},
            {"random_users": random_users},
            tmp_path,
            SystemClock(),
            SeededChance(seed),
        )
        refused = []

        async def use():
            host, port = service.addresses["mx1"]
            async with aiosmtplib.SMTP(hostname=host, port=port, start_tls=False) as client:
                await client.mail("a@lab.test")
                for n in range(30):
                    try:
                        await client.rcpt(f"u{n}@example.test")
                    except aiosmtplib.SMTPRecipientRefused:
                        refused.append(n)

        while_running(service, use)
        return refused

    assert unknown(1) == unknown(1) != unknown(2)
