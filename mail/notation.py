"""How durations, IP addresses and endpoints are written in the configuration.

Read the same way by the sender's half of the file and by the receivers' half.
"""

import ipaddress
import re
from typing import Any, Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$")


def duration_s(text: str) -> float:
    """``"90s"``, ``"1.5h"`` → seconds.

    Raises:
        ValueError: it is no duration.
    """
    found = _DURATION.match(text)
    if found is None:
        raise ValueError("expected a duration such as 500ms, 10s, 5m, 1h or 5d")
    return float(found[1]) * _UNITS[found[2]]


def said_duration(seconds: float) -> str:
    """A duration for a reader, in its two largest units: ``59175`` → ``"16 h 26 min"``."""
    left = round(seconds)
    words: list[str] = []
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, length)
        if count or words:
            words.append(f"{count} {unit}" if count else "")
    return " ".join(each for each in words[:2] if each) or "0 s"


def seconds(value: Any) -> Any:
    """A duration as text → seconds; anything else unchanged, for a validator to judge."""
    return duration_s(value) if isinstance(value, str) else value


def ip_address(text: str) -> str:
    """An IP address in its canonical form.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("expected an IP address such as 127.0.1.1") from None


def endpoint(text: str) -> str:
    """``127.0.0.1:2525`` or ``[::1]:2525``, unchanged; the host is an address, not a name.

    Raises:
        ValueError: it is none.
    """
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise ValueError("expected address:port such as 127.0.0.1:2601")
    ip_address(host.strip("[]"))
    return text


def split_endpoint(text: str) -> tuple[str, int]:
    """``"127.0.0.1:2601"`` → ``("127.0.0.1", 2601)``."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
