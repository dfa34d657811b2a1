"""An SMTP server that plays one written conversation per connection.

A script is the conversation as one would write it down:

    S: 220 mx.test ready          said as soon as it is reached
    C: EHLO *                     a line that must come, with * and ? as in file names
    C: (content)                  everything up to the lone dot; kept in ``contents``
    (hold)                        go on once the test sets ``go_on``
    (drop)                        close the connection
    (silence)                     say nothing more until the client leaves

Lines of S that follow each other go out in one write, or byte by byte in a ``split`` server. When
the client says something else than written, the conversation ends and ``check`` raises.
"""

import asyncio
import contextlib
import fnmatch
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby

from mta.session.handshake import Endpoints


@dataclass
class ScriptedServer:
    """What was said, per connection in the order in which they came."""

    scripts: list[list[str]]
    port: int = 0
    split: bool = False
    callers: list[str] = field(default_factory=list)
    heard: list[list[str]] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    running: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def endpoints(self, source_ip: str = "127.0.0.1") -> Endpoints:
        return Endpoints(source_ip, "127.0.0.1", self.port, "mta.test")

    def check(self) -> None:
        """Raise unless every conversation went as written, to its end."""
        assert not self.failures, "\n".join(self.failures)
        assert not self.scripts, f"{len(self.scripts)} conversations were never held"

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something that the server comes to know."""
        while not is_so():
            self.news.clear()
            await self.news.wait()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.running += 1
        self.news.set()
        self.callers.append(writer.get_extra_info("peername")[0])
        heard: list[str] = []
        self.heard.append(heard)
        try:
            if self.scripts:
                await self._play(self.scripts.pop(0), reader, writer, heard)
            else:
                self.failures.append("a connection more than there are scripts")
        except ConnectionError as error:
            self.failures.append(f"after {heard[-1:]}: {error}")
        finally:
            writer.close()
            self.running -= 1
            self.news.set()

    async def _play(
        self,
        script: list[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        heard: list[str],
    ) -> None:
        for is_said, lines in groupby(script, key=lambda line: line.startswith("S: ")):
            if is_said:
                await self._say("".join(f"{line[3:]}\r\n" for line in lines), writer)
                continue
            for line in lines:
                if line == "(hold)":
                    await self.go_on.wait()
                    continue
                if line == "(drop)":
                    return
                if line == "(silence)":
                    with contextlib.suppress(ConnectionError):
                        await reader.read()
                    return
                if not await self._hear(line, reader, heard):
                    return

    async def _say(self, text: str, writer: asyncio.StreamWriter) -> None:
        data = text.encode()
        for piece in (bytes([each]) for each in data) if self.split else (data,):
            writer.write(piece)
            await asyncio.sleep(0)

    async def _hear(self, wanted: str, reader: asyncio.StreamReader, heard: list[str]) -> bool:
        if wanted == "C: (content)":
            lines = []
            while (line := await reader.readline()) not in (b".\r\n", b""):
                lines.append(line)
            self.contents.append(b"".join(lines))
            self.news.set()
            return True
        said = (await reader.readline()).decode().rstrip("\r\n")
        heard.append(said)
        self.news.set()
        if not fnmatch.fnmatchcase(said, wanted.removeprefix("C: ")):
            self.failures.append(f"expected {wanted!r}, heard {said!r}")
            return False
        return True


def lines_of(text: str) -> list[str]:
    """The lines of a script."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


@contextlib.asynccontextmanager
async def scripted(*texts: str, split: bool = False) -> AsyncIterator[ScriptedServer]:
    """Serve on a free loopback port; the n-th connection plays the n-th script."""
    server = ScriptedServer([lines_of(text) for text in texts], split=split)
    listener = await asyncio.start_server(server.converse, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.go_on.set()
        listener.close()
        await listener.wait_closed()
        await server.until(lambda: not server.running)


def greeting(*extensions: str) -> str:
    """The opening of a conversation up to EHLO's reply, which offers these extensions."""
    names = ["mx.test", *extensions]
    marks = ["-"] * (len(names) - 1) + [" "]
    offered = "\n".join(f"S: 250{mark}{name}" for mark, name in zip(marks, names, strict=True))
    return f"S: 220 mx.test ready\nC: EHLO mta.test\n{offered}"


def transaction(*answers: str, recipient: str = "*") -> str:
    """One pipelined message: four replies, for MAIL, RCPT, DATA and the content."""
    mail, rcpt, data, body = answers or ("250 ok", "250 ok", "354 go", "250 queued")
    return f"""
        C: MAIL FROM:<a@sender.test>*
        C: RCPT TO:<{recipient}>
        C: DATA
        S: {mail}
        S: {rcpt}
        S: {data}
        C: (content)
        S: {body}
    """


def conversation(*parts: str | Iterable[str]) -> str:
    return "\n".join(part if isinstance(part, str) else "\n".join(part) for part in parts)


BYE = "C: QUIT\nS: 221 bye"
