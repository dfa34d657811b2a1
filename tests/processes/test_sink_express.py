"""Usual transactions taken express are answered, and kept, as those that go the long way."""

import asyncio
import contextlib
import itertools
from collections import Counter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sinks.express import ExpressConnection
from tests.fakes.talking_sink import HandClock, talk

LIMIT = 300
FIRST = (
    b"MAIL FROM:<a@x.test>", b"MAIL FROM:<>", b"MAIL FROM:<a@x.test> SIZE=100",
    b"MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME", b"MAIL FROM:<a@x.test> SIZE=301",
    b"MAIL FROM:<a@x.test> SMTPUTF8", b"mail from:<a@x.test>", b"MAIL FROM:<a@x.test> SIZE=x",
    b"MAIL FROM:<a@x.test> BODY=7BIT", b"NOOP",
)  # fmt: skip
SECOND = (
    b"RCPT TO:<b@y.test>", b"RCPT TO:<b@y.test>", b"RCPT TO:<bounce-550-5.1.1@y.test>",
    b"RCPT TO:<u+defer2x@y.test>", b"RCPT TO:<b@y.test> X=1", b"RCPT TO:<>", b"rcpt to:<b@y.test>",
    b"RCPT TO:<drop-body@y.test>", b"RCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test>", b"RSET",
    b"RCPT TO:<drop-reply@y.test>",
)  # fmt: skip
ODD = (b"", b"text", b".", b"..", b"..dots", b"\n.\n", b"a\r.\rb", b"\xc3\xa9", b"QUIT")
LONG = (b"l" * 120, b"l" * (LIMIT - 2), b"l" * (LIMIT - 1), b"." + b"l" * (LIMIT - 3))
LINES = st.sampled_from(ODD + LONG)
BODIES = st.lists(LINES, max_size=5).map(
    # Of a client: its dots are doubled, but those of LINES that begin with one stand as they are.
    lambda lines: b"".join(line.replace(b".", b"..", 1) + b"\r\n" for line in lines) + b".\r\n"
)
USUAL = st.just((FIRST[3], SECOND[0]))
COMMANDS = USUAL | st.tuples(st.sampled_from(FIRST), st.sampled_from(SECOND))
BY_DATA = st.tuples(COMMANDS, BODIES).map(lambda made: b"\r\n".join((*made[0], b"DATA", made[1])))


def by_bdat(made):
    reset, commands, content, chunks = made
    said = [b"RSET\r\n" if reset else b"", *(each + b"\r\n" for each in commands)]
    for chunk in chunks:
        said.append(b"BDAT %d\r\n" % min(chunk, len(content)) + content[:chunk])
        content = content[chunk:]
    return b"".join((*said, b"BDAT %d LAST\r\n" % len(content), content))


BY_BDAT = st.tuples(
    st.booleans(),
    COMMANDS,
    st.lists(LINES, max_size=5).map(b"\r\n".join),
    st.lists(st.integers(0, 20), max_size=2) | st.just([]),
).map(by_bdat)
TRANSACTIONS = BY_DATA | BY_BDAT


async def heard(sink, pieces):
    """All that is said to somebody who says these pieces, each when the last was read."""
    client = await sink.connect()
    for piece in pieces:
        with contextlib.suppress(ConnectionError):
            client.writer.write(piece)
            await client.writer.drain()
        for _ in range(4):
            await asyncio.sleep(0)
    with contextlib.suppress(ConnectionError):
        client.writer.write(b"\r\n.\r\nRSET\r\nQUIT\r\n")
        return await client.reader.read()
    return b""


def outcome(folder, pieces):
    """Replies, receipts, refusals and contents."""
    found = []

    async def dialogue(sink):
        found.append(await heard(sink, pieces))
        found.append(sink.receipts)
        found.append(sink.refusals)

    talk(folder, dialogue, clock=HandClock(), size_limit=LIMIT)
    return [*found, {each.name: each.read_bytes() for each in (folder / "inbox").glob("*")}]


def pieces_of(data, cuts):
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(ends)]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    said=st.lists(TRANSACTIONS, min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 4000), max_size=8),
)
@example([b"\r\n".join((FIRST[0], SECOND[0], b"DATA", b".\r\n"))] * 2, [55, 56, 57, 58])
def test_both_ways_give_the_same(tmp_path_factory, said, cuts):
    pieces = pieces_of(b"".join(said), cuts)
    express = outcome(tmp_path_factory.mktemp("express"), pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sinks.session.SinkSession.is_usual", lambda _: False)
        long_way = outcome(tmp_path_factory.mktemp("long"), pieces)
    assert express == long_way


@pytest.mark.parametrize("way", ["DATA", "BDAT"])
def test_every_cut_of_two_transactions(tmp_path_factory, way):
    """Each in two pieces, at each byte."""
    if way == "DATA":
        data = b"\r\n".join((FIRST[3], SECOND[0], b"DATA", b"a\r\n..b\r\n.\r\n")) * 2
    else:
        data = by_bdat((True, (FIRST[3], SECOND[0]), b"a\r\n.\r\nb", [])) * 2
    whole = outcome(tmp_path_factory.mktemp("whole"), [data])
    assert len(whole[1]) == 2
    for cut in range(1, len(data)):
        assert outcome(tmp_path_factory.mktemp("cut"), [data[:cut], data[cut:]]) == whole


@pytest.mark.parametrize("size", [LIMIT - 2, LIMIT, LIMIT + 1])
@pytest.mark.parametrize("pieces", [1, 2])
def test_what_is_too_large_is_refused(tmp_path, size, pieces):
    body = b"l" * (size - 2) + b"\r\n.\r\n"

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        await client.say(b"\r\n".join((FIRST[0], SECOND[0], b"DATA\r\n")), 250, 250, 354)
        if pieces == 2:
            client.writer.write(body[:10])
            await asyncio.sleep(0.05)
        await client.say(body[10 if pieces == 2 else 0 :], 250 if size <= LIMIT else 552)
        await client.say(b"\r\n".join((FIRST[0], SECOND[0], b"DATA\r\n")), 250, 250, 354)

    talk(tmp_path, dialogue, size_limit=LIMIT)


def test_usual_transactions_go_express(tmp_path, monkeypatch):
    taken = []
    keep = ExpressConnection._kept
    monkeypatch.setattr(
        ExpressConnection,
        "_kept",
        lambda self, *given: taken.append(given) or keep(self, *given),
    )

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)  # until it waits for commands
        for _ in range(3):
            envelope = b"\r\n".join((FIRST[1], SECOND[0], b"DATA\r\n"))
            await client.say(envelope, 250, 250, 354)
            await client.say(b"text\r\n.\r\n", 250)

            group = by_bdat((True, (FIRST[1], SECOND[0]), b"text", [])) * 2
            await client.say(group, *([250] * 8))

    talk(tmp_path, dialogue)
    assert [each[:2] for each in taken] == [("", "b@y.test")] * 9


def test_a_receipt_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        monkeypatch.setattr("sinks.receipts.ReceiptLog.accepted", full)
        message = b"\r\n".join((FIRST[0], SECOND[0], b"DATA\r\n"))
        await client.say(message, 250, 250, 354)
        [reply] = await client.say(b"text\r\n.\r\n", 452)
        assert "No space left on device" in reply
        monkeypatch.undo()
        await client.say(message, 250, 250, 354)
        await client.say(b"text\r\n.\r\n", 250)

    talk(tmp_path, dialogue)


def test_a_personality_that_changes_amid_a_message_is_obeyed(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        await client.say(b"\r\n".join((FIRST[0], SECOND[0], b"DATA\r\n")), 250, 250, 354)
        client.writer.write(b"te")
        await asyncio.sleep(0.05)
        rules = {"refuse": [{"stage": "body", "reply": "554 5.7.1 No"}]}
        [server] = sink.service._servers.values()
        server.become(type(server.personality).model_validate({**rules, "seed": 1}), None)
        await client.say(b"xt\r\n.\r\n", 554)

    talk(tmp_path, dialogue)


def test_one_that_waits_for_its_envelope_before_it_sends_the_chunk_is_answered(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        envelope = b"\r\n".join((FIRST[0], SECOND[0], b"BDAT 4 LAST\r\n"))
        for _ in range(2):
            await client.say(envelope, 250, 250)
            client.writer.write(b"hi")
            await client.say(b"\r\n", 250)

    talk(tmp_path, dialogue)


def test_a_command_that_is_too_long_is_refused(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        sender = b"MAIL FROM:<" + b"a" * 3000 + b"@x.test>"
        await client.say(b"\r\n".join((sender, SECOND[0], b"DATA\r\n")), 500, 503, 503)

    talk(tmp_path, dialogue)


def test_a_personality_that_changes_while_the_peer_does_not_read_is_obeyed(tmp_path):
    message = b"\r\n".join((FIRST[0], SECOND[0], b"DATA", b"text\r\n.\r\n"))

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        [server] = sink.service._servers.values()
        [connection] = server._post.server.connections
        connection.pause_writing()
        await client.say(message, 250, 250, 354, 250)
        client.writer.write(message)
        await asyncio.sleep(0.05)
        rules = {"refuse": [{"stage": "rcpt", "reply": "554 5.7.1 No"}]}
        server.become(type(server.personality).model_validate({**rules, "seed": 1}), None)
        connection.resume_writing()
        await client.say(b"", 250, 554, 554)

    talk(tmp_path, dialogue)


def test_one_that_has_said_much_while_it_waited_is_not_the_only_one(tmp_path, monkeypatch):
    turns, taken = itertools.count(), Counter()
    keep = ExpressConnection._kept
    monkeypatch.setattr(
        ExpressConnection,
        "_kept",
        lambda self, *given: taken.update([turn]) or keep(self, *given),
    )
    turn = next(turns)

    async def count():
        nonlocal turn
        while True:
            turn = next(turns)
            await asyncio.sleep(0)

    async def dialogue(sink):
        client = await sink.connect()
        await asyncio.sleep(0.05)
        counting = asyncio.create_task(count())
        slow = by_bdat((False, (FIRST[1], b"RCPT TO:<slow-300ms@y.test>"), b"text", []))
        usual = by_bdat((False, (FIRST[1], SECOND[0]), b"text", []))
        await client.say(slow + usual * 5000, *([250] * 15003))
        counting.cancel()

    talk(tmp_path, dialogue, size_limit=1_000_000)
    assert sum(taken.values()) > 4000
    assert max(taken.values()) <= 1024
