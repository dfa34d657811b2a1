"""The bare loop: our session into our sink, without queue, rendering or record.

A process of its own: ``python -P -m lab.bench.bare PORT MESSAGES CONNECTIONS FILE`` sends FILE that
often to 127.0.0.1:PORT and prints the seconds from the first connection's EHLO to the last reply.
"""

import asyncio
import sys
import time
from pathlib import Path

from lab.services.loop import in_loop
from mail.outcome import Accepted, Answer
from mail.states import MessageStatus
from mta.session.envelope import Envelope
from mta.session.handshake import Connected, Endpoints, connect
from mta.session.hooks import Hooks, Timing
from mta.session.settings import SessionSettings
from mta.session.shell import PipelinedSession
from world.network import HostNetwork


class Unfinished(RuntimeError):
    """The receiver did not take all messages, so that there is no figure."""


async def send(port: int, messages: int, connections: int, content: bytes) -> float:
    """Send; returns the seconds it took.

    Raises:
        Unfinished: a connection or message was refused.
    """
    settings = SessionSettings(tls="off")
    network = HostNetwork.allowing(())
    opened: list[Connected] = []
    for number in range(connections):
        endpoints = Endpoints(f"127.0.1.{number % 2 + 1}", "127.0.0.1", port)
        found = await connect(endpoints, settings, network)
        if not isinstance(found, Connected) or not found.offers.pipelining:
            raise Unfinished(f"no connection: {found}")
        opened.append(found)
    left, accepted = messages, 0

    def pull() -> Envelope | None:
        nonlocal left
        if not left:
            return None
        left -= 1
        address = f"user{left}@d0.test"
        return Envelope(left, f"b-{left}@bounces.bench.test", address, content)

    def answered(_: Envelope, answer: Answer, __: Timing) -> None:
        nonlocal accepted
        accepted += isinstance(answer, Accepted)
        if accepted == messages:
            for each in sessions:
                each.stop()

    hooks = Hooks(pull, lambda _: True, answered, lambda _: None)
    sessions = [PipelinedSession(each, settings, hooks) for each in opened]
    began = time.perf_counter()
    await asyncio.gather(*(each.run() for each in sessions))
    seconds = time.perf_counter() - began
    if accepted != messages:
        raise Unfinished(f"{accepted} of {messages} were {MessageStatus.SENT}")
    return seconds


async def _main(port: str, messages: str, connections: str, file: str) -> None:
    content = Path(file).read_bytes()
    print(await send(int(port), int(messages), int(connections), content))


if __name__ == "__main__":
    in_loop(_main(*sys.argv[1:5]))
