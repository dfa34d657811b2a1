"""Dialogues with a sink over a real socket, written byte by byte as a client might."""

import asyncio
import contextlib
from hashlib import sha256

import pytest

from sinks import connection
from sinks.inbox import content
from sinks.receipts import ReceiptLog, read_receipts
from tests.fakes.talking_sink import HandClock, talk

ENVELOPE = b"MAIL FROM:<a@lab.test>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\n"
LETTER = b"Message-ID: <1@lab.test>\r\nSubject: Hi\r\n\r\nHello\r\n"


def test_the_greeting_and_ehlo_say_who_and_what_the_sink_is(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(greeting=0)
        assert (await client.reply()).startswith("220 mx.example.test ESMTP")
        (reply,) = await client.say(b"EHLO mta.lab.test\r\n", 250)
        first, *offers = reply.splitlines()
        assert first == "250-mx.example.test"
        assert {offer[4:] for offer in offers} == {
            "PIPELINING",
            "SIZE 10000",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
        }
        await client.say(b"HELO mta\r\n", 250)

    talk(tmp_path, dialogue)


def test_an_accepted_message_leaves_receipt_and_content(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(source="127.0.0.7")
        await client.say(ENVELOPE, 250, 250, 354)
        (reply,) = await client.say(LETTER + b".\r\n", 250)
        (receipt,) = sink.receipts
        assert reply == f"250 2.0.0 Accepted as {receipt.id}\r\n"
        assert (receipt.sink, receipt.peer_ip, receipt.ehlo) == (
            "mx1",
            "127.0.0.7",
            "mta.lab.test",
        )
        assert (receipt.tls, receipt.mail_from) == (False, "a@lab.test")
        assert receipt.rcpt_to == ("anna@example.test",)
        assert receipt.message_id == "<1@lab.test>"
        assert receipt.sha256 == sha256(LETTER).hexdigest()
        assert content(tmp_path, receipt) == LETTER

    talk(tmp_path, dialogue)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50, 10_000])
def test_a_session_is_the_same_however_its_bytes_are_split(tmp_path, step):
    bodies = [b"", b".\r\n", b"..\r\n\r\n.x\r\n", LETTER]
    wire = b"EHLO mta.lab.test\r\n"
    for body in bodies:
        lines = body.split(b"\r\n")
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
        wire += ENVELOPE + stuffed + b".\r\n"
    wire += b"QUIT\r\n"

    async def dialogue(sink):
        client = await sink.connect(says_ehlo=False)
        for start in range(0, len(wire), step):
            client.writer.write(wire[start : start + step])
            await asyncio.sleep(0)
        await client.say(b"", 250, *([250, 250, 354, 250] * len(bodies)), 221)
        assert await client.reader.read() == b""
        assert [content(tmp_path, receipt) for receipt in sink.receipts] == bodies

    talk(tmp_path, dialogue)


def test_the_next_envelope_may_come_in_one_write_with_the_end_of_data(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        for _ in range(20):
            await client.say(LETTER + b".\r\n" + ENVELOPE, 250, 250, 250, 354)
        await client.say(LETTER + b".\r\nQUIT\r\n", 250, 221)
        assert len(sink.receipts) == 21

    talk(tmp_path, dialogue)


def test_replies_to_pipelined_commands_leave_together(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        client.writer.write(ENVELOPE)
        together = await client.reader.read(65536)
        assert together.count(b"\r\n") == 3

    talk(tmp_path, dialogue)


def test_a_transaction_may_have_several_recipients_some_refused(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        rcpts = b"".join(
            b"RCPT TO:<%s@x.test>\r\n" % name for name in (b"anna", b"bounce-550-5.1.1", b"bob")
        )
        await client.say(b"MAIL FROM:<>\r\n" + rcpts + b"DATA\r\n", 250, 250, 550, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        (receipt,) = sink.receipts
        assert receipt.mail_from == ""
        assert receipt.rcpt_to == ("anna@x.test", "bob@x.test")
        ((stage, rcpt_to, reply),) = sink.refusals
        assert (stage, rcpt_to) == ("rcpt", ("bounce-550-5.1.1@x.test",))
        assert reply.startswith("550 5.1.1 ")

    talk(tmp_path, dialogue)


def test_data_without_a_valid_recipient_is_refused_and_rset_begins_anew(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        refused = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<bounce@x.test>\r\nDATA\r\n"
        await client.say(refused, 250, 550, 554)
        await client.say(b"MAIL FROM:<a@b.test>\r\n", 503)
        await client.say(
            b"RSET\r\n" + refused + b"RSET\r\n" + ENVELOPE, 250, 250, 550, 554, 250, 250, 250, 354
        )
        await client.say(LETTER + b".\r\n", 250)
        assert len(sink.receipts) == 1

    talk(tmp_path, dialogue)


def test_commands_out_of_order_are_told_what_is_missing(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(says_ehlo=False)
        await client.say(ENVELOPE, 503, 503, 503)
        await client.say(b"EHLO\r\n", 501)
        await client.say(b"EHLO \xff\r\n", 501)
        await client.say(b"EHLO mta\r\nRCPT TO:<a@b.test>\r\nDATA\r\n", 250, 503, 503)
        await client.say(b"MAIL FROM:<a@b.test>\r\nDATA\r\n", 250, 503)
        await client.say(b"RCPT TO:<a@b.test>\r\nDATA now\r\nNOOP\r\n", 250, 501, 250)
        await client.say(
            b"NONSENSE\r\nVRFY anna@b.test\r\nSTARTTLS\r\nHELP\r\n", 500, 252, 454, 250
        )
        await client.say(b"QUIT now\r\nQUIT\r\n", 501, 221)

    talk(tmp_path, dialogue)


def test_a_message_over_the_limit_is_refused_and_the_session_goes_on(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"MAIL FROM:<a@b.test> SIZE=10001\r\n", 552)
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(b"x" * 40_000 + b"\r\n.\r\n" + ENVELOPE, 552, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        assert [receipt.size for receipt in sink.receipts] == [len(LETTER)]
        assert [stage for stage, _, _ in sink.refusals] == ["mail", "body"]

    talk(tmp_path, dialogue)


def test_an_end_of_line_that_is_not_crlf_does_not_end_the_data(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        smuggled = b"one\n.\nMAIL FROM:<evil@b.test>\r\n"
        await client.say(smuggled + b".\r\n", 250)
        (receipt,) = sink.receipts
        assert content(tmp_path, receipt) == smuggled

    talk(tmp_path, dialogue)


def test_421_closes_the_connection_after_it_was_read(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        client.writer.write(ENVELOPE + LETTER * 100)
        await client.say(b"", 421)
        assert await client.reader.read() == b""
        assert len(sink.receipts) == 1
        assert sink.refusals == [("mail", (), "421 4.7.0 Too fast")]

    talk(tmp_path, dialogue, rate={"messages": 1, "per": "1h", "reply": "421 4.7.0 Too fast"})


def test_one_connection_too_many_hears_421_and_room_is_made_when_one_ends(tmp_path):
    async def dialogue(sink):
        first = await sink.connect()
        await sink.connect(source="127.0.0.2")
        await sink.connect(greeting=421)
        await first.say(b"QUIT\r\n", 221)
        assert await first.reader.read() == b""
        await sink.connect()

    talk(tmp_path, dialogue, connections={"max": 1})


def test_a_reply_of_several_lines_is_sent_as_such(tmp_path):
    async def dialogue(sink):
        client = await sink.connect(greeting=0)
        assert await client.reply() == "554-5.7.1 Not you\r\n554 5.7.1 Not 127.0.0.1\r\n"

    rule = {"stage": "connect", "reply": "554 5.7.1 Not you\n5.7.1 Not {ip}"}
    talk(tmp_path, dialogue, refuse=[rule])


def test_a_refusal_at_the_end_of_data_leaves_no_receipt(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n" + ENVELOPE, 554, 250, 250, 354)
        assert sink.receipts == []
        assert sink.refusals == [("body", ("anna@example.test",), "554 5.7.1 Spam")]

    talk(tmp_path, dialogue, refuse=[{"stage": "body", "reply": "554 5.7.1 Spam"}])


@pytest.mark.parametrize(
    ("local", "codes", "is_kept"),
    [
        (b"drop", [250], False),
        (b"drop-body", [250, 250, 354], False),
        (b"drop-reply", [250, 250, 354], True),
    ],
)
def test_a_dropped_connection_ends_without_a_reply(tmp_path, local, codes, is_kept):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<%s@x.test>\r\nDATA\r\n" % local, *codes)
        client.writer.write(LETTER + b".\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await client.reader.read() == b""
        assert len(sink.receipts) == is_kept
        assert [reply for _, _, reply in sink.refusals] == [] if is_kept else [None]

    talk(tmp_path, dialogue)


def test_a_greylisted_recipient_is_accepted_once_it_has_waited(tmp_path):
    clock = HandClock()

    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE + b"RSET\r\n", 250, 450, 554, 250)
        clock.time += 299
        await client.say(ENVELOPE + b"RSET\r\n", 250, 450, 554, 250)
        clock.time += 1
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        assert [receipt.time for receipt in sink.receipts] == [1300]

    talk(tmp_path, dialogue, clock=clock, greylist={"delay": "5m"})


def test_replies_held_back_come_in_order(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(
            LETTER + b".\r\n" + ENVELOPE + LETTER + b".\r\nQUIT\r\n", 250, 250, 250, 354, 250, 221
        )
        assert len(sink.receipts) == 2

    delays = {"time": "10ms", "jitter": "20ms"}
    talk(tmp_path, dialogue, latency=dict.fromkeys(("greeting", "mail", "rcpt", "data"), delays))


def test_a_client_that_leaves_before_the_reply_leaves_no_receipt(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        client.writer.write(LETTER + b".\r\n")
        await client.writer.drain()
        await client.hang_up()
        other = await sink.connect()
        await other.say(b"QUIT\r\n", 221)

    talk(tmp_path, dialogue, latency={"data": "1h"})
    assert list(read_receipts(tmp_path)) == []


def test_stopping_tells_the_peers_and_is_safe_twice(tmp_path):
    async def dialogue(sink):
        idle = await sink.connect()
        busy = await sink.connect()
        await busy.say(ENVELOPE, 250, 250, 354)
        await sink.service.stop()
        for client in (idle, busy):
            await client.say(b"", 421)
            assert await client.reader.read() == b""
        await sink.service.stop()

    talk(tmp_path, dialogue)


def test_a_receipt_that_cannot_be_written_is_no_acceptance(tmp_path, monkeypatch):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ReceiptLog, "accepted", full)
        (reply,) = await client.say(LETTER + b".\r\n", 452)
        assert "No space left" in reply
        monkeypatch.undo()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)

    talk(tmp_path, dialogue)


def test_without_an_inbox_there_is_a_receipt_and_no_content(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        (receipt,) = sink.receipts
        assert receipt.inbox is None
        assert not (tmp_path / "inbox").exists()

    talk(tmp_path, dialogue, inbox=False)


def test_a_silent_client_is_sent_away_and_one_that_waits_for_us_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_IDLE_S", 0.5)

    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250, 354)
        await client.say(LETTER + b".\r\n", 250)
        await client.say(b"", 421)
        assert await client.reader.read() == b""

    talk(tmp_path, dialogue, latency={"data": "700ms"})
