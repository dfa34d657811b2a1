"""Source IPs that a machine cannot send from: the one check that asks it, for ``config check``."""

from collections.abc import Callable, Iterator

from affinity.configuration import Configuration
from affinity.lint.code import Code
from affinity.lint.finding import Finding

BindError = Callable[[str], OSError | None]


def unavailable(configuration: Configuration, bind_error: BindError) -> Iterator[Finding]:
    """``bind_error``: why this host cannot send from an address, or None if it can."""
    first: dict[str, tuple[str, int]] = {}
    for name, affinity in configuration.affinity.items():
        for index, ip in enumerate(affinity.ip):
            first.setdefault(ip.address, (name, index))
    for address, (name, index) in first.items():
        error = bind_error(address)
        if error is not None:
            yield Finding(
                Code.SOURCE_IP_UNAVAILABLE,
                ("affinity", name, "ip", index),
                f"{address} cannot be sent from on this host: {error.strerror or error}",
                "Add the address to an interface of this host, or use one of 127.0.0.0/8.",
            )
