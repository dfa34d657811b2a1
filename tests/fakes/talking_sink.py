"""A sink in this process and raw connections to it, to say and hear every byte."""

import asyncio
import contextlib

from sinks.receipts import read_receipts, read_refusals
from sinks.service import SinkService
from sinks.settings import Personality, SinkSettings
from world.chance import SeededChance
from world.clock import SystemClock


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.time = 1000.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time


class Client:
    """A raw connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def say(self, data, *codes):
        """Write in one go, then read one reply for each code expected."""
        self.writer.write(data)
        replies = [await self.reply() for _ in codes]
        assert [reply[:3] for reply in replies] == [str(code) for code in codes], replies
        return replies

    async def reply(self):
        lines = []
        while True:
            line = (await self.reader.readline()).decode()
            lines.append(line)
            if line[3:4] != "-":
                return "".join(lines)

    async def hang_up(self):
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Sink:
    """A running sink and those connected to it."""

    def __init__(self, service, directory):
        self.service, self.directory = service, directory
        self.clients = []

    async def connect(self, *, greeting=220, says_ehlo=True, source="127.0.0.1"):
        host, port = self.service.addresses["mx1"]
        streams = await asyncio.open_connection(host, port, local_addr=(source, 0))
        client = Client(*streams)
        self.clients.append(client)
        if greeting:
            await client.say(b"", greeting)
        if greeting == 220 and says_ehlo:
            await client.say(b"EHLO mta.lab.test\r\n", 250)
        return client

    @property
    def receipts(self):
        return list(read_receipts(self.directory))

    @property
    def refusals(self):
        return [(r.stage, r.rcpt_to, r.reply) for r in read_refusals(self.directory)]


def talk(
    directory,
    dialogue,
    *,
    clock=None,
    size_limit=10_000,
    inbox=True,
    run=asyncio.run,
    **personality,
):
    """Run the dialogue with a sink that has this personality."""

    async def main():
        # Port 0 lets the system choose one; a configuration file may not say it.
        settings = SinkSettings.model_construct(
            listen="127.0.0.1:0",
            mx="mx.example.test",
            personality="tested",
            inbox=inbox,
            size_limit=size_limit,
        )
        service = SinkService(
            {"mx1": settings},
            {"tested": Personality.model_validate(personality)},
            directory,
            clock or SystemClock(),
            SeededChance(1),
        )
        await service.start()
        sink = Sink(service, directory)
        try:
            async with asyncio.timeout(20):
                await dialogue(sink)
        finally:
            for client in sink.clients:
                await client.hang_up()
            await service.stop()

    run(main())
