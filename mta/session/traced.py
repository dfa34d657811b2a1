"""A connection that somebody listens to: transport, protocol and hooks with an ear on each.

Whoever listens is given all that is written and read in the clear, so that sessions stay as they
are; a connection to which nobody listens has none of this.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from mail.outcome import Answer
from mta.session.envelope import Envelope
from mta.session.flow import Forwarding
from mta.session.hooks import Hooks, Timing

Awaited = tuple[str, Envelope | None]  # what a reply is due to, and whose it is


class Listener(Protocol):
    """Hears one connection; nothing that it does may raise."""

    def opened(self) -> None:
        """The connection is there; the server is to greet."""
        ...

    def said(self, data: bytes) -> None:
        """We write this."""
        ...

    def heard(self, data: bytes) -> None:
        """The server sent this."""
        ...

    def greeted(self, code: int, text: str) -> None:
        """The greeting, if it came before anybody could listen."""
        ...

    def event(self, text: str, *, is_end: bool = False) -> None:
        """Something happened to the connection; only the first end is of interest."""
        ...

    def joined(self, awaited: Sequence[Awaited], unwritten: int | None) -> None:
        """It was open before: replies due, and bytes still to be written; None: of a body."""
        ...

    def took(self, envelope: Envelope) -> None:
        """The session took a message, whose MAIL is the next one of those not said yet."""
        ...

    def answered(self, envelope: Envelope, answer: Answer) -> None: ...

    def untried(self, envelope: Envelope) -> None: ...


Listeners = Callable[[str, int], Listener]  # for a connection to this host and port


class TracedTransport(asyncio.Transport):
    """Another transport, and somebody who hears what goes through it."""

    def __init__(self, bare: asyncio.Transport, listener: Listener) -> None:
        super().__init__()
        self.bare = bare
        self._listener = listener

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._listener.said(bytes(data))
        self.bare.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        inner = cast("asyncio.Protocol", protocol)  # aiosmtplib's says so of its base alone
        self.bare.set_protocol(_TracedProtocol(inner, self._listener))

    def close(self) -> None:
        if not self.bare.is_closing():
            self._listener.event("closed by us", is_end=True)
        self.bare.close()

    def abort(self) -> None:
        if not self.bare.is_closing():
            self._listener.event("aborted by us", is_end=True)
        self.bare.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.bare.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.bare.get_protocol()

    def is_closing(self) -> bool:
        return self.bare.is_closing()

    def is_reading(self) -> bool:
        return self.bare.is_reading()

    def pause_reading(self) -> None:
        self.bare.pause_reading()

    def resume_reading(self) -> None:
        self.bare.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.bare.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self.bare.get_write_buffer_size()

    def write_eof(self) -> None:
        self.bare.write_eof()

    def can_write_eof(self) -> bool:
        return self.bare.can_write_eof()


class _TracedProtocol(Forwarding):
    """Another protocol, and somebody who hears what it is told."""

    def __init__(self, inner: asyncio.Protocol, listener: Listener) -> None:
        super().__init__(inner)
        self._listener = listener

    def data_received(self, data: bytes) -> None:
        self._listener.heard(data)
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.event(
            f"lost: {exc}" if exc is not None else "closed by the server", is_end=True
        )
        super().connection_lost(exc)


def heard_by(listener: Listener, hooks: Hooks) -> Hooks:
    """The hooks of a session, with somebody who hears which messages it takes and what becomes."""

    def pull() -> Envelope | None:
        envelope = hooks.pull()
        if envelope is not None:
            listener.took(envelope)
        return envelope

    def answered(envelope: Envelope, answer: Answer, timing: Timing) -> None:
        listener.answered(envelope, answer)
        hooks.answered(envelope, answer, timing)

    def untried(envelope: Envelope) -> None:
        listener.untried(envelope)
        hooks.untried(envelope)

    return replace(hooks, pull=pull, answered=answered, untried=untried)
