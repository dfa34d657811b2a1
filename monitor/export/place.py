"""Where a message went, as far as it is known: the events name the MX group, not the host."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """The one host of an MX group."""

    name: str
    address: str
    port: int


Places = Mapping[str, Place]  # MX groups that have just one host, and that
