"""Sockets to listen on and files to write to, and in our words what the system says against them.

``Sockets`` is the seam: a simulation has others.
"""

import contextlib
import errno
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, Protocol

from mail.notation import split_endpoint
from sinks import control
from sinks.append_file import AppendFile
from sinks.errors import ListenAddressUnusable

_WHY: Final = {
    errno.EADDRINUSE: (
        "something else listens there",
        "Stop it, or choose another port with listen.",
    ),
    errno.EADDRNOTAVAIL: (
        "this machine has no such address",
        "On Linux all of 127.0.0.0/8 can be used; elsewhere add an alias or use 127.0.0.1.",
    ),
    errno.EACCES: (
        "only root may listen there",
        "Choose a port above 1023 with listen.",
    ),
}


def bound_socket(who: str, listen: str) -> socket.socket:
    """A socket at ``address:port`` that does not listen yet: nobody else can have it now.

    Raises:
        ListenAddressUnusable: the port is taken or the address is not this machine's.
    """
    host, port = split_endpoint(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once (TCP_NODELAY) only where the protocol is named.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with refusing(who, listen):
            made.bind((host, port))
    except ListenAddressUnusable:
        made.close()
        raise
    return made


@contextlib.contextmanager
def refusing(who: str, listen: str) -> Iterator[None]:
    """Raise what the system says of the address as a ListenAddressUnusable."""
    try:
        yield
    except OSError as error:
        why, remedy = _WHY.get(error.errno or 0, (str(error), "Choose another address."))
        raise ListenAddressUnusable(
            f"{who} cannot listen on {listen}: {why}", remedy=remedy
        ) from error


class Sockets(Protocol):
    """Where sinks may listen, and what the kernel does for them."""

    def bind(self, who: str, listen: str) -> socket.socket:
        """As ``bound_socket``."""
        ...

    def door(self, directory: Path, handle: control.Handle) -> AbstractAsyncContextManager[None]:
        """As ``sinks.control.listening``."""
        ...

    def append_file(self, path: Path, *, lines: bool) -> AppendFile:
        """As ``AppendFile``."""
        ...


class _ThisHost:
    def bind(self, who: str, listen: str) -> socket.socket:
        return bound_socket(who, listen)

    def door(self, directory: Path, handle: control.Handle) -> AbstractAsyncContextManager[None]:
        return control.listening(directory, handle)

    def append_file(self, path: Path, *, lines: bool) -> AppendFile:
        return AppendFile(path, lines=lines)


THIS_HOST: Final[Sockets] = _ThisHost()
