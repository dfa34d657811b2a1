"""The readers' own client beside httpx: ``python -m tests.measure.reader_client``.

Ten thousand requests, one after the other, to a server in the same process: on real sockets, and
in the simulated network, in which httpx cannot run: it wants task factories of its loop. Not a
test: it prints, and the machine decides.
"""

import asyncio
import time
from contextlib import closing

import httpx

from lab.simulation.loop import SimulatedLoop
from lab.simulation.wire import Wire
from tests.fakes.tracking_server import TrackingServer
from tracking.readers.browser import Asked, Browser
from world.clock import SystemClock

REQUESTS = 10_000
URL = "http://127.0.0.1:{port}/r/offer"


class LoopClock(SystemClock):
    """Of the loop that runs."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


async def by_own(url):
    with closing(Browser(LoopClock())) as browser:
        for _ in range(REQUESTS):
            await browser.ask(Asked(url))


async def by_httpx(url):
    async with httpx.AsyncClient() as client:
        for _ in range(REQUESTS):
            await client.get(url)


async def timed(name, client, url):
    began, used = time.perf_counter(), time.process_time()
    await client(url)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"{name}: {REQUESTS / cpu:,.0f} requests per second of processor, {wall:.1f} s")


async def on_sockets():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(TrackingServer(), "127.0.0.1", 0)
    url = URL.format(port=server.sockets[0].getsockname()[1])
    await timed("own client, sockets", by_own, url)
    await timed("httpx, sockets", by_httpx, url)
    server.close()


async def on_the_wire(wire):
    wire.listen(wire.bind("a server", "127.0.0.1:8026"), TrackingServer())
    await timed("own client, simulated", by_own, URL.format(port=8026))


def main() -> None:
    asyncio.run(on_sockets())
    loop = SimulatedLoop()
    loop.network = wire = Wire(loop, "1")
    loop.run_until_complete(on_the_wire(wire))
    loop.close()


if __name__ == "__main__":
    main()
