"""Which addresses may be reached, and which can be sent from.

The pipeline never leaves this machine unless its configuration names an outside network: the check
stands here, at the only door through which a session learns where to connect.
"""

import errno
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from mail.errors import UserError

_ASKING_FAILED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenDestination(UserError):
    """A session was asked to connect to an address outside the allowed networks."""


class Network(Protocol):
    """The reachable world of one MTA."""

    def admit(self, address: str) -> str:
        """Return the address if it may be connected to; raise ForbiddenDestination otherwise."""
        ...

    def bind_error(self, address: str) -> OSError | None:
        """Why this host cannot send from the address, or None if it can."""
        ...


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """This host: loopback always, other networks only where the configuration allows them."""

    allowed: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def allowing(cls, networks: Iterable[str]) -> "HostNetwork":
        return cls(tuple(ipaddress.ip_network(each) for each in networks))

    def admit(self, address: str) -> str:
        parsed = _parse(address)
        if parsed.is_loopback or any(parsed in network for network in self.allowed):
            return address
        raise ForbiddenDestination(
            f"{address} is outside this machine, so nothing is sent there",
            remedy="If you mean it, add its network to allow_networks under [lab].",
        )

    def bind_error(self, address: str) -> OSError | None:
        parsed = _parse(address)
        family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((address, 0))
        except OSError as error:
            # Without a socket or memory to ask with, nothing is known of the address.
            return None if error.errno in _ASKING_FAILED else error
        return None


def _parse(address: str) -> _Address:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        raise ForbiddenDestination(
            f"{address!r} is not an IP address",
            remedy="Name an address, such as 127.0.0.1; nothing is looked up.",
        ) from None
