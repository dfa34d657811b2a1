"""Peers that leave at once, never read, never stop, and files that somebody else writes."""

import asyncio
import socket
import struct

import pytest
import uvloop

from sinks import connection
from sinks.append_file import AppendFile
from sinks.errors import SinkFilesUnusable
from sinks.receipts import ReceiptLog, read_receipts
from sinks.service import SinkService
from sinks.settings import SinkSettings
from tests.fakes.running_lab import free_ports
from tests.fakes.talking_sink import talk
from world.chance import SeededChance
from world.clock import SystemClock

ENVELOPE = b"MAIL FROM:<a@lab.test>\r\nRCPT TO:<anna@example.test>\r\nDATA\r\n"
LETTER = b"Subject: Hi\r\n\r\nHello\r\n.\r\n"
LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


def sessions_of(sink):
    return sink.service._servers["mx1"]._post.server.connections


async def until_none_is_left(sink):
    while sessions_of(sink):  # noqa: ASYNC110 - the sink tells nobody
        await asyncio.sleep(0.01)


@LOOPS
def test_a_port_check_and_a_reset_leave_no_session_behind(tmp_path, run):
    async def dialogue(sink):
        address = sink.service.addresses["mx1"]
        for number in range(20):
            peer = socket.create_connection(address)
            if number % 2:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        client = await sink.connect()
        await client.say(b"QUIT\r\n", 221)
        await until_none_is_left(sink)

    talk(tmp_path, dialogue, run=run)


@LOOPS
def test_no_session_outlives_a_stop_that_connections_pour_into(tmp_path, run):
    async def dialogue(sink):
        address = sink.service.addresses["mx1"]
        server = sink.service._servers["mx1"]
        peers = [socket.create_connection(address) for _ in range(50)]
        await sink.service.stop()
        assert not server._post.server.connections
        for peer in peers:
            peer.close()

    talk(tmp_path, dialogue, run=run)


@LOOPS
def test_what_is_said_after_too_many_bad_commands_is_not_carried_out(tmp_path, run):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"NONSENSE\r\n" * 9 + ENVELOPE + LETTER, 500)
        await client.reader.read()
        await until_none_is_left(sink)

    talk(tmp_path, dialogue, run=run)
    assert list(read_receipts(tmp_path)) == []


def keep_little(writer, which):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, which, 4096)


def test_a_peer_that_never_reads_is_not_read_from_and_is_sent_away(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "_IDLE_S", 0.5)

    async def dialogue(sink):
        client = await sink.connect()
        (one,) = sessions_of(sink)
        # Else the kernel takes 200,000 replies before anybody notices that they are not read.
        keep_little(client.writer, socket.SO_RCVBUF)
        keep_little(one._writer, socket.SO_SNDBUF)
        client.reader._transport.pause_reading()
        client.writer.write(b"RSET x\r\n" * 1_000_000)
        await asyncio.sleep(0.3)
        assert one._writer.transport.get_write_buffer_size() > 0, "the kernel still takes all"
        assert one._writer.transport.get_write_buffer_size() < 1_000_000
        await until_none_is_left(sink)
        client.writer.transport.abort()

    talk(tmp_path, dialogue)


def test_a_refusal_that_cannot_be_written_down_is_given_all_the_same(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ReceiptLog, "refused", full)

    async def dialogue(sink):
        client = await sink.connect()
        await client.say(
            b"MAIL FROM:<a@lab.test>\r\nRCPT TO:<bounce-550-5.1.1@example.test>\r\n", 250, 550
        )

    talk(tmp_path, dialogue)


def test_parameters_that_are_no_text_are_the_clients_fault(tmp_path):
    async def dialogue(sink):
        client = await sink.connect()
        await client.say(b"MAIL FROM:<a@b.test> \xff=1\r\n", 501)

    talk(tmp_path, dialogue)


def test_a_file_has_one_writer_and_a_second_takes_nothing_from_it(tmp_path):
    first = AppendFile(tmp_path / "f", lines=True)
    first.append(b"whole\ntor")
    with pytest.raises(SinkFilesUnusable, match="runs already"):
        AppendFile(tmp_path / "f", lines=True)
    assert first.append(b"n\n") == 9
    first.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        first.append(b"more\n")
    AppendFile(tmp_path / "f", lines=True).close()
    assert (tmp_path / "f").read_bytes() == b"whole\ntorn\n"


def test_seeing_whether_sinks_could_listen_touches_no_file(tmp_path):
    [port] = free_ports(1)
    settings = {"mx1": SinkSettings(listen=f"127.0.0.1:{port}")}
    SinkService(settings, {}, tmp_path, SystemClock(), SeededChance(1)).check()
    assert list(tmp_path.iterdir()) == []
