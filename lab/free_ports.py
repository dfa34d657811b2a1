"""Ports that nothing listens on, for labs that come and go."""

import contextlib
import socket
from collections.abc import Sequence


def free_ports(addresses: Sequence[str]) -> list[int]:
    """One port for each of these addresses of this machine, all different where they are the same.

    Nothing holds them afterwards: another program may take one before we listen.

    Raises:
        OSError: this machine has no such address.
    """
    with contextlib.ExitStack() as opened:
        found = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            held = opened.enter_context(socket.socket(family))
            held.bind((address, 0))
            found.append(int(held.getsockname()[1]))
        return found
