"""Loopback addresses that stand for public ones: every one of 127.0.0.0/8 can be sent from."""

import ipaddress
from collections.abc import Iterable
from typing import Final

_FIRST: Final = int(ipaddress.ip_address("127.0.1.1"))
# Each block of 256 has 254 addresses that look like a host's.
_HOSTS: Final = 254


def as_loopback(written: Iterable[str]) -> dict[str, str]:
    """Address → the one it has here: 127.0.1.1 for the first, and so on, in their order.

    A loopback address stays what it is and stands for no other. What is no address is passed over.
    """
    found = dict.fromkeys(each for text in written if (each := _canonical(text)) is not None)
    stay = {each for each in found if each.startswith("127.")}
    here, number = {}, 0
    for each in found:
        if each in stay:
            here[each] = each
            continue
        while (address := _numbered(number)) in stay:
            number += 1
        here[each] = address
        number += 1
    return here


def _numbered(number: int) -> str:
    return str(ipaddress.ip_address(_FIRST + number // _HOSTS * 256 + number % _HOSTS))


def _canonical(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
