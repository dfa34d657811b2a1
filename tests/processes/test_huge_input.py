"""A hundred megabytes in one message: refused without keeping it, or taken whole."""

import contextlib
import hashlib
import os
import socket
import struct

import psutil
import pytest

from sinks.receipts import read_receipts
from sinks.service import SinkService
from sinks.settings import SinkSettings
from tests.fakes.in_thread import in_thread
from tests.fakes.running_lab import free_ports
from world.chance import SeededChance
from world.clock import SystemClock

WITHIN_S = 60.0
LINE = b"0123456789" * 7 + b"\r\n"
PIECE = LINE * 10_000
# 50,000 need half a minute: MTALAB_TEST_CONNECTIONS=50000
CONNECTIONS = int(os.environ.get("MTALAB_TEST_CONNECTIONS", "4000"))
PIECES = 139  # 100,080,000 bytes
OPENING = (b"EHLO a.test", b"MAIL FROM:<a@b.test>", b"RCPT TO:<c@d.test>", b"DATA")


@contextlib.contextmanager
def one_sink(folder, size_limit):
    [port] = free_ports(1)
    own = {"mx": SinkSettings(listen=f"127.0.0.1:{port}", size_limit=size_limit, inbox=False)}

    @contextlib.asynccontextmanager
    async def main():
        service = SinkService(own, {}, folder, SystemClock(), SeededChance(1))
        await service.start()
        try:
            yield service.addresses["mx"]
        finally:
            await service.stop()

    with in_thread(main) as address:
        yield address


def answered(client, line):
    client.sendall(line + b"\r\n")
    heard = b""
    while not heard.endswith(b"\r\n") or heard.splitlines()[-1][3:4] != b" ":
        heard += client.recv(4096)
    return heard


def sent_whole(address):
    """Send it; returns the reply and by how many bytes this process, the sink's, was larger."""
    process = psutil.Process()
    before = most = process.memory_info().rss
    with socket.create_connection(address, WITHIN_S) as client:
        client.recv(4096)
        for each in OPENING:
            assert answered(client, each)[:1] in b"23"
        for _ in range(PIECES):
            client.sendall(PIECE)
            most = max(most, process.memory_info().rss)
        reply = answered(client, b".")
        assert answered(client, b"NOOP").startswith(b"250"), "the session goes on"
    return reply, most - before


def test_without_a_declared_size_it_is_read_over_and_refused(tmp_path):
    with one_sink(tmp_path, 1_000_000) as address:
        reply, grown = sent_whole(address)
        assert reply.startswith(b"552 5.3.4")
        assert grown < len(PIECE) * PIECES // 2, "it is not kept in memory"
        assert list(read_receipts(tmp_path)) == []


def test_a_sink_that_allows_it_has_every_byte(tmp_path):
    with one_sink(tmp_path, 110_000_000) as address:
        reply, _ = sent_whole(address)
        assert reply.startswith(b"250")
        [receipt] = read_receipts(tmp_path)
        assert receipt.size == len(PIECE) * PIECES
        assert receipt.sha256 == hashlib.sha256(PIECE * PIECES).hexdigest()


@pytest.mark.timeout(240)
def test_thousands_of_connections_that_break_off_cost_nobody_anything(tmp_path):
    reset = struct.pack("ii", 1, 0)  # closed by RST: no port stays behind waiting
    with one_sink(tmp_path, 4096) as address:
        for number in range(CONNECTIONS):
            peer = socket.create_connection(address, WITHIN_S)
            if number % 3 == 0:
                peer.sendall(
                    b"EHLO a\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nhalf"
                )
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            peer.close()
        with socket.create_connection(address, WITHIN_S) as client:
            client.recv(4096)
            assert answered(client, b"NOOP").startswith(b"250")
        assert list(read_receipts(tmp_path)) == []
