"""The network of a simulation: connections in memory, in order, with latency and with faults.

A connection is two ends that send each other segments. A segment arrives a latency after it was
sent, never before the one before it. What a fault does to a destination, and what a dead process
leaves of its connections, is as the kernel's: FIN, RST, or silence.
"""

import asyncio
import contextvars
import errno
import ipaddress
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from lab.simulation.loop import SimulatedLoop
from lab.simulation.process import CURRENT, SimulatedProcess, State
from lab.simulation.transport import End
from mail.notation import split_endpoint
from sinks.errors import ListenAddressUnusable
from world.chance import SeededChance

LATENCY_S: Final = (0.0002, 0.002)  # one way, drawn for each connection
JITTER: Final = 0.2  # of that, for each segment

_Factory = Callable[[], asyncio.BaseProtocol]
_Place = tuple[str, int]


@dataclass
class Destination:
    """What befalls connections to one place, ``address:port`` or an address with all its ports."""

    is_silent: bool = False  # nothing arrives, there or back: a cable that was pulled
    is_refusing: bool = False
    extra_s: float = 0.0  # one way
    loss: float = 0.0  # chance of each segment that the connection is reset by it


@dataclass
class Faults:
    """All that is wrong with the network now."""

    at: dict[str, Destination] = field(default_factory=dict)
    missing_ips: set[str] = field(default_factory=set)  # that this host cannot send from

    def is_missing(self, address: str) -> bool:
        """Whether this host cannot send from it: it has all of loopback, as Linux does."""
        return address in self.missing_ips or not ipaddress.ip_address(address).is_loopback

    def of(self, host: str, port: int) -> Iterator[Destination]:
        for name in (f"{host}:{port}", host, "*"):
            if name in self.at:
                yield self.at[name]

    def place(self, name: str) -> Destination:
        return self.at.setdefault(name, Destination())


@dataclass(frozen=True, slots=True)
class Unheard:
    """Something that a server said, or would have said, and its client never read."""

    at: float  # virtual seconds: when that was clear
    since: float  # when the last that was read was sent
    source_ip: str
    place: str


class BoundAddress:
    """Stands for a socket that is bound and perhaps listens."""

    def __init__(self, wire: "Wire", place: _Place) -> None:
        self._wire, self.place = wire, place

    def getsockname(self) -> _Place:
        return self.place

    def close(self) -> None:
        self._wire.unbind(self)

    close_by_kernel = close


@dataclass(eq=False)
class Listener:
    """A server that listens; its connections are its process's."""

    wire: "Wire"
    bound: BoundAddress
    factory: _Factory
    context: contextvars.Context
    process: SimulatedProcess | None

    @property
    def sockets(self) -> tuple[BoundAddress, ...]:
        return (self.bound,) if self.wire.listeners.get(self.bound.place) is self else ()

    def close(self) -> None:
        if self.wire.listeners.get(self.bound.place) is self:
            del self.wire.listeners[self.bound.place]
            self.bound.close()

    def close_by_kernel(self) -> None:
        self.close()

    async def wait_closed(self) -> None:
        """Its connections end by themselves."""


class Wire:
    """The network of one simulation."""

    def __init__(self, loop: SimulatedLoop, seed: str) -> None:
        self._loop, self._seed = loop, seed
        self.faults = Faults()
        self.listeners: dict[_Place, Listener] = {}
        self._bound: dict[_Place, BoundAddress] = {}
        self._ports = itertools.count(40_000)
        self._made: dict[tuple[str, str], int] = {}
        self.open: dict[int, tuple[End, str]] = {}  # the clients' ends, and where they lead
        self.on_open: list[Callable[[str, str], None]] = []  # source IP, place
        self.on_said: list[Callable[[End, bytes], None]] = []  # what clients write
        self.unheard: list[Unheard] = []

    # --- servers ---------------------------------------------------------------------------------

    def bind(self, who: str, listen: str) -> Any:
        place = split_endpoint(listen)
        if place in self._bound:
            raise ListenAddressUnusable(
                f"{who} cannot listen on {listen}: something else listens there",
                remedy="Stop it, or choose another port with listen.",
            )
        bound = self._bound[place] = BoundAddress(self, place)
        process = CURRENT.get()
        if process is not None:
            process.open[id(bound)] = bound
        return bound

    def unbind(self, bound: BoundAddress) -> None:
        if self._bound.get(bound.place) is bound:
            del self._bound[bound.place]

    def listen(self, sock: BoundAddress, factory: _Factory) -> Listener:
        listener = Listener(self, sock, factory, contextvars.copy_context(), CURRENT.get())
        self.listeners[sock.place] = listener
        if listener.process is not None:
            listener.process.open[id(listener)] = listener
        return listener

    # --- connections -----------------------------------------------------------------------------

    async def connect(
        self, factory: _Factory, source_ip: str, host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        if self.faults.is_missing(source_ip):
            raise _os_error(errno.EADDRNOTAVAIL, f"bind on {source_ip}")
        chance = self._chance_of(source_ip, f"{host}:{port}")
        latency = chance.uniform(*LATENCY_S)
        await asyncio.sleep(2 * latency + 2 * self._extra(host, port))
        faults = list(self.faults.of(host, port))
        if any(each.is_silent for each in faults):
            await self._loop.create_future()  # until the caller has waited long enough
        listener = self.listeners.get((host, port))
        if listener is None or any(each.is_refusing for each in faults):
            raise _os_error(errno.ECONNREFUSED, f"connect to {host}:{port}")
        client, server = self._pair(listener, (source_ip, next(self._ports)), (host, port))
        for end in (client, server):
            end.delays(latency, chance)
        protocol = factory()
        client.begin(protocol)
        for each in self.on_open:
            each(source_ip, f"{host}:{port}")
        protocol.connection_made(client)
        # Accepting is the server's business: a stopped one leaves its caller in the kernel's queue.
        self._loop.call_later(latency, self._accept, listener, server, context=listener.context)
        return client, protocol

    def _pair(self, listener: Listener, source: _Place, place: _Place) -> tuple[End, End]:
        client = End(self._loop, contextvars.copy_context(), source, place, self._is_lost)
        server = End(self._loop, listener.context, place, source, self._is_lost)
        client.join(server)
        name = f"{place[0]}:{place[1]}"
        self.open[id(client)] = (client, name)
        client.when_closed = lambda: self.open.pop(id(client), None)
        if self.on_said:
            client.said = self._said
        client.unheard = lambda end: self.unheard.append(
            Unheard(self._loop.time(), end.heard_until, source[0], name)
        )
        for process, end in ((CURRENT.get(), client), (listener.process, server)):
            if process is not None:
                process.open[id(end)] = end
                end.owner = process
        return client, server

    def _said(self, end: End, data: bytes) -> None:
        for each in self.on_said:
            each(end, data)

    def _accept(self, listener: Listener, server: End) -> None:
        if server.is_closing() or (listener.process and listener.process.state is State.DEAD):
            server.reset()
            return
        protocol = listener.factory()
        server.begin(protocol)
        protocol.connection_made(server)
        server.read_on()

    def _chance_of(self, source: str, place: str) -> SeededChance:
        """Of its own for each connection: their order among others changes nothing."""
        process = CURRENT.get()
        who = (f"{process.name if process else ''}/{source}", place)
        number = self._made[who] = self._made.get(who, 0) + 1
        return SeededChance(f"{self._seed}/wire/{who[0]}/{place}/{number}")

    def _extra(self, host: str, port: int) -> float:
        return sum(each.extra_s for each in self.faults.of(host, port))

    def _is_lost(self, end: End) -> tuple[bool, float, float]:
        """For a segment to or from this end: whether it vanishes, its extra time, chance of RST."""
        silent, extra, loss = False, 0.0, 0.0
        if self.faults.at:
            for each in self.faults.of(*end.server_place):
                silent |= each.is_silent
                extra += each.extra_s
                loss = max(loss, each.loss)
        return silent, extra, loss

    def ends_of(self, process: SimulatedProcess) -> list[tuple[str, str]]:
        """The connections that a process has as a client: source IP and place."""
        return [
            (end.get_extra_info("sockname")[0], place)
            for end, place in self.open.values()
            if end.owner is process
        ]

    def reset(self, name: str) -> int:
        """Cut all connections to a place by RST; returns how many there were."""
        ends = [end for end, place in list(self.open.values()) if _is_at(place, name)]
        for end in ends:
            end.reset()
        return len(ends)


def _is_at(place: str, name: str) -> bool:
    return name in ("*", place) or place.rpartition(":")[0] == name


def _os_error(number: int, what: str) -> OSError:
    return OSError(number, f"{os.strerror(number)}: {what}")
