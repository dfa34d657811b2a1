"""Messages that come by BDAT (RFC 3030), by the long way and by express."""

from hashlib import sha256

import pytest

from tests.fakes.talking_sink import talk

ENVELOPE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n"


def test_a_message_may_come_in_chunks_of_any_bytes(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE, 250, 250)
        await client.say(b"BDAT 5\r\n.\r\n\x00\n", 250)
        await client.say(b"BDAT 0\r\nBDAT 3 LAST\r\na\r\n", 250, 250)
        [receipt] = sink.receipts
        assert receipt.size == 8
        assert receipt.sha256 == sha256(b".\r\n\x00\na\r\n").hexdigest()
        await client.say(ENVELOPE + b"BDAT 0 LAST\r\n", 250, 250, 250)
        assert sink.receipts[1].size == 0

    talk(tmp_path, dialogue)


def test_what_follows_a_refused_bdat_is_read_and_thrown_away(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", 503, 250)
        await client.say(ENVELOPE[:22] + b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", 250, 503, 250)
        refused = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<bounce@y.test>\r\nBDAT 2 LAST\r\nhi"
        await client.say(refused, 250, 550, 554)
        await client.say(ENVELOPE + b"BDAT 2 LAST\r\nhi", 250, 250, 250)
        await client.say(b"BDAT two LAST\r\n", 501)
        await client.say(ENVELOPE + b"BDAT 2\r\nhiDATA\r\n", 250, 250, 250, 503)
        await client.say(b"BDAT 2 LAST\r\nho", 250)
        assert [each.size for each in sink.receipts] == [2, 4]

    talk(tmp_path, dialogue)


def test_chunks_that_are_too_large_together_are_refused(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE + b"BDAT 9000\r\n" + b"x" * 9000, 250, 250, 250)
        await client.say(b"BDAT 2000\r\n" + b"x" * 2000, 552)
        await client.say(ENVELOPE + b"BDAT 20000 LAST\r\n" + b"x" * 20000, 250, 250, 552)
        await client.say(ENVELOPE + b"BDAT 2 LAST\r\nhi", 250, 250, 250)

    talk(tmp_path, dialogue)


@pytest.mark.parametrize("stage", ["data", "body"])
def test_a_personality_refuses_chunks_as_it_refuses_data(tmp_path, stage):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE + b"BDAT 2 LAST\r\nhi", 250, 250, 554)
        await client.say(b"NOOP\r\n", 250)
        assert [each[0] for each in sink.refusals] == [stage]

    talk(tmp_path, dialogue, refuse=[{"stage": stage, "reply": "554 5.7.1 No"}])


def test_a_connection_is_cut_amid_a_chunk(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE + b"BDAT 2000 LAST\r\n" + b"x" * 1000, 250, 250)
        assert await client.reader.read() == b""
        assert sink.receipts == []

    talk(tmp_path, dialogue, drop=[{"stage": "content", "after_bytes": 500}])


def test_who_does_not_offer_chunking_does_not_take_chunks(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(ENVELOPE + b"BDAT 6 LAST\r\nNOOP\r\n", 250, 250, 502, 250)

    talk(tmp_path, dialogue, extensions=["PIPELINING"])
