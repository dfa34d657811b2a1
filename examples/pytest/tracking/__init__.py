"""Links that tell who followed them."""

import hashlib
import re

DOOR = "https://shop.example/go"


def token(address: str) -> str:
    """What stands for an address in its links."""
    return hashlib.sha256(address.encode()).hexdigest()[:12]


def tracked(source: str) -> str:
    """A letter whose links lead through the door, each reader's with a token of their own."""
    return re.sub(r"https://shop\.example/(\S+)", DOOR + r"/{{ token }}/\1", source)


def reader(address: str) -> dict[str, str]:
    """The fields of a recipient."""
    return {"address": address, "token": token(address)}
