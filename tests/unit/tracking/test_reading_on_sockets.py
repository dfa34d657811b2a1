"""Readers in real time and on real sockets, where nothing waits."""

import asyncio

from sinks.append_file import AppendFile
from tests.fakes.log import NotingLog
from tests.fakes.reading_lab import MAIL
from tests.fakes.tracking_server import TrackingServer
from tracking.readers.acting import Acting
from tracking.readers.arrivals import Arrival
from tracking.readers.asking import Asking
from tracking.readers.assigning import personas
from tracking.readers.ledger import Ledger, entries
from tracking.readers.reading import Readers
from tracking.readers.settings import Delay, Reader, ReadersSettings
from world.clock import SystemClock
from world.network import HostNetwork

AT_ONCE = Delay(median=0, sigma=0)
READER = Reader(
    opens=1.0,
    delay=AT_ONCE,
    clicks=1.0,
    click_delay=AT_ONCE,
    unsubscribes=1.0,
    scanner=True,
    scanner_heads=0.5,
    forwards=1.0,
)


class Mail:
    """Twenty messages."""

    def __init__(self, port, at):
        self.port, self.at, self.has_come = port, at, False

    def new(self):
        if not self.has_come:
            self.has_come = True
            for number in range(20):
                address = f"user{number}@a.test"
                header = f"<1.{number}@l>"
                yield Arrival(f"s-{number}", self.at, address, header, 100, True, 1, number)

    def content(self, arrival):
        return MAIL.replace(":8026", f":{self.port}").replace("\n", "\r\n").encode()

    def read_to(self):
        return {}


class NothingKnown:
    async def of(self, delivery_id):
        return {}


async def read(folder, server, port):
    done = asyncio.Event()
    clock = SystemClock()
    ledger = Ledger(folder, lambda path: AppendFile(path, lines=True))
    asking = Asking(ledger, clock, HostNetwork().admit)
    acting = Acting(
        ReadersSettings(), asking, Mail(port, clock.now() - 60), NothingKnown(), NotingLog()
    )

    def changed(waiting):
        if waiting == 0:
            done.set()

    readers = Readers(personas({"a": READER}), acting, changed)
    running = asyncio.ensure_future(readers.run())
    await done.wait()
    running.cancel()
    await asyncio.wait([running])
    ledger.close()


def test_each_does_all_once_and_another_process_finds_nothing_to_do(tmp_path):
    async def main():
        server = TrackingServer()
        listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        await read(tmp_path, server, port)
        first = len(server.requests)
        await read(tmp_path, server, port)
        listening.close()
        return server, first

    server, first = asyncio.run(main())
    done = list(entries(tmp_path))
    assert len(server.requests) == first == len(done)
    assert {each.result for each in done} == {"done"}
    assert {each.method for each in server.requests} == {"GET", "HEAD", "POST"}
    # two persons open and click, a gateway follows five links, one unsubscribes in two steps
    assert first == 20 * (2 + 2 + 5 + 2)
