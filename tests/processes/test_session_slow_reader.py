"""A receiver that reads slowly is waited for; one that reads nothing is not."""

import asyncio
import contextlib
import socket

import pytest
import uvloop

from mail.outcome import Accepted, Broken, Stage
from mta.session.envelope import Envelope
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.hooks import Hooks
from mta.session.plain import PlainSession
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from tests.fakes.certificate import server_context
from world.network import HostNetwork

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
DATA_TIMEOUT_S = 0.7
CONTENT = (b"z" * 98 + b"\r\n") * 80_000  # 8 MB: more than sockets hold
READ, EVERY_S = 200_000, 0.05  # 2 s in all, and what sockets hold in less than the timeout


class SlowServer:
    """Reads content slowly, or not at all."""

    def __init__(self, tls, *, pipelining, is_silent=False):
        self._tls, self._is_silent = tls, is_silent
        self._offers = b"250-mx\r\n250-STARTTLS\r\n" if tls else b"250-mx\r\n"
        self._offers += b"250 PIPELINING\r\n" if pipelining else b"250 HELP\r\n"
        self.longest_read = 0
        self.content = b""
        self.took_s = 0.0
        self.over, self.given_up = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader, writer):
        writer.write(b"220 mx\r\n")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"STAR":
                    writer.write(b"220 go\r\n")
                    await writer.start_tls(self._tls)
                    continue
                answers = {b"EHLO": self._offers, b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}
                writer.write(answers.get(verb, b"250 ok\r\n"))
                if verb == b"DATA":
                    await self._read(reader)
                    writer.write(b"250 queued\r\n")
                if verb == b"QUIT":
                    await writer.drain()
                    break
        writer.transport.abort()
        self.over.set()

    async def _read(self, reader):
        loop = asyncio.get_running_loop()
        began = loop.time()
        if self._is_silent:
            await self.given_up.wait()
            raise ConnectionError
        while not self.content.endswith(b"\r\n.\r\n"):
            if not (piece := await reader.read(READ)):
                raise ConnectionError
            self.content += piece
            await asyncio.sleep(EVERY_S * len(piece) / READ)
        self.took_s = loop.time() - began


async def sent(server):
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listening.bind(("127.0.0.1", 0))
    answers, waiting = [], [Envelope(1, "a@x.test", "b@y.test", CONTENT)]
    hooks = Hooks(
        lambda: waiting.pop() if waiting else None,
        lambda _: True,
        lambda _, answer, __: answers.append(answer),
        lambda _: answers.append(None),
    )
    settings = SessionSettings(
        tls="encrypted" if server._tls else "off",
        data_timeout=0.3 if server._is_silent else DATA_TIMEOUT_S,
        idle_timeout=0.05,
    )
    listener = await asyncio.start_server(server, sock=listening, limit=READ)
    port = listening.getsockname()[1]
    connected = await connect(Endpoints("127.0.0.1", "127.0.0.1", port), settings, HostNetwork())
    assert isinstance(connected, Connected)
    end = connected.transport.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    make = PipelinedSession if connected.offers.pipelining else PlainSession
    await make(connected, settings, hooks).run()
    server.given_up.set()
    await server.over.wait()
    listener.close()
    await listener.wait_closed()
    return answers


def tried(tmp_path, *, is_silent, loop_factory):
    tls = server_context(tmp_path)

    async def run():
        servers = [
            SlowServer(context, pipelining=pipelining, is_silent=is_silent)
            for context in (None, tls)
            for pipelining in (True, False)
        ]
        return servers, await asyncio.gather(*(sent(each) for each in servers))

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(run())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_slow_but_steady_reader_has_all_the_time_it_takes(tmp_path, loop):
    servers, answers = tried(tmp_path, is_silent=False, loop_factory=LOOPS[loop])
    assert [[type(each) for each in told] for told in answers] == [[Accepted]] * 4
    for server in servers:
        assert len(server.content) == len(CONTENT) + 3
        assert server.took_s > 2 * DATA_TIMEOUT_S, "it was no slow reader"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_one_that_reads_nothing_is_given_up(tmp_path, loop):
    _, answers = tried(tmp_path, is_silent=True, loop_factory=LOOPS[loop])
    for told in answers:
        assert len(told) == 1
        assert isinstance(told[0], Broken)
        assert (told[0].stage, told[0].is_doubtful) == (Stage.BODY, True)
